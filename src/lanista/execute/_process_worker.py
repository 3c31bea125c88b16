"""The main program of a worker process."""

import faulthandler
import os
import socket
from typing import Any

from lanista.execute._log import Log
from lanista.execute._worker import Lifeline, live


def main(line_fd: int, parcel_fd: int, controller: int, resources: dict[str, Any]) -> None:
    """Lives the life of a worker.

    Args:
        line_fd: the socket to the controller.
        parcel_fd: the file with what all workers share: see `_launch.pack`.
        controller: its process id.
        resources: what `trial.resources` shows.
    """
    for fd in (line_fd, parcel_fd):
        os.set_inheritable(fd, False)
    sock = socket.socket(fileno=line_fd)
    lifeline = Lifeline(sock, controller)
    faulthandler.enable()
    live(sock, lambda: _read(parcel_fd), Log(), lifeline, resources=resources)


def _read(fd: int) -> bytes:
    """All of a file. Workers share its offset, hence pread."""
    size = os.fstat(fd).st_size
    data = b""
    while len(data) < size:
        data += os.pread(fd, size - len(data), len(data))
    return data
