"""Reads the search-space files of NNI and hands configurations back in NNI's own form.

Understood are the HPO types of NNI 1 to 3 (choice, randint, uniform, quniform, loguniform, qloguniform, normal,
qnormal, lognormal, qlognormal), nested choices to any depth, objects that only group parameters, and the types that
NNI's classic architecture search generates (layer_choice, input_choice).
"""

import math
from collections.abc import Callable, Mapping
from typing import Any

from lanista._frozen import Frozen
from lanista.errors import SpaceError
from lanista.space._choice import Choice
from lanista.space._domain import Params
from lanista.space._numeric import Float, Int, Normal
from lanista.space._sets import Subset
from lanista.space._space import Space
from lanista.space._values import key, plain, real, show, whole

_Convert = Callable[[Params], Any]
_Branches = dict[str, tuple[_Convert, dict[str, Any]]]


class NNISpace(Frozen):
    """A search space of NNI: `space` is what searchers use, `convert` gives a trial what NNI would have given it."""

    space: Space
    _fields: dict[str, _Convert]

    def convert(self, params: Params) -> dict[str, Any]:
        """Returns a configuration of `space` as the nested dict that NNI hands to a trial.

        Example:
            >>> nni = load_nni_space({"layer": {"_type": "choice", "_value": [
            ...     {"_name": "conv", "size": {"_type": "choice", "_value": [3, 5]}}, {"_name": "none"}]}})
            >>> nni.convert({"layer": "conv", "layer/size": 5})
            {'layer': {'_name': 'conv', 'size': 5}}
        """
        return {name: convert(params) for name, convert in self._fields.items()}


def load_nni_space(obj: Any, version: int | None = None) -> NNISpace:
    """Reads an NNI search space, as it stands in search_space.json or under searchSpace in config.yml.

    Parameters below an option keep their place in their name: "layer/size". A choice that lists an option twice has it
    once. `quniform` and its kin take the same values as in NNI (multiples of q, cut to the bounds).

    Args:
        obj: The parsed JSON object.
        version: The major version of NNI it was written for; only a randint with one number, [upper], differs: it
            existed in versions 0 and 1. None: any form is taken.

    Raises:
        SpaceError: a parameter is not of NNI's form; the message names it.

    Example:
        >>> load_nni_space({"lr": {"_type": "loguniform", "_value": [0.001, 0.1]}}).space
        Space({'lr': Float(0.001, 0.1, log=True)})
    """
    if not isinstance(obj, Mapping):
        raise SpaceError(f"an NNI search space is an object of parameters, got {show(obj)}")
    reader = _Reader(version)
    tree, fields = reader.group(obj, "")
    return NNISpace(Space(tree), fields)


class _Reader:
    """Walks the object; gives for each node a part of our tree and a function that makes NNI's value again."""

    def __init__(self, version: int | None) -> None:
        self._version = version

    def group(self, obj: Mapping[str, Any], prefix: str) -> tuple[dict[str, Any], dict[str, _Convert]]:
        """Reads an object of named parameters."""
        tree: dict[str, Any] = {}
        fields: dict[str, _Convert] = {}
        for name, spec in obj.items():
            if name == "_name":
                continue
            path = f"{prefix}{name}"
            part, fields[name] = self._node(spec, path)
            tree.update(part)
        return tree, fields

    def _node(self, spec: Any, path: str) -> tuple[dict[str, Any], _Convert]:
        import difflib

        if not isinstance(spec, Mapping):
            return self._fixed(spec, path)
        if "_type" not in spec and "_value" not in spec:
            if not any(isinstance(item, Mapping) for item in spec.values()):
                raise SpaceError(f"NNI parameter '{path}' lacks '_type' and '_value', got {show(dict(spec))}")
            tree, fields = self.group(spec, f"{path}/")
            return tree, lambda params: {name: convert(params) for name, convert in fields.items()}
        for needed in ("_type", "_value"):
            if needed not in spec:
                raise SpaceError(f"NNI parameter '{path}' lacks {needed!r}, got {show(dict(spec))}")
        kind, value = spec["_type"], spec["_value"]
        if kind not in _TYPES:
            near = difflib.get_close_matches(str(kind), _TYPES, 1)
            hint = f"did you mean {near[0]!r}?" if near else f"the types are {', '.join(_TYPES)}"
            raise SpaceError(f"NNI parameter '{path}' has the unknown _type {show(kind)}; {hint}")
        try:
            if kind == "choice":
                return self._choice(value, path)
            if kind == "layer_choice":
                return _layer_choice(value, path)
            if kind == "input_choice":
                return _input_choice(value, path)
            domain, convert = self._number(kind, value)
        except SpaceError as error:
            text = str(error)
            if text.startswith("NNI parameter "):
                raise
            raise SpaceError(f"NNI parameter '{path}' ({kind}): {text}") from None
        return {path: domain}, lambda params: convert(params[path])

    def _fixed(self, value: Any, path: str) -> tuple[dict[str, Any], _Convert]:
        constant = plain(value)
        return {path: constant}, lambda params: plain(constant)

    def _choice(self, options: Any, path: str) -> tuple[dict[str, Any], _Convert]:
        options = _distinct(options)
        if not any(isinstance(option, Mapping) and "_name" in option for option in options):
            return {path: Choice(options)}, lambda params: params[path]
        below: dict[Any, dict[str, Any]] = {}
        converts: dict[Any, _Convert] = {}
        for option in options:
            if not isinstance(option, Mapping):
                if isinstance(option, list):
                    raise SpaceError(f"the list {show(option)} stands among nested options; give it a '_name' too")
                below[option], converts[option] = {}, _same(option)
                continue
            name = option.get("_name")
            if not isinstance(name, str | int | float) or name in below:
                raise SpaceError(
                    f"each nested option needs a '_name' of its own, got {show(name)} in {show(dict(option))}"
                )
            below[name], fields = self.group(option, f"{path}/")
            converts[name] = _nested(name, fields)
        return {path: Choice(below)}, lambda params: converts[params[path]](params)

    def _number(self, kind: str, value: Any) -> tuple[Any, Callable[[Any], Any]]:
        """Returns the domain, or the constant, of a numeric type and what turns its value into NNI's."""
        if not isinstance(value, list | tuple):
            raise SpaceError(f"_value must be a list of numbers, got {show(value)}")
        if kind == "randint":
            return self._randint(value)
        expected = ["mean", "deviation"] if "normal" in kind else ["low", "high"]
        expected += ["q"] if kind.startswith("q") else []
        if len(value) != len(expected):
            raise SpaceError(f"_value must be [{', '.join(expected)}], got {show(value)}")
        numbers = [real(item, name) for item, name in zip(value, expected, strict=True)]
        log = "log" in kind
        if "normal" in kind:
            step = numbers[2] if len(numbers) > 2 else None
            return Normal(numbers[0], numbers[1], log=log, step=step), float
        if numbers[0] == numbers[1]:
            return numbers[0], float
        if len(numbers) == 2:
            return Float(numbers[0], numbers[1], log=log), float
        return _quantised(*numbers, log=log)

    def _randint(self, value: Any) -> tuple[Any, Callable[[Any], Any]]:
        if len(value) == 1 and (self._version is None or self._version < 2):
            value = [0, value[0]]
        if len(value) != 2:
            raise SpaceError(f"_value must be [lower, upper], got {show(value)}")
        lower, upper = (math.ceil(real(item, "a bound")) for item in value)
        if upper <= lower:
            raise SpaceError(f"upper ({upper}) is not taken and so must be above lower ({lower})")
        return Int(lower, upper - 1), int


