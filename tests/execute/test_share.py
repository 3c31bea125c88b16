"""Data that all trials use, here and in worker processes; tests/execute/test_ray.py has those of a cluster."""

import gc
import pickle
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import lanista as la
from lanista.execute import Inline, Processes
from lanista.testing import Desk
from lanista.trial import Trial

SIZES = st.lists(st.integers(0, 300), max_size=4)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where temporary files go."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def test_inline_trials_get_the_object_itself() -> None:
    value = [1, 2]
    data = la.share(value)

    def grow(trial: Trial) -> float:
        data.get().append(3)
        return 1.0

    with Desk(Inline(), grow) as desk:
        desk.run({})
    assert value == [1, 2, 3]


def test_worker_processes_map_it_read_only(folder: Path) -> None:
    data = la.share({"x": np.arange(50_000), "name": "numbers"})

    def use(trial: Trial) -> float:
        there = data.get()
        assert there is data.get()
        assert not there["x"].flags.writeable
        mapped = [line for line in Path("/proc/self/maps").read_text().splitlines() if "lanista-shared-" in line]
        assert len(mapped) == 1
        return float(there["x"].sum()) + len(there["name"])

    with Desk(Processes(1), use) as desk:
        ends = desk.run({}, {})
    assert [end.metrics["loss"] for end in ends] == [float(np.arange(50_000).sum()) + 7] * 2


@given(SIZES)
def test_whatever_is_shared_comes_back_equal(sizes: list[int]) -> None:
    value = [np.arange(size, dtype=dtype) for size in sizes for dtype in ("u1", "f8")] + ["text", {"k": None}]
    data = la.share(value)
    once = pickle.loads(pickle.dumps(data))
    twice = pickle.loads(pickle.dumps(once))
    for handle in (once, twice):
        *arrays, text, mapping = handle.get()
        assert (text, mapping) == ("text", {"k": None})
        assert all(np.array_equal(a, b) and a.dtype == b.dtype for a, b in zip(arrays, value, strict=False))


def test_the_file_goes_with_the_handle(folder: Path) -> None:
    data = la.share(np.ones(10))
    assert list(folder.iterdir()) == []
    pickle.dumps([data, data])
    assert len(list(folder.iterdir())) == 1
    del data
    gc.collect()
    assert list(folder.iterdir()) == []
