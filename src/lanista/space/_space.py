"""The compiled search space."""

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, Never

import numpy as np
import numpy.typing as npt

from lanista.errors import SpaceError
from lanista.space import _check
from lanista.space._choice import Children, tree_json, tree_size
from lanista.space._codec import Codec
from lanista.space._columns import Columns, Mask, Matrix
from lanista.space._constraints import Condition, Constraint, make_constraint
from lanista.space._domain import Params
from lanista.space._fix import fix
from lanista.space._grid import Grid, counts
from lanista.space._group import Groups, unfold
from lanista.space._json import read_constraint, read_tree
from lanista.space._judge import Judge
from lanista.space._tree import Constant, Layout, Parameter, compile_tree, freeze, mapping
from lanista.space._values import canonical, plain, show

if TYPE_CHECKING:
    from lanista.space._belief import Belief

MOST_COUNTED = 100_000  # configurations enumerated to count those that meet the constraints


class Space:
    """A search space: domains under names, conditional children, constraints; immutable.

    A space of d columns maps the unit cube [0, 1]^d onto its configurations, which is how numeric searchers see it:
    continuous and log domains by their position in the (log) range, whole numbers and steps by the centre of their
    cell, a choice of k options by (index + 0.5) / k, a normal by its cumulative distribution, a subset by 0.25 or
    0.75 an item, a permutation by (rank + 0.5) / n an item. Columns of parameters that do not apply are NaN.

    Args:
        tree: Name to domain, or to a plain JSON value that is the same in every configuration.

    Raises:
        SpaceError: a name is not a string or clashes with another, a value is neither domain nor constant.

    Example:
        >>> from lanista.space import Choice, Float, Space
        >>> space = Space({"lr": Float(1e-5, 0.1, log=True), "opt": Choice({"sgd": {"m": Float(0, 1)}, "adam": {}})})
        >>> space.names, space.width, space.size
        (('lr', 'opt', 'm'), 3, inf)
        >>> space.check({"lr": 0.01, "opt": "adam"})
        {'lr': 0.01, 'opt': 'adam'}
    """

    _tree: Children
    _constraints: tuple[Constraint, ...]
    groups: Groups
    """The groups of parameters that make one value each."""
    _layout: Layout
    _codec: Codec

    def __init__(self, tree: Mapping[str, Any]) -> None:
        flat, places = unfold(mapping(tree))
        self.__setstate__((freeze(flat), (), Groups(places)))

    def __setstate__(self, state: tuple[Children, tuple[Constraint, ...], Groups]) -> None:
        tree, constraints, groups = state
        layout = compile_tree(tree)
        self.__dict__.update(_tree=tree, _constraints=constraints, groups=groups, _layout=layout, _codec=Codec(layout))

    def __getstate__(self) -> tuple[Children, tuple[Constraint, ...], Groups]:
        return self._tree, self._constraints, self.groups

    def __setattr__(self, name: str, value: Any) -> Never:
        raise AttributeError(f"a Space cannot be changed; {name!r} belongs in a new one")

    __delattr__ = __setattr__  # type: ignore[assignment]

    # Structure

    @property
    def tree(self) -> dict[str, Any]:
        """The domains and constants by name, as they were given; a copy."""
        return dict(self._tree)

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        """The searched parameters, each after the choice it hangs below."""
        return self._layout.parameters

    @cached_property
    def constants(self) -> tuple[Constant, ...]:
        """The fixed values."""
        return tuple(slot for slot in self._layout.slots if isinstance(slot, Constant))

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The distinct names of the searched parameters."""
        return tuple(dict.fromkeys(p.name for p in self.parameters))

    @property
    def width(self) -> int:
        """Number d of columns of the unit cube."""
        return self._layout.width

    @property
    def columns(self) -> Columns:
        """Kind, cardinality and owner of each column."""
        return self._codec.columns

    @property
    def constraints(self) -> tuple[str, ...]:
        """The names of the constraints; an expression is its own name unless it was given one."""
        return tuple(constraint.name for constraint in self._constraints)

    @property
    def unenforced(self) -> tuple[str, ...]:
        """The callable constraints that came from JSON as names and hold nothing until `where` gives them again."""
        return tuple(constraint.name for constraint in self._constraints if not constraint.enforced)

    @cached_property
    def size(self) -> int | float:
        """Number of distinct configurations, `math.inf` with any continuous parameter.

        Constraints are counted out in spaces of up to 100,000 configurations; beyond, the number is a bound.
        """
        size = tree_size(self._tree)
        if self._constraints and size <= MOST_COUNTED:
            return sum(1 for _ in self._grid(1))
        return size

    # Groups

    def build(self, name: str, params: Mapping[str, Any]) -> Any:
        """Returns what a group of parameters makes in a configuration; raises SpaceError where it does not apply."""
        return self.groups.build(name, params)

    # Sampling and coding

    def sample(self, rng: "np.random.Generator", n: int) -> list[Params]:
        """Returns `n` random configurations that meet the constraints.

        Raises:
            UnsatisfiableError: none of 100,000 random configurations in a row meets them.
        """
        if not self._constraints:
            return self._codec.decode(rng.random((n, self.width)))
        return self._codec.decode(self.sample_unit(rng, n))

    def sample_unit(self, rng: "np.random.Generator", n: int) -> Matrix:
        """Returns `n` uniform points of the cube (n, d) whose configurations meet the constraints.

        Raises:
            UnsatisfiableError: none of 100,000 random configurations in a row meets them.
        """
        return self._judge.draw(lambda k: rng.random((k, self.width)), n)

    def decode(self, X: npt.ArrayLike) -> list[Params]:
        """Returns the configurations at points X (n, d); columns that do not apply may hold anything or NaN.

        Raises:
            SpaceError: X is not of shape (n, d).
        """
        return self._codec.decode(self._points(X))

    def encode(self, params: Sequence[Mapping[str, Any]]) -> tuple[Matrix, Mask]:
        """Returns the points X (n, d) of configurations, NaN where inactive, and which columns apply (n, d).

        Numbers outside their range are put on its edge: `check` is what validates.

        Raises:
            SpaceError: an active parameter is missing, is no option or no number.
        """
        return self._codec.encode(params)

    def active(self, X: npt.ArrayLike) -> Mask:
        """Returns which columns (n, d) apply at points X (n, d).

        Raises:
            SpaceError: X is not of shape (n, d).
        """
        return self._codec.active(self._points(X))

    def canonical(self, X: npt.ArrayLike) -> Matrix:
        """Returns the points (n, d) that stand for the configurations at points X (n, d).

        It is `encode(decode(X))[0]`, and much faster: whole numbers, steps, options and subsets go to the centre of
        their cell, columns that do not apply become NaN.

        Raises:
            SpaceError: X is not of shape (n, d).

        Example:
            >>> from lanista.space import Choice, Float, Space
            >>> space = Space({"opt": Choice({"sgd": {"m": Float(0, 1)}, "adam": {}})})
            >>> space.canonical([[0.1, 0.7], [0.9, 0.7]]).tolist()
            [[0.25, 0.7], [0.75, nan]]
        """
        return self._codec.canonical(self._points(X))

    def _points(self, X: npt.ArrayLike) -> Matrix:
        points = np.asarray(X, dtype=np.float64)
        if points.ndim != 2 or points.shape[1] != self.width:
            raise SpaceError(f"points must have the shape (n, {self.width}), got {points.shape}; one row a point")
        return points

    # Priors

    @cached_property
    def has_prior(self) -> bool:
        """Whether any domain has a prior."""
        return any(parameter.domain.prior is not None for parameter in self.parameters)

    @cached_property
    def _belief(self) -> "Belief":
        from lanista.space._belief import Belief

        return Belief(self._codec)

    def log_prior(self, X: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """Returns the logarithm of the prior density at points X (n, d), summed over the columns that apply (n,).

        The density integrates to 1 over the cube, so it is 0 everywhere without priors; constraints do not count.

        Raises:
            SpaceError: X is not of shape (n, d).

        Example:
            >>> from lanista.space import Float, Space
            >>> space = Space({"x": Float(0, 1, prior=0.2), "y": Float(0, 1)})
            >>> space.log_prior([[0.2, 0.9], [0.7, 0.9]]).round(2).tolist()
            [0.71, -1.29]
        """
        return self._belief.log_density(self._points(X))

    def sample_prior(self, rng: "np.random.Generator", n: int) -> Matrix:
        """Returns `n` points of the cube (n, d), drawn from the priors, whose configurations meet the constraints.

        Raises:
            UnsatisfiableError: none of 100,000 such configurations in a row meets them.
        """
        return self._judge.draw(lambda k: self._belief.sample(rng, k), n)

    # Constraints and validation

    @cached_property
    def _known(self) -> frozenset[str]:
        return frozenset(slot.name for slot in self._layout.slots)

    @cached_property
    def _judge(self) -> Judge:
        return Judge(self._codec, self._constraints, self._known)

    def valid(self, params: Mapping[str, Any]) -> bool:
        """Whether `params` meets the constraints; one on an inactive parameter does not apply."""
        return all(constraint.holds(params, self._known) for constraint in self._constraints)

    def feasible(self, params: Sequence[Mapping[str, Any]]) -> Mask:
        """Returns whether each of n configurations meets the constraints (n,)."""
        return np.fromiter(map(self.valid, params), dtype=np.bool_, count=len(params))

    def feasible_unit(self, X: npt.ArrayLike) -> Mask:
        """Returns which of n points (n, d) have configurations that meet the constraints (n,).

        It is `feasible(decode(X))`, and faster: an expression is given the columns that it mentions, and only a
        callable has configurations made for it.

        Raises:
            SpaceError: X is not of shape (n, d), or a constraint cannot be evaluated.

        Example:
            >>> from lanista.space import Int, Space
            >>> Space({"a": Int(0, 2), "b": Int(0, 2)}).where("a < b").feasible_unit([[0.1, 0.9], [0.5, 0.1]]).tolist()
            [True, False]
        """
        return self._judge.feasible(self._points(X))

    def check(self, params: Mapping[str, Any]) -> Params:
        """Returns a user's configuration in the space's own values and order, defaults filled in.

        Raises:
            SpaceError: a parameter is unknown, missing, inactive or outside its domain, or a constraint is broken.
        """
        result = _check.check(self._layout, params)
        for constraint in self._constraints:
            if not constraint.holds(result, self._known):
                raise SpaceError(f"{show(result)} breaks the constraint {constraint.name!r}; change one of its values")
        return result

    def defaults(self) -> Params:
        """Returns each domain's default, or else its prior, or else its middle; constraints are not looked at."""
        return _check.middle(self._layout, {})

    def adopt(self, params: Mapping[str, Any]) -> Params:
        """Returns another space's configuration in this one: those values that apply, and `defaults` for the others.

        Raises:
            SpaceError: a value is outside its domain, or a constraint is broken.
        """
        return self.check(_check.middle(self._layout, params))

    def where(self, condition: str | Condition, *, name: str | None = None) -> "Space":
        """Returns this space with one more constraint; one of the same name is replaced.

        Args:
            condition: An expression such as "a < b and c + d <= 1", or a function of the params that returns whether
                they are allowed. A condition on a parameter that does not apply in a configuration holds there.
            name: How messages call it; the expression or the function's name stands in for it.

        Raises:
            SpaceError: the expression is no expression, or mentions a name that is no parameter.

        Example:
            >>> from lanista.space import Int, Space
            >>> Space({"a": Int(0, 2), "b": Int(0, 2)}).where("a < b").size
            3
        """
        new = make_constraint(condition, name, self._known)
        kept = tuple(constraint for constraint in self._constraints if constraint.name != new.name)
        return self._with(self._tree, (*kept, new))

    def fix(self, **values: Any) -> "Space":
        """Returns this space with parameters fixed; of a fixed choice, the chosen option's parameters move up.

        Raises:
            SpaceError: a name is no parameter, or a value is outside its domain.

        Example:
            >>> from lanista.space import Choice, Float, Space
            >>> Space({"opt": Choice({"sgd": {"m": Float(0, 1)}, "adam": {}})}).fix(opt="sgd").names
            ('m',)
        """
        for name in values:
            if name not in self._known:
                raise SpaceError(f"cannot fix {name!r}: the names are {', '.join(sorted(self._known)) or 'none'}")
        return self._with(fix(self._tree, values), self._constraints)

    def _replace(self, name: str, node: Any) -> "Space":
        """Returns this space with one top-level parameter added or replaced."""
        return self._with(freeze({**dict(self._tree), name: node}), self._constraints)

    def _with(self, tree: Children, constraints: tuple[Constraint, ...]) -> "Space":
        space = Space.__new__(Space)
        space.__setstate__((tree, constraints, self.groups))
        return space

    # Enumeration, JSON, comparison

    def grid(self, points: int | Mapping[str, int] = 5) -> Iterator[Params]:
        """Yields all configurations that meet the constraints, each once; the number of them is `size` if finite.

        Args:
            points: Values taken on a continuous axis, ends included (quantiles of a normal); or name to number, with
                5 for the names left out.

        Raises:
            SpaceError: a number of points below 1, or a name that is no parameter.
            UnsatisfiableError: a million points in a row break the constraints. An expression is decided as soon as the
                parameters that it mentions are set, so it counts once for all values of those that come after them.
        """
        return map(plain, self._grid(points))

    def _grid(self, points: int | Mapping[str, int]) -> Grid:
        return Grid(self._tree, counts(points, self.names), self._constraints, self._known)

    def to_json(self) -> dict[str, Any]:
        """Returns the space as a JSON object; of callable constraints only the names are kept."""
        record: dict[str, Any] = {"parameters": tree_json(self._tree)}
        if self._constraints:
            record["constraints"] = [constraint.to_json() for constraint in self._constraints]
        return plain(record)  # type: ignore[no-any-return]

    @classmethod
    def from_json(cls, obj: Mapping[str, Any]) -> "Space":
        """Returns the space that `to_json` wrote.

        Raises:
            SpaceError: the object is not of that form; the message names the place.
        """
        given: Any = obj
        if not isinstance(given, Mapping) or {"parameters"} != given.keys() - {"constraints"}:
            raise SpaceError(f"a space is {{'parameters': ..., 'constraints': [...]}}, got {show(obj)}")
        space = cls(read_tree(obj["parameters"]))
        for record in obj.get("constraints", ()):
            constraint = read_constraint(record)
            if constraint.source is None:
                space = space._with(space._tree, (*space._constraints, constraint))
            else:
                space = space.where(constraint.source, name=constraint.name)
        return space

    @cached_property
    def _text(self) -> str:
        return canonical(self.to_json())

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Space):
            return NotImplemented
        return self._text == other._text

    def __hash__(self) -> int:
        return hash(self._text)

    def __repr__(self) -> str:
        return f"Space({dict(self._tree)!r})" + "".join(f".where({name!r})" for name in self.constraints)
