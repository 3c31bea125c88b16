"""Every mistake in a space is told with its value, its place and its mend."""

import math
import re
from typing import Any

import numpy as np
import pytest

from lanista.errors import SpaceError, UnsatisfiableError
from lanista.space import Choice, Float, Int, Normal, Permutation, Space, Subset

WRONG_DOMAINS: dict[str, tuple[Any, str]] = {
    "low above high": (lambda: Float(2, 1), r"Float\(2, 1\): low is above high; swap them"),
    "int low above high": (lambda: Int(2, 1), r"Int\(2, 1\): low is above high; swap them: \(1, 2\)"),
    "low equals high": (lambda: Float(1, 1), "low equals high; write the constant 1.0"),
    "log at zero": (lambda: Float(0, 1, log=True), "log=True needs a positive low, got 0.0"),
    "log below zero": (lambda: Int(-3, 5, log=True), "log=True needs a positive low, got -3"),
    "infinite bound": (lambda: Float(0, math.inf), r"high of Float\(0, inf\) must be finite, got inf"),
    "nan bound": (lambda: Float(math.nan, 1), r"low of Float\(nan, 1\) must be finite, got nan"),
    "huge bound": (lambda: Float(0, 10**400), "must be finite, got 1000"),
    "text bound": (lambda: Float("0", 1), "low of Float.* must be a number, got '0' of type str"),
    "bool bound": (lambda: Float(False, 1), "low of Float.* must be a number, got False"),
    "fraction in int": (lambda: Int(0.5, 3), "low of Int.* must be a whole number, got 0.5; use Float"),
    "range too wide": (lambda: Float(-1.7e308, 1.7e308), "wider than a float can hold"),
    "int too large": (lambda: Int(0, 2**60), "may not pass 2\\*\\*53"),
    "zero step": (lambda: Float(0, 1, step=0), "step of Float.* must be positive, got 0"),
    "step too wide": (lambda: Float(0, 1, step=2), "step=2.0 is wider than the range"),
    "step too fine": (lambda: Float(0, 1e9, step=1e-9), "more than 2\\*\\*50 values; leave the step out"),
    "int step": (lambda: Int(0, 4, step=0), "step=0 must be at least 1"),
    "default outside": (lambda: Float(0, 1, default=2), "default=2: 2 is outside .*; give a default inside"),
    "default off step": (lambda: Int(0, 4, step=2, default=3), "default=3: 3 is not on a step .* below it is 2"),
    "default no option": (lambda: Choice(["a"], default="b"), "default='b': 'b' is not an option; choose one of 'a'"),
    "std": (lambda: Normal(0, 0), "std of Normal.* must be positive, got 0"),
    "normal too wide": (lambda: Normal(0, 1000, log=True), "leave the range of a float; make mean or std smaller"),
    "no options": (lambda: Choice([]), "Choice: the list of options is empty; give at least one"),
    "no dict options": (lambda: Choice({}), "Choice: the list of options is empty"),
    "log too long": (lambda: Int(1, 2**41, log=True), "with log=True a bound may be at most 2\\*\\*40 steps"),
    "normal step": (lambda: Normal(0, 5, log=True, step=0.1), "step=0.1 is too fine for this range; leave it out"),
    "twice": (lambda: Choice(["a", "b", "a"]), "Choice: option 'a' equals 'a', given before; remove one"),
    "equal numbers": (lambda: Choice([1, 1.0]), "option 1.0 equals 1, given before"),
    "equal lists": (lambda: Choice([[1], [1.0]]), r"option \[1.0\] equals \[1\]"),
    "tuple option": (lambda: Choice([(3, 3)]), r"option \(3, 3\) is a tuple.*write it as a list"),
    "object option": (lambda: Choice([len]), "option <built-in.* is not a JSON value; use a string that names it"),
    "nan option": (lambda: Choice([math.nan]), "option nan is not a JSON value; use a finite number"),
    "set of options": (lambda: Choice({"a", "b"}), "must have a lasting order, got .*; write a list"),
    "text as options": (lambda: Choice("abc"), r"options must be a list, got 'abc'; write \['abc'\]"),
    "number as options": (lambda: Choice(3), "options must be a list, got 3"),
    "number keys": (lambda: Choice([{1: 2}]), "1 is not a JSON value's key"),
    "children no dict": (lambda: Choice({"sgd": None}), "below option 'sgd' stands None; give a dict .*{} for none"),
    "subset sizes": (lambda: Subset(["a"], min=2), "0 <= min <= max <= 1 must hold, got min=2, max=None"),
    "subset twice": (lambda: Subset([1, 1]), "Subset: item 1 equals 1, given before"),
    "permutation empty": (lambda: Permutation([]), "Permutation: the list of items is empty"),
}

