"""The contract of searchers, over ours."""

from collections.abc import Mapping

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
from lanista.space import Space
from lanista.testing import SPACES, DiscoveringContract, SearcherContract


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


class TestGP(SearcherContract, DiscoveringContract):
    def searcher(self) -> Searcher:
        return GP()


class TestGPWarped(SearcherContract):
    def searcher(self) -> Searcher:
        return GP(startup=1, warp=True)

    def spaces(self) -> Mapping[str, Space]:
        return {name: SPACES[name] for name in ("numeric", "conditional", "constrained")}


class TestTuRBO(SearcherContract, DiscoveringContract):
    def searcher(self) -> Searcher:
        return TuRBO(startup=4)


class TestAuto(SearcherContract, DiscoveringContract):
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
