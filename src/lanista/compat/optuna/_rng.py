"""Seeding the random numbers of a sampler, wherever it keeps them."""

import random
from collections.abc import Iterator
from typing import Any

import numpy as np

DEPTH = 4
"""How far below a sampler generators are looked for: its parts, their parts, and lists of them."""
_LEAVES = (str, bytes, int, float, complex, type(None), type, np.ndarray)


def reseed(sampler: Any, entropy: tuple[int, ...]) -> None:
    """Seeds all generators in the attributes of a sampler and of its parts, in their order."""
    source = np.random.SeedSequence(entropy)
    for generator in _generators(sampler, DEPTH, set()):
        seed = int(source.spawn(1)[0].generate_state(1)[0])
        if isinstance(generator, np.random.Generator):
            bits = type(generator.bit_generator)
            generator.bit_generator.state = bits(seed).state
        else:
            generator.seed(seed)


def _generators(thing: Any, depth: int, seen: set[int]) -> Iterator[Any]:
    if isinstance(thing, _LEAVES) or callable(thing) or id(thing) in seen:
        return
    seen.add(id(thing))
    if isinstance(thing, np.random.RandomState | np.random.Generator | random.Random):
        yield thing
        return
    if isinstance(getattr(type(thing), "rng", None), property):
        thing = thing.rng  # Optuna makes its generators when they are first looked at
        yield from _generators(thing, depth, seen)
    elif depth:
        parts = thing.values() if isinstance(thing, dict) else thing if isinstance(thing, list | tuple) else None
        for part in parts if parts is not None else list(getattr(thing, "__dict__", {}).values()):
            yield from _generators(part, depth - 1, seen)
