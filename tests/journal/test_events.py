"""Every kind of event through the rows of a store and back."""

import math
from collections.abc import Callable
from dataclasses import FrozenInstanceError
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lanista.errors import UsageError
from lanista.journal import (
    Asked,
    Checkpointed,
    Commanded,
    Created,
    Decided,
    Ended,
    Event,
    Joined,
    Left,
    Noted,
    Released,
    Reported,
    Started,
    Suggested,
    Yielded,
    from_rows,
    open_store,
    to_row,
)

times = st.floats(allow_nan=False, allow_infinity=False)
whole = st.integers(0, 2**60)
numbers = st.floats()
texts = st.text(st.characters(codec=None), max_size=8)
scalars = st.none() | st.booleans() | st.integers(-(2**70), 2**70) | numbers | texts
jsons = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3), max_leaves=6
)
values = st.dictionaries(texts, jsons, max_size=3)
metrics = st.dictionaries(texts, numbers, max_size=3)
maybe = st.none() | whole
events: st.SearchStrategy[Event] = st.one_of(
    st.builds(
        Created,
        times,
        texts,
        values,
        st.dictionaries(texts, texts, max_size=2),
        whole,
        texts,
        texts,
        texts,
        st.booleans(),
    ),
    st.builds(Joined, times, texts, texts, whole, whole, values, st.booleans(), values, st.booleans()),
    st.builds(Left, times, texts, texts),
    st.builds(Asked, times, whole, values, texts, st.none() | st.tuples(whole, whole), values),
    st.builds(Started, times, whole, whole, texts, maybe),
    st.builds(Suggested, times, whole, whole, texts, values, jsons),
    st.builds(Reported, times, whole, whole, whole, metrics, st.none() | texts),
    st.builds(Checkpointed, times, whole, whole, whole, texts),
    st.builds(Yielded, times, whole, whole, whole),
    st.builds(Released, times, whole, whole, texts, st.none() | texts),
    st.builds(Ended, times, whole, whole, texts, metrics, texts, st.none() | texts),
    st.builds(Decided, times, maybe, texts, texts, maybe),
    st.builds(Commanded, times, texts, maybe, values),
    st.builds(Noted, times, maybe, values),
)


@given(st.lists(events, max_size=5))
def test_events_come_back_from_rows_as_they_were(given: list[Event]) -> None:
    back = from_rows([to_row(event) for event in given])
    assert repr(back) == repr(given)
    assert [type(event) for event in back] == [type(event) for event in given]


def test_events_from_rows_are_as_frozen_as_others() -> None:
    (back,) = from_rows([to_row(Noted(0.0, 3, {}))])
    assert back == Noted(0.0, 3, {})
    with pytest.raises(FrozenInstanceError, match="number"):
        back.number = 4  # type: ignore[misc]


def databases(request: pytest.FixtureRequest, tmp_path: Path) -> dict[str, Callable[[], str]]:
    return {
        "sqlite": lambda: str(tmp_path / "store.db"),
        "postgresql": lambda: str(request.getfixturevalue("postgres_database")),
    }


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_the_hard_cases_come_back_from_a_database(kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    store = open_store(databases(request, tmp_path)[kind]())
    nested = {"layers": [{"width": 2**53 + 1, "act": None}, [True, "模型 \x00 \ud800 %s ?"]], "": 1e-308}
    hard: list[Event] = [
        Asked(0.5, 0, nested, parent=(3, 4)),
        Asked(0.5, 1, {"large": "x" * 200_000, "many": list(range(50_000))}),
        Reported(0.5, 0, 1, 1, {"nan": math.nan, "inf": math.inf, "-inf": -math.inf, "-0": -0.0}),
        Ended(0.5, 0, 1, "failed", error="Traceback:\n" + "é\t'\"\\" * 1000),
        Decided(0.5, None, "finish"),
    ]
    info = store.create(Created(0.25, "模型 'quoted'", {"parameters": {}}, {"loss": "min"}, 2**62))
    store.append(info.id, hard)
    store.append(info.id, hard[:1])
    assert repr(store.read(info.id, 1)) == repr([*hard, hard[0]])
    assert store.find("模型 'quoted'") == store.experiments()[0]
    store.close()


def test_a_value_that_json_cannot_hold_is_refused_by_name(tmp_path: Path) -> None:
    store = open_store(tmp_path / "store.db")
    info = store.create(Created(0.0, "test", {"parameters": {}}, {"loss": "min"}, 0))
    with pytest.raises(UsageError, match=r"'noted' of trial 3 cannot be journalled: .* type set .* give numbers"):
        store.append(info.id, [Noted(0.0, 2, {"a": 1}), Noted(0.0, 3, {"a": {1, 2}})])
    assert store.last(info.id) == 1
    store.close()
