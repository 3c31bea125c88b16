"""The store in a SQL database: one transaction an append, optimistic, the same few statements for every dialect.

The key of the events, (experiment, seq), is the only lock: who wants a seq that is taken comes second.
"""

import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import cache, partial
from typing import Any, Literal, Protocol

from lanista.errors import ConflictError, ExperimentError, LanistaError, StoreError, VersionError
from lanista.journal._events import FREQUENT, Created, Event, Row, from_rows, to_row
from lanista.journal._store import Beat, ExperimentInfo

SCHEMA_VERSION = 1

MIGRATIONS: dict[int, tuple[str, ...]] = {
    1: (
        "CREATE TABLE lanista_experiments (id {serial}, name TEXT NOT NULL UNIQUE, created {real} NOT NULL)",
        "CREATE TABLE lanista_events (experiment INTEGER NOT NULL"
        " REFERENCES lanista_experiments ON DELETE CASCADE, seq BIGINT NOT NULL, time {real} NOT NULL,"
        " kind TEXT NOT NULL, trial BIGINT, body TEXT NOT NULL, PRIMARY KEY (experiment, seq)){clustered}",
        "CREATE TABLE lanista_beats (experiment INTEGER NOT NULL"
        " REFERENCES lanista_experiments ON DELETE CASCADE, owner TEXT NOT NULL, host TEXT NOT NULL,"
        " pid BIGINT NOT NULL, born {real} NOT NULL, beats BIGINT NOT NULL, PRIMARY KEY (experiment, owner))",
    ),
}
"""The statements that bring a database from the version below to each version."""

FEW = 32
"""Up to so many events go into one statement, which needs no transaction around it."""
PATIENCE_S = 30.0
"""How long a database that was there is waited for when it has gone: a server takes seconds to start again."""


class Dialect(Protocol):
    """Where databases differ."""

    url: str
    begin: str
    mark: str

    @property
    def types(self) -> dict[str, str]:
        """Words that differ in the statements of a migration; `lock`, a statement that makes migrations queue."""
        ...

    @property
    def errors(self) -> tuple[type[Exception], ...]:
        """What the driver raises."""
        ...

    def connect(self) -> Any:
        """Opens a DB-API connection in autocommit mode."""
        ...

    def clash(self, error: Exception) -> Literal["taken", "removed"] | None:
        """Whether an event was refused because its seq is taken, or its experiment removed."""
        ...

    def cut(self, connection: Any) -> bool:
        """Whether the connection to the database is lost, so that another one may serve."""
        ...

    def explain(self, error: Exception) -> str:
        """Says in a sentence what is wrong and what mends it."""
        ...


