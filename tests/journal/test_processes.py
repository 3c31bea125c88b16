"""Several processes on one journal: nothing is lost, nothing is locked, and a killed writer has kept its word."""

import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import pytest

from lanista.journal import Asked, Created, Ended, History, Journal, Noted, Started, open_store
from lanista.space import Float, Space

SPACE = Space({"x": Float(0, 1)})
CREATED = Created(0.0, "shared", SPACE.to_json(), {"loss": "min"}, 0)

HAMMER = """
import sys
from lanista.journal import Asked, Ended, Journal, Noted, Started, open_store
where, me, trials = sys.argv[1], sys.argv[2], int(sys.argv[3])
store = open_store(where)
journal = Journal(store, store.find("shared"))
print("ready", flush=True)
sys.stdin.readline()
conflicts = 0
for i in range(trials):
    while True:
        number = len(journal.history)
        if journal.decide([Asked(0.0, number, {"x": 0.5}), Started(0.0, number, 1, me)]):
            break
        conflicts += 1
    journal.append([Noted(0.0, number, {"by": me, "i": i})])
    journal.append([Ended(0.0, number, 1, "completed", {"loss": float(i)})])
    assert journal.history.owner(number) == me
print(conflicts)
"""

STREAM = """
import sys
from lanista.journal import Asked, Noted, open_store
store = open_store(sys.argv[1])
experiment = store.find("shared").id
i = 0
while True:
    seq = store.append(experiment, [Noted(0.0, None, {"i": i, "part": part, "text": "x" * 500}) for part in range(7)])
    print(seq, flush=True)
    i += 1
"""


@pytest.fixture(params=["sqlite", "postgresql"])
def where(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A place for a database of each kind."""
    if request.param == "sqlite":
        return str(tmp_path / "store.db")
    return str(request.getfixturevalue("postgres_database"))


@contextmanager
def running(code: str, *arguments: object) -> Iterator["subprocess.Popen[str]"]:
    command = [sys.executable, "-c", code, *map(str, arguments)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def line(process: "subprocess.Popen[str]") -> str:
    assert process.stdout is not None
    return process.stdout.readline()


def test_four_processes_share_a_journal(where: str) -> None:
    workers, trials = 4, 25
    with closing(open_store(where)) as store, ExitStack() as stack:
        info = store.create(CREATED)
        processes = [stack.enter_context(running(HAMMER, where, i, trials)) for i in range(workers)]
        assert [line(process) for process in processes] == ["ready\n"] * workers
        for process in processes:
            assert process.stdin is not None
            process.stdin.write("go\n")
            process.stdin.flush()
        for process in processes:
            assert line(process).strip().isdigit()
            assert process.wait() == 0
        events = store.read(info.id)
        assert store.last(info.id) == len(events) == 1 + 4 * workers * trials
        assert [event.number for event in events if isinstance(event, Asked)] == list(range(workers * trials))
        assert [event.number for event in events if isinstance(event, Started)] == list(range(workers * trials))
        history = Journal(store, info).history
        assert history.ended == workers * trials
        owners = Counter(history.owner(number) for number in range(len(history)))
        assert owners == {str(i): trials for i in range(workers)}
        notes = Counter((e.values["by"], e.values["i"]) for e in events if isinstance(e, Noted))
        assert notes == {(str(w), i): 1 for w in range(workers) for i in range(trials)}


@pytest.mark.parametrize("acknowledged", [1, 13])
def test_what_a_killed_writer_was_told_is_there(where: str, acknowledged: int) -> None:
    with closing(open_store(where)) as store:
        info = store.create(CREATED)
        with running(STREAM, where) as process:
            last = [int(line(process)) for _ in range(acknowledged)][-1]
            process.send_signal(signal.SIGKILL)
            assert process.stdout is not None
            last = max([last, *map(int, process.stdout.read().split())])
        events = store.read(info.id)
        assert len(events) == store.last(info.id) >= last
        parts = [(event.values["i"], event.values["part"]) for event in events if isinstance(event, Noted)]
        assert parts == [(i, part) for i in range(len(parts) // 7) for part in range(7)]
        assert store.append(info.id, [Noted(0.0, None, {})], after=len(events)) == len(events) + 1


def test_a_forked_child_uses_a_connection_of_its_own(where: str) -> None:
    with closing(open_store(where)) as store:
        info = store.create(CREATED)
        child = os.fork()
        if child == 0:
            done = 1
            try:
                store.append(info.id, [Noted(0.0, None, {"by": "child"})])
                store.close()
                done = 0
            finally:
                os._exit(done)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        assert store.append(info.id, [Noted(0.0, None, {"by": "parent"})]) == 3
        assert [event.values["by"] for event in store.read(info.id) if isinstance(event, Noted)] == ["child", "parent"]


def test_a_long_journal_is_read_as_it_was_written(tmp_path: Path) -> None:
    with closing(open_store(tmp_path / "store.db")) as store:
        info = store.create(CREATED)
        live = History()
        live.extend([CREATED])
        for number in range(4000):
            asked = Asked(0.0, number, {"x": number / 4000})
            batch = [asked, Started(0.0, number, 1, "me"), Ended(1.0, number, 1, "completed", {"loss": float(number)})]
            live.extend(batch)
            store.append(info.id, batch)
        assert Journal(store, info).history == live
