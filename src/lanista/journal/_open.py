"""From what a user writes as `store=` to a store."""

import os
from pathlib import Path

from lanista.errors import UsageError
from lanista.journal._store import MemoryStore, Store


def home() -> Path:
    """The folder of the default store and of experiments' files: `$LANISTA_HOME`, by default `~/.lanista`."""
    return Path(os.environ.get("LANISTA_HOME") or Path.home() / ".lanista").expanduser()


def open_store(where: str | Path | Store | None = None) -> Store:
    """Opens a store.

    Args:
        where: None for SQLite at `$LANISTA_HOME/lanista.db`; "memory"; the path of a SQLite file; or a URL,
            `sqlite:///PATH` or `postgresql://USER:PASSWORD@HOST/DATABASE`. A store is returned as it is.

    Raises:
        StoreError: it cannot be opened, or a newer Lanista wrote it (VersionError).
        UsageError: the URL is of a kind that is not known.

    >>> open_store("memory").experiments()
    []
    """
    from lanista.journal._postgres import PostgresDialect
    from lanista.journal._sql import SqlStore
    from lanista.journal._sqlite import SqliteDialect

    if where is None:
        return SqlStore(SqliteDialect(home() / "lanista.db"))
    if not isinstance(where, str | Path):
        return where
    text = str(where)
    if text == "memory":
        return MemoryStore()
    scheme, separator, rest = text.partition("://")
    if not separator:
        return SqlStore(SqliteDialect(Path(text).expanduser().absolute()))
    if scheme == "sqlite":
        return SqlStore(SqliteDialect(Path(rest.removeprefix("/") or "lanista.db").expanduser().absolute()))
    if scheme in ("postgresql", "postgres"):
        return SqlStore(PostgresDialect(text))
    raise UsageError(
        f"store={text!r}: no store of kind {scheme!r}; give a path, 'memory', sqlite:///PATH or postgresql://…"
    )


def files_of(store: Store) -> Path:
    """The folder for the files of a store's experiments: beside a SQLite file, else below `$LANISTA_HOME`.

    Experiments of one name in two stores must not share files, so that a PostgreSQL database has a folder of its own.
    Its name is all that counts: machines that share the folder may reach the server under different names.
    """
    from urllib.parse import urlsplit

    if store.url.startswith("sqlite:///"):
        path = Path(store.url.removeprefix("sqlite:///"))
        return path.parent / "experiments" if path.name == "lanista.db" else path.with_suffix(".files")
    database = urlsplit(store.url).path.strip("/").replace("/", "_") if "://" in store.url else ""
    return home() / "postgresql" / (database or "default")
