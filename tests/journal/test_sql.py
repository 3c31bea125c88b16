"""The SQL store: its versions, what can go wrong with its file, and that the journal survives it."""

import os
import re
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import pytest

from lanista.errors import StoreError, UsageError, VersionError
from lanista.journal import Asked, Created, Event, MemoryStore, Noted, Store, files_of, home, open_store
from lanista.journal import _sql as sql
from lanista.journal._postgres import PostgresDialect

CREATED = Created(0.0, "test", {"parameters": {}}, {"loss": "min"}, 0)
NOTES: list[Event] = [Noted(0.0, None, {"i": i}) for i in range(5)]


def filled(where: Path | str) -> int:
    """Writes a journal of six events and returns its experiment."""
    with closing(open_store(where)) as store:
        info = store.create(CREATED)
        store.append(info.id, NOTES)
    return info.id


def intact(where: Path | str, experiment: int) -> bool:
    with closing(open_store(where)) as store:
        return store.read(experiment) == [CREATED, *NOTES]


# --- versions ---------------------------------------------------------------------------------------------------------


@pytest.fixture(params=["sqlite", "postgresql"])
def where(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A place for a database of each kind."""
    return (
        str(tmp_path / "store.db") if request.param == "sqlite" else str(request.getfixturevalue("postgres_database"))
    )


@pytest.fixture
def next_version(monkeypatch: pytest.MonkeyPatch) -> None:
    """A Lanista to come, whose tables have one column and one index more."""
    statements = (
        "ALTER TABLE lanista_experiments ADD COLUMN tags TEXT NOT NULL DEFAULT ''",
        "CREATE INDEX lanista_by_trial ON lanista_events (experiment, trial)",
    )
    monkeypatch.setattr(sql, "MIGRATIONS", {**sql.MIGRATIONS, sql.SCHEMA_VERSION + 1: statements})
    monkeypatch.setattr(sql, "SCHEMA_VERSION", sql.SCHEMA_VERSION + 1)


def test_a_newer_store_is_left_alone(where: str, request: pytest.FixtureRequest) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sql, "MIGRATIONS", {**sql.MIGRATIONS, sql.SCHEMA_VERSION + 1: ()})
        patch.setattr(sql, "SCHEMA_VERSION", sql.SCHEMA_VERSION + 1)
        experiment = filled(where)
    message = (
        f"version {sql.SCHEMA_VERSION + 1}, this Lanista knows versions up to {sql.SCHEMA_VERSION}; upgrade with: pip"
    )
    with pytest.raises(VersionError, match=re.escape(message)):
        open_store(where)
    request.getfixturevalue("next_version")
    assert intact(where, experiment)


def test_an_older_store_is_brought_up_to_date(where: str, request: pytest.FixtureRequest) -> None:
    experiment = filled(where)
    request.getfixturevalue("next_version")
    assert intact(where, experiment)
    with closing(open_store(where)) as store:
        assert store.append(experiment, NOTES[:1]) == 7
        assert store.create(CREATED).seq == 7


def test_a_migration_that_fails_changes_nothing(where: str, monkeypatch: pytest.MonkeyPatch) -> None:
    experiment = filled(where)
    with monkeypatch.context() as patch:
        statements = ("ALTER TABLE lanista_experiments ADD COLUMN tags TEXT", "CREATE NONSENSE")
        patch.setattr(sql, "MIGRATIONS", {**sql.MIGRATIONS, sql.SCHEMA_VERSION + 1: statements})
        patch.setattr(sql, "SCHEMA_VERSION", sql.SCHEMA_VERSION + 1)
        with pytest.raises(StoreError, match="NONSENSE"):
            open_store(where)
    assert intact(where, experiment)


MIGRATE = """
import sys
from lanista.journal import _sql as sql, open_store
if len(sys.argv) > 2:
    sql.SCHEMA_VERSION += 1
    sql.MIGRATIONS[sql.SCHEMA_VERSION] = ("ALTER TABLE lanista_experiments ADD COLUMN tags TEXT",)
print("ready", flush=True)
sys.stdin.readline()
for experiment in open_store(sys.argv[1]).experiments():
    print(experiment.seq)
"""


@pytest.mark.parametrize("old", [False, True], ids=["new file", "older file"])
def test_processes_may_open_and_migrate_at_once(where: str, old: bool) -> None:
    if old:
        filled(where)
    command = [sys.executable, "-c", MIGRATE, where, *(["newer"] if old else [])]
    with ExitStack() as stack:
        pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        processes = [stack.enter_context(subprocess.Popen(command, **pipes)) for _ in range(4)]
        for process in processes:
            assert process.stdout.readline() == "ready\n"
        for process in processes:
            process.stdin.write("go\n")
            process.stdin.flush()
        for process in processes:
            output, _ = process.communicate()
            assert (output, process.returncode) == ("6\n" if old else "", 0)


# --- all or nothing ---------------------------------------------------------------------------------------------------


def test_a_transaction_that_breaks_off_leaves_nothing(where: str) -> None:
    experiment = filled(where)
    with closing(open_store(where)) as store:
        assert isinstance(store, sql.SqlStore)
        db = store._connection()
        db.execute("CREATE UNIQUE INDEX once ON lanista_events (trial)")
        with pytest.raises(StoreError, match=r"(?i)unique"):
            store.append(experiment, [Asked(0.0, 0, {}), Asked(0.0, 1, {}), Asked(0.0, 1, {})])
        db.execute("DROP INDEX once")
        assert store.append(experiment, [Asked(0.0, 0, {})], after=6) == 7


# --- files that cannot be used ----------------------------------------------------------------------------------------


def test_a_place_below_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match=r"file/store\.db.* give another place with store=PATH"):
        open_store(tmp_path / "file" / "store.db")


def test_a_folder_is_no_store(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"cannot be opened; .* give another place"):
        open_store(tmp_path)


def test_another_kind_of_file_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "results.csv"
    path.write_text("a,b\n1,2\n" * 1000)
    with pytest.raises(StoreError, match=r"results\.csv: it is some other kind of file; give another place"):
        open_store(path)
    assert path.read_text() == "a,b\n1,2\n" * 1000


def test_somebody_elses_database_is_only_added_to(tmp_path: Path) -> None:
    path = tmp_path / "other.db"
    with closing(sqlite3.connect(path)) as db:
        db.execute("CREATE TABLE mine (x)")
        db.execute("INSERT INTO mine VALUES (7)")
        db.commit()
    assert intact(path, filled(path))
    with closing(sqlite3.connect(path)) as db:
        assert db.execute("SELECT x FROM mine").fetchall() == [(7,)]


def test_a_store_that_turns_read_only_says_so(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    experiment = filled(path)
    with closing(open_store(path)) as store:
        assert isinstance(store, sql.SqlStore)
        store._connection().execute("PRAGMA query_only = ON")
        with pytest.raises(StoreError, match=r"store\.db: .*read-only; make it writeable"):
            store.append(experiment, NOTES)
        assert store.last(experiment) == 6
    assert intact(path, experiment)


@pytest.mark.skipif(os.geteuid() == 0, reason="permissions do not hold back the superuser")
def test_a_file_without_permission_says_so(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    filled(path)
    path.chmod(0o444)
    with pytest.raises(StoreError, match=r"store\.db: .*read-only; make it writeable"):
        open_store(path)


def test_a_full_disk_says_so_and_loses_nothing(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    experiment = filled(path)
    with closing(open_store(path)) as store:
        assert isinstance(store, sql.SqlStore)
        pages = store._connection().execute("PRAGMA page_count").fetchone()[0]
        store._connection().execute(f"PRAGMA max_page_count = {pages}")
        with pytest.raises(StoreError, match="the disk is full; free some space and run again: everything journalled"):
            store.append(experiment, [Noted(0.0, None, {"large": "x" * 100_000})])
        assert store.read(experiment) == [CREATED, *NOTES]
        store._connection().execute("PRAGMA max_page_count = 1000000")
        assert store.append(experiment, [Noted(0.0, None, {"large": "x" * 100_000})], after=6) == 7


FILL = """
import resource, signal, sys
from lanista.errors import StoreError
from lanista.journal import Noted, open_store
store = open_store(sys.argv[1])
experiment = store.find("test").id
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))
try:
    while True:
        print(store.append(experiment, [Noted(0.0, None, {"large": "x" * 10_000})]), flush=True)
