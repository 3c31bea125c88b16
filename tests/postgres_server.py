"""A PostgreSQL server for as long as a test session or a benchmark lasts."""

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ATTEMPTS = 3


class Unavailable(Exception):
    """This machine cannot run a server, and why."""


def programs() -> Path:
    """The folder of PostgreSQL's server programs, the newest first."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: float(path.parent.name), reverse=True)
    initdb = shutil.which("initdb")
    if initdb:
        found.append(Path(initdb).resolve().parent)
    needed = ("initdb", "pg_ctl", "postgres")
    for folder in found:
        if all((folder / name).exists() for name in needed):
            return folder
    raise Unavailable("no PostgreSQL server found on PATH or in /usr/lib/postgresql: apt-get install postgresql")


def unprivileged() -> pwd.struct_passwd | None:
    """The user to run the server as: the server refuses root; None means ourselves."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise Unavailable("PostgreSQL refuses to run as root, and there is neither a user postgres nor nobody")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Server:
    """A cluster in a folder of its own, on a socket there and a loopback port."""

    def __init__(self, bin: Path, folder: Path, owner: pwd.struct_passwd | None) -> None:
        self.bin, self.folder, self.owner = bin, folder, owner
        self.data, self.log = folder / "data", folder / "log"
        self.url = ""

    @property
    def pid(self) -> int:
        """The process that all of the server's others descend from."""
        return int((self.data / "postmaster.pid").read_text().splitlines()[0])

    def call(self, program: str, *arguments: str) -> int:
        """Runs a program as the owner; its output goes to a file, since a daemon would keep a pipe open."""
        account = {} if self.owner is None else {"user": self.owner.pw_uid, "group": self.owner.pw_gid}
        with open(self.folder / "output", "ab") as output:
            done = subprocess.run(
                [self.bin / program, "-D", self.data, *arguments],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                cwd=self.folder,
                check=False,
                extra_groups=None if self.owner is None else [],
                **account,
            )
        return done.returncode

    def start(self, options: str) -> None:
        if self.call("initdb", "-U", "lanista", "--auth=trust", "-E", "UTF8", "--no-locale", "--no-sync") != 0:
            raise RuntimeError("initdb failed:\n" + (self.folder / "output").read_text())
        for _ in range(ATTEMPTS):  # another program may take the port between the probe and the start
            port = free_port()
            given = f"-p {port} -k {self.folder} -c listen_addresses=127.0.0.1 {options}"
            if self.call("pg_ctl", "-w", "-t", "60", "-l", str(self.log), "-o", given, "start") == 0:
                self.url = f"postgresql://lanista@127.0.0.1:{port}/postgres"
                return
        raise RuntimeError("PostgreSQL did not start:\n" + self.log.read_text())

    def stop(self) -> None:
        self.call("pg_ctl", "-w", "-m", "immediate", "stop")


@contextmanager
def serving(options: str = "-c fsync=off") -> Iterator[Server]:
    """Starts a server with an empty database, and deletes it in the end.

    Raises:
        Unavailable: this machine cannot run one.
    """
    found, owner = programs(), unprivileged()
    # The system's own temporary folder: pytest's is closed to other users, and a socket's path must be short.
    folder = Path(tempfile.mkdtemp(prefix="lanista-pg-"))
    if owner is not None:
        os.chown(folder, owner.pw_uid, owner.pw_gid)
    server = Server(found, folder, owner)
    try:
        server.start(options)
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)
