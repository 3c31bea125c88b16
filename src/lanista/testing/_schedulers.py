"""What every scheduler must do, as tests to inherit, and the small driver that they run on."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from math import inf
from typing import cast

import numpy as np
import pytest

from lanista import journal, schedule
from lanista.journal import PAUSED, RUNNING, WAITING, History
from lanista.schedule import Action, Event, Report, Scheduler, Slots
from lanista.schedule._checks import decided
from lanista.space import Float, Space

SEEDS = range(8)
PATIENCE = 20_000
"""Turns after which a run counts as endless."""
_GIVEN = (schedule.Start, schedule.Resume)
"""The actions that slots are given to."""


class Drive:
    """Runs a scheduler over invented trials, with no process and no clock, and checks each of its decisions.

    Args:
        make: builds the scheduler; called again wherever a fresh one must decide alike.
        seed: of everything that happens.
        trials: how many may be started.
        workers: how many run at once.
        length: steps until a trial completes by itself; with a scheduler that has a `fidelity`, a trial instead runs
            once for each level that it is given, reports there, and yields.
        stride: steps from one report of a trial to its next.
        nan: the share of reports without a finite value.
        trouble: how likely, at each turn, a trial fails, its worker is lost, or a person ends one that is paused.
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
        self.fidelity: schedule.Fidelity | None = getattr(self.scheduler, "fidelity", None)
        self._to_yield: set[int] = set()
        self._at: dict[int, int] = {}
        self._reports_left: dict[int, float] = {}
        self._queue: list[Action] = []
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
        raise AssertionError(
            f"{self._name} did not come to an end in {PATIENCE} turns with {len(self.history)} trials; each trial must "
            "end or pause for good some time, or a run would never end"
        )

    def decide(self, event: Event) -> list[Action]:
        """The scheduler's actions on an event, after the checks that need no more than one decision."""
        actions = decided(self.scheduler, self.history, event)
        if self.rng.random() < self.replay:
            copy = History(self.space)
            copy.extend(self.events)
            again = {
                "asked once more": self.scheduler.on(self.history, event),
                "a new one": self.make().on(self.history, event),
                "a new one with a history read from the journal": self.make().on(copy, event),
            }
            for who, said in again.items():
                assert said == actions, (
                    f"{self._name} answered {event} by {actions}, and {who} by {said}; what it decides must follow "
                    "from the history and the event alone, or a run that is resumed would go on in another way"
                )
        return actions

    @property
    def _name(self) -> str:
        return type(self.scheduler).__name__

    # --- what happens -------------------------------------------------------------------------------------------------

    def _hand_out(self, free: int) -> bool:
        """Lets go on what lost its worker, then offers the slots that are left; whether anything came of it."""
        before = len(self.events)
        for trial in list(self.history.released)[:free]:
            self._run(trial, self.history.budget(trial), self._reports_left[trial])
        if free := free - (len(self.events) - before):
            given, self._queue = self._queue[:free], self._queue[free:]
            if wanted := free - len(given):
                given += self._offer(wanted)
            for action in given:
                free -= free > 0 and self._give(action)
        return len(self.events) > before

    def _offer(self, free: int) -> list[Action]:
        """Does what a scheduler wants at once, and returns what it gives free slots to, in its order."""
        actions = self.decide(Slots(free))
        more = len(self.history) < self.trials or self.history.paused_trials
        assert actions or self.history.running or not more, (
            f"{self._name} came to a dead end: it answered {free} free slots by [], nothing runs, "
            f"{len(self.history.paused_trials)} trials are paused and {self.trials - len(self.history)} more may be "
            "started; start or resume one, or say Finish, or a real run would do nothing for ever"
        )
        given: list[Action] = [action for action in actions if isinstance(action, _GIVEN)]
        self._act([action for action in actions if not isinstance(action, _GIVEN)])
        for kind in _GIVEN:
            taken = [action for action in given if isinstance(action, kind)]
            assert len(taken) <= free, (
                f"{self._name} gave {len(taken)} trials to {free} slots: {taken}; of each kind return {free} at most, "
                "since a resume beyond that would be forgotten"
            )
        resumed = [action.trial for action in given if isinstance(action, schedule.Resume)]
        assert len({*resumed}) == len(resumed), (
            f"{self._name} resumed a trial twice in one answer: {given}; it can run in one slot only, and the other "
            "would stay empty"
        )
        for trial in resumed:
            self._must_be(trial, PAUSED)
        return given

    def _turn(self, trial: int) -> None:
        """Lets one running trial report, fail or lose its worker."""
        attempt, chance = self.history.attempt(trial), self.rng.random()
        if chance < self.trouble / 3:
            self._end(trial, str(self.rng.choice(["failed", "infeasible", "cancelled"])))
        elif chance < self.trouble * 2 / 3:
            self._record(journal.Released(0.0, trial, attempt, "lost"))
            parent = self.history.parent(trial)
            self._at[trial] = int(self.rng.integers(parent[1] if parent else 0, self._at[trial] + 1))
        elif chance < self.trouble and (paused := self.history.paused_trials):
            killed = int(self.rng.choice(paused))
            self._record(journal.Ended(0.0, killed, self.history.attempt(killed), "cancelled"))
        else:
            self._report(trial, attempt)

    def _report(self, trial: int, attempt: int) -> None:
        budget = self.history.budget(trial)
        if self.fidelity is not None:
            assert budget is not None, (
                f"{self._name} runs trial {trial} without a level of its fidelity {self.fidelity.name!r}; give each "
                "Start and Resume a budget, which is what trial.fidelity says"
            )
        self._at[trial] = step = self._at[trial] + self.stride if self.fidelity is None else cast(int, budget)
        self._reports_left[trial] -= 1
        value = (
            self.history.params[trial]["x"] + self.rng.normal(0, 0.1) if self.rng.random() >= self.nan else float("nan")
        )
        self._record(journal.Reported(0.0, trial, attempt, step, {"loss": value}))
        self._act(self.decide(Report(trial, step, {"loss": value})))
        if self.history.state[trial] != RUNNING:
            return
        budget = self.history.budget(trial)
        if trial in self._to_yield or self._reports_left[trial] <= 0 or (budget is not None and step >= budget):
            self._to_yield.discard(trial)
            self._record(journal.Yielded(0.0, trial, attempt, step))
            self._act(self.decide(schedule.Yielded(trial, step, step)))
        elif step >= self.length:
            self._end(trial, "completed")

    def _end(self, trial: int, state: str) -> None:
        self._record(journal.Ended(0.0, trial, self.history.attempt(trial), state))
        self._act(self.decide(schedule.Ended(trial, state)))

    # --- what the scheduler does --------------------------------------------------------------------------------------

    def _act(self, actions: Sequence[Action]) -> None:
        for action in actions:
            match action:
                case schedule.Start() | schedule.Resume():
                    self._queue.append(action)
                case schedule.Extend(trial):
                    self._must_be(trial, RUNNING)
                case schedule.Yield(trial):
                    self._must_be(trial, RUNNING)
                    self._to_yield.add(trial)
                case schedule.Stop(trial, reason, state):
                    self._must_be(trial, RUNNING, PAUSED)
                    assert reason, (
                        f"{self._name} stopped trial {trial} without a reason; people read it beside the trial"
                    )
                    self._end(trial, state)
                case schedule.Finish(reason):
                    assert reason, f"{self._name} finished without a reason; people read it when the run ends"
                    self.finished = True

    def _give(self, action: Action) -> bool:
        """Gives a slot to a trial, unless it has ended meanwhile, or there may be no more; whether it did."""
        match action:
            case schedule.Resume(trial) if self.history.state[trial] != PAUSED:
                return False
            case schedule.Resume(trial):
                pass
            case schedule.Start(parent=parent, params=params) if (trial := len(self.history)) < self.trials:
                if parent is not None:
                    self._must_have_reported(*parent)
                    self._at[trial] = parent[1]
                    params = self.history.params[parent[0]] if params is None else params
                origin = "clone" if parent else "searcher" if params is None else "scheduler"
                params = {"x": float(self.rng.random())} if params is None else params
                self.space.check(params)
                self._record(journal.Asked(0.0, trial, params, origin, parent))
            case _:
                return False
        assert isinstance(action, _GIVEN)
        self._run(trial, action.budget, inf if action.seconds is None else action.seconds)
        return True

    def _run(self, trial: int, budget: int | None, seconds: float) -> None:
        """Runs a trial until its budget, or for as many reports as it has seconds."""
        self._at.setdefault(trial, 0)
        self._reports_left[trial] = seconds
        assert budget is None or budget > self._at[trial], (
            f"{self._name} ran trial {trial}, which is at step {self._at[trial]}, with a budget of {budget}; budgets "
            "count from the first step of a trial, so that it would pause at once, and again and again"
        )
        assert seconds > 0, f"{self._name} ran trial {trial} for {seconds} seconds; it must be more than 0"
        self._record(journal.Started(0.0, trial, self.history.attempt(trial) + 1, "me", budget))

    def _must_have_reported(self, trial: int, step: int) -> None:
        what = f"{self._name} started a copy of trial {trial} at step {step}"
        assert 0 <= trial < len(self.history), f"{what}, but there is no such trial"
        assert step in self.history.curve(trial)[0], (
            f"{what}, which has no checkpoint of that step; take one of history.checkpoints_of({trial}), or the copy "
            "would begin from nothing"
        )

    def _must_be(self, trial: int, *states: int) -> None:
        assert 0 <= trial < len(self.history), (
            f"{self._name} acted on trial {trial}, and there are {len(self.history)}, numbered from 0"
        )
        code = int(self.history.state[trial])
        may = " or ".join(journal.STATES[state] for state in states)
        assert code in (*states, WAITING), (
            f"{self._name} acted on trial {trial}, which is {journal.STATES[code]}; such an action is for trials that "
            f"are {may}, and for others it would be lost: look at history.state_of"
        )

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
        scheduler = self.scheduler()
        assert isinstance(scheduler, Scheduler), (
            f"{scheduler!r} has no method on(history, event), which is asked for all"
        )

    def test_free_slots_are_filled(self) -> None:
        drive = Drive(self.scheduler, 0)
        for free in (1, 2, 7):
            actions = drive.decide(Slots(free))
            assert 1 <= len(actions) <= free, (
                f"at the very beginning {free} slots were free, and the answer had {len(actions)} actions: {actions}; "
                f"it must be 1 to {free}, as none leaves all workers idle, and those beyond are forgotten"
            )

    @pytest.mark.parametrize("seed", SEEDS)
    def test_a_run_comes_to_its_end(self, seed: int) -> None:
        history = Drive(self.scheduler, seed, workers=1 + seed).run()
        _all_began(history, 30)
        odd = {journal.STATES[code] for code in history.state.tolist()} - {"paused", "completed", "stopped"}
        assert not odd, (
            f"when a run without trouble is over, no trial may be {' or '.join(odd)}: it would wait for ever"
        )

    @pytest.mark.parametrize("seed", SEEDS)
    def test_trouble_leads_to_no_dead_end(self, seed: int) -> None:
        drive = Drive(self.scheduler, seed, workers=1 + seed, stride=1 + seed % 5, nan=0.1, trouble=0.2)
        _all_began(drive.run(), 30)

    @pytest.mark.parametrize("seed", SEEDS)
    def test_whatever_happens_there_is_no_dead_end(self, seed: int) -> None:
        """The drive itself asserts it at each turn; here it draws how much there is of everything."""
        rng = np.random.default_rng(seed)
        trials, workers, length, stride = (int(rng.integers(1, most)) for most in (60, 12, 30, 4))
        nan, trouble = rng.choice([0.0, 0.1, 0.5], 2)
        drive = Drive(
            self.scheduler, seed, trials=trials, workers=workers, length=length, stride=stride, nan=nan, trouble=trouble
        )
        _all_began(drive.run(), trials)

    @pytest.mark.parametrize("seed", SEEDS)
    def test_a_fresh_scheduler_decides_alike(self, seed: int) -> None:
        drive = Drive(self.scheduler, seed, workers=1 + seed, nan=0.1, trouble=0.1, replay=0.3)
        history = drive.run()
        replayed = History(drive.space)
        replayed.extend(drive.events)
        assert history == replayed, (
            "the history is not what its events make of it: the scheduler has changed it, not read"
        )

    def test_reports_without_a_value_are_taken(self) -> None:
        _all_began(Drive(self.scheduler, 0, nan=1.0).run(), 30)

    def test_another_history_is_no_trouble(self) -> None:
        scheduler = self.scheduler()
        for seed in range(3):
            used = Drive(lambda: scheduler, seed, replay=0.1, trouble=0.1).run()
            fresh = Drive(self.scheduler, seed, replay=0.1, trouble=0.1).run()
            assert used == fresh, (
                "one scheduler, given another experiment's history, decided otherwise than a new one: what it has "
                "cached must be thrown away when the history is another; lanista.schedule.Cursor tells"
            )


def _all_began(history: History, trials: int) -> None:
    """Asserts that a run made use of all the trials that it was given."""
    assert len(history) == trials, (
        f"{trials} trials might be started, and {len(history)} were when nothing more ran: as long as slots are free, "
        "start others, since the limit on trials is not the scheduler's affair"
    )
