"""The benchmark of fused training: its ways train the same models, and its pages say what was met."""

from dataclasses import replace
from math import nan

import pytest

torch = pytest.importorskip("torch")

from benchmarks.fuse import backbone, ours, plain  # noqa: E402
from benchmarks.fuse.agree import distance  # noqa: E402
from benchmarks.fuse.found import Found  # noqa: E402
from benchmarks.fuse.job import Job  # noqa: E402
from benchmarks.fuse.models import CASES  # noqa: E402
from benchmarks.fuse.page import steps_page  # noqa: E402
from benchmarks.fuse.search import Searched, middle  # noqa: E402
from benchmarks.fuse.step import measure  # noqa: E402


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Epochs of two steps."""
    torch.set_num_threads(1)
    for name, case in CASES.items():
        monkeypatch.setitem(CASES, name, replace(case, steps=2, batch=4))


@pytest.mark.parametrize("name", CASES)
def test_every_model_takes_its_data(name: str) -> None:
    job = Job(name, 1)
    x, y = job.data()
    assert job.model(0)(x[:4]).shape == (4, 10)
    assert len(x) == len(y) == 8


def test_all_ways_train_the_same_models() -> None:
    losses = []
    for way in (plain.loop, plain.vmapped, ours.stacked):
        with way(Job("MLP 32", 3)) as epoch:
            losses.append(epoch())
    assert losses[1:] == [pytest.approx(losses[0], rel=0.02)] * 2  # the order of the examples is not the same


def test_ways_are_timed_in_turns_and_failures_are_told() -> None:
    def broken(job: Job) -> None:
        raise RuntimeError("cannot")

    found = measure(Job("MLP 32", 2), {"loop": plain.loop, "broken": broken, "chosen": ours.Chosen()}, rounds=2)
    assert {way: len(seconds) for way, seconds in found.seconds.items()} == {"loop": 2, "chosen": 2}
    assert found.failed == {"broken": "RuntimeError: cannot"}
    assert found.chosen and found.setup > 0


def test_the_stacked_way_agrees_with_the_loop() -> None:
    assert max(distance(Job("MLP 32", 2, double=True), 4)) < 1e-12


def found(name: str, count: int, **seconds: float) -> Found:
    return Found(name, count, {way: [value] * 3 for way, value in seconds.items()}, chosen="stacked", setup=0.5)


def row(page: str, start: str) -> list[str]:
    (line,) = (line for line in page.splitlines() if line.startswith(f"| {start}"))
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_the_page_says_which_bars_are_met() -> None:
    each = [
        found("MLP 32", 64, loop=12.0, chosen=1.0),
        found("MLP 128", 16, loop=3.0, chosen=1.0),
        found("LeNet, small", 16, loop=1.8, chosen=2.0),
    ]
    page = steps_page(each, {}, {one.name: (1e-16, nan) for one in each}, steps=100, device="cpu")
    assert row(page, "MLP 32, 64 models")[2:] == ["12.0 times", "yes"]
    assert row(page, "MLP 128, 16 models")[2:] == ["3.00 times", "**no**"]
    assert row(page, "transformer, 16 models")[2:] == ["–", "not measured"]
    assert row(page, "the slowest of all: LeNet, small, 16 models")[2:] == ["0.90 times", "**no**"]
    assert row(page, "MLP 32 | 64")[-2:] == ["stacked", "0.5"]


def test_heads_share_their_trunk_and_copies_do_too() -> None:
    first, second = backbone.headed(2)
    copies = [backbone.copied(model) for model in (first, second)]
    shared = {id(next(model.trunk.parameters())) for model in (first, second, *copies)}
    assert len(shared) == 1
    assert len({id(model.head.weight) for model in (first, second, *copies)}) == 4


def test_a_search_tells_when_a_quality_was_reached() -> None:
    one = Searched(((1.0, 0.5), (2.0, 0.9)), seconds=3.0, epochs=7)
    assert (one.best, one.reached(0.6), one.at(1.5)) == (0.9, 2.0, 0.5)
    assert one.reached(0.95) == float("inf")
    assert middle([0.1, one.at(0.5), 0.3]) != middle([0.1, one.at(0.5), 0.3])
