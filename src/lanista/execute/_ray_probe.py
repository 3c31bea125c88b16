"""Whether the machines of a cluster reach the experiment's folder: a file that they are to find there."""

import contextlib
import os
import tempfile

from lanista.errors import ExecutorError


class Probe:
    """A file in the experiment's folder, for as long as the run.

    Attributes:
        path: where it is, None before it was laid.
    """

    def __init__(self) -> None:
        self.path: str | None = None

    def lay(self, directory: str) -> None:
        """Writes it, by the folder of a trial, unless it is there."""
        if self.path is None:
            folder = os.path.dirname(os.path.abspath(directory))
            os.makedirs(folder, exist_ok=True)
            handle, self.path = tempfile.mkstemp(prefix=".reached-", dir=folder)
            os.close(handle)

    def lift(self) -> None:
        """Removes it."""
        if self.path is not None:
            with contextlib.suppress(OSError):
                os.unlink(self.path)

    def out_of_reach(self, node: str) -> ExecutorError:
        """The error of a trial that saved a checkpoint where nobody else can read it."""
        folder = os.path.dirname(os.path.dirname(self.path or ""))
        return ExecutorError(
            f"a trial on the node {node!r} saved a checkpoint, but that node does not reach the experiment's folder "
            f"{folder}, so that no other node could go on from there. Put the experiment onto a disk that all nodes "
            "share, by LANISTA_HOME=/shared/folder or store='/shared/folder/lanista.db'; or leave checkpoints out"
        )