class SqlStore:
    """Journals in SQLite or PostgreSQL. One connection a thread and process."""

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect
        self.url = dialect.url
        self._local = threading.local()
        self._connections: list[tuple[int, Any]] = []
        self._sql = _statements(dialect.mark)
        self._cuts = 0
        try:
            self._migrate()
        except BaseException:
            self.close()
            raise

    def create(self, created: Created) -> ExperimentInfo:
        """Creates the experiment, or finds the one of that name."""
        with self._transaction() as db:
            row = db.execute(self._sql["create"], (created.name, time.time())).fetchone()
            if row is not None:
                db.execute(self._sql["insert"], (row[0], 1, *to_row(created)))
        found = self.find(created.name)
        if found is None:
            raise StoreError(
                f"experiment {created.name!r} was removed by another process while it was being created; run again"
            )
        return found

    def find(self, name: str) -> ExperimentInfo | None:
        """The experiment of that name."""
        rows = self._query("find", (name,))
        return ExperimentInfo(*rows[0]) if rows else None

    def experiments(self) -> list[ExperimentInfo]:
        """All experiments, the oldest first."""
        return [ExperimentInfo(*row) for row in self._query("list", ())]

    def append(self, experiment: int, events: Sequence[Event], after: int | None = None) -> int:
        """Appends all or none, and returns the last seq."""
        rows = [to_row(event) for event in events]
        cuts = self._cuts
        while True:
            try:
                if after is not None and 0 < len(rows) <= FEW:
                    values = [value for row in _placed(experiment, after, rows) for value in row]
                    self._execute(_insertion(self._dialect.mark, len(rows)), values)
                    return after + len(rows)
                with self._transaction() as db:
                    last = self._last(db.execute(self._sql["last"], (experiment,)).fetchall())
                    if after in (None, last):
                        db.cursor().executemany(self._sql["insert"], _placed(experiment, last, rows))
                        return last + len(rows)
            except ConflictError:
                if after is None:
                    continue  # somebody came between; where a transaction locks others out, nobody can
                if self._cuts > cuts and self._wrote(experiment, after, rows):
                    return after + len(rows)
            last = self.last(experiment)
            raise ConflictError(f"the journal is at {last}, not at {after}; catch up and decide again")

    def read(self, experiment: int, after: int = 0, upto: int | None = None) -> list[Event]:
        """The events with `after` < seq <= `upto`."""
        return from_rows(self._query("read", (experiment, after, 2**62 if upto is None else upto)))

    def course(self, experiment: int, number: int) -> list[Event]:
        """What happened to a trial."""
        return from_rows(self._query("course", (experiment, number)))

    def last(self, experiment: int) -> int:
        """The last seq."""
        return self._last(self._query("last", (experiment,)))

    def remove(self, experiment: int) -> None:
        """Deletes the experiment, its journal and its signs of life."""
        with self._transaction() as db:
            db.execute(self._sql["remove"], (experiment,))

    def beat(self, experiment: int, beat: Beat) -> None:
        """Records a sign of life."""
        with self._transaction() as db:
            db.execute(self._sql["beat"], (experiment, beat.owner, beat.host, beat.pid, beat.born))

    def beats(self, experiment: int) -> list[Beat]:
        """The last sign of life of each controller."""
        return [Beat(*row) for row in self._query("beats", (experiment,))]

    def silence(self, experiment: int, owner: str) -> None:
        """Forgets a controller."""
        with self._transaction() as db:
            db.execute(self._sql["silence"], (experiment, owner))

    def release(self) -> None:
        """Closes this thread's connection; a later call opens another."""
        if getattr(self._local, "pid", None) == os.getpid():
            with suppress(*self._dialect.errors):
                self._local.connection.close()
            self._connections.remove((os.getpid(), self._local.connection))
            self._local.pid = None

    def close(self) -> None:
        """Closes the connections of all threads of this process; those from before a fork are its parent's."""
        for pid, connection in self._connections:
            if pid == os.getpid():
                connection.close()
        self._connections = [pair for pair in self._connections if pair[0] != os.getpid()]
        self._local = threading.local()

    # --- helpers ------------------------------------------------------------------------------------------------------

    def _wrote(self, experiment: int, after: int, rows: Sequence[Row]) -> bool:
        """Whether it was we who took the seqs: the line was cut when all was written, but not yet confirmed."""
        there = self._query("read", (experiment, after, after + len(rows)))
        return [tuple(row) for row in there] == list(rows)

    def _connection(self) -> Any:
        """This thread's connection; a forked child must not use its parent's."""
        if getattr(self._local, "pid", None) != os.getpid():
            self._local.connection = self._guard(self._dialect.connect)
            self._local.pid = os.getpid()
            self._connections.append((os.getpid(), self._local.connection))
        return self._local.connection

    def _guard(self, call: Callable[[], Any]) -> Any:
        try:
            return call()
        except self._dialect.errors as error:
            raise self._failure(error) from error

    def _failure(self, error: Exception) -> LanistaError:
        """What an error of the driver means to the caller."""
        clash = self._dialect.clash(error)
        if clash == "taken":
            return ConflictError("others have written to the journal; catch up and decide again")
        return self._gone() if clash == "removed" else StoreError(self._dialect.explain(error))

    def _gone(self) -> ExperimentError:
        return ExperimentError(f"the experiment is no longer in {self.url}; it was removed")

    def _execute(self, statement: str, values: Sequence[Any]) -> Any:
        """Executes one statement, which is a transaction by itself."""
        db = self._connection()
        try:
            return db.execute(statement, values)
        except self._dialect.errors as error:
            if self._dialect.cut(db):
                return self._guard(partial(self._reconnected().execute, statement, values))
            raise self._failure(error) from error

    def _reconnected(self) -> Any:
        """Another connection in place of one that was cut, as soon as the database takes one."""
        self.release()
        self._cuts += 1
        deadline, wait = time.monotonic() + PATIENCE_S, 0.05
        while True:
            try:
                return self._connection()
            except StoreError:
                if time.monotonic() + wait > deadline:
                    raise
            time.sleep(wait)
            wait = min(2 * wait, 1.0)

    def _query(self, name: str, values: tuple[Any, ...]) -> list[Any]:
        cursor = self._execute(self._sql[name], values)
        return self._guard(cursor.fetchall)  # type: ignore[no-any-return]

    def _last(self, rows: list[Any]) -> int:
        """The last seq, from the rows of the query for it: the first event is there as long as the experiment is."""
        if not rows:
            raise self._gone()
        return int(rows[0][0])

    @contextmanager
    def _transaction(self) -> Iterator[Any]:
        self._execute(self._dialect.begin, ())
        db = self._connection()
        try:
            yield db
            db.execute("COMMIT")
        except BaseException as error:
            try:
                db.execute("ROLLBACK")
            except self._dialect.errors:
                self.release()  # the connection is of no more use
            if isinstance(error, self._dialect.errors):
                raise self._failure(error) from error
            raise

    def _migrate(self) -> None:
        """Brings the database to this version; several processes may try at once."""
        mark = self._dialect.mark
        with self._transaction() as db:
            if (lock := self._dialect.types.get("lock")) is not None:
                db.execute(lock)
            db.execute("CREATE TABLE IF NOT EXISTS lanista_schema (version INTEGER NOT NULL)")
            row = db.execute("SELECT max(version) FROM lanista_schema").fetchone()
            version = row[0] or 0
            if version > SCHEMA_VERSION:
                raise VersionError(
                    f"the store {self.url} has schema version {version}, this Lanista knows versions up to "
                    f"{SCHEMA_VERSION}; upgrade with: pip install -U lanista"
                )
            for target in range(version + 1, SCHEMA_VERSION + 1):
                for statement in MIGRATIONS[target]:
                    db.execute(statement.format(**self._dialect.types))
                db.execute(f"INSERT INTO lanista_schema VALUES ({mark})", (target,))