_TYPES = (
    *("choice", "randint", "uniform", "quniform", "loguniform", "qloguniform"),
    *("normal", "qnormal", "lognormal", "qlognormal", "layer_choice", "input_choice"),
)


def _quantised(low: float, high: float, q: float, *, log: bool) -> tuple[Any, Callable[[Any], Any]]:
    """NNI takes clip(round(x / q) * q, low, high), so that bounds between multiples of q are values too."""
    if q <= 0:
        raise SpaceError(f"q must be positive, got {q!r}")
    Float(low, high, log=log)  # raises on bounds out of order and the like
    first, last = round(low / q), round(high / q)

    def cut(value: float) -> float:
        return min(max(_multiple(round(value / q), q), low), high)

    if first == last:
        return cut(low), float
    if log and first <= 0:
        return Float(low, high, log=True), cut
    return Float(_multiple(first, q), _multiple(last, q), log=log, step=q), cut


def _multiple(count: int, q: float) -> float:
    from fractions import Fraction

    return float(count * Fraction(repr(q)))


def _layer_choice(value: Any, path: str) -> tuple[dict[str, Any], _Convert]:
    names = _texts(value, "_value")
    if len(set(names)) == len(names):
        return {path: Choice(names)}, lambda params: {"_value": params[path], "_idx": names.index(params[path])}
    domain = Choice(list(range(len(names))))
    return {path: domain}, lambda params: {"_value": names[params[path]], "_idx": params[path]}


def _input_choice(value: Any, path: str) -> tuple[dict[str, Any], _Convert]:
    if not isinstance(value, Mapping) or "candidates" not in value:
        raise SpaceError(f"_value must be {{'candidates': [...], 'n_chosen': ...}}, got {show(value)}")
    names = _texts(value["candidates"], "candidates")
    chosen = value.get("n_chosen")
    count = None if chosen is None else whole(chosen, "n_chosen")
    domain = Subset(list(range(len(names))), min=count or 0, max=count)

    def convert(params: Params) -> dict[str, Any]:
        return {"_value": [names[i] for i in params[path]], "_idx": list(params[path])}

    return {path: domain}, convert


def _texts(value: Any, what: str) -> list[str]:
    if not isinstance(value, list) or not value or not all(isinstance(item, str) for item in value):
        raise SpaceError(f"{what} must be a list of names, got {show(value)}")
    return value


def _distinct(options: Any) -> list[Any]:
    if not isinstance(options, list | tuple) or not options:
        raise SpaceError(f"_value must be a list of at least one option, got {show(options)}")
    found: dict[Any, Any] = {}
    for option in options:
        option = list(option) if isinstance(option, tuple) else option
        found.setdefault(key(plain(option)), option)
    return list(found.values())


def _same(value: Any) -> _Convert:
    return lambda params: value


def _nested(name: Any, fields: dict[str, _Convert]) -> _Convert:
    return lambda params: {"_name": name, **{child: convert(params) for child, convert in fields.items()}}
