"""SQLite, in write-ahead mode: readers never wait, writers queue."""

import sqlite3
import time
from pathlib import Path
from typing import Any, ClassVar, Literal

WAIT_S = 60.0


class SqliteDialect:
    """A database file.

    `synchronous=NORMAL`: a commit survives the death of every process at once; the death of the machine itself can take
    the last moments, but never tears the journal.
    """

    begin = "BEGIN IMMEDIATE"
    mark = "?"
    types: ClassVar = {"serial": "INTEGER PRIMARY KEY AUTOINCREMENT", "real": "REAL", "clustered": " WITHOUT ROWID"}
    errors = (sqlite3.Error,)

    def __init__(self, path: Path) -> None:
        self.path = path
        self.url = f"sqlite:///{path}"

    def connect(self) -> Any:
        """Opens the file, creating it and its folder at need."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise sqlite3.OperationalError(f"unable to create the folder: {error.strerror}") from error
        db = sqlite3.connect(self.path, timeout=WAIT_S, isolation_level=None, check_same_thread=False)
        self._enter_wal(db)
        db.execute("PRAGMA synchronous = NORMAL")
        db.execute("PRAGMA foreign_keys = ON")
        return db

    def _enter_wal(self, db: sqlite3.Connection) -> None:
        """Switches to write-ahead mode; while another process does the same SQLite refuses without waiting."""
        deadline = time.monotonic() + WAIT_S
        while True:
            try:
                db.execute("PRAGMA journal_mode = WAL")
                return
            except sqlite3.OperationalError as error:
                if "locked" not in str(error) or time.monotonic() > deadline:
                    raise
                time.sleep(0.01)

    def clash(self, error: Exception) -> Literal["taken", "removed"] | None:
        """Whether an event was refused because its seq is taken, or its experiment removed."""
        kind = getattr(error, "sqlite_errorcode", None)
        if kind == sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY:
            return "taken"
        return "removed" if kind == sqlite3.SQLITE_CONSTRAINT_FOREIGNKEY else None

    def cut(self, connection: Any) -> bool:
        """A file is never out of reach of its connection."""
        return False

    def explain(self, error: Exception) -> str:
        """Says what is wrong with the file and what mends it."""
        text = str(error)
        mends = {
            "readonly": "the file or its folder is read-only; make it writeable, or give another place with store=PATH",
            "unable to": "it cannot be opened; check its folder, or give another place with store=PATH",
            "full": "the disk is full; free some space and run again: everything journalled before is intact",
            "disk I/O": "the disk failed or is full; check it and run again: everything journalled before is intact",
            "not a database": "it is some other kind of file; give another place with store=PATH",
            "malformed": "it is damaged; restore a backup, or save what can be read with sqlite3's .recover",
            "locked": f"another program has held it for over {WAIT_S:.0f} seconds; close that program and run again",
        }
        mend = next((m for key, m in mends.items() if key in text), "see the message of SQLite")
        return f"the store {self.path}: {mend} (SQLite says: {text})"
