"""A thousand simulated workers: the seconds of a simulation, the cost of a decision, and idle workers."""

import json
import time
from typing import Any

import lanista as la
from benchmarks.schedule import traces
from lanista.journal import Asked, Ended, Event, History, Released, Reported, Started, Yielded
from lanista.schedule import Action, Report
from lanista.schedule import Event as SchedulerEvent

WORKERS, TRIALS = 1000, 20_200  # which makes a little more than 300,000 reports
SPACE = {"lr": la.Float(1e-5, 1e-1, log=True), "noise": la.Float(0, 1), "slow": la.Float(1, 2)}
RESULT = traces.FOLDER / "scale.json"


def cost(params: dict[str, Any], step: int) -> tuple[float, float]:
    """An invented curve; trials differ in how long their steps take, so that reports come in one by one."""
    return params["lr"] + params["noise"] / step, 30.0 * params["slow"]


class Timed:
    """A scheduler with a stopwatch: the seconds of all that it decides, and the reports, by hundreds of trials."""

    def __init__(self, scheduler: la.Scheduler) -> None:
        self._scheduler = scheduler
        self.fidelity = None
        self.seconds: dict[int, float] = {}
        self.reports: dict[int, int] = {}

    def on(self, history: History, event: SchedulerEvent) -> list[Action]:
        """Decides as the scheduler does."""
        begin = time.perf_counter()
        actions = self._scheduler.on(history, event)
        takes = time.perf_counter() - begin
        size = len(history) // 1000
        self.seconds[size] = self.seconds.get(size, 0.0) + takes
        self.reports[size] = self.reports.get(size, 0) + isinstance(event, Report)
        return actions

    def microseconds(self, thousand: int) -> float:
        """What was decided between so many thousand trials and the next, over the reports that came in then."""
        return 1e6 * self.seconds.get(thousand, 0.0) / max(1, self.reports.get(thousand, 0))


class Idle:
    """Worker-seconds of idleness while there are configurations left to try, and the share of all worker-seconds."""

    def __init__(self, workers: int, trials: int) -> None:
        self.workers, self.trials = workers, trials
        self.running: set[int] = set()
        self.asked = self.reports = 0
        self.begun = self.time = 0.0
        self.seconds = 0.0

    def __call__(self, experiment: la.Experiment, event: Event) -> None:
        """Counts the time since the last event, and what this one changes."""
        self.begun = self.begun or event.time
        if self.asked and self.asked < self.trials:
            self.seconds += (event.time - self.time) * (self.workers - len(self.running))
        self.time = event.time
        if isinstance(event, Asked):
            self.asked += 1
        if isinstance(event, Asked | Started):
            self.running.add(event.number)
        elif isinstance(event, Ended | Yielded | Released):
            self.running.discard(event.number)
        self.reports += isinstance(event, Reported)


def case(form: str, *, workers: int, trials: int, timed: bool = False) -> dict[str, Any]:
    """One simulation with ASHA."""
    scheduler: Any = la.ASHA(27, min_steps=9, form=form)  # type: ignore[arg-type]
    watched = Timed(scheduler)
    idle = Idle(workers, trials)
    experiment = la.Experiment(
        "scale",
        SPACE,
        metric="loss",
        searcher="random",
        scheduler=watched if timed else scheduler,
        store="memory",
        seed=0,
    )
    wall, cpu = time.perf_counter(), time.process_time()
    la.simulate(experiment, cost, workers, trials=trials, callbacks=[idle])
    return {
        "form": form,
        "workers": workers,
        "trials": len(experiment.trials),
        "reports": idle.reports,
        "wall": time.perf_counter() - wall,
        "cpu": time.process_time() - cpu,
        "virtual_hours": (idle.time - idle.begun) / 3600,
        "idle_seconds": idle.seconds,
        "decision": {str(n): watched.microseconds(n) for n in sorted(watched.reports) if watched.reports[n]},
    }


def measure(trials: int = TRIALS) -> dict[str, Any]:
    """The simulation without a stopwatch; then, for each form, decisions with one, until after 10,000 trials."""
    found = {"simulation": case("stopping", workers=WORKERS, trials=trials)}
    for form in ("stopping", "promotion"):
        found[form] = case(form, workers=WORKERS, trials=min(trials, 12_000), timed=True)
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(json.dumps(found, indent=1), encoding="utf-8")
    return found


def scale() -> int:
    """Measures and prints."""
    found = measure()
    one = found["simulation"]
    print(
        f"{one['workers']:,} workers, {one['trials']:,} trials, {one['reports']:,} reports "
        f"({one['virtual_hours']:.1f} virtual hours): {one['wall']:.1f} s, CPU {one['cpu']:.1f} s"
    )
    for form in ("stopping", "promotion"):
        case_ = found[form]
        told = ", ".join(f"{n},000: {us:.0f}" for n, us in case_["decision"].items())
        print(f"{form}: idle worker-seconds {case_['idle_seconds']:.3f}; µs of decisions a report by trials: {told}")
    return 0