WRONG_TREES: dict[str, tuple[Any, str]] = {
    "no dict": ([1], r"a space is a dict of name: domain, got \[1\]"),
    "name no text": ({1: Float(0, 1)}, "the parameter name 1 is a int; names are strings"),
    "empty name": ({"": Float(0, 1)}, "a parameter name is empty"),
    "name below": ({"o": Choice({"a": {2: Int(0, 1)}})}, "the parameter name 2 below 'o=a' is a int"),
    "tuple": ({"lr": (0.1, 0.2)}, r"'lr' is neither a domain .* nor a constant: \(0.1, 0.2\) is a tuple"),
    "object": ({"lr": object()}, "'lr' is neither a domain .*of type object is not a JSON value"),
    "class": ({"lr": Float}, r"'lr' is the class Float; call it with its arguments: Float\(...\)"),
    "nested dict": ({"net": {"lr": Float(0, 1)}}, r"'net' is a dict of domains; .* Choice\({option: {...}}\)"),
    "below": ({"o": Choice({"a": {"x": {1, 2}}})}, "'o=a/x' is neither a domain"),
    "clash up": ({"x": Int(0, 1), "o": Choice({"a": {"x": Int(0, 2)}})}, "name 'x' stands at 'x' and at 'o=a/x'"),
    "clash across": (
        {"o": Choice({"a": {"x": Int(0, 1)}}), "p": Choice({"b": {"x": Int(0, 1)}})},
        "name 'x' stands at 'o=a/x' and at 'p=b/x', which can both apply in one configuration; rename",
    ),
    "clash with constant": ({"x": 3, "o": Choice({"a": {"x": Int(0, 2)}})}, "name 'x' stands at 'x'"),
    "clash with oneself": ({"o": Choice({"a": {"o": Int(0, 2)}})}, "name 'o' stands at 'o' and at 'o=a/o'"),
}


@pytest.mark.parametrize("case", WRONG_DOMAINS)
def test_wrong_domains(case: str) -> None:
    make, message = WRONG_DOMAINS[case]
    with pytest.raises(SpaceError, match=message):
        make()


@pytest.mark.parametrize("case", WRONG_TREES)
def test_wrong_trees(case: str) -> None:
    tree, message = WRONG_TREES[case]
    with pytest.raises(SpaceError, match=message):
        Space(tree)


NESTEROV = Choice({True: {"k": Int(0, 3)}, False: {}})
SPACE = Space(
    {
        "lr": Float(0.001, 1, log=True),
        "layers": Int(1, 4, default=2),
        "opt": Choice({"sgd": {"momentum": Float(0, 1), "nesterov": NESTEROV}, "adam": {}}),
        "seed": 7,
    }
).where("layers < 4 or lr < 0.1")  # fmt: skip


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"opt": "adam"}, "'lr' is missing from .*; give it a value of Float"),
        ({"lr": 2, "opt": "adam"}, "'lr': 2 is outside .*; it must lie between 0.001 and 1.0"),
        ({"lr": "0.1", "opt": "adam"}, "'lr': a value of .* must be a number, got '0.1' of type str"),
        ({"lr": math.nan, "opt": "adam"}, "'lr': nan is outside"),
        ({"lr": 0.1, "layers": True, "opt": "adam"}, "'layers': .* must be a whole number, got True"),
        ({"lr": 0.1, "opt": "Adam"}, "'opt': 'Adam' is not an option; choose one of 'sgd', 'adam'"),
        ({"lr": 0.1, "opt": "adam", "seed": 8}, "'seed' is fixed to 7, got 8; leave it out"),
        ({"lr": 0.1, "opt": "adam", "layer": 2}, "'layer' is no parameter of the space; did you mean 'layers'?"),
        ({"lr": 0.1, "opt": "adam", "k": 2}, "'k' does not apply .* only with opt='sgd' and nesterov=True; leave"),
        (
            {"lr": 0.1, "opt": "sgd", "momentum": 0.5, "nesterov": 1, "k": 2},
            "'opt=sgd/nesterov': 1 is not an option; choose one of True, False",
        ),
        ({"lr": 0.5, "layers": 4, "opt": "adam"}, "breaks the constraint 'layers < 4 or lr < 0.1'"),
        ("lr=0.1", "a configuration is a dict of name: value, got 'lr=0.1'"),
    ],
)
def test_wrong_configurations(params: Any, message: str) -> None:
    with pytest.raises(SpaceError, match=message):
        SPACE.check(params)


