"""A worker's output is parted into the logs of its trials, however the network cuts it."""

import socket
from pathlib import Path

from hypothesis import assume, given
from hypothesis import strategies as st

from lanista.execute._ray_log import Tape
from lanista.execute._ray_worker import mark
from lanista.trial import Job

MARK = mark(b"s" * 32, 1)
OUTPUT = st.lists(st.sampled_from([b"text\n", b"\0", MARK[:5], MARK[:-1], MARK[1:]]), max_size=4).map(b"".join)


def job(home: Path, number: int, attempt: int = 1) -> Job:
    return Job(number, {}, attempt, 0, str(home / "trials" / str(number)), ("loss",))


@given(st.lists(OUTPUT, min_size=1, max_size=4), st.integers(1, 7))
def test_each_trial_gets_what_it_said(tmp_path_factory, outputs: list[bytes], size: int) -> None:
    home = tmp_path_factory.mktemp("home")
    assume(all(MARK not in output for output in outputs[:-1]))  # the last one may print what it likes
    ours, theirs = socket.socketpair()
    tape = Tape(MARK)
    tape.connect(ours)
    stream = b"before the first" + b"".join(MARK + output for output in outputs)
    for number in range(len(outputs)):
        tape.expect([job(home, number)])
    for at in range(0, len(stream), size):
        theirs.sendall(stream[at : at + size])
        tape.read()
    theirs.close()
    tape.read()
    assert tape.closed
    tape.close()
    for number, output in enumerate(outputs):
        path = home / "logs" / f"{number}.log"
        assert (path.read_bytes() if path.exists() else b"") == output


def test_a_further_attempt_has_a_heading_only_below_an_earlier_one(tmp_path: Path) -> None:
    ours, theirs = socket.socketpair()
    tape = Tape(MARK)
    tape.connect(ours)
    for number, attempt in ((0, 2), (0, 3), (1, 2)):
        tape.expect([job(tmp_path, number, attempt)])
        theirs.sendall(MARK + b"said %d" % attempt)
    theirs.close()
    tape.read()
    tape.close()
    assert (tmp_path / "logs" / "0.log").read_text() == "said 2lanista: attempt 3\nsaid 3"
    assert (tmp_path / "logs" / "1.log").read_text() == "said 2"
