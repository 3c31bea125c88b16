from lanista.search import Searcher
from lanista.search._forest import Forest
from lanista.testing import DiscoveringContract, SearcherContract


class TestForest(SearcherContract, DiscoveringContract):
    def searcher(self) -> Searcher:
        return Forest()
