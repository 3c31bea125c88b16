"""What a graph shows of itself: its nodes by name, by what they do, by pattern, and as text."""

from collections.abc import Callable, Iterator, Sequence
from difflib import get_close_matches

from torch import fx, nn

from lanista.errors import GraphError
from lanista.nas import _inner
from lanista.nas._body import Body
from lanista.nas._nodes import Node, What, does, fits, listed, record
from lanista.nas._trace import WHOLE


class View:
    """The nodes of a graph, to be looked at."""

    name: str
    _body: Body
    _whole: dict[str, str]
    _entire: bool

    @property
    def whole(self) -> dict[str, str]:
        """The paths of the modules that stay whole, each with the reason; the path "" is the model itself."""
        return {"" if self._entire and path == WHOLE else path: why for path, why in self._whole.items()}

    @property
    def nodes(self) -> tuple[Node, ...]:
        """All nodes in the order in which they run; modules inside a whole one come after it."""
        return tuple(self._records())

    def _records(self) -> Iterator[Node]:
        for node in self._body.nodes.nodes:
            found = record(self._body, node, self._whole)
            yield found
            if found.whole is not None:
                yield from _inner.records(self._body, node)

    def __iter__(self) -> Iterator[Node]:
        return iter(self.nodes)

    def __len__(self) -> int:
        return len(self.nodes)

    def __contains__(self, name: object) -> bool:
        return any(name in (node.name, node.path) for node in self._records())

    def __getitem__(self, name: str) -> Node:
        """Returns the node of this name, or the one that calls the module at this path.

        Raises:
            GraphError: there is none, or several nodes call that module.
        """
        own = self._body.nodes.nodes
        found = [node for node in own if node.name == name] or [node for node in own if _path(node) == name]
        if len(found) > 1:
            names = listed(node.name for node in found)
            raise GraphError(f"{name!r} is called by {names}; give one of these names")
        if found:
            return record(self._body, found[0], self._whole)
        nodes = self.nodes
        for node in nodes:  # those inside what stays whole
            if node.within and node.path in (name, f"{WHOLE}.{name}"):
                return node
        close = get_close_matches(name, [known for node in nodes for known in (node.name, node.path) if known], n=1)
        hint = f"; did you mean {close[0]!r}?" if close else f"; the nodes are {listed(node.name for node in nodes)}"
        raise GraphError(f"the graph has no node {name!r}{hint}")

    def find(
        self, what: What | None = None, *, name: str | None = None, where: Callable[[Node], bool] | None = None
    ) -> list[Node]:
        """Returns the nodes that meet all that is given, in the order in which they run.

        Args:
            what: A class of modules, a function, the name of an operation ("relu" is nn.ReLU, torch.relu and x.relu()),
                or a tuple of these.
            name: The name or path, with `*` for anything.
            where: Returns whether a node is wanted.

        Raises:
            GraphError: a module is looked for in place of its class, and no node calls it.
        """
        found = [node for node in self._records() if fits(node, what, name=name, where=where)]
        if isinstance(what, nn.Module) and not found:
            own = type(what).__name__
            raise GraphError(f"what={own}(...) is a module, which no node calls; give its class: what={own}")
        return found

    def match(self, pattern: Sequence[What]) -> list[tuple[Node, ...]]:
        """Returns the chains of nodes that fit a pattern: each node is read by the next one alone.

        Args:
            pattern: For instance `[nn.Conv2d, nn.BatchNorm2d, "relu"]`.
        """
        nodes = {node.name: node for node in self._records() if node.within is None}
        chains = []
        for first in nodes.values():
            chain = [first]
            while len(chain) < len(pattern) and does(chain[-1], pattern[len(chain) - 1]) and len(chain[-1].users) == 1:
                chain.append(nodes[chain[-1].users[0]])
            if len(chain) == len(pattern) and does(chain[-1], pattern[-1]):
                chains.append(tuple(chain))
        return chains

    def __str__(self) -> str:
        lines = []
        for node in self._records():
            lines.append(f"  {node.text}" if node.within else node.text)
            if node.whole is not None:
                lines.append(f"  # whole: {node.whole}")
        return "\n".join(lines)

    def __repr__(self) -> str:
        whole = f", whole: {listed(path or 'the model' for path in self.whole)}" if self._whole else ""
        return f"<Graph of {self.name}: {len(self._body.nodes.nodes)} nodes{whole}>"


def _path(node: fx.Node) -> str | None:
    return str(node.target) if node.op in ("call_module", "get_attr") else None
