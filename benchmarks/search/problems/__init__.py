"""The problems, by name; see `suites` for which of them make a suite."""

from collections.abc import Callable

from benchmarks.search.problems import bbob, pareto, tables, yahpo
from benchmarks.search.problems.base import Evaluation, Params, Problem, data

__all__ = ["Evaluation", "Params", "Problem", "data", "problem"]

FAMILIES: dict[str, Callable[[str, str], Problem]] = {
    **dict.fromkeys(yahpo.SCENARIOS, yahpo.make),
    **dict.fromkeys(tables.TABLES, tables.make),
    **dict.fromkeys(pareto.PAIRS, pareto.make),
    **dict.fromkeys(pareto.FUNCTIONS, pareto.make_function),
    "bbob": bbob.make,
}


def problem(name: str) -> Problem:
    """The problem of a name such as `lcbench/3945` or `bbob/f8-d5-i1`.

    Raises:
        SystemExit: no such family, with those there are.
    """
    family, _, instance = name.partition("/")
    if family not in FAMILIES:
        raise SystemExit(f"problem {name!r} is not known; families are: {', '.join(FAMILIES)}")
    return FAMILIES[family](family, instance)
