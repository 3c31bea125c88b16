"""Searchers and schedulers are shown as the call that makes them."""

import inspect
from typing import Any

import pytest

import lanista as la
from lanista import schedule, search

SHOWN = [
    (la.FIFO(), "FIFO()"),
    (la.ASHA(9), "ASHA(max_steps=9)"),
    (la.ASHA(9, form="promotion"), "ASHA(max_steps=9, form='promotion')"),
    (la.ASHA(la.Fidelity("rows", 1, 9)), "ASHA(max_steps=Fidelity(name='rows', low=1, high=9, log=False))"),
    (la.PBT(100), "PBT(max_steps=100)"),
    (la.PB2(100, interval=5), "PB2(max_steps=100, interval=5)"),
    (la.Threshold("loss", above=10), "Threshold(metric='loss', above=10)"),
    (la.Combined(la.ASHA(9), la.Plateau(3)), "Combined(ASHA(max_steps=9), Plateau(patience=3))"),
    (search.TPE(), "TPE()"),
    (search.Grid(3), "Grid(points=3)"),
]


@pytest.mark.parametrize(("made", "code"), SHOWN, ids=[code for _, code in SHOWN])
def test_the_call_that_makes_it(made: Any, code: str) -> None:
    assert repr(made) == code


def test_what_is_shown_can_be_read_back() -> None:
    for made, code in SHOWN:
        assert repr(eval(code, {**vars(schedule), **vars(search)})) == repr(made)


@pytest.mark.parametrize(
    ("package", "method", "protocol"), [(search, "ask", search.Searcher), (schedule, "on", schedule.Scheduler)]
)
def test_all_of_ours_are_shown_so(package: Any, method: str, protocol: type) -> None:
    ours = [getattr(package, name) for name in package.__all__]
    made = [each for each in ours if inspect.isclass(each) and hasattr(each, method) and each is not protocol]
    assert made
    assert [each.__name__ for each in made if each.__repr__ is object.__repr__] == []
