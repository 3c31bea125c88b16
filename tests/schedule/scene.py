"""Histories told in a few words."""

from collections.abc import Callable

from lanista.journal import Asked, Created, Ended, History, Released, Reported, Started, Yielded
from lanista.schedule import Action, Report, Resume, Scheduler, Slots, Start, Stop
from lanista.space import Space


class Scene:
    """A history to which trials and their reports are added, and what the scheduler says to it."""

    def __init__(self, scheduler: Scheduler, mode: str = "min") -> None:
        self.scheduler = scheduler
        self.history = History()
        self.history.extend([Created(0.0, "scene", Space({}).to_json(), {"loss": mode}, 0)])

    def start(self, count: int = 1, budget: int | None = None) -> None:
        for _ in range(count):
            number = len(self.history)
            self.history.extend([Asked(0.0, number, {}), Started(0.0, number, 1, "me", budget)])

    def report(self, trial: int, step: int, loss: float) -> list[Action]:
        self.history.extend([Reported(0.0, trial, self.history.attempt(trial), step, {"loss": loss})])
        return self.scheduler.on(self.history, Report(trial, step, {"loss": loss}))

    def pause(self, trial: int) -> None:
        self.history.extend([Yielded(0.0, trial, self.history.attempt(trial), int(self.history.steps[trial]))])

    def lose(self, trial: int) -> None:
        attempt = self.history.attempt(trial)
        self.history.extend([Released(0.0, trial, attempt, "lost"), Started(0.0, trial, attempt + 1, "me")])

    def resume(self, trial: int, budget: int | None = None) -> None:
        self.history.extend([Started(0.0, trial, self.history.attempt(trial) + 1, "me", budget)])

    def end(self, trial: int, state: str = "completed") -> None:
        self.history.extend([Ended(0.0, trial, self.history.attempt(trial), state)])

    def slots(self, free: int) -> list[Action]:
        return self.scheduler.on(self.history, Slots(free))

    def resumed(self, free: int) -> list[int]:
        """The trials that free slots go to, before new ones."""
        return [action.trial for action in self.slots(free) if isinstance(action, Resume)]


def stopped(actions: list[Action]) -> bool:
    """Whether the trial that just reported is to end as stopped."""
    return any(isinstance(action, Stop) and action.state == "stopped" for action in actions)


def play(scheduler: Scheduler, curve: Callable[[int, int], float], trials: int) -> Scene:
    """Runs up to `trials` trials, one after the other, that report `curve(trial, step)` at each step."""
    scene = Scene(scheduler)
    h = scene.history
    while True:
        for action in (actions := scene.slots(1)):
            if isinstance(action, Stop):
                scene.end(action.trial, action.state)
        given = (a for a in actions if isinstance(a, Resume) or (isinstance(a, Start) and len(h) < trials))
        match next(given, None):
            case Start(budget):
                scene.start(1, budget)
            case Resume(number, budget):
                scene.resume(number, budget)
            case None:
                return scene
        trial = h.running[0]
        while h.running and h.steps[trial] < (h.budget(trial) or 0):
            for answer in scene.report(trial, int(h.steps[trial]) + 1, curve(trial, int(h.steps[trial]) + 1)):
                assert isinstance(answer, Stop)
                scene.end(answer.trial, answer.state)
        if h.running:
            scene.pause(trial)