@pytest.mark.parametrize(
    ("condition", "message"),
    [
        ("lr <", "constraint 'lr <' is not an expression"),
        ("lr < momentun", "mentions 'momentun', which is no parameter; did you mean 'momentum'?"),
        ("zzz > 1", "mentions 'zzz', which is no parameter; the names are k, layers"),
        ("1 < 2", "constraint '1 < 2' mentions no parameter"),
        ("lr.real > 1", r"mentions 'lr\.real', which is no parameter"),
        ("lr[0] > 1", r"constraint 'lr\[0\] > 1' uses lr\[0\]; expressions have"),
        ("(lr + 1).real > 1", r"uses \(lr \+ 1\)\.real; expressions have"),
        ("__import__('os').getcwd() == lr", "uses __import__|calls __import__"),
        ("print(lr)", r"constraint 'print\(lr\)' calls print; only abs, min"),
        ("[x for x in lr]", "expressions have names, numbers"),
        (3, r"an expression such as 'a < b', or a function that takes the configuration as a dict, .*, got 3"),
        ("lr + 1", r"constraint 'lr \+ 1' is a value, .*; compare it, as in 'lr \+ 1 <= 1', or give a function that"),
        ("max(lr, k)", r"constraint 'max\(lr, k\)' is a value, and does not say what is allowed"),
        ("lr < 1 and layers * 2", "is a value, and does not say what is allowed"),
        ("not -layers", "is a value, and does not say what is allowed"),
        ("layers - 1 if lr < 1 else layers > 2", "is a value, and does not say what is allowed"),
    ],
)
def test_wrong_constraints(condition: Any, message: str) -> None:
    with pytest.raises(SpaceError, match=message):
        SPACE.where(condition)


def test_a_name_with_a_slash_asks_for_a_function() -> None:
    space = Space({"enc/depth": Int(1, 3), "width": Int(1, 2)})
    with pytest.raises(SpaceError, match=r"'enc/depth' cannot stand in an expression, .*lambda p: p\['enc/depth'\]"):
        space.where("enc/depth * width <= 2")
    assert space.where(lambda p: p["enc/depth"] * p["width"] <= 2).size == 3


def test_a_choice_of_true_and_false_is_a_condition() -> None:
    space = Space({"on": Choice([False, True]), "x": Int(0, 1)})
    assert [space.where(condition).size for condition in ("on", "not on", "on or x > 0", "on if x > 0 else True")] == [
        *(2, 2, 3, 3)
    ]


def test_a_function_of_several_arguments_is_told_what_it_gets() -> None:
    space = Space({"a": Int(0, 1), "b": Int(0, 1)}).where(lambda a, b: a < b)  # type: ignore[arg-type, misc]
    with pytest.raises(SpaceError, match=r"raised TypeError.*a function that takes the configuration as a dict"):
        space.sample(np.random.default_rng(0), 1)


def test_a_constraint_that_breaks_says_where() -> None:
    space = Space({"a": Int(0, 0), "b": Choice(["x"])})
    with pytest.raises(SpaceError, match=r"constraint '1 / a > 2' raised ZeroDivisionError.*{'a': 0, 'b': 'x'}"):
        space.where("1 / a > 2").sample(np.random.default_rng(0), 1)
    with pytest.raises(SpaceError, match="constraint 'mine' asks for 'c', which no parameter is called"):
        space.where(lambda params: params["c"] > 1, name="mine").valid({"a": 0, "b": "x"})


