"""A seed fixes the proposals, however many threads linear algebra may have."""

import os
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from lanista.search import CMAES, DNGO, GP, TPE, Searcher, TuRBO
from lanista.search._threads import one_thread
from lanista.space import Float, Space
from lanista.testing import Story

pytest.importorskip("scipy.linalg")  # has a BLAS of its own
threadpoolctl = pytest.importorskip("threadpoolctl")
PROPOSE = """
import numpy as np
from lanista.search import GP
from lanista.space import Float, Space
from lanista.testing import Story

space = Space({f"x{i}": Float(0, 1) for i in range(12)})
story = Story(space)
for params in space.sample(np.random.default_rng(0), 150):
    story.end(story.start(params), "completed", sum((x - 0.3) ** 2 for x in params.values()))
print(GP().ask(story.history, 2, np.random.default_rng(0)))
"""


def proposed(threads: str | None) -> str:
    environment = {k: v for k, v in os.environ.items() if k not in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")}
    if threads is not None:
        environment |= {"OPENBLAS_NUM_THREADS": threads, "OMP_NUM_THREADS": threads}
    command = [sys.executable, "-c", PROPOSE]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout


@pytest.mark.skipif((os.cpu_count() or 1) < 2, reason="with one core there is one thread")
def test_the_number_of_cores_changes_no_proposal() -> None:
    assert proposed(None) == proposed("1") != ""


def threads() -> set[int]:
    return {library["num_threads"] for library in threadpoolctl.threadpool_info() if library["user_api"] == "blas"}


@pytest.mark.parametrize("searcher", [GP(), TuRBO(), DNGO(), TPE(), CMAES()])
def test_what_runs_beside_a_searcher_keeps_its_threads(searcher: Searcher) -> None:
    if isinstance(searcher, CMAES):
        pytest.importorskip("cmaes")
    meanwhile = []

    def watched(params: Mapping[str, Any]) -> bool:
        meanwhile.append(threads())
        return True

    story = Story(Space({"x": Float(0, 1)}).where(watched))
    with threadpoolctl.threadpool_limits(2, user_api="blas"):
        before = threads()
        assert searcher.ask(story.history, 1, np.random.default_rng(0))
        assert meanwhile[-1] == {1}
        assert threads() == before


def test_limits_within_limits_end_with_the_last() -> None:
    with threadpoolctl.threadpool_limits(2, user_api="blas"):
        before, first, second = threads(), one_thread(), one_thread()
        first.__enter__()
        second.__enter__()
        first.__exit__(None, None, None)
        assert threads() == {1}
        second.__exit__(None, None, None)
        assert threads() == before


def test_an_error_lifts_the_limit() -> None:
    with threadpoolctl.threadpool_limits(2, user_api="blas"):
        before = threads()
        with pytest.raises(ValueError, match="gone"), one_thread():
            raise ValueError("gone")
        assert threads() == before
