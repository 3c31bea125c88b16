"""Which model it is: a base, and the mutations since."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import field
from typing import Any

from lanista._frozen import Frozen
from lanista.errors import UsageError
from lanista.nas._told import as_json, qualified


class Mutation(Frozen):
    """What a mutator did: its name and settings, and what was picked."""

    mutator: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    picks: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, mutator: Any, picks: Mapping[str, Any]) -> "Mutation":
        """Returns the record of a mutator's work."""
        return cls(qualified(type(mutator)), mutator.settings(), as_json(picks))

    def to_json(self) -> dict[str, Any]:
        """Returns the mutation as JSON holds it."""
        return {"mutator": self.mutator, "settings": dict(self.settings), "picks": dict(self.picks)}


class Identity(Frozen):
    """A model by its descent: the base and the ordered mutations; equal descent is equal identity.

    Models of different descent may yet be equal: `Graph.hash` tells.
    """

    base: str
    mutations: tuple[Mutation, ...] = ()

    @property
    def parent(self) -> "Identity | None":
        """The model before the last mutation; None for a base."""
        return Identity(self.base, self.mutations[:-1]) if self.mutations else None

    def after(self, mutation: Mutation) -> "Identity":
        """Returns the identity after one more mutation."""
        return Identity(self.base, (*self.mutations, mutation))

    def to_json(self) -> dict[str, Any]:
        """Returns the identity as JSON holds it."""
        return {"base": self.base, "mutations": [mutation.to_json() for mutation in self.mutations]}

    @classmethod
    def from_json(cls, obj: Mapping[str, Any]) -> "Identity":
        """Returns the identity that `to_json` wrote.

        Raises:
            UsageError: the object is not of that form.
        """
        try:
            return cls(obj["base"], tuple(Mutation(**mutation) for mutation in obj["mutations"]))
        except (KeyError, TypeError) as error:
            raise UsageError(f"an identity is {{'base': ..., 'mutations': [...]}}, got {obj!r}") from error

    @property
    def key(self) -> str:
        """The identity as 16 letters: a name for files and lineage."""
        text = json.dumps(self.to_json(), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def __hash__(self) -> int:
        return hash(self.key)
