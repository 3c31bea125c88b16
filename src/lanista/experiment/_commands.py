"""The part of the public object that speaks to what runs, in whatever process."""

import time
from typing import Any

from lanista.errors import ExperimentError
from lanista.experiment._checks import check_workers
from lanista.experiment._limits import as_settings
from lanista.experiment._results import Results
from lanista.journal import Commanded, Ended, MemoryStore, noted


class Commands(Results):
    """What a person can say to an experiment: all of it goes through the journal."""

    def stop(self, *, now: bool = False) -> None:
        """Ends all runs of the experiment, in whatever process.

        Running trials finish; with `now` they are released at once, to go on at the next run.
        """
        self._command("stop", values={"now": True} if now else {})

    def pause(self) -> None:
        """Starts no further trials, in whatever process, until `resume`."""
        self._command("pause")

    def resume(self) -> None:
        """Undoes `pause`."""
        self._command("resume")

    def kill(self, number: int) -> None:
        """Ends one trial, at once where its executor can, as cancelled.

        Raises:
            UsageError: there is no such trial; ExperimentError: it has ended.
        """
        record = self._synced().trial(number)
        if record.ended is not None:
            raise ExperimentError(f"trial {number} has ended already, as {record.state}")
        self._command("kill", number)
        runs = record.owner in self._journal.history.owners and record.owner in self._watch.living()
        if not runs:  # nobody's controller hears of it: its process died, or asked for the trial to tell of it itself
            attempt = record.attempts
            self._journal.append([Ended(time.time(), number, attempt, "cancelled", reason="killed by command")])

    def set(self, **values: Any) -> None:
        """Changes limits (the fields of `Limits`, `time_limit`) and `workers` of the runs that go on.

        Raises:
            UsageError: no such limit, or a value that it cannot have.
            ExperimentError: no run that goes on can change its workers, as those with executor="inline" cannot.
        """
        settings = as_settings(values)
        if "workers" in settings:
            runs, living = self._synced().owners.values(), self._watch.living()
            alone = isinstance(self.store, MemoryStore)  # nobody else could run it, and nobody shows signs of life
            check_workers(self.name, settings["workers"], [run for run in runs if alone or run.owner in living])
        self._command("set", values=settings)

    def note(self, **values: Any) -> None:
        """Writes remarks (JSON values) beside the experiment."""
        self._journal.append([noted(time.time(), None, values)])

    def _command(self, command: str, number: int | None = None, values: dict[str, Any] | None = None) -> None:
        self._journal.append([Commanded(time.time(), command, number, values or {})])
