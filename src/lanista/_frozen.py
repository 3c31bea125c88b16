"""Frozen records: named fields that never change, equal by value, cheap to define.

They serve as frozen dataclasses with slots do, `dataclasses.replace`, `fields` and `asdict` included. Those compile six
methods a class, though, which for the forty records of this package was a third of what `import lanista` took. Here all
methods are shared, and the constructor is compiled when the first record of its class is made.
"""

import inspect
from collections.abc import Callable
from dataclasses import Field, FrozenInstanceError, field, fields, make_dataclass
from typing import Any, ClassVar, dataclass_transform


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
class _Shape(type):
    """Makes a class with a slot for each annotated name."""

    __match_args__: tuple[str, ...]
    _defaults: dict[str, Any]

    def __new__(mcs, name: str, bases: tuple[type, ...], namespace: dict[str, Any]) -> "_Shape":
        own = namespace.get("__annotations__", {})
        names = [key for key, shape in own.items() if not str(shape).startswith("typing.ClassVar")]
        defaults = {key: namespace.pop(key) for key in names if key in namespace}
        namespace.update(__slots__=tuple(names), __match_args__=tuple(names), _defaults=defaults)
        cls = super().__new__(mcs, name, bases, namespace)
        if "__init__" not in namespace:
            cls.__init__ = _unwritten(cls)  # type: ignore[misc]
        return cls

    @property
    def __signature__(cls) -> inspect.Signature:
        """For `help`, `inspect` and the documentation."""
        return inspect.signature(_constructor(cls).__get__(object()))


def _unwritten(cls: Any) -> Callable[..., None]:
    """A constructor that writes the real one at its first call."""

    def __init__(self: Any, *args: Any, **kwargs: Any) -> None:
        cls.__init__ = _constructor(cls)
        cls.__init__(self, *args, **kwargs)

    __init__.__annotations__ = {**cls.__annotations__, "return": None}
    return __init__


def _constructor(cls: Any, *, frozen: bool = True) -> Any:
    """The constructor: it sets the slots, by their descriptors where the record itself refuses."""
    names: dict[str, Any] = {}
    given, lines = ["self"], []
    for name in cls.__match_args__:
        value = name
        if name in cls._defaults:
            default = cls._defaults[name]
            if isinstance(default, Field):
                names[f"_make_{name}"], default = default.default_factory, ...
                value = f"_make_{name}() if {name} is ... else {name}"
            names[f"_default_{name}"] = default
            given.append(f"{name}=_default_{name}")
        else:
            given.append(name)
        names[f"_set_{name}"] = getattr(cls, name).__set__
        lines.append(f"_set_{name}(self, {value})" if frozen else f"self.{name} = {value}")
    if hasattr(cls, "__post_init__"):
        lines.append("self.__post_init__()")
    exec(f"def __init__({', '.join(given)}):\n  " + "\n  ".join(lines or ["pass"]), names)
    found = names["__init__"]
    found.__qualname__ = f"{cls.__qualname__}.__init__"
    found.__annotations__ = {**cls.__annotations__, "return": None}
    return found


def defaults(cls: Any) -> dict[str, Any]:
    """The defaults of the fields that have one; those that are made anew for each record are made."""
    found: dict[str, Any] = {}
    for name, value in cls._defaults.items():
        make: Any = value.default_factory if isinstance(value, Field) else None
        found[name] = value if make is None else make()
    return found


class _Fields:
    """What the functions of `dataclasses` look for, made when they look."""

    def __get__(self, record: object, cls: Any) -> dict[str, Field[Any]]:
        shape = [(name, cls.__annotations__[name], cls._defaults.get(name, field())) for name in cls.__match_args__]
        made: Any = make_dataclass(cls.__name__, shape, init=False, repr=False, eq=False, match_args=False)
        cls.__dataclass_fields__ = {f.name: f for f in fields(made)}
        return cls.__dataclass_fields__  # type: ignore[no-any-return]


class Frozen(metaclass=_Shape):
    """The base of records. A mutable default is `field(default_factory=...)`; `__post_init__` is called at the end.

    >>> class Point(Frozen):
    ...     x: float
    ...     y: float = 0.0
    >>> Point(1.0), Point(x=1.0) == Point(1.0, 0.0)
    (Point(x=1.0, y=0.0), True)
    """

    __dataclass_fields__: ClassVar[Any] = _Fields()

    def __repr__(self) -> str:
        record: Any = self
        parts = [f"{name}={getattr(self, name)!r}" for name in record.__match_args__]
        return f"{type(self).__qualname__}({', '.join(parts)})"

    def __eq__(self, other: object) -> bool:
        return _values(self) == _values(other) if type(other) is type(self) else NotImplemented

    def __hash__(self) -> int:
        return hash(_values(self))

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), _values(self)

    def __setattr__(self, name: str, value: object) -> None:
        raise FrozenInstanceError(f"cannot assign to field {name!r}")

    def __delattr__(self, name: str) -> None:
        raise FrozenInstanceError(f"cannot delete field {name!r}")


def _values(record: Any) -> tuple[Any, ...]:
    return tuple([getattr(record, name) for name in record.__match_args__])


def thawed(cls: type[Frozen]) -> Any:
    """A twin whose records are quicker to make, can be changed, and become real ones by `record.__class__ = cls`."""
    namespace = {"__slots__": cls.__match_args__, "__match_args__": cls.__match_args__, "_defaults": cls._defaults}
    twin: Any = type.__new__(_Shape, cls.__name__, cls.__bases__, namespace)
    twin.__annotations__ = cls.__annotations__
    twin.__setattr__, twin.__delattr__ = object.__setattr__, object.__delattr__
    twin.__init__ = _constructor(twin, frozen=False)
    return twin
