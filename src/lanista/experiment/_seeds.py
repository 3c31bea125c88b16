"""Randomness from the experiment's seed and a number alone, so that a resumed run goes on as if never interrupted."""

import numpy as np

_MASK = 2**64 - 1


def mix(seed: int, number: int) -> int:
    """64 well-mixed bits: one round of splitmix64, whose neighbouring inputs give unrelated outputs."""
    z = (seed * 0x9E3779B97F4A7C15 + (number + 1) * 0xBF58476D1CE4E5B9) & _MASK
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & _MASK
    return z ^ (z >> 31)


class Generators:
    """The generator for each ask. Setting the state of one is several times quicker than making a new one."""

    def __init__(self) -> None:
        self._bits = np.random.PCG64(0)
        self._generator = np.random.Generator(self._bits)
        self._state = self._bits.state

    def at(self, seed: int, number: int) -> "np.random.Generator":
        """The generator of the ask made when the experiment had `number` trials; valid until the next one is wanted."""
        high = mix(seed, number)
        self._state["state"]["state"] = (high << 64) | mix(high, number)
        self._bits.state = self._state
        return self._generator
