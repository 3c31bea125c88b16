"""What all domains share."""

import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from lanista.errors import SpaceError
from lanista.space._values import canonical, plain, show

if TYPE_CHECKING:
    from lanista.space._group import Place

Confidence = Literal["low", "medium", "high"]
"""How sure a user is of a prior."""

CONFIDENCES: tuple[Confidence, ...] = ("low", "medium", "high")

Params = dict[str, Any]
"""One configuration: parameter name to JSON value; only active parameters appear."""


class Domain(ABC):
    """The set of values that one parameter may take.

    Domains are immutable, compare by value, and are written as constructor calls by `repr`. The domains are
    `Float`, `Int`, `Normal`, `Choice`, `Subset` and `Permutation`.
    """

    kind: ClassVar[str]
    default: Any
    prior: Any
    confidence: Confidence

    @property
    def width(self) -> int:
        """Number of columns of the unit cube that the domain takes."""
        return 1

    @property
    @abstractmethod
    def size(self) -> int | float:
        """Number of values, `math.inf` for a continuous domain; nested parameters are counted in."""

    @property
    @abstractmethod
    def middle(self) -> Any:
        """The value that stands for the domain where neither default nor prior is given."""

    @property
    def start(self) -> Any:
        """The default, else the value believed best, else the middle."""
        given = self.prior if self.default is None else self.default
        return self.middle if given is None else plain(given)

    @abstractmethod
    def normalise(self, value: Any) -> Any:
        """Returns `value` as the domain itself would hand it out.

        Raises:
            SpaceError: the value is outside the domain.
        """

    @abstractmethod
    def to_json(self) -> dict[str, Any]:
        """Returns the domain as a JSON object, from which `Space.from_json` makes an equal one."""

    @property
    def groups(self) -> "Sequence[tuple[Any, tuple[Place, ...]]]":
        """The options that groups stand below, with those groups; only a choice has any."""
        return ()

    def prefixed(self, prefix: str) -> "Domain":
        """Returns the domain with another beginning of the names below it."""
        return self

    def contains(self, value: Any) -> bool:
        """Whether `value` belongs to the domain (3 and 3.0 are the same number, 1 and True are not)."""
        try:
            self.normalise(value)
        except SpaceError:
            return False
        return True

    def _set_default(self, default: Any) -> None:
        """Stores the default as the domain would hand it out."""
        if default is None:
            return
        object.__setattr__(self, "default", None)
        try:
            normal = self.normalise(default)
        except SpaceError as error:
            raise SpaceError(f"default={default!r}: {error}; give a default inside the domain") from None
        object.__setattr__(self, "default", normal)

    def _set_prior(self) -> None:
        """Stores the value believed best as the domain would hand it out."""
        if self.prior is None and self.confidence == "medium":
            return
        if self.confidence not in CONFIDENCES:
            raise SpaceError(
                f"confidence={self.confidence!r} is none; it is one of {', '.join(map(repr, CONFIDENCES))}"
            )
        if self.prior is None:
            raise SpaceError(f"confidence={self.confidence!r} has no prior to go with; give prior=value")
        prior = self.prior
        object.__setattr__(self, "prior", None)
        try:
            normal = self._believed(prior)
        except SpaceError as error:
            raise SpaceError(f"prior={show(prior)}: {error}; give a prior inside the domain") from None
        object.__setattr__(self, "prior", normal)

    def _believed(self, prior: Any) -> Any:
        return self.normalise(prior)

    def _prior_json(self) -> dict[str, Any]:
        """Returns the fields that the prior adds to the domain's JSON object, none without one."""
        return {} if self.prior is None else {"prior": self.prior, "confidence": self.confidence}

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Domain):
            return NotImplemented
        return canonical(self.to_json()) == canonical(other.to_json())

    def __hash__(self) -> int:
        return hash(canonical(self.to_json()))

    def __repr__(self) -> str:
        parts = []
        for field in dataclasses.fields(self):  # type: ignore[arg-type]  # every domain is a dataclass
            value = getattr(self, field.name)
            if not field.kw_only:
                parts.append(repr(value))
            elif field.repr and value != field.default:
                parts.append(f"{field.name}={value!r}")
        return f"{type(self).__name__}({', '.join(parts)})"
