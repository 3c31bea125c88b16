"""A dashboard's server in a process of its own: started, waited for, measured."""

import os
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from benchmarks.measure import cpu_seconds

MIB = 2**20
PATIENCE_S = 900
QUIET = 0.05
"""CPU seconds a second below which a server counts as idle."""


class Server:
    """A server that runs: `url` ends with a slash; `opened` and `opened_cpu` are what its first answer took."""

    def __init__(self, process: psutil.Process, url: str, opened: float) -> None:
        self.url, self.opened = url, opened
        self._process = process
        self.opened_cpu = self.cpu()

    def cpu(self) -> float:
        """CPU seconds so far."""
        return cpu_seconds(self._process)

    def settle(self) -> None:
        """Waits until it has nothing to do, so that no measurement pays for what went before."""
        deadline = time.monotonic() + PATIENCE_S
        before = -1.0
        while (now := self.cpu()) - before > QUIET and time.monotonic() < deadline:
            before = now
            time.sleep(1)

    def halt(self) -> None:
        """Stops it where it is: what it goes on computing for a window that is gone would weigh on all that follows."""
        self._process.suspend()

    def memory(self) -> dict[str, float]:
        """Resident memory now and at its peak, in MiB."""
        status = Path(f"/proc/{self._process.pid}/status").read_text().splitlines()
        peak = next(int(line.split()[1]) for line in status if line.startswith("VmHWM"))
        return {"now": self._process.memory_info().rss / MIB, "peak": peak / 1024}


@contextmanager
def serving(command: list[str], home: str, answer: str) -> Iterator[Server]:
    """Starts a server by a command that takes `--port`, until `answer`, a path, is answered; ends it afterwards."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    quiet = subprocess.DEVNULL
    environment = {**os.environ, "LANISTA_HOME": home}
    begun = time.perf_counter()
    process = subprocess.Popen([*command, "--port", str(port)], stdout=quiet, stderr=quiet, env=environment)
    try:
        url = f"http://127.0.0.1:{port}/"
        _wait(process, url + answer)
        yield Server(psutil.Process(process.pid), url, time.perf_counter() - begun)
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait(process: "subprocess.Popen[bytes]", url: str) -> None:
    while process.poll() is None:
        try:
            with urllib.request.urlopen(url, timeout=PATIENCE_S):
                return
        except OSError:
            time.sleep(0.05)
    raise SystemExit(f"the server that should answer {url} ended with {process.returncode}")
