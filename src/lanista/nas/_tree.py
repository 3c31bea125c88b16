"""From choices and the places they were met at to a tree of conditional parameters."""

from collections.abc import Mapping, Sequence
from typing import Any

from lanista._frozen import Frozen
from lanista.errors import SpaceError
from lanista.space import Choice, Domain

Frame = tuple[str, frozenset[int]]
"""A choice, and the options of it, counted from 0, under which something is met."""


class Found(Frozen):
    """A choice that was met: its domain, whether it is of modules, and the frames around it, outermost first."""

    domain: Domain
    frames: list[tuple[Frame, ...]]
    modules: bool = False


def tree_of(found: Mapping[str, Found]) -> dict[str, Any]:
    """Returns a space's tree, in which each choice hangs below the one that decides whether it is made.

    A choice that is made at several places hangs below what these have in common. It may then apply where it has no
    effect, but never the other way round.

    Raises:
        SpaceError: a choice depends on the value of a range, or of one of lists, which nothing can hang below.
    """
    below: dict[str | None, list[tuple[str, frozenset[int]]]] = {}
    for name, one in found.items():
        parent, options = _common(one.frames, found)
        below.setdefault(parent, []).append((name, options))

    def node(name: str) -> Any:
        domain, children = found[name].domain, below.get(name, [])
        if not children:
            return domain
        if not isinstance(domain, Choice) or not _distinct(domain.options):
            mend = "with texts for options" if isinstance(domain, Choice) else "as a list of options"
            raise SpaceError(
                f"the choice {children[0][0]!r} is made only for certain values of {name!r}, which is {domain!r}; "
                f"give {name!r} {mend}"
            )
        nodes = {child: node(child) for child, _ in children}
        options = {
            option: {child: nodes[child] for child, having in children if i in having}
            for i, option in enumerate(domain.options)
        }
        return Choice(options, default=domain.default, prior=domain.prior, confidence=domain.confidence)

    return {name: node(name) for name, _ in below.get(None, [])}


def _distinct(options: Sequence[Any]) -> bool:
    """Whether a dict tells options apart: lists it cannot hold, and False is 0 to it."""
    try:
        return len(set(options)) == len(options)
    except TypeError:
        return False


def _common(paths: Sequence[tuple[Frame, ...]], found: Mapping[str, Found]) -> Frame | tuple[None, frozenset[int]]:
    """The innermost choice that is around all the places, with those of its options that lead there."""
    result: Frame | tuple[None, frozenset[int]] = (None, frozenset())
    for frames in zip(*paths, strict=False):
        choice = frames[0][0]
        if any(name != choice for name, _ in frames):
            break
        options = frozenset[int]().union(*(having for _, having in frames))
        domain = found[choice].domain
        if not isinstance(domain, Choice) or len(options) < len(domain.options):
            result = (choice, options)
    return result
