"""Whether the machines of a cluster reach the place where checkpoints live: each worker tries when it starts."""

import contextlib
import os
import tempfile

from lanista.errors import ExecutorError
from lanista.trial import Job, _checkpoint


class Probe:
    """What a worker is to try, as long as the run goes on: a file that it must find, or a URL that it must reach.

    Attributes:
        path: the file or the URL, None before it is known.
    """

    def __init__(self) -> None:
        self.path: str | None = None
        self._folder = ""

    def lay(self, job: Job) -> None:
        """Learns the place from a job, and writes the file unless it is there."""
        if self.path is not None:
            return
        if job.checkpoints is not None and _checkpoint.is_remote(job.checkpoints):
            self.path = job.checkpoints
            return
        trials = os.path.dirname(os.path.abspath(job.directory))
        self._folder = job.checkpoints or os.path.dirname(trials)
        folder = job.checkpoints or trials
        os.makedirs(folder, exist_ok=True)
        handle, self.path = tempfile.mkstemp(prefix=".reached-", dir=folder)
        os.close(handle)

    def lift(self) -> None:
        """Removes the file."""
        if self.path is not None and not _checkpoint.is_remote(self.path):
            with contextlib.suppress(OSError):
                os.unlink(self.path)

    def out_of_reach(self, node: str) -> ExecutorError:
        """The error of a trial that saved a checkpoint where nobody else can read it."""
        return ExecutorError(
            f"a trial on the node {node!r} saved a checkpoint, but that node does not reach the experiment's folder "
            f"{self._folder}, so that no other node could go on from there. Put checkpoints onto a disk that all nodes "
            "share, by LANISTA_HOME=/shared/folder, store='/shared/folder/lanista.db' or checkpoints='/shared/folder'; "
            "or give a URL, checkpoints='s3://bucket/folder'; or leave checkpoints out"
        )


def check(probe: str | None) -> None:
    """Tries a URL.

    Raises:
        CheckpointError: it cannot be written from here. MissingExtraError: the package that it needs is missing here.
    """
    if probe is not None and _checkpoint.is_remote(probe):
        _checkpoint.check_place(probe)


def reached(probe: str | None) -> bool:
    """Whether a file is found here; a URL was tried by `check`."""
    return probe is None or _checkpoint.is_remote(probe) or os.path.exists(probe)
