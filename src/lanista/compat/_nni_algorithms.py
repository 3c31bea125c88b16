"""NNI's tuners and assessors, and what stands for them here."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from lanista.compat._nni_schedulers import assessor, bohb, hyperband, pbt
from lanista.compat._nni_tuners import NAMES, searcher_of, tuner_of
from lanista.compat._section import Section
from lanista.errors import SpaceError
from lanista.experiment._arguments import near
from lanista.experiment._resolve import canonical
from lanista.search import Batch
from lanista.space import Choice, Params, Space

_MODES = {"maximize": "max", "minimize": "min"}


@dataclass
class Algorithms:
    """What tuner and assessor come to.

    `batch` is set where the space holds the configurations themselves, `steps` where a trial is called once for each
    of its steps and gets folders for its checkpoints.
    """

    mode: str = "max"
    searcher: Any = "tpe"
    scheduler: Any = None
    seed: int | None = None
    batch: bool = False
    steps: bool = False


def read_algorithms(top: Section, trials: int | None) -> Algorithms:
    """Reads tuner, advisor and assessor; `trials` is the limit on trials.

    Raises:
        ConfigError: one that is not there (yet), with what to take; or arguments that are wrong.
    """
    tuner, advisor, judge = top.section("tuner"), top.section("advisor"), top.section("assessor")
    if tuner.given and advisor.given:
        raise top.error("advisor", "both a tuner and an advisor stand here; an advisor is a tuner, keep one of them")
    if not tuner.given and not advisor.given:
        mend = f"write tuner: {{name: TPE}}, or another of {', '.join(NAMES)}"
        raise top.document.error((), f"the field 'tuner' is missing; {mend}")
    found = Algorithms()
    _tuner(tuner if tuner.given else advisor, "tuner" if tuner.given else "advisor", found, trials)
    if judge.given:
        if found.scheduler is not None:
            raise top.error("assessor", "the tuner decides by itself how long a trial runs; leave the assessor out")
        _assessor(judge, found)
    for section in (tuner, advisor, judge):
        section.done()
    return found


def read_batch(given: Any, found: Algorithms) -> tuple[Space, Callable[[Params], Any]]:
    """The space of the BatchTuner: one choice whose options are the configurations to run.

    Raises:
        SpaceError: it is of another form.
    """
    spec = next(iter(given.values()), None) if isinstance(given, dict) and len(given) == 1 else None
    points = spec.get("_value") if isinstance(spec, dict) and spec.get("_type") == "choice" else None
    if not isinstance(points, list) or not points or not all(isinstance(point, dict) and point for point in points):
        form = '{"combine_params": {"_type": "choice", "_value": [{...}, ...]}}'
        raise SpaceError(f"the BatchTuner takes a list of configurations, {form}")
    if any(point.keys() != points[0].keys() for point in points):
        name = next(iter(given))
        found.searcher = Batch([{name: point} for point in points])
        return Space({name: Choice(_distinct(points))}), lambda params: params[name]
    found.searcher = Batch(points)
    return Space({name: Choice(_distinct([point[name] for point in points])) for name in points[0]}), dict


def _tuner(section: Section, field: str, found: Algorithms, trials: int | None) -> None:
    name = _name(section, "Tuner" if field == "tuner" else "Advisor")
    place = section.first("name", "builtinTunerName", "builtinAdvisorName")
    arguments = section.section("classArgs")
    found.mode = _mode(arguments) or "max"
    found.seed = arguments.take("seed", kind=int)
    key = canonical(name)
    if key == "pbt":
        found.searcher, found.scheduler = pbt(arguments, trials)
        found.steps = True
    elif key in ("hyperband", "bohb"):
        found.searcher, found.scheduler = (hyperband if key == "hyperband" else bohb)(arguments)
    else:
        tuner = tuner_of(name, section, place, field)
        found.searcher = searcher_of(tuner, arguments)
        found.batch = tuner.searcher == "batch"
    arguments.ignore("algorithm_name", silent=True)
    arguments.done()


def _assessor(section: Section, found: Algorithms) -> None:
    name = _name(section, "Assessor")
    arguments = section.section("classArgs")
    mode = _mode(arguments)
    if mode not in (None, found.mode):
        raise arguments.error("optimize_mode", "the tuner goes the other way; give both the same optimize_mode")
    found.scheduler = assessor(name, section, section.first("name", "builtinAssessorName"), arguments)
    arguments.done()


def _name(section: Section, kind: str) -> str:
    """The built-in algorithm's name; one's own class is an error."""
    name: str | None = section.take("name", f"builtin{kind}Name", kind=str)
    for field in ("className", "classFileName", "codeDir", "codeDirectory"):
        if section.take(field) is not None:
            raise section.error(
                field, f"{kind.lower()}s of one's own are written in Python here; take one of {', '.join(NAMES)}"
            )
    if name is None:
        raise section.document.error(section.where, f"the {kind.lower()} has no name; write name: TPE for instance")
    section.ignore("includeIntermediateResults", "gpuIndices")
    return name


def _mode(arguments: Section) -> str | None:
    mode = arguments.take("optimize_mode", kind=str)
    if mode is None:
        return None
    if mode not in _MODES:
        raise arguments.error("optimize_mode", f"{mode!r} is no direction; {near(mode, _MODES)}")
    return _MODES[mode]


def _distinct(values: list[Any]) -> list[Any]:
    found: list[Any] = []
    for value in values:
        if not any(value == other and type(value) is type(other) for other in found):
            found.append(value)
    return found
