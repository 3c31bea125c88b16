"""Ask and tell for clients: trials are handed out for a time, and given back when nothing is heard of them."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from lanista.errors import ExperimentError, MetricError
from lanista.experiment import Experiment
from lanista.experiment._rebuild import decider
from lanista.journal import FIRST_ENDED, RUNNING, Released, Started, Store
from lanista.trial import Trial
from lanista.web._shelf import Book, Shelf

LEASE_S = 600.0
SWEEP_S = 1.0


class _Over(ExperimentError):
    """The trial is not the client's any more."""


class Session:
    """One experiment whose trials clients run: the deciders, and the trials that are out."""

    def __init__(self, experiment: Experiment, id: int) -> None:
        self.experiment, self.id = experiment, id
        self.trials: dict[int, Trial] = {}
        self.leases: dict[int, tuple[float, float]] = {}
        self.lock = threading.RLock()

    def lease(self, number: int, now: float, seconds: float | None = None) -> None:
        """Begins, or begins anew, the time in which something has to be heard of a trial."""
        length = seconds if seconds is not None else self.leases.get(number, (0.0, LEASE_S))[1]
        self.leases[number] = now + length, length

    def forget(self, number: int) -> None:
        """The trial is out no more."""
        self.trials.pop(number, None)
        self.leases.pop(number, None)


