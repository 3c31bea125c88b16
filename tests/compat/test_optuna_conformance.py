"""Optuna's own tests of samplers, run on ours: those that every sampler of theirs passes."""

from collections.abc import Callable

import pytest

optuna = pytest.importorskip("optuna", minversion="5.0")

from optuna.testing.pytest_samplers import (  # noqa: E402  # only where there is Optuna
    BasicSamplerTestCase,
    MultiObjectiveSamplerTestCase,
    RelativeSamplerTestCase,
)

import lanista.search  # noqa: E402
from lanista.compat.optuna import to_optuna  # noqa: E402

KNOWN = (
    "Anneal",
    "Auto",
    "Bananas",
    "CMAES",
    "DE",
    "DNGO",
    "Forest",
    "GP",
    "LocalSearch",
    "NSGA2",
    "NSGA3",
    "PNAS",
    "PPO",
    "Random",
    "RegularizedEvolution",
    "Reinforce",
    "Sobol",
    "TPE",
    "TuRBO",
)
QUICK = ("Random", "TPE")
SEARCHERS = [pytest.param(name, marks=[] if name in QUICK else [pytest.mark.long]) for name in KNOWN]


@pytest.fixture(autouse=True)
def quiet() -> None:
    optuna.logging.set_verbosity(optuna.logging.WARNING)


@pytest.mark.parametrize("name", SEARCHERS, scope="class")
class TestConformance(BasicSamplerTestCase, RelativeSamplerTestCase, MultiObjectiveSamplerTestCase):
    @pytest.fixture
    def sampler(self, name: str) -> Callable[[], "optuna.samplers.BaseSampler"]:
        return lambda: to_optuna(getattr(lanista.search, name)(), seed=0)