def test_unsatisfiable_constraints_are_named() -> None:
    space = Space({"a": Float(0, 1), "b": Float(0, 1)}).where("a < b").where("a + b == 1")
    with pytest.raises(UnsatisfiableError, match=r"0 of 2 .*'a < b' \(holds in \d.*'a \+ b == 1' \(holds in 0 %\)"):
        space.sample(np.random.default_rng(0), 2)
    with pytest.raises(UnsatisfiableError, match="loosen them"):
        space.sample_unit(np.random.default_rng(0), 1)


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"x": 1.0}, "'c' is missing from {'x': 1.0}"),
        ({"c": "z", "x": 1.0}, "'c': 'z' is not an option"),
        ({"c": "a", "x": "1.0"}, "'c=a/x': '1.0' is not a number"),
        ({"c": "a", "x": math.nan}, "'c=a/x': nan is not a finite number"),
    ],
)
@pytest.mark.parametrize("n", [1, 20])
def test_encode_refuses_what_has_no_place_in_the_cube(params: dict[str, Any], message: str, n: int) -> None:
    space = Space({"c": Choice({"a": {"x": Float(0, 2)}, "b": {}})})
    with pytest.raises(SpaceError, match=re.escape(message)):
        space.encode([params] * n)


@pytest.mark.parametrize("value", [math.nan, "1.0", None])
def test_encode_of_a_flat_space_refuses_what_is_no_number(value: Any) -> None:
    space = Space({"x": Float(0, 2), "y": Int(0, 3)})
    with pytest.raises(SpaceError, match=r"'x': .* is not a"):
        space.encode([{"x": value, "y": 1}])


def test_wrong_shapes_grids_and_fixes() -> None:
    with pytest.raises(SpaceError, match=r"points must have the shape \(n, 6\), got \(5,\)"):
        SPACE.decode(np.zeros(5))
    with pytest.raises(SpaceError, match="grid: points must be a whole number of at least 1, got 0"):
        SPACE.grid(points=0)
    with pytest.raises(SpaceError, match="grid: 'lrr' is no parameter"):
        SPACE.grid(points={"lrr": 3})
    with pytest.raises(SpaceError, match="cannot fix 'lrr': the names are"):
        SPACE.fix(lrr=3)
    with pytest.raises(SpaceError, match="cannot fix 'opt' to 'rms': 'rms' is not an option"):
        SPACE.fix(opt="rms")
    with pytest.raises(SpaceError, match="cannot fix 'seed' to 8: it is the constant 7 already"):
        SPACE.fix(seed=8)


@pytest.mark.parametrize(
    ("obj", "message"),
    [
        ([], r"a space is {'parameters': ..., 'constraints': \[...\]}, got \[\]"),
        ({"parameters": []}, "the parameters must be an object of name: domain"),
        ({"parameters": {"x": 3}}, "'x' must be an object with a 'type', got 3"),
        ({"parameters": {"x": {"type": "flot"}}}, "'x' has the unknown type 'flot'; the types are float, int"),
        ({"parameters": {"x": {"type": "float", "low": 1}}}, "'x' of type float lacks 'high'"),
        ({"parameters": {"x": {"type": "float", "low": 2, "high": 1}}}, "'x': Float.*low is above high"),
        ({"parameters": {"x": {"type": "int", "low": 1, "high": 2, "q": 1}}}, "int has the unknown field 'q'"),
        (
            {"parameters": {"o": {"type": "choice", "options": ["a"], "children": [{"x": {"type": "int"}}]}}},
            "'o=a/x' of type int lacks 'low'",
        ),
        ({"parameters": {"o": {"type": "choice", "options": ["a"], "children": []}}}, "children must be a list"),
        ({"parameters": {}, "constraints": [3]}, "a constraint must be"),
    ],
)  # fmt: skip
def test_wrong_json(obj: Any, message: str) -> None:
    with pytest.raises(SpaceError, match=message):
        Space.from_json(obj)


def test_a_space_cannot_be_changed() -> None:
    with pytest.raises(AttributeError, match="a Space cannot be changed; 'width' belongs in a new one"):
        SPACE.width = 3  # type: ignore[misc]
    with pytest.raises(ValueError, match="read-only"):
        SPACE.columns.kind[0] = 1
    SPACE.tree.clear()
    assert SPACE.names[0] == "lr"
