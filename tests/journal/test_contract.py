"""The contract of stores, over ours."""

from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from lanista.journal import MemoryStore, Store, open_store
from lanista.testing import StoreContract
from lanista.testing._stores import Opener


def closed_at_the_end(where: str) -> Iterator[Opener]:
    with ExitStack() as stack:

        def opener() -> Store:
            return stack.enter_context(closing(open_store(where)))

        yield opener


class TestMemory(StoreContract):
    @pytest.fixture
    def opener(self) -> Opener:
        store = MemoryStore()
        return lambda: store


class TestSQLite(StoreContract):
    @pytest.fixture
    def opener(self, tmp_path: Path) -> Iterator[Opener]:
        yield from closed_at_the_end(str(tmp_path / "store.db"))


class TestPostgreSQL(StoreContract):
    @pytest.fixture
    def opener(self, postgres_database: str) -> Iterator[Opener]:
        yield from closed_at_the_end(postgres_database)
