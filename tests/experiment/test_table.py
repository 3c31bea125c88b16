"""The table of many trials says what row by row would."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import lanista as la
from lanista.errors import UsageError
from lanista.experiment._filter import Filter
from lanista.experiment._table import Table

SPACE = {
    "lr": la.Float(0, 1),
    "layers": la.Int(1, 9),
    "opt": la.Choice({"sgd": {"momentum": la.Float(0, 1)}, "adam": {}}),
    "size": la.Choice([1, "auto", None]),
}


@pytest.fixture(scope="module")
def experiment() -> la.Experiment:
    made = la.Experiment("tabled", SPACE, "loss", store="memory", seed=3, searcher="random")
    for number, params in enumerate(made.suggest_next(60)):
        state: Any = ["completed", "failed", "stopped"][number % 3]
        made.add(params, {"loss": number / 7, **({"acc": float(number)} if number % 2 else {})}, state=state)
    return made


ATOMS = st.sampled_from(
    [
        "lr < 0.5",
        "0.2 < lr <= 0.8",
        "layers == 3",
        "layers in (1, 2, 9)",
        "layers not in [1, 2]",
        "momentum > 0.5",
        "momentum == none",
        "momentum != momentum",
        "not momentum",
        "lr",
        "opt == 'sgd'",
        "opt in ['adam', 'x']",
        "opt != state",
        "state < 'm'",
        "size == 1",
        "size == 'auto'",
        "size is none",
        "acc / layers > 2",
        "layers % 2 == 1",
        "1 / (layers - 3) > 0",
        "-lr + 1 < momentum",
        "number >= 30",
        "opt == 'sgd' and lr > 0.1",
        "lr == 'x'",
        "lr == true",
        "layers is none",
        "true",
        "tags == []",
    ]
)
EXPRESSIONS = st.recursive(
    ATOMS,
    lambda below: st.one_of(
        st.builds("({} and {})".format, below, below),
        st.builds("({} or {})".format, below, below),
        st.builds("not ({})".format, below),
    ),
    max_leaves=6,
)


@given(text=EXPRESSIONS)
def test_a_filter_of_columns_keeps_what_it_keeps_row_by_row(experiment: la.Experiment, text: str) -> None:
    table = Table(experiment.history)
    names = [*table.columns.names(), *table.columns.short()]
    keep = Filter(text, names)
    raw = {name: table.columns.raw(table.full(name)) for name in names}
    expected = [n for n in range(60) if keep({name: values[n] for name, values in raw.items()})]
    assert table.select(text).tolist() == expected


@pytest.mark.parametrize("text", ["lr < 'x'", "opt < 3", "state * 2 == 'x'", "rl < 1", "'a' * 9 == opt", "[1] * 9"])
def test_what_is_wrong_is_named(experiment: la.Experiment, text: str) -> None:
    with pytest.raises(UsageError, match=r"does not work on|which is no column"):
        Table(experiment.history).select(text)


@pytest.mark.parametrize(
    "text", ["(" * 500 + "1" + ")" * 500, "not " * 450 + "1", "-" * 1500 + "1", ".".join(["a"] * 900), "1" * 3000]
)
def test_an_expression_that_is_made_to_hurt_is_refused(experiment: la.Experiment, text: str) -> None:
    with pytest.raises(UsageError, match=r"the filter"):
        Table(experiment.history).select(text)


def test_sorting_puts_what_has_no_value_last_either_way(experiment: la.Experiment) -> None:
    table = Table(experiment.history)
    momentum = table.columns.raw("params.momentum")
    up, down = table.select(None, "momentum").tolist(), table.select(None, "-momentum").tolist()
    known = [n for n in range(60) if momentum[n] is not None]
    assert up == [*sorted(known, key=momentum.__getitem__), *(n for n in range(60) if momentum[n] is None)]
    assert down[: len(known)] == up[: len(known)][::-1]
    assert down[len(known) :] == up[len(known) :]


def test_sorting_by_words_goes_by_their_text(experiment: la.Experiment) -> None:
    table = Table(experiment.history)
    states = [table.columns.raw("state")[n] for n in table.select(None, "state").tolist()]
    assert states == sorted(states)
    with pytest.raises(UsageError, match="there is no column 'lrr'; did you mean 'lr'"):
        table.select(None, "-lrr")


def test_the_table_follows_the_history() -> None:
    experiment = la.Experiment("grows", {"x": la.Float(0, 1)}, "loss", store="memory")
    table = Table(experiment.add({"x": 0.5}, 1.0).history)
    assert table.select("x < 0.6").tolist() == [0]
    experiment.add({"x": 0.1}, 2.0)
    assert table.select("x < 0.6", "-value").tolist() == [1, 0]


def test_parameters_that_are_found_by_running_come_into_the_table() -> None:
    experiment = la.Experiment("found", metric="loss", store="memory", seed=0)
    experiment.run(lambda trial: trial.suggest_float("x", 0, 1), trials=3, progress=False)
    table = Table(experiment.history)
    assert len(table.select("x >= 0")) == 3
    experiment.run(lambda trial: trial.suggest_float("y", 0, 1), trials=5, progress=False)
    assert table.select("y >= 0").tolist() == [3, 4]
    assert len(table.select("x == none")) == 2
