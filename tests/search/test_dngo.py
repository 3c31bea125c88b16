from lanista.search import Searcher
from lanista.search._dngo import DNGO
from lanista.testing import DiscoveringContract, SearcherContract


class TestDNGO(SearcherContract, DiscoveringContract):
    def searcher(self) -> Searcher:
        return DNGO(startup=8)
