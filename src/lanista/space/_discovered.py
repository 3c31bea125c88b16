"""Spaces that an objective discovers while it runs (define-by-run)."""

import math
from dataclasses import replace
from typing import Any

from lanista.errors import SpaceError
from lanista.space._choice import Choice
from lanista.space._domain import Domain
from lanista.space._numeric import Float, Int, Normal
from lanista.space._sets import Permutation, Subset
from lanista.space._space import Space
from lanista.space._values import key, plain, show


def grow(space: Space, name: str, domain: Any) -> Space:
    """Returns `space` with a parameter that an objective asked for.

    A new name is added at the top. The range of a known number is widened so that it holds the values of both (steps
    that do not line up go, `log` is the new one's); a Normal is replaced. The very same domain gives `space` itself.

    Args:
        space: What is known so far.
        name: The parameter's name.
        domain: A domain, or a constant (a range of one value).

    Raises:
        SpaceError: the parameter is known with other options, or as another kind of domain.

    Example:
        >>> grow(Space({"x": Int(1, 4)}), "x", Int(2, 9))
        Space({'x': Int(1, 9)})
    """
    tree = space.tree
    if name in tree:
        grown = _merge(name, tree[name], domain)
        if grown is tree[name] or (isinstance(grown, Domain) and grown == tree[name]):
            return space
        return space._replace(name, grown)
    if name in space.names:
        raise SpaceError(f"{name!r} depends on a choice in this space and cannot be asked for on its own; rename it")
    return space._replace(name, domain)


def _merge(name: str, old: Any, new: Any) -> Any:
    if not isinstance(new, Domain):
        return _merge_constant(name, old, plain(new))
    if not isinstance(old, Domain):
        return _merge_constant(name, new, old)
    if old == new:
        return old
    if isinstance(old, Float) and isinstance(new, Float):
        return _widen_float(old, new)
    if isinstance(old, Int) and isinstance(new, Int):
        return _widen_int(old, new)
    if isinstance(old, Normal) and isinstance(new, Normal):
        return new
    if type(old) is type(new):
        assert isinstance(old, Choice | Subset | Permutation)
        raise SpaceError(
            f"the options of {name!r} changed from {show(old)} to {show(new)}; "
            "options must stay the same from trial to trial, so use another name for other options"
        )
    raise SpaceError(
        f"{name!r} was {show(old)} and is now {show(new)}; a parameter keeps its kind, so use another name for this one"
    )


def _merge_constant(name: str, domain: Any, value: Any) -> Any:
    """Merges a range of one value, which is a constant, with what else is known of the parameter."""
    if not isinstance(domain, Domain):
        if key(domain) == key(value):
            return domain
        if type(domain) is int and type(value) is int:
            return Int(min(domain, value), max(domain, value))
        if type(domain) in (int, float) and type(value) in (int, float):
            return Float(min(domain, value), max(domain, value))
        raise SpaceError(f"{name!r} was the constant {show(domain)} and is now {show(value)}; use another name for it")
    if domain.contains(value):
        return domain
    if isinstance(domain, Float) and type(value) in (int, float):
        log = domain.log and value > 0
        return replace(domain, low=min(domain.low, value), high=max(domain.high, value), log=log, step=None)
    if isinstance(domain, Int) and type(value) is int:
        return _widen_int(domain, Int(value, value, log=domain.log and value > 0))
    raise SpaceError(f"{name!r} is {show(domain)} and cannot be {show(value)} too; use another name for it")


def _widen_float(old: Float, new: Float) -> Float:
    low, high = min(old.low, new.low), max(old.high, new.high)
    aligned = old.step == new.step and old.step is not None and _whole((old.low - new.low) / old.step)
    step = old.step if aligned else None
    return Float(low, high, log=new.log and low > 0, step=step, default=new.default, **_belief(old, new))


def _widen_int(old: Int, new: Int) -> Int:
    low, high = min(old.low, new.low), max(old.high, new.high)
    # A domain of one value has any step; gcd(0, step) leaves the other's.
    steps = [domain.step for domain in (old, new) if domain.size > 1]
    step = math.gcd(*steps, old.low - new.low) or 1
    return Int(low, high, log=new.log and low > 0, step=step, default=new.default, **_belief(old, new))


def _belief(old: Domain, new: Domain) -> dict[str, Any]:
    """Returns the prior that the objective gives, or the one known before, which lies in what is wider now."""
    held = old if new.prior is None else new
    return {"prior": held.prior, "confidence": held.confidence}


def _whole(value: float) -> bool:
    return abs(value - round(value)) < 1e-9
