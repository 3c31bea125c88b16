"""What every scheduler must do, as tests to inherit, and the small driver that they run on."""

from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Sequence

import numpy as np
import pytest

from lanista import journal, schedule
from lanista.journal import CODES, FIRST_ENDED, PAUSED, RUNNING, WAITING, History
from lanista.schedule import Action, Event, Report, Scheduler, Slots
from lanista.space import Float, Space

SEEDS = range(8)
PATIENCE = 20_000
"""Turns after which a run counts as endless."""


class Drive:
    """Runs a scheduler over invented trials, with no process and no clock, and checks each of its decisions.

    Args:
        make: builds the scheduler; called again wherever a fresh one must decide alike.
        seed: of everything that happens.
        trials: how many may be started.
        workers: how many run at once.
        length: steps until a trial completes by itself.
        stride: steps from one report of a trial to its next.
        nan: the share of reports without a finite value.
        trouble: how likely, at each turn, a trial fails, or its worker is lost.
        replay: the share of decisions that fresh schedulers make again.
    """

    def __init__(
        self,
        make: Callable[[], Scheduler],
        seed: int,
        *,
        trials: int = 30,
        workers: int = 4,
        length: int = 12,
        stride: int = 1,
        nan: float = 0.0,
        trouble: float = 0.0,
        replay: float = 0.0,
    ) -> None:
        self.make, self.trials, self.workers, self.length, self.stride = make, trials, workers, length, stride
        self.nan, self.trouble, self.replay = nan, trouble, replay
        self.rng = np.random.default_rng(seed)
        self.space = Space({"x": Float(0, 1)})
        self.scheduler = make()
        self.history = History(self.space)
        self.events: list[journal.Event] = []
        self.finished = False
        self._to_yield: set[int] = set()
        self._at: dict[int, int] = {}
        self._record(journal.Created(0.0, "drive", self.space.to_json(), {"loss": "min"}, seed))

    def run(self) -> History:
        """Drives until nothing more can happen."""
        for _ in range(PATIENCE):
            free = self.workers - len(self.history.running)
            acted = free > 0 and not self.finished and self._hand_out(free)
            if running := self.history.running:
                self._turn(int(self.rng.choice(running)))
            elif not acted:
                return self.history
        raise AssertionError(f"{self.scheduler!r} did not come to an end in {PATIENCE} turns")

    def decide(self, event: Event) -> list[Action]:
        """The scheduler's actions on an event, after the checks that need no more than one decision."""
        actions = self.scheduler.on(self.history, event)
        if self.rng.random() < self.replay:
            copy = History(self.space)
            copy.extend(self.events)
            again = [
                self.scheduler.on(self.history, event),
                self.make().on(self.history, event),
                self.make().on(copy, event),
            ]
            assert again == [actions] * 3, f"no pure function of history and event: {actions} on {event}, then {again}"
        return actions

    # --- what happens -------------------------------------------------------------------------------------------------

    def _hand_out(self, free: int) -> bool:
        """Offers free slots; whether anything came of it."""
        actions = self.decide(Slots(free))
        taken = [a for a in actions if isinstance(a, schedule.Start | schedule.Resume)]
        assert len(taken) <= free, f"{len(taken)} trials started on {free} slots"
        can_start = len(self.history) < self.trials or bool(self.history.waiting)
        assert actions or self.history.running or not can_start, (
            "a dead end: nothing runs, trials may be started, none is"
        )
        before = len(self.events)
        self._act(actions)
        return len(self.events) > before

    def _turn(self, trial: int) -> None:
        """Lets one running trial report, fail or lose its worker."""
        attempt, chance = self.history.attempt(trial), self.rng.random()
        if chance < self.trouble / 2:
            self._end(trial, str(self.rng.choice(["failed", "infeasible", "cancelled"])))
        elif chance < self.trouble:
            self._record(journal.Released(0.0, trial, attempt, "lost"))
            self._at[trial] = int(self.rng.integers(self._at[trial] + 1))
        else:
            self._report(trial, attempt)

    def _report(self, trial: int, attempt: int) -> None:
        self._at[trial] = step = self._at[trial] + self.stride
        value = (
            self.history.params[trial]["x"] + self.rng.normal(0, 0.1) if self.rng.random() >= self.nan else float("nan")
        )
        self._record(journal.Reported(0.0, trial, attempt, step, {"loss": value}))
        self._act(self.decide(Report(trial, step, {"loss": value})))
        if self.history.state[trial] != RUNNING:
            return
        budget = self.history.budget(trial)
        if trial in self._to_yield or (budget is not None and step >= budget):
            self._to_yield.discard(trial)
            self._record(journal.Yielded(0.0, trial, attempt, step))
            self._act(self.decide(schedule.Yielded(trial, step, None)))
        elif step >= self.length:
            self._end(trial, "completed")

    def _end(self, trial: int, state: str) -> None:
        self._record(journal.Ended(0.0, trial, self.history.attempt(trial), state))
        self._act(self.decide(schedule.Ended(trial, state)))

    # --- what the scheduler does --------------------------------------------------------------------------------------

    def _act(self, actions: Sequence[Action]) -> None:
        todo = deque(actions)
        while todo:
            match todo.popleft():
                case schedule.Start(budget):
                    self._start(budget)
                case schedule.Resume(trial, budget):
                    self._must_be(trial, PAUSED)
                    self._run(trial, budget)
                case schedule.Extend(trial):
                    self._must_be(trial, RUNNING)
                case schedule.Yield(trial):
                    self._must_be(trial, RUNNING)
                    self._to_yield.add(trial)
                case schedule.Stop(trial, reason, state):
                    self._must_be(trial, RUNNING, PAUSED)
                    assert reason, "a stop without a reason"
                    self._end(trial, state)
                case schedule.Finish(reason):
                    assert reason, "a finish without a reason"
                    self.finished = True

    def _start(self, budget: int | None) -> None:
        """Runs a trial that waits, until the budget that it had, else a new one, unless there may be no more."""
        if waiting := self.history.waiting:
            self._run(waiting[0], self.history.budget(waiting[0]))
        elif (number := len(self.history)) < self.trials:
            self._record(journal.Asked(0.0, number, {"x": float(self.rng.random())}))
            self._run(number, budget)

    def _run(self, trial: int, budget: int | None) -> None:
        self._at.setdefault(trial, 0)
        assert budget is None or budget > self._at[trial], (
            f"trial {trial} is at step {self._at[trial]}; a budget of {budget} is spent"
        )
        self._record(journal.Started(0.0, trial, self.history.attempt(trial) + 1, "me", budget))

    def _must_be(self, trial: int, *states: int) -> None:
        assert 0 <= trial < len(self.history), f"there is no trial {trial}"
        code = int(self.history.state[trial])
        assert code < FIRST_ENDED, f"acted on trial {trial}, which has ended"
        assert code in (*states, WAITING), f"acted on trial {trial}, which is {journal.STATES[code]}"

    def _record(self, event: journal.Event) -> None:
        self.events.append(event)
        self.history.extend([event])


