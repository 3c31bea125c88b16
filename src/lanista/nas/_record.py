"""Recording: what choices a constructor makes, and on which other choices each of them depends."""

from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import chain
from typing import Any

import torch
from torch import nn

from lanista.errors import SpaceError
from lanista.nas._content import content
from lanista.nas._mode import Factory, as_domain, names, running
from lanista.nas._select import Reduce, Select
from lanista.nas._shapes import ShapesOnly
from lanista.nas._tree import Found, Frame, tree_of
from lanista.space import Choice, Domain, Space

Plain = set[tuple[str, str]]
"""Candidates that hold no choices: the name of their choice, and their label."""

Run = Callable[[Mapping[str, Any], Plain], dict[str, Found]]
"""Runs a constructor with these values, and gives the choices it met."""

Pick = Callable[[str, Any], Any]
"""Asks for the value of a choice: its name, and a list of options or a domain."""


class Record:
    """Notes each choice with what it hangs below, and lets the constructor go on with the value set for it.

    Every candidate is made, for the choices inside, but not again where the same one has shown nothing new, since a
    network may have the same choice in each of its cells. Those that a first run has found to hold none are `plain`.
    """

    def __init__(self, values: Mapping[str, Any], plain: Plain) -> None:
        self.found: dict[str, Found] = {}
        self._values = values
        self._frames: tuple[Frame, ...] = ()
        self._plain = plain
        self._known: dict[Hashable, Factory] = {}  # candidates that had nothing new; kept, as `content` asks for
        self._asked = self._noted = 0  # how often a choice was met, and something new about one
        self._choices: dict[tuple[str, ...], Choice] = {}  # by their options: making one takes a while

    def value(self, name: str, domain: Domain, *, modules: bool = False) -> Any:
        """Notes a choice and gives its value in this run."""
        known = self.found.get(name)
        self._asked += 1
        if known is None:
            self.found[name] = Found(domain, [self._frames], modules)
            self._noted += 1
        elif known.domain is not domain and known.domain != domain:
            raise _differing(name, known.domain, domain)
        elif self._frames not in known.frames:
            known.frames.append(self._frames)
            self._noted += 1
        return self._values.get(name, domain.start)

    def layer(self, name: str, candidates: Mapping[str, Factory]) -> nn.Module:
        """Makes each candidate, and gives the one of this run."""
        labels = tuple(candidates)
        domain = self._choices.get(labels) or self._choices.setdefault(labels, Choice(list(labels)))
        chosen = self.value(name, domain, modules=True)
        module: nn.Module = nn.Identity()
        for i, (label, make) in enumerate(candidates.items()):
            same = name, label, content(make)
            known = (name, label) in self._plain or same in self._known or (*same, self._frames) in self._known
            if label != chosen and known:
                continue
            asked, noted = self._asked, self._noted
            with self._below(name, {i}), names().placed(f"{name}={label}"):
                made = make()
            if asked == self._asked:
                self._known[same] = make
            elif noted == self._noted:
                self._known[(*same, self._frames)] = make
            if label == chosen:
                module = made
        return module

    def inputs(self, name: str, count: int, domain: Domain, reduce: Reduce) -> nn.Module:
        """Notes the choice of inputs."""
        chosen = self.value(name, domain)
        return Select(count, chosen if isinstance(chosen, list) else [chosen], reduce)

    def repeat(self, name: str, block: Callable[[int], nn.Module], depths: Sequence[int]) -> nn.Module:
        """Makes the blocks of the greatest depth, each below the depths that have it."""
        chosen = self.value(name, Choice(list(depths))) if len(depths) > 1 else depths[0]
        blocks = []
        for i in range(max(depths)):
            having = {option for option, depth in enumerate(depths) if depth > i}
            with self._below(name, having if len(having) < len(depths) else set()), names().placed(f"{name}[{i}]"):
                blocks.append(block(i))
        return nn.Sequential(*blocks[:chosen])

    @contextmanager
    def _below(self, name: str, options: set[int]) -> Iterator[None]:
        outer = self._frames
        if options:
            self._frames = (*outer, (name, frozenset(options)))
        try:
            yield
        finally:
            self._frames = outer


def record(make: Callable[[], Any]) -> Space:
    """Returns the space of the choices that a constructor makes.

    Raises:
        SpaceError: one name is given to different choices.

    >>> from lanista import nas
    >>> def net():
    ...     if nas.ValueChoice("head", ["linear", "mlp"]) == "mlp":
    ...         nas.ValueChoice("width", [16, 32])
    >>> nas.record(net)
    Space({'head': Choice({'linear': {}, 'mlp': {'width': Choice([16, 32])}})})
    """
    return Space(recorded(make))


def recorded(make: Callable[[], Any]) -> dict[str, Any]:
    """The tree of that space."""
    on_meta = True

    def run(values: Mapping[str, Any], plain: Plain) -> dict[str, Found]:
        nonlocal on_meta
        if on_meta:
            try:
                with ShapesOnly():
                    return _once(make, values, plain)
            except SpaceError:
                raise
            except Exception:
                on_meta = False  # a constructor that looks at its weights, or computes with them
        return _once(make, values, plain)

    with torch.random.fork_rng(devices=[]):
        return tree_of(_explored(run))


