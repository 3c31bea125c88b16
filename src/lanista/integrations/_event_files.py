"""Files of TensorBoard's events, which only ever grow, so that a TensorBoard that looks on reads what is new."""

import fcntl
from contextlib import suppress
from pathlib import Path

NAME = "events.out.tfevents.{:010d}.lanista"
OURS = NAME.replace("{:010d}", "*")


def write(folder: Path, data: bytes) -> None:
    """Sees to it that the events of a run are all in its folder.

    What its file lacks is appended, also where an earlier process died in the middle of an event. A file that goes on
    after `data` was written by a process that knows more. One that holds anything else gives way to a new one of a
    later name, as readers never go back.
    """
    folder.mkdir(parents=True, exist_ok=True)
    files = sorted(folder.glob(OURS))
    latest = files[-1] if files else folder / NAME.format(1)
    if not _extended(latest, data):
        files.append(folder / NAME.format(int(latest.name.split(".")[-2]) + 1))
        files[-1].write_bytes(data)
    for old in files[:-1]:
        old.unlink(missing_ok=True)


def _extended(path: Path, data: bytes) -> bool:
    """Appends what the file lacks; False, and nothing done: it holds something else."""
    with path.open("a+b") as file:
        with suppress(OSError):  # some network drives have no locks; two processes seldom write one trial's events
            fcntl.flock(file, fcntl.LOCK_EX)
        file.seek(0)
        there = file.read()
        if data.startswith(there):
            file.write(data[len(there) :])
            return True
        return there.startswith(data)


def read(folder: Path) -> bytes:
    """The events of a run, as far as they are written."""
    files = sorted(folder.glob(OURS))
    return files[-1].read_bytes() if files else b""


def clear(folder: Path) -> None:
    """Removes what was written to the folder and to those in it, and nothing else."""
    for path in (*folder.glob(OURS), *folder.glob(f"*/{OURS}")):
        path.unlink(missing_ok=True)
        if path.parent != folder:
            with suppress(OSError):  # there are files of others
                path.parent.rmdir()
