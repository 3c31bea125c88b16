"""All processes of a worker, whatever process group they are in: found, weighed and killed."""

import contextlib
import os
import signal
from collections.abc import Iterable

from lanista._frozen import Frozen

_PROC = "/proc"
_PAGE = os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 4096


class Process(Frozen):
    """A process as the system's table shows it; `memory` is its resident set in bytes."""

    pid: int
    parent: int
    session: int
    memory: int
    zombie: bool


def table() -> list[Process]:
    """All processes."""
    if not os.path.exists(f"{_PROC}/self/stat"):
        return _portable_table()
    found = []
    for name in os.listdir(_PROC):
        if name.isdigit():
            with contextlib.suppress(OSError):
                found.append(_read_stat(int(name)))
    return found


def _read_stat(pid: int) -> Process:
    fd = os.open(f"{_PROC}/{pid}/stat", os.O_RDONLY)
    try:
        line = os.read(fd, 4096)
    finally:
        os.close(fd)
    # The name, in parentheses, may itself hold spaces and parentheses: count from its end.
    f = line[line.rindex(b")") + 2 :].split()
    return Process(pid, int(f[1]), int(f[3]), int(f[21]) * _PAGE, f[0] in (b"Z", b"X"))


def _portable_table() -> list[Process]:
    import psutil

    found = []
    for p in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError), p.oneshot():
            zombie = p.status() == psutil.STATUS_ZOMBIE
            found.append(Process(p.pid, p.ppid(), os.getsid(p.pid), 0 if zombie else p.memory_info().rss, zombie))
    return found


def members(leader: int, processes: Iterable[Process], sessions: Iterable[int] = ()) -> list[Process]:
    """The worker `leader`, its session, what descends from either, and further sessions that are known to be its."""
    processes = list(processes)
    children: dict[int, list[Process]] = {}
    for p in processes:
        children.setdefault(p.parent, []).append(p)
    known = {leader, *sessions}
    found: dict[int, Process] = {}
    todo = [p for p in processes if p.session in known or p.pid == leader]
    while todo:
        p = todo.pop()
        if p.pid not in found:
            found[p.pid] = p
            todo += children.get(p.pid, [])
    return list(found.values())


def kill(leader: int, *, spare: int | None = None) -> None:
    """Kills all processes of a worker (SIGKILL), but for `spare`.

    A process that is already being killed cannot fork, so when a look at the table shows nobody new, nobody is left.
    What lost its parent meanwhile is known by its session.
    """
    killed: set[int] = set()
    sessions: set[int] = set()
    while True:
        live = [p for p in members(leader, table(), sessions) if not p.zombie and p.pid != spare]
        if killed.issuperset(p.pid for p in live):
            return
        sessions.update(p.pid for p in live if p.pid == p.session)  # only sessions that were opened below the worker
        for p in live:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(p.pid, signal.SIGKILL)
            killed.add(p.pid)


def over(leader: int, limit: int, processes: Iterable[Process]) -> int | None:
    """The bytes that a worker's processes use, if that is more than `limit`.

    Forked processes share most of their memory, and the sum of resident sets counts it once for each; so before a
    verdict the proportional shares are summed, where the system tells them.
    """
    live = [p for p in members(leader, processes) if not p.zombie]
    used = sum(p.memory for p in live)
    if used <= limit:
        return None
    if len(live) > 1:
        used = sum(map(_share, live))
    return used if used > limit else None


def _share(process: Process) -> int:
    import psutil

    try:
        full = psutil.Process(process.pid).memory_full_info()
        return int(getattr(full, "pss", process.memory))
    except psutil.NoSuchProcess:
        return 0
    except (psutil.Error, OSError):
        return process.memory
