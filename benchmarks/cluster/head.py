"""A Ray cluster of one node, for all drivers of a run."""

import os
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.measure import ROOT

STORE_BYTES = 1_500_000_000
PATIENCE_S = 60.0
RAY = Path(sys.executable).parent / "ray"


@contextmanager
def serving(cpus: int = 2) -> Iterator[str]:
    """Its address. Its workers run at the niceness of the drivers, and find the benchmarks and Lanista.

    Whoever starts a process of this environment meanwhile gives it the cluster's token.
    """
    os.environ.update(RAY_USAGE_STATS_ENABLED="0", RAY_AUTH_MODE="token", RAY_AUTH_TOKEN=secrets.token_hex())
    os.environ["PYTHONPATH"] = os.pathsep.join([str(ROOT), str(ROOT / "src")])
    port = _free_port()
    with tempfile.TemporaryDirectory(prefix="ray-", ignore_cleanup_errors=True) as folder:
        words = [RAY, "start", "--head", "--block", f"--port={port}", f"--num-cpus={cpus}", f"--temp-dir={folder}"]
        words += [f"--object-store-memory={STORE_BYTES}", "--include-dashboard=false"]
        words += ["--min-worker-port=0", "--max-worker-port=0", '--system-config={"worker_niceness": 0}']
        with open(f"{folder}/head.log", "w") as log:
            head = subprocess.Popen(words, stdout=log, stderr=log)
        try:
            address = _address(folder, port, head)
            yield address
        finally:
            head.send_signal(signal.SIGTERM)
            head.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("", 0))
        return int(probe.getsockname()[1])


def _address(folder: str, port: int, head: "subprocess.Popen[bytes]") -> str:
    """The address that the node has given itself, once Ray answers there."""
    import ray

    address = f"{ray.util.get_node_ip_address()}:{port}"
    deadline = time.monotonic() + PATIENCE_S
    while subprocess.run([RAY, "status", f"--address={address}"], capture_output=True, check=False).returncode:
        if head.poll() is not None or time.monotonic() > deadline:
            raise SystemExit(f"Ray does not start:\n{Path(folder, 'head.log').read_text()[-2000:]}")
    return address