class Sessions:
    """The experiments that clients drive."""

    def __init__(self, store: Store, shelf: Shelf) -> None:
        self._store, self._shelf = store, shelf
        self.clock: Callable[[], float] = time.monotonic
        self._sessions: dict[str, Session] = {}
        self._lock = threading.Lock()

    def adopt(self, experiment: Experiment) -> None:
        """Takes up an experiment that a client has just created, with its searcher and scheduler."""
        info = self._store.find(experiment.name)
        if info is not None:
            with self._lock:
                self._sessions.setdefault(experiment.name, Session(experiment, info.id))

    def _session(self, name: str) -> Session:
        """The session of an experiment; after a restart its deciders are made again from what the journal says.

        Raises:
            Refused: there is no such experiment.
            ExperimentError: it discovers its space by running, or has a searcher of the user's own.
        """
        book = self._shelf.get(name)
        session = self._sessions.get(name)
        if session is None or session.id != book.id:
            made = self._made(name, book)  # which may take seconds: clients of others do not wait
            with self._lock:
                session = self._sessions.get(name)
                if session is None or session.id != book.id:
                    session = self._sessions[name] = made
        return session

    def _made(self, name: str, book: Book) -> Session:
        with book.read() as history:
            created = history.created
        assert created is not None
        if created.define:
            raise ExperimentError(f"{name!r} discovers its space by running code, which no client can do for it")
        given: dict[str, Any] = {
            kind: decider(kind, text)
            for kind, text in (("searcher", created.searcher), ("scheduler", created.scheduler))
            if text and text.partition("(")[0].isidentifier()
        }
        return Session(Experiment(name, store=self._store, **given), book.id)

    def suggest(self, name: str, count: int, lease: float) -> list[dict[str, Any]]:
        """Starts trials for a client: fewer than asked for where there are no more now.

        Raises:
            ExperimentError: there is none.
        """
        session = self._session(name)
        found: list[dict[str, Any]] = []
        with session.lock:
            self._refuse_paused(session)
            for _ in range(count):
                try:
                    trial = session.experiment.ask()
                except ExperimentError:
                    if not found:
                        raise
                    break
                session.trials[trial.number] = trial
                session.lease(trial.number, self.clock(), lease)
                told = {name: getattr(trial, name) for name in ("number", "params", "attempt", "step", "fidelity")}
                found.append({**told, "lease": lease})
        return found

    def _refuse_paused(self, session: Session) -> None:
        if session.experiment.history.paused:
            name = session.experiment.name
            raise ExperimentError(f"{name!r} is paused and starts no further trials; resume it first")

    def report(
        self, name: str, number: int, metrics: dict[str, float], step: int | None, attempt: int | None
    ) -> dict[str, Any]:
        """Journals a report, and tells whether the trial is to run no further."""
        try:
            return self._report(name, number, metrics, step, attempt)
        except _Over as error:
            return {"stop": True, "reason": str(error), "attempt": attempt or 0}

    def _report(
        self, name: str, number: int, metrics: dict[str, float], step: int | None, attempt: int | None
    ) -> dict[str, Any]:
        with self._out(name, number, attempt) as (session, trial):
            odd = {"step", "value"} & metrics.keys() - set(session.experiment.metrics)
            if odd:
                raise MetricError(f"a report cannot hold a metric named {odd.pop()!r}")
            trial.report(step=step, **metrics)
            session.lease(number, self.clock())
            stop, reason = trial.stopped, trial.decision.reason
            if trial.number in session.experiment.history.live[RUNNING]:
                return {"stop": stop, "reason": reason, "attempt": trial.attempt}
            session.forget(number)
            return {"stop": True, "reason": reason or "it has ended", "attempt": trial.attempt}

    def complete(
        self, name: str, number: int, metrics: dict[str, float] | None, state: str | None, attempt: int | None
    ) -> int:
        """Ends a trial with what it came to, or as the scheduler wanted it, and returns its number."""
        with self._out(name, number, attempt) as (session, trial):
            session.experiment._desk.tell(trial, metrics, state)
            session.forget(number)
        return number

    def fail(self, name: str, number: int, message: str, attempt: int | None) -> int:
        """Ends a trial as failed, and returns its number."""
        with self._out(name, number, attempt) as (session, trial):
            session.experiment._desk.tell(trial, None, "failed", reason=message)
            session.forget(number)
        return number

    @contextmanager
    def _out(self, name: str, number: int, attempt: int | None) -> Iterator[tuple[Session, Trial]]:
        """A trial that a client runs.

        One that a server handed out which is no more is taken over, so that a client outlives a restart.
        """
        session = self._session(name)
        self._shelf.get(name).check(number)
        with session.lock, session.experiment._journal.lock:
            h = session.experiment.history
            if h.state_of(number) >= FIRST_ENDED:
                raise _Over(f"trial {number} has ended already, as {h.trial(number).state}")
            if h.state_of(number) != RUNNING or (attempt is not None and attempt != h.attempt(number)):
                session.forget(number)
                raise _Over(f"trial {number} was given back, since nothing was heard of it; ask for another one")
            trial = session.trials.get(number)
            if trial is None or not session.experiment._engine.mine(number):
                trial = self._take_over(session, number)
            yield session, trial

    def _take_over(self, session: Session, number: int) -> Trial:
        experiment, engine = session.experiment, session.experiment._engine
        h = experiment.history
        if not engine.mine(number):
            if h.owner(number) in experiment._watch.living():
                raise ExperimentError(
                    f"trial {number} is run by {experiment._watch.who(h.owner(number))}, not by a client"
                )
            experiment._beat()
            again = Started(time.time(), number, h.attempt(number) + 1, engine.owner, h.budget(number), h.slice(number))
            if not experiment._journal.decide([again]):
                raise ExperimentError(f"trial {number} was taken up by another process just now")
            engine.handed_out.add(number)
        trial = session.trials[number] = experiment._desk.again(number)
        trial.step = int(h.steps[number])
        session.lease(number, self.clock())
        return trial

    def drop(self, name: str) -> None:
        """Ends the session of an experiment that is to be removed."""
        with self._lock:
            session = self._sessions.pop(name, None)
        if session is not None and (heart := session.experiment._heart) is not None:
            heart.stop()

    def sweep(self) -> None:
        """Gives back the trials of which nothing was heard for the time of their lease, and forgets what is gone."""
        now = self.clock()
        for name, session in list(self._sessions.items()):
            with session.lock:
                if not session.leases:
                    session.experiment._rest()  # others may remove it
                    continue
                late = [number for number, (until, _) in session.leases.items() if until < now]
                for number in late:
                    self._give_back(session, number)
                    session.forget(number)
            if late and not self._shelf.has(name):
                with self._lock:
                    self._sessions.pop(name, None)

    def _give_back(self, session: Session, number: int) -> None:
        engine = session.experiment._engine
        with suppress(ExperimentError):  # it was removed
            if engine.mine(number):
                why = "nothing was heard of its client"
                engine.handle([Released(time.time(), number, engine.history.attempt(number), why)])
        engine.handed_out.discard(number)

    def close(self) -> None:
        """Lets other processes take up the trials that are out."""
        for name in list(self._sessions):
            self.drop(name)
