"""NNI's tuners and advisors by name, with what stands for each of them and for its arguments."""

from dataclasses import dataclass, field
from typing import Any

from lanista import search
from lanista.compat._section import Section
from lanista.errors import UsageError
from lanista.experiment._arguments import near
from lanista.experiment._resolve import ELSEWHERE, canonical


@dataclass(frozen=True)
class Tuner:
    """What stands for a tuner.

    Attributes:
        name: as NNI writes it.
        searcher: the searcher's name; `cls` is its class, needed where there are arguments.
        counts: arguments that are whole numbers from 1, by NNI's name, with ours.
        fixed: arguments that have one value here, with what to do about another.
        moot: arguments that make no difference here.
    """

    name: str
    searcher: str
    cls: str = ""
    counts: dict[str, str] = field(default_factory=dict)
    fixed: dict[str, tuple[Any, str]] = field(default_factory=dict)
    moot: tuple[str, ...] = ()


_TPE_ARGS = Tuner(
    "TPE",
    "tpe",
    "TPE",
    counts={"n_startup_jobs": "startup", "n_ei_candidates": "candidates"},
    moot=("gamma", "linear_forgetting", "prior_weight", "constant_liar_type"),
)
_SEEN = ("selection_num_warm_up", "selection_num_starting_points")
TUNERS = {
    "tpe": Tuner("TPE", "tpe", moot=("constant_liar_type", "parallel_optimize")),
    "random": Tuner("Random", "random"),
    "anneal": Tuner("Anneal", "anneal"),
    "evolution": Tuner("Evolution", "evolution", "RegularizedEvolution", counts={"population_size": "population"}),
    "regularizedevolution": Tuner(
        "RegularizedEvolution",
        "evolution",
        "RegularizedEvolution",
        counts={"population_size": "population", "sample_size": "sample"},
    ),
    "batch": Tuner("BatchTuner", "batch"),
    "gridsearch": Tuner("GridSearch", "grid"),
    "smac": Tuner("SMAC", "forest", moot=("config_dedup",)),
    "gp": Tuner(
        "GP",
        "gp",
        "GP",
        counts={"cold_start_num": "startup"},
        fixed={
            "utility": ("ei", "the GP here maximises the expected improvement; leave the field out"),
            "nu": (2.5, "the GP's kernel here is Matérn 5/2; leave the field out"),
        },
        moot=("kappa", "xi", "alpha", *_SEEN),
    ),
    "metis": Tuner(
        "Metis",
        "gp",
        "GP",
        counts={"cold_start_num": "startup"},
        moot=("no_resampling", "no_candidates", "exploration_probability", *_SEEN),
    ),
    "ppo": Tuner(
        "PPO",
        "ppo",
        "PPO",
        counts={"trials_per_update": "batch", "epochs_per_update": "epochs"},
        moot=("minibatch_size", "ent_coef", "lr", "vf_coef", "max_grad_norm", "gamma", "lam", "cliprange"),
    ),
    "dngo": Tuner("DNGO", "dngo", moot=("sample_size", "trials_per_update", "num_epochs_per_training")),
}
"""By `canonical` name."""
NAMES = (*(tuner.name for tuner in TUNERS.values()), "Hyperband", "BOHB", "PBT")
"""All that can be taken; the last three decide as well how long a trial runs."""


def searcher_of(tuner: Tuner, arguments: Section) -> Any:
    """The tuner's searcher: its name, or an object where arguments mean something here.

    Raises:
        ConfigError: an argument that the tuner does not have in NNI, or that has another value than there is here.
    """
    if tuner.name == "TPE" and arguments.has("tpe_args"):
        nested = arguments.section("tpe_args")
        found = _made(_TPE_ARGS, nested)
        nested.done()
    else:
        found = _made(tuner, arguments)
    arguments.ignore(*tuner.moot)
    return found


def _made(tuner: Tuner, arguments: Section) -> Any:
    read = {ours: arguments.positive(name) for name, ours in tuner.counts.items()}
    given = {name: value for name, value in read.items() if value is not None}
    for name, (value, mend) in tuner.fixed.items():
        found = arguments.take(name)
        if found is not None and found != value:
            raise arguments.error(name, f"{found!r} is not to be had: {mend}")
    arguments.ignore(*tuner.moot)
    if not given:
        return tuner.searcher
    if set(given) == {"population"}:
        given["sample"] = min(search.RegularizedEvolution().sample, given["population"])
    try:
        return getattr(search, tuner.cls)(**given)
    except UsageError as error:
        raise arguments.error(next(iter(tuner.counts)), error) from None


def tuner_of(name: str, section: Section, place: str, what: str) -> Tuner:
    """The tuner of that name.

    Raises:
        ConfigError: one that comes later, with what to take; or there is none.
    """
    key = canonical(name)
    if key in ELSEWHERE["searcher"]:
        raise section.error(place, f"the {what} {name!r}: {ELSEWHERE['searcher'][key]}")
    if key not in TUNERS:
        raise section.error(place, f"there is no {what} {name!r}; {near(name, NAMES)}")
    return TUNERS[key]
