"""NNI's algorithms that decide how long a trial runs, with what stands for each of them and for its arguments."""

import math
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from lanista.compat._section import Section
from lanista.compat.nni.trial import BUDGET
from lanista.errors import UsageError
from lanista.experiment._arguments import near
from lanista.journal import History
from lanista.schedule import PBT, Action, CurveFitting, Event, Extend, Fidelity, HyperBand, MedianStopping, Stop
from lanista.search import BOHB

ASSESSORS = ("Medianstop", "Curvefitting")
EXEC_MODES = ("parallelism", "serial")

T = TypeVar("T")


class Curvefitting(CurveFitting):
    """NNI's assessor: it stops trials, but the end of a good one is its script's own, also after the last step."""

    def on(self, history: History, event: Event) -> list[Action]:
        """Fills free slots and judges reports."""
        found = super().on(history, event)
        return [action for action in found if not (isinstance(action, Stop) and action.state == "completed")]


class Generations(PBT):
    """NNI's PBT: a member's command runs anew for each step, from the checkpoint of the step before."""

    @property
    def fidelity(self) -> Fidelity:
        """The steps, as levels at which the command is called."""
        return Fidelity("generation", 1, self.max_steps)

    def on(self, history: History, event: Event) -> list[Action]:
        """Judges members after each step; nobody runs on without a pause."""
        return [action for action in super().on(history, event) if not isinstance(action, Extend)]


def hyperband(arguments: Section) -> tuple[Any, HyperBand]:
    """The searcher and the scheduler for the advisor Hyperband."""
    limit, eta = arguments.positive("R") or 60, arguments.positive("eta") or 3
    mode = arguments.take("exec_mode", kind=str)
    if mode is not None and mode not in EXEC_MODES:
        raise arguments.error("exec_mode", f"{mode!r} is no mode; {near(mode, EXEC_MODES)}")
    if mode == "serial":
        arguments.note("ignored: exec_mode serial; workers that are free begin the next bracket")
    lowest = limit // eta ** math.floor(math.log(limit, eta) + 1e-9) if eta > 1 else 1
    return "random", _made(
        HyperBand, arguments, {"reduction": "eta"}, _budget(arguments, "R", lowest, limit), reduction=eta
    )


def bohb(arguments: Section) -> tuple[Any, HyperBand]:
    """The searcher and the scheduler for the advisor BOHB."""
    low, high = arguments.positive("min_budget") or 1, arguments.positive("max_budget") or 3
    eta = arguments.positive("eta") or 3
    good = arguments.number("top_n_percent")
    given = {
        "candidates": arguments.positive("num_samples"),
        "random_share": arguments.number("random_fraction"),
        "good_share": None if good is None else good / 100,
    }
    if arguments.take("config_space") is not None:
        raise arguments.error("config_space", "the space is read from the search space alone; leave the field out")
    arguments.ignore("min_points_in_model", "bandwidth_factor", "min_bandwidth")
    names = {"candidates": "num_samples", "random_share": "random_fraction", "good_share": "top_n_percent"}
    searcher = _made(BOHB, arguments, names, **{name: value for name, value in given.items() if value is not None})
    fidelity = _budget(arguments, "min_budget", low, high)
    return searcher, _made(HyperBand, arguments, {"reduction": "eta"}, fidelity, reduction=eta)


def pbt(arguments: Section, trials: int | None) -> tuple[Any, Generations]:
    """The searcher and the scheduler for the tuner PBT; `trials` is how many steps NNI makes in all."""
    members = arguments.positive("population_size") or 10
    factor = arguments.number("factor")
    factor = 0.2 if factor is None else factor
    given = {"resample": arguments.number("resample_probability"), "quantile": arguments.number("fraction")}
    arguments.ignore("all_checkpoint_dir", advice="checkpoints are kept in the folders of the trials")
    if trials is None:
        mend = "write maxTrialNumber: population_size times the number of steps"
        raise arguments.document.error((), f"PBT needs to know how many steps its members have; {mend}")
    names = {
        "population": "population_size",
        "perturb": "factor",
        "resample": "resample_probability",
        "quantile": "fraction",
    }
    return "random", _made(
        Generations,
        arguments,
        names,
        math.ceil(trials / members),
        population=members,
        interval=1,
        perturb=(1 - factor, 1 + factor),
        **{name: value for name, value in given.items() if value is not None},
    )


def assessor(name: str, section: Section, place: str, arguments: Section) -> Any:
    """The scheduler for an assessor.

    Raises:
        ConfigError: there is none of that name; or an argument is wrong.
    """
    if name.lower() == "medianstop":
        start = arguments.take("start_step", kind=int)
        arguments.ignore(*arguments.left())
        return MedianStopping() if start is None else MedianStopping(grace_steps=max(start, 0))
    if name.lower() != "curvefitting":
        raise section.error(place, f"there is no assessor {name!r}; {near(name, ASSESSORS)}")
    epochs, start = arguments.positive("epoch_num") or 20, arguments.take("start_step", kind=int)
    given = {"interval": arguments.positive("gap") or 1, "threshold": arguments.number("threshold")}
    grace = 5 if start is None else max(start - 1, 0)
    used = {name: value for name, value in given.items() if value is not None}
    return _made(Curvefitting, arguments, {"threshold": "threshold"}, epochs, grace_steps=grace, **used)


def _budget(arguments: Section, name: str, low: int, high: int) -> Fidelity:
    """The budgets that NNI gives to a trial as a parameter."""
    try:
        return Fidelity(BUDGET, low, high, log=True)
    except UsageError as error:
        raise arguments.error(name, error) from None


def _made(call: Callable[..., T], arguments: Section, names: Mapping[str, str], *given: Any, **named: Any) -> T:
    """Calls; what it refuses is an error at the place of NNI's name for it, which `names` has by ours."""
    try:
        return call(*given, **named)
    except UsageError as error:
        guilty = next((nni for ours, nni in names.items() if f"{ours}=" in str(error)), next(iter(names.values())))
        raise arguments.error(guilty, error) from None