class SchedulerContract(ABC):
    """Inherit it in a class named Test…, define `scheduler`, and pytest runs the contract on yours.

    For instance:

    class TestMine(SchedulerContract):
        def scheduler(self):
            return Mine(max_steps=9)
    """

    @abstractmethod
    def scheduler(self) -> Scheduler:
        """A new scheduler, each time with the same arguments."""

    def test_a_scheduler_has_on(self) -> None:
        assert isinstance(self.scheduler(), Scheduler)

    def test_free_slots_are_filled(self) -> None:
        drive = Drive(self.scheduler, 0)
        for free in (1, 2, 7):
            assert 1 <= len(drive.decide(Slots(free))) <= free

    @pytest.mark.parametrize("seed", SEEDS)
    def test_a_run_comes_to_its_end(self, seed: int) -> None:
        history = Drive(self.scheduler, seed, workers=1 + seed).run()
        assert len(history) == 30
        assert set(history.state.tolist()) <= {PAUSED, CODES["completed"], CODES["stopped"]}

    @pytest.mark.parametrize("seed", SEEDS)
    def test_trouble_leads_to_no_dead_end(self, seed: int) -> None:
        history = Drive(self.scheduler, seed, workers=1 + seed, stride=1 + seed % 5, nan=0.1, trouble=0.2).run()
        assert len(history) == 30

    @pytest.mark.parametrize("seed", SEEDS)
    def test_a_fresh_scheduler_decides_alike(self, seed: int) -> None:
        drive = Drive(self.scheduler, seed, workers=1 + seed, nan=0.1, trouble=0.1, replay=0.3)
        history = drive.run()
        replayed = History(drive.space)
        replayed.extend(drive.events)
        assert history == replayed

    def test_reports_without_a_value_are_taken(self) -> None:
        history = Drive(self.scheduler, 0, nan=1.0).run()
        assert len(history) == 30

    def test_another_history_is_no_trouble(self) -> None:
        scheduler = self.scheduler()
        for seed in range(3):
            assert (
                Drive(lambda: scheduler, seed, replay=0.1, trouble=0.1).run()
                == Drive(self.scheduler, seed, replay=0.1, trouble=0.1).run()
            )
