"""Warnings that a trial begins again where it was to go on."""

from lanista.journal import History


class Restarts:
    """Warns once of checkpoints that are not there, and once of trials that never saved any."""

    def __init__(self) -> None:
        self._told: set[str] = set()

    def lost(self, number: int, path: str) -> None:
        """The checkpoint of a trial is not there."""
        import socket

        self._warn(
            "lost",
            f"trial {number} begins again: its checkpoint {path} is not there, seen from {socket.gethostname()}; "
            "where several machines share an experiment, give it checkpoints= as a folder that all of them share, or "
            "as a URL",
        )

    def goes_on(self, history: History, number: int) -> None:
        """A trial is to go on that was paused."""
        if (step := int(history.steps[number])) and not any(history.checkpoints_of(number)):
            self._unsaved(f"trial {number} was paused at step {step}, and never saved a checkpoint")

    def copied(self, history: History, parent: tuple[int, int], number: int) -> None:
        """A trial is to begin from the step that its parent came to."""
        source, step = parent
        if step and not any(history.checkpoints_of(source)):
            self._unsaved(
                f"trial {number} was to go on from step {step} of trial {source}, which never saved a checkpoint"
            )

    def _unsaved(self, what: str) -> None:
        mend = "call trial.save(model) before trial.report(...), and loop over range(trial.load(model), epochs)"
        self._warn("unsaved", f"{what}: it begins again from step 0; {mend}")

    def _warn(self, kind: str, message: str) -> None:
        if kind not in self._told:
            self._told.add(kind)
            import logging

            logging.getLogger("lanista").warning("%s", message)