def explore(run: Callable[[Pick], Any]) -> dict[str, Any]:
    """Returns the tree of the choices that a function makes by `pick`; it is called as often as is needed."""

    def once(values: Mapping[str, Any], plain: Plain) -> dict[str, Found]:
        notes = Record(values, plain)
        run(lambda name, options: notes.value(name, as_domain(options)))
        return notes.found

    return tree_of(_explored(once))


def _once(make: Callable[[], Any], values: Mapping[str, Any], plain: Plain) -> dict[str, Found]:
    notes = Record(values, plain)
    with running(notes):
        make()
    return notes.found


def _explored(run: Run) -> dict[str, Found]:
    """All choices; those that plain Python makes only for some values of another one are found by trying its values.

    Most constructors have none, which a run with the first options, one with the second options and so on shows.
    """
    base = run({}, set())
    plain = _plain(base)
    starts = {name: one.domain.start for name, one in base.items()}
    options = {name: _options(one.domain) for name, one in base.items()}
    # What a candidate holds may follow from values, not from which module another choice gave: runs with all values
    # as in the first one know its plain candidates.
    valued = max((len(options[name]) for name, one in base.items() if not one.modules), default=1)
    for k in range(max(map(len, options.values()), default=0)):
        vary = {name: some[k % len(some)] for name, some in options.items() if base[name].modules or k < valued}
        values = starts | vary
        if values == starts:
            continue
        same = all(values[name] == starts[name] for name, one in base.items() if not one.modules)
        seen = _tried(run, values, plain if same else set(), base)
        if seen is not None and seen.keys() != base.keys():
            return _deepened(run, {}, base, list(base))
        _join(base, seen or {})
    return base


def _deepened(run: Run, fixed: Mapping[str, Any], base: dict[str, Found], flip: Sequence[str]) -> dict[str, Found]:
    """The choices of a run, with those met when one of the choices to `flip` is changed, and what each depends on."""
    result = {name: Found(one.domain, list(one.frames), one.modules) for name, one in base.items()}
    tried = {
        name: [_tried(run, {**fixed, name: option}, set(), base) for option in _options(base[name].domain)]
        for name in flip
    }
    for found in chain.from_iterable(tried.values()):
        _join(result, found or {})
    for name, seen in tried.items():
        options = _options(base[name].domain)
        for other in (one for one in base if one != name):
            having = frozenset(i for i, found in enumerate(seen) if found is None or other in found)
            if len(having) < len(options):
                result[other] = _under((name, having), result[other])
        for i, (option, found) in enumerate(zip(options, seen, strict=True)):
            new = [other for other in found or {} if other not in base]
            if found is None or not new:
                continue
            deeper = _deepened(run, {**fixed, name: option}, found, new)
            _join(result, {other: one for other, one in deeper.items() if other in base})
            for other in (name for name in deeper if name not in base):
                one = _under((name, frozenset([i])), deeper[other])
                known = result.get(other)
                result[other] = one if known is None else Found(one.domain, [*known.frames, *one.frames])
    return result


def _join(known: Mapping[str, Found], found: Mapping[str, Found]) -> None:
    """Adds the places at which choices that are known were met in another run."""
    for name in (name for name in found if name in known):
        frames = known[name].frames
        frames += [path for path in found[name].frames if path not in frames]


def _under(frame: Frame, one: Found) -> Found:
    return Found(one.domain, [(frame, *frames) for frames in one.frames])


def _plain(base: Mapping[str, Found]) -> Plain:
    """The candidates below which a first run has met no choice."""
    held = {(name, i) for one in base.values() for path in one.frames for name, having in path for i in having}
    modules = {name: one.domain.options for name, one in base.items() if one.modules and isinstance(one.domain, Choice)}
    return {(name, label) for name, some in modules.items() for i, label in enumerate(some) if (name, i) not in held}


def _tried(run: Run, values: Mapping[str, Any], plain: Plain, known: Mapping[str, Found]) -> dict[str, Found] | None:
    """What a run with these values meets; None where they do not go together, which building them will say."""
    try:
        found = run(values, plain)
    except SpaceError:
        raise
    except Exception:
        return None
    for name in (name for name in found if name in known):
        if found[name].domain != known[name].domain:
            raise _differing(name, known[name].domain, found[name].domain)
    return found


def _differing(name: str, one: Domain, other: Domain) -> SpaceError:
    return SpaceError(
        f"the choice {name!r} is made with {one!r} and with {other!r}; choices of one name are one choice: give them "
        "the same options, or other names (nas.scope puts one before all names inside)"
    )


def _options(domain: Domain) -> Sequence[Any]:
    """The values to try: all of a choice, the middle and the ends of a range."""
    if isinstance(domain, Choice):
        return list(domain.options)
    ends = [getattr(domain, end) for end in ("low", "high") if hasattr(domain, end)]
    return [domain.start, *(end for end in ends if end != domain.start)]
