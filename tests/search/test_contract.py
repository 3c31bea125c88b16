"""The contract of searchers, over ours."""

from collections.abc import Mapping

import pytest

from lanista.search import (
    BOHB,
    CMAES,
    DE,
    GP,
    NSGA2,
    NSGA3,
    TPE,
    Anneal,
    Auto,
    Batch,
    Grid,
    Random,
    RegularizedEvolution,
    Searcher,
    Sobol,
    TuRBO,
)
from lanista.search.gaussian._maximise import Effort
from lanista.space import Space
from lanista.testing import SPACES, DiscoveringContract, SearcherContract


class Quick:
    """Gaussian processes that are fitted and searched little: the contract is about sense, not about quality.

    The long tests run it with all of the effort, and on all spaces.
    """

    @pytest.fixture(autouse=True)
    def little_effort(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("lanista.search.gaussian._process.STEPS", 6)
        monkeypatch.setattr("lanista.search.gaussian._session.EFFORT", Effort(60, 40, 2, 4))


class TestRandom(SearcherContract, DiscoveringContract):
    def searcher(self) -> Searcher:
        return Random()


class TestSobol(SearcherContract, DiscoveringContract):
    def searcher(self) -> Searcher:
        return Sobol()


class TestGrid(SearcherContract, DiscoveringContract):
    def searcher(self) -> Searcher:
        return Grid(points=3)


class TestBatch(SearcherContract):
    def searcher(self) -> Searcher:
        return Batch([SPACES["numeric"].defaults() | {"x": i / 4} for i in range(20)])

    def spaces(self) -> Mapping[str, Space]:
        return {"numeric": SPACES["numeric"]}

    def test_constraints_that_nothing_meets_are_named(self) -> None:
        """A configuration that breaks a constraint is refused by its index: see test_lists.py."""


class TestTPE(SearcherContract, DiscoveringContract):
    def searcher(self) -> Searcher:
        return TPE()


class TestTPEEager(SearcherContract):
    def searcher(self) -> Searcher:
        return TPE(startup=1, candidates=1, good_share=0.9)

    def spaces(self) -> Mapping[str, Space]:
        return {name: SPACES[name] for name in ("numeric", "conditional", "constrained")}


class TestGP(Quick, SearcherContract, DiscoveringContract):
    def searcher(self) -> Searcher:
        return GP()

    def spaces(self) -> Mapping[str, Space]:
        return {name: space for name, space in SPACES.items() if name != "numeric"}


class TestGPWarped(Quick, SearcherContract):
    def searcher(self) -> Searcher:
        return GP(startup=1, warp=True)

    def spaces(self) -> Mapping[str, Space]:
        return {name: SPACES[name] for name in ("numeric", "conditional")}


class TestTuRBO(Quick, SearcherContract, DiscoveringContract):
    def searcher(self) -> Searcher:
        return TuRBO(startup=4)

    def spaces(self) -> Mapping[str, Space]:
        return {name: space for name, space in SPACES.items() if name not in ("numeric", "discrete")}


class TestAuto(Quick, SearcherContract, DiscoveringContract):
    """What it hands on to is the others', whose contracts are run above."""

    def searcher(self) -> Searcher:
        return Auto()

    def spaces(self) -> Mapping[str, Space]:
        return {name: space for name, space in SPACES.items() if name not in ("numeric", "discrete")}


@pytest.mark.long
class TestGPWithAllEffort(SearcherContract, DiscoveringContract):
    def searcher(self) -> Searcher:
        return GP()


@pytest.mark.long
class TestGPWarpedWithAllEffort(SearcherContract):
    def searcher(self) -> Searcher:
        return GP(startup=1, warp=True)

    def spaces(self) -> Mapping[str, Space]:
        return {name: SPACES[name] for name in ("numeric", "conditional", "constrained")}


@pytest.mark.long
class TestTuRBOWithAllEffort(SearcherContract, DiscoveringContract):
    def searcher(self) -> Searcher:
        return TuRBO(startup=4)


@pytest.mark.long
class TestAutoWithAllEffort(SearcherContract, DiscoveringContract):
    def searcher(self) -> Searcher:
        return Auto()


class TestRegularizedEvolution(SearcherContract, DiscoveringContract):
    def searcher(self) -> Searcher:
        return RegularizedEvolution(population=8, sample=3)


class TestAnneal(SearcherContract, DiscoveringContract):
    def searcher(self) -> Searcher:
        return Anneal()


class TestDE(SearcherContract, DiscoveringContract):
    def searcher(self) -> Searcher:
        return DE(population=6)


class TestCMAES(SearcherContract, DiscoveringContract):
    def searcher(self) -> Searcher:
        return CMAES(population=4)


class TestNSGA2(SearcherContract, DiscoveringContract):
    def searcher(self) -> Searcher:
        return NSGA2(population=8)


class TestNSGA3(SearcherContract, DiscoveringContract):
    def searcher(self) -> Searcher:
        return NSGA3(population=8)


class TestBOHB(SearcherContract, DiscoveringContract):
    def searcher(self) -> Searcher:
        return BOHB()
