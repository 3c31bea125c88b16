"""Filter expressions."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lanista.errors import UsageError
from lanista.experiment._filter import Filter

ROW: dict[str, Any] = {
    "number": 3,
    "state": "completed",
    "lr": 0.01,
    "params.lr": 0.01,
    "weight-decay": 0.5,
    "momentum": None,
    "loss": float("nan"),
    "layers": [1, 2],
}


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("lr < 0.1", True),
        ("lr < 0.1 and state == 'failed'", False),
        ("state == 'failed' or number in (1, 2, 3)", True),
        ("0.001 < lr <= 0.01", True),
        ("not lr > 1", True),
        ("params.lr * 100 == 1", True),
        ("`weight-decay` >= 0.5", True),
        ("number % 2 == 1 and -number + 5 > 1", True),
        ("momentum > 0", False),
        ("momentum < 0", False),
        ("momentum == none", True),
        ("momentum is None", True),
        ("momentum + 1 > 0", False),
        ("loss < 1", False),
        ("loss != loss", True),
        ("2 in layers", True),
        ("number / 0 > 1", False),
        ("state not in ['failed', 'stopped']", True),
        ("  lr == 0.01  ", True),
        ("true", True),
    ],
)
def test_what_holds(text: str, holds: bool) -> None:
    assert Filter(text, list(ROW))(ROW) is holds


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("rl < 1", r"names 'rl', which is no column; did you mean 'lr'\?"),
        ("params.ls < 1", r"names 'params\.ls', which is no column; did you mean 'params\.lr'\?"),
        ("`weight decay` < 1", r"names 'weight decay', which is no column; did you mean 'weight-decay'\?"),
        ("lr = 1", r"is no expression .*; write == to compare"),
        ("lr <", r"is no expression"),
        ("", r"is no expression"),
        ("lr\0", r"is no expression"),
        ("len(state) > 3", r"has 'len\(state\)', which is not allowed"),
        ("(lambda: 1)()", r"which is not allowed"),
        ("state.upper() == 'X'", r"which is not allowed"),
        ("[x for x in layers]", r"which is not allowed"),
        ("layers[0] == 1", r"which is not allowed"),
        ("lr ** 9 > 1", r"has 'lr \*\* 9', which is not allowed"),
        ("f'{lr}' == ''", r"which is not allowed"),
        ("(lr := 3)", r"which is not allowed"),
        ("state < 3", r"'state < 3' does not work on 'completed' \(str\) and 3 \(int\)"),
        ("`weight-decay` < state", r"'`weight-decay` < state' does not work"),
    ],
)
def test_what_is_wrong_is_named(text: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        Filter(text, list(ROW))(ROW)


@given(a=st.floats(-5, 5), b=st.floats(-5, 5), c=st.integers(-5, 5))
def test_arithmetic_and_logic_agree_with_python(a: float, b: float, c: int) -> None:
    text = "(a < b or not c > 0) and a + b * c - 1 <= 2 and (a != c) == true"
    expected = eval(text, {"a": a, "b": b, "c": c, "true": True})
    assert Filter(text, ["a", "b", "c"])({"a": a, "b": b, "c": c}) is expected


@pytest.mark.parametrize("text", ["lr < {} / 3", "lr * {} < 1", "lr % {} < 1", "lr * 1.5 < {} * 1.5"])
def test_a_number_too_large_to_compute_with_gives_no_value(text: str) -> None:
    keep = Filter(text.format("9" * 400), ["lr"])
    assert keep({"lr": 0.1}) is False