except StoreError as error:
    print(error)
"""


def test_a_file_that_may_not_grow_says_so_and_loses_nothing(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    experiment = filled(path)
    done = subprocess.run([sys.executable, "-c", FILL, str(path)], capture_output=True, text=True, check=True)
    *seqs, message = done.stdout.splitlines()
    assert re.search(r"store\.db: the disk .*run again: everything journalled before is intact", message)
    with closing(open_store(path)) as store:
        assert store.last(experiment) == len(store.read(experiment)) == int(seqs[-1])


def test_a_server_that_is_not_there_is_named_without_the_password() -> None:
    with pytest.raises(
        StoreError, match=r"postgresql://me:\*\*\*@127\.0\.0\.1:1/db: the server cannot be reached"
    ) as caught:
        open_store("postgresql://me:secret@127.0.0.1:1/db")
    assert "secret" not in str(caught.value)


def test_what_psycopg_raises_it_does_not_log_as_well(postgres_database: str, caplog: pytest.LogCaptureFixture) -> None:
    """Events that clash, as they do all the time, are no news for the terminal."""
    dialect = PostgresDialect(postgres_database)
    with closing(dialect.connect()) as db:
        db.execute("CREATE TEMPORARY TABLE clash (seq INTEGER PRIMARY KEY)")
        with pytest.raises(dialect.errors, match="duplicate key"):
            db.cursor().executemany("INSERT INTO clash VALUES (%s)", [(1,)] * 200)
    assert caplog.records == []


def test_a_lost_connection_is_made_again(postgres_database: str) -> None:
    experiment = filled(postgres_database)
    with closing(open_store(postgres_database)) as store:
        drop_connections(postgres_database)
        assert store.last(experiment) == 6
        drop_connections(postgres_database)
        assert store.append(experiment, NOTES) == 6 + len(NOTES)
        drop_connections(postgres_database)
        assert store.append(experiment, NOTES, after=6 + len(NOTES)) == 6 + 2 * len(NOTES)
        assert store.read(experiment, 6) == [*NOTES, *NOTES]


def test_what_was_written_when_the_line_was_cut_is_not_written_twice(postgres_database: str) -> None:
    """The server commits, and the connection dies before it can say so."""
    experiment = filled(postgres_database)

    class CutOnce(PostgresDialect):
        cuts = 1

        def connect(self) -> Any:
            connection = super().connect()
            execute = connection.execute

            def cut(statement: str, values: Any = ()) -> Any:
                done = execute(statement, values)
                if statement.startswith("INSERT INTO lanista_events") and self.cuts:
                    self.cuts -= 1
                    drop_connections(postgres_database)
                    execute("SELECT 1")
                return done

            connection.execute = cut
            return connection

    with closing(sql.SqlStore(CutOnce(postgres_database))) as store:
        assert store.append(experiment, NOTES, after=6) == 6 + len(NOTES)
        assert store.read(experiment, 6) == list(NOTES)


def drop_connections(url: str) -> None:
    import psycopg

    others = "datname = current_database() AND pid <> pg_backend_pid()"
    with psycopg.connect(url, autocommit=True) as db:
        db.execute(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {others}")


# --- where stores are -------------------------------------------------------------------------------------------------


def test_the_default_store_is_at_home(lanista_home: Path) -> None:
    with closing(open_store()) as store:
        assert home() == lanista_home
        assert store.url == f"sqlite:///{lanista_home}/lanista.db"
        assert (lanista_home / "lanista.db").exists()
        assert files_of(store) == lanista_home / "experiments"


def test_a_database_has_a_folder_of_its_own(postgres_database: str, lanista_home: Path) -> None:
    with closing(open_store()) as ours, closing(open_store(postgres_database)) as theirs:
        assert files_of(theirs) == lanista_home / "postgresql" / postgres_database.rpartition("/")[2].partition("?")[0]
        assert files_of(theirs) != files_of(ours)  # or removing a name from one would delete the files of the other


@pytest.mark.parametrize("form", [str, Path, lambda path: f"sqlite:///{path}"], ids=["text", "path", "url"])
def test_a_store_is_given_as_path_or_url(form: Callable[[Path], str | Path], tmp_path: Path) -> None:
    path = tmp_path / "new" / "store.db"
    with closing(open_store(form(path))) as store:
        assert store.url == f"sqlite:///{path}"
        assert files_of(store) == tmp_path / "new" / "store.files"


def test_a_store_in_memory_is_a_new_one_each_time() -> None:
    one: Store = MemoryStore()
    assert open_store(one) is one
    assert open_store("memory") is not open_store("memory")


def test_other_urls_are_refused() -> None:
    with pytest.raises(UsageError, match=r"store='mysql://x/y': no store of kind 'mysql'; give a path"):
        open_store("mysql://x/y")
