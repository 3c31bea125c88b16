"""The experiments of a store: which there are, and doing away with one."""

from pathlib import Path

from lanista.errors import ExperimentError, LanistaError
from lanista.experiment._lease import Watch
from lanista.experiment._places import folders_of
from lanista.journal import ExperimentInfo, History, Journal, Store, files_of, open_store
from lanista.trial import _checkpoint


def experiments(store: str | Path | Store | None = None) -> list[ExperimentInfo]:
    """The experiments of a store, the oldest first."""
    return open_store(store).experiments()


def remove(name: str, store: str | Path | Store | None = None) -> None:
    """Deletes an experiment: its journal and its files, checkpoints that live elsewhere too.

    Raises:
        ExperimentError: there is none of that name, or a living process runs it.
        MissingExtraError: the package is not installed that its checkpoints at a URL need; nothing was deleted.
        CheckpointError: its checkpoints at a URL could not be deleted; all else was.
    """
    import shutil

    opened = open_store(store)
    info = opened.find(name)
    if info is None:
        raise missing(name, opened)
    living = Watch(opened, info.id).living()
    if living:
        raise ExperimentError(
            f"experiment {name!r} is being run by another process; stop it first with: lanista stop {name}"
        )
    folders = _folders(Journal(opened, info).history)
    opened.remove(info.id)
    shutil.rmtree(files_of(opened) / name, ignore_errors=True)
    for folder in folders:
        _checkpoint.remove_place(folder)


def _folders(history: History) -> list[str]:
    """Where its checkpoints live; without places that nothing was saved to and that cannot be reached from here."""
    saved = {name.rpartition("/")[0] for names in history.checkpoints.values() for name in names.values()}
    folders = []
    for folder in folders_of(history):
        try:
            _checkpoint.check_kind(folder)
        except LanistaError:
            if folder in saved:
                raise
        else:
            folders.append(folder)
    return folders


def missing(name: str, store: Store) -> ExperimentError:
    """The error for a name that the store does not have."""
    from difflib import get_close_matches

    names = [info.name for info in store.experiments()]
    close = get_close_matches(name, names, 3)
    hint = (
        f"; did you mean {', '.join(map(repr, close))}?"
        if close
        else f"; it has {', '.join(map(repr, names[-5:])) or 'none'}"
    )
    return ExperimentError(f"there is no experiment {name!r} in {store.url}{hint}")
