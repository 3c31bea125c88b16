"""An experiment as TensorBoard shows it: scalars by trial, and the table of the HParams page."""

from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from lanista._described import Described
from lanista.errors import MissingExtraError, UsageError
from lanista.journal import Event, History, Joined, Left, Store

if TYPE_CHECKING:
    from lanista.integrations._folder import Folder


class Shown(Protocol):
    """What can be shown: an experiment."""

    name: str
    store: Store

    @property
    def history(self) -> History:
        """Its trials."""
        ...


class TensorBoard(Described):
    """Writes experiments for TensorBoard while they run: `exp.run(train, callbacks=[la.TensorBoard("runs")])`.

    Each trial is a run, `NAME/trial-00007` below the folder, whose metrics are scalars by step. The HParams page has
    a row for each trial, with its parameters, metrics and status: success for trials that completed or were stopped,
    failure for those that failed or were infeasible. Why a trial ended stands on the Text page. All of it comes from
    the journal: what is there is never written twice, and what an earlier run has not written is made up for.

    Args:
        logdir: the folder that TensorBoard is started with; the experiment gets a folder of its name in it. One of
            that name that was made anew takes the place of the old one.
        every: seconds between two looks at what is new; 0: at each event.

    Raises:
        UsageError: `logdir` is no path, or `every` no number from 0.

    >>> import lanista as la
    >>> exp = la.Experiment("board", {"x": la.Float(0, 1)}, metric="loss", store="memory", seed=0)
    >>> logdir = getfixture("tmp_path")
    >>> exp = exp.run(lambda t: t["x"], trials=2, progress=False, callbacks=[la.TensorBoard(logdir)])
    >>> sorted(path.name for path in (logdir / "board").iterdir() if path.is_dir())
    ['trial-00000', 'trial-00001']
    """

    def __init__(self, logdir: str | Path, *, every: float = 1.0) -> None:
        if not isinstance(logdir, str | PathLike):
            raise UsageError(f"TensorBoard(logdir={logdir!r}): it must be a folder, such as 'runs'")
        if isinstance(every, bool) or not isinstance(every, int | float) or not every >= 0:
            raise UsageError(f"TensorBoard(every={every!r}): it must be a number of seconds from 0")
        self.logdir = logdir
        self.every = every
        self._folder: Folder | None = None
        self._next = 0.0

    def __call__(self, experiment: Shown, event: Event) -> None:
        """Writes what is new, if it is time; always when a run begins or ends.

        Raises:
            UsageError: the folder cannot be written to.
            MissingExtraError: tensorboard is not installed.
        """
        if self._folder is None or self._folder.experiment is not experiment:
            self._folder = _folder(self.logdir, experiment)
        turn = isinstance(event, Joined | Left)
        if turn or event.time >= self._next:
            self._next = event.time + self.every
            self._folder.update(whole=turn)

    def write(self, experiment: Shown) -> Path:
        """Writes all of an experiment, whoever runs it, and returns its folder.

        Raises:
            UsageError: the folder cannot be written to.
            MissingExtraError: tensorboard is not installed.
        """
        folder = _folder(self.logdir, experiment)
        folder.update(whole=True)
        return folder.path


def _folder(logdir: str | Path, experiment: Shown) -> "Folder":
    try:
        from lanista.integrations._folder import Folder
    except ImportError as error:
        raise MissingExtraError.of("tensorboard", "tensorboard") from error
    if "://" in str(logdir):
        raise UsageError(f"logdir={str(logdir)!r} must be a folder of this machine; give a path")
    return Folder(Path(logdir).expanduser() / experiment.name, experiment)
