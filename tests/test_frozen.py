"""Frozen records do what frozen dataclasses do."""

import copy
import dataclasses
import inspect
import pickle
import typing
from dataclasses import field

import pytest

from lanista._frozen import Frozen, defaults, thawed


class Point(Frozen):
    """A record with fields of all kinds."""

    x: float
    tags: list[str] = field(default_factory=list)
    name: str = "p"

    LIMIT: typing.ClassVar[int] = 3

    @property
    def twice(self) -> float:
        return 2 * self.x


class Positive(Frozen):
    """A record that checks, and changes, what it is given."""

    x: float

    def __post_init__(self) -> None:
        if self.x <= 0:
            raise ValueError("x must be positive")
        object.__setattr__(self, "x", float(self.x))


class Other(Frozen):
    """Another record of the same fields as `Positive`."""

    x: float


def test_fields_by_position_by_name_and_by_default() -> None:
    assert Point(1.0, ["a"], "q") == Point(name="q", tags=["a"], x=1.0)
    assert (Point(1.0).tags, Point(1.0).name, Point(1.0).twice, Point.LIMIT) == ([], "p", 2.0, 3)
    assert repr(Point(1.0)) == "Point(x=1.0, tags=[], name='p')"


def test_a_mutable_default_is_made_anew() -> None:
    assert Point(1.0).tags is not Point(1.0).tags
    assert defaults(Point) == {"tags": [], "name": "p"}


def test_wrong_arguments_are_refused() -> None:
    with pytest.raises(TypeError, match=r"Point.__init__\(\) missing 1 required positional argument: 'x'"):
        Point()  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="unexpected keyword argument 'z'"):
        Point(1.0, z=2)  # type: ignore[call-arg]


def test_a_record_does_not_change() -> None:
    point = Point(1.0)
    with pytest.raises(dataclasses.FrozenInstanceError, match="cannot assign to field 'x'"):
        point.x = 2.0  # type: ignore[misc]
    with pytest.raises(dataclasses.FrozenInstanceError, match="cannot delete field 'x'"):
        del point.x
    assert not hasattr(point, "__dict__")


def test_records_of_two_classes_are_never_equal() -> None:
    assert Positive(1.0) != Other(1.0)
    assert Other(1.0) == Other(1.0) != Other(2.0)
    assert len({Other(1.0), Other(1.0), Other(2.0)}) == 2


def test_a_record_can_check_itself() -> None:
    assert repr(Positive(2)) == "Positive(x=2.0)"
    with pytest.raises(ValueError, match="x must be positive"):
        Positive(-1.0)


@pytest.mark.parametrize("again", [copy.copy, copy.deepcopy, lambda one: pickle.loads(pickle.dumps(one))])
def test_copies_are_equal(again: typing.Callable[[Point], Point]) -> None:
    assert again(Point(1.0, ["a"])) == Point(1.0, ["a"])


def test_the_functions_of_dataclasses_take_it() -> None:
    point = Point(1.0, ["a"])
    assert dataclasses.is_dataclass(point)
    assert dataclasses.replace(point, x=2.0) == Point(2.0, ["a"])
    assert dataclasses.asdict(point) == {"x": 1.0, "tags": ["a"], "name": "p"}
    assert [f.name for f in dataclasses.fields(Point)] == ["x", "tags", "name"]


def test_it_shows_its_signature() -> None:
    assert str(inspect.signature(Positive)) == "(x: float) -> None"
    assert list(inspect.signature(Point).parameters) == ["x", "tags", "name"]
    assert typing.get_type_hints(Other.__init__) == {"x": float, "return": type(None)}


def test_it_can_be_matched() -> None:
    match Point(1.0, ["a"]):
        case Point(x, name=name):
            assert (x, name) == (1.0, "p")


def test_a_thawed_record_becomes_a_real_one() -> None:
    made = thawed(Point)(1.0)
    made.x = 2.0
    made.__class__ = Point
    assert made == Point(2.0)
    with pytest.raises(dataclasses.FrozenInstanceError, match="cannot assign to field 'x'"):
        made.x = 3.0