def _statements(mark: str) -> dict[str, str]:
    """The statements, with the placeholder of the dialect."""
    info = (
        "SELECT id, name, created, (SELECT max(seq) FROM lanista_events WHERE experiment = id) FROM lanista_experiments"
    )
    statements = {
        "create": "INSERT INTO lanista_experiments (name, created) VALUES (?, ?)"
        " ON CONFLICT (name) DO NOTHING RETURNING id",
        "find": f"{info} WHERE name = ?",
        "list": f"{info} ORDER BY id",
        "last": "SELECT seq FROM lanista_events WHERE experiment = ? ORDER BY seq DESC LIMIT 1",
        "remove": "DELETE FROM lanista_experiments WHERE id = ?",
        "insert": _insertion("?", 1),
        "read": "SELECT time, kind, trial, body FROM lanista_events"
        " WHERE experiment = ? AND seq > ? AND seq <= ? ORDER BY seq",
        "course": "SELECT time, kind, trial, body FROM lanista_events WHERE experiment = ? AND trial = ?"
        f" AND kind NOT IN ({', '.join(repr(cls.__name__.lower()) for cls in FREQUENT)}) ORDER BY seq",
        "beat": "INSERT INTO lanista_beats (experiment, owner, host, pid, born, beats) VALUES (?, ?, ?, ?, ?, 0)"
        " ON CONFLICT (experiment, owner) DO UPDATE SET beats = lanista_beats.beats + 1",
        "beats": "SELECT owner, host, pid, born, beats FROM lanista_beats WHERE experiment = ?",
        "silence": "DELETE FROM lanista_beats WHERE experiment = ? AND owner = ?",
    }
    return {name: sql.replace("?", mark) for name, sql in statements.items()}


@cache
def _insertion(mark: str, count: int) -> str:
    """The statement that inserts so many events."""
    row = f"({', '.join([mark] * 6)})"
    return f"INSERT INTO lanista_events (experiment, seq, time, kind, trial, body) VALUES {', '.join([row] * count)}"


def _placed(experiment: int, after: int, rows: Iterable[Row]) -> list[tuple[Any, ...]]:
    """The events as rows of their table."""
    return [(experiment, seq, *row) for seq, row in enumerate(rows, after + 1)]
