"""What models compute alike before any weight that is trained: a frozen backbone, say. It is computed once for all."""

from collections.abc import Sequence
from itertools import count

from torch import Tensor
from torch.fx import Graph, GraphModule, Node

from lanista._frozen import Frozen
from lanista.fuse._capture import Captured, Place


class Parted(Frozen):
    """A captured graph in two: what can be computed beforehand for each example, and the rest.

    Attributes:
        prefix: from constants and inputs, in the order of `places`, to features, the first dimension of each being the
            batch.
        places: the inputs of the prefix.
        rest: the graph without it; its data are the features, then the targets.
        batch: how many examples both take at once.
        edge: the names of the features, which say where the graph is parted.
    """

    prefix: GraphModule
    places: tuple[Place, ...]
    rest: Captured
    batch: int
    edge: tuple[str, ...]


def part(captured: Captured, inputs: int) -> Parted | None:
    """Parts a graph whose first `inputs` data are the model's inputs; None where there is nothing worth it.

    Worth it is what applies weights that are not trained to inputs alone.
    """
    graph = captured.graph.graph
    named = dict(zip(graph.find_nodes(op="placeholder"), captured.places, strict=True))
    still, early = _early(graph, named, captured.changed, inputs)
    batch = next(node for node in named if named[node] == Place("data", "0")).meta["val"].shape[0]
    while wrong := [node for node in _edge(early) if _length(node) != batch]:
        _remove(early, wrong)
    edge = _edge(early)
    applied = {given for node in early for given in node.all_input_nodes if given in still}
    if not edge or not any(named[node].kind in ("constant", "buffer") for node in _roots(applied)):
        return None
    first = [node for node in graph.nodes if node in early or node in still]
    prefix, places = _prefix(captured, named, first, edge)
    names = tuple(node.name for node in edge)
    return Parted(prefix, places, _rest(captured, named, set(early), edge, inputs), batch, names)


def _early(
    graph: Graph, named: dict[Node, Place], changed: frozenset[str], inputs: int
) -> tuple[dict[Node, None], dict[Node, None]]:
    """The nodes that depend on constants only, and those that depend on inputs besides, in their order."""
    still: dict[Node, None] = {}
    early: dict[Node, None] = {}
    for node in graph.nodes:
        if (place := named.get(node)) is not None:
            if place.kind == "data" and int(place.name) < inputs:
                early[node] = None
            elif place.kind == "constant" or (place.kind == "buffer" and place.name not in changed):
                still[node] = None
        elif node.op == "get_attr":
            still[node] = None
        elif node.op == "call_function":
            given = node.all_input_nodes
            if given and all(part in still or part in early for part in given):
                (still if all(part in still for part in given) else early)[node] = None
    return still, early


def _roots(nodes: set[Node]) -> set[Node]:
    """The placeholders that nodes come from."""
    found, waiting = set[Node](), list(nodes)
    while waiting:
        node = waiting.pop()
        if node.op == "placeholder":
            found.add(node)
        waiting += [given for given in node.all_input_nodes if given not in found]
    return found


def _edge(early: dict[Node, None]) -> list[Node]:
    """The nodes that others than early ones use."""
    return [node for node in early if any(user not in early for user in node.users)]


def _length(node: Node) -> int:
    value = node.meta.get("val")
    return value.shape[0] if isinstance(value, Tensor) and value.dim() else -1


def _remove(early: dict[Node, None], nodes: Sequence[Node]) -> None:
    """Takes nodes out, and those that depend on them."""
    waiting = list(nodes)
    while waiting:
        node = waiting.pop()
        if node in early:
            del early[node]
            waiting += node.users


def _prefix(
    captured: Captured, named: dict[Node, Place], nodes: Sequence[Node], edge: Sequence[Node]
) -> tuple[GraphModule, tuple[Place, ...]]:
    """A graph of these nodes that returns the features."""
    made = Graph()
    copies: dict[Node, Node] = {}
    places = []
    for node in nodes:
        if node.op == "placeholder":
            places.append(named[node])
        copies[node] = made.node_copy(node, copies.__getitem__)
    made.output([copies[node] for node in edge])
    made.eliminate_dead_code()
    return GraphModule(captured.graph, made), tuple(places)


def _rest(
    captured: Captured, named: dict[Node, Place], early: set[Node], edge: Sequence[Node], inputs: int
) -> Captured:
    """The graph without what comes early; features take the place of inputs."""
    made = Graph()
    copies: dict[Node, Node] = {}
    places: list[Place] = []
    number = count()

    def placeholder(node: Node, place: Place) -> None:
        copies[node] = made.placeholder(f"{place.kind}_{len(places)}")
        copies[node].meta = dict(node.meta)
        places.append(place)

    for node, place in named.items():
        if place.kind != "data":
            placeholder(node, place)
        elif int(place.name) == inputs - 1:  # the targets follow
            for feature in edge:
                placeholder(feature, Place("data", str(next(number))))
        elif int(place.name) >= inputs:
            placeholder(node, Place("data", str(next(number))))
    for node in captured.graph.graph.nodes:
        if node.op != "placeholder" and node not in early:
            copies[node] = made.node_copy(node, copies.__getitem__)
    made.eliminate_dead_code()
    graph = GraphModule(captured.graph, made)
    return Captured(graph, tuple(places), captured.changed, captured.noise, captured.transposed)
