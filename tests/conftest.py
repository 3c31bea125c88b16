"""A real PostgreSQL server for the tests that need one."""

from collections.abc import Iterator

import pytest

from tests.postgres_server import Unavailable, serving


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """The URL of a PostgreSQL server that lives as long as the test session."""
    try:
        with serving() as server:
            yield server.url
    except Unavailable as error:
        pytest.skip(str(error))
