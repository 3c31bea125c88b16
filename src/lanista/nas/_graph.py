"""The graph of a model: nodes with shapes, and the primitives that change it."""

import copy
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from torch import fx, nn

from lanista.errors import GraphError, UsageError
from lanista.nas import _inner
from lanista.nas._body import Body, Change, as_change
from lanista.nas._identity import Identity, Mutation
from lanista.nas._inner import Inner
from lanista.nas._nodes import Node, listed, record
from lanista.nas._ops import KIND_NAMES, OPERATIONS, Op, above, as_module, called, path_of
from lanista.nas._structure import structure
from lanista.nas._trace import WHOLE, trace
from lanista.nas._view import View


class Graph(View):
    """A model as a graph that can be searched and changed; the model itself stays as it is.

    The nodes come from `torch.fx`. Branches and counts that depend on shapes are decided by the example inputs. What
    cannot be traced, or does something else in training or for another batch size, stays whole: one node, whose
    modules inside can still be found, replaced, wrapped and deleted; `whole` says why. In the worst case the model
    itself is such a node.

    Each primitive computes what follows from it before anything is changed, so that a graph always runs.

    Args:
        model: Any module; weights, buffers and modes are kept.
        example_inputs: A tensor, a tuple of arguments, or a dictionary of named ones; on the device of the model.

    Raises:
        UsageError: it is no module, cannot be copied, or does not run on the example inputs.

    Example:
        >>> import torch
        >>> from torch import nn
        >>> from lanista import nas
        >>> graph = nas.Graph(nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2)), torch.zeros(3, 4))
        >>> print(graph)
        input_1  : float32[3, 4]
        _0 = Linear[in_features=4, out_features=8, bias=True](input_1)  : float32[3, 8]
        _1 = ReLU(_0)  : float32[3, 8]
        _2 = Linear[in_features=8, out_features=2, bias=True](_1)  : float32[3, 2]
        return _2
        >>> relu, = graph.find(nn.ReLU)
        >>> graph.replace(relu, nn.Tanh())
        <_1 = Tanh(_0)  : float32[3, 8]>
        >>> graph.module()(torch.zeros(5, 4)).shape
        torch.Size([5, 2])
    """

    def __init__(self, model: nn.Module, example_inputs: Any) -> None:
        traced = trace(model, example_inputs)
        self._body = Body.of(traced)
        self._whole = {path or WHOLE: why for path, why in traced.opaque.items()}
        self._entire = "" in traced.opaque
        self._training = model.training
        self._identity: Identity | None = None
        self.name = type(model).__name__

    def add(self, op: Op, *args: Any, name: str | None = None, **kwargs: Any) -> Node:
        """Adds a node that nothing reads yet, behind all that it reads; give nodes wherever it takes tensors.

        Args:
            op: A module, a function, or the name of a method of the first argument.
            *args: What it is called with; nodes may stand in lists, too: `graph.add(torch.cat, [a, b], dim=1)`.
            name: The path of the module, or the name of the node; made up by default.
            **kwargs: Settings by name.

        Raises:
            GraphError: it does not take these values.
        """
        found = (args, kwargs)
        inputs: list[fx.Node] = []

        def take(value: Any) -> Any:
            if isinstance(value, Node):
                value = self._node(value, "read")
                inputs.append(value)
            return value

        args, kwargs = fx.node.map_aggregate(found, take)
        if not inputs:
            raise GraphError(f"{called(op)} reads no node; give at least one node of the graph among its arguments")
        return self._made(self._put(op, args, kwargs, inputs, name or f"{inputs[0].name}_{called(op).lower()}"))

    def twin(self, node: Node | str, *inputs: Node | str, name: str | None = None) -> Node:
        """Adds a node that does what `node` does to other inputs, and that nothing reads yet; a module is copied.

        Args:
            node: What to do again.
            inputs: What to read in the stead of its inputs, in their order.
            name: The path of the copied module, or the name of the node; made up by default.

        Raises:
            GraphError: there are fewer or more inputs, or it does not take them.
        """
        place, sources = self._node(node, "copy"), [self._node(one, "read") for one in inputs]
        known = place.all_input_nodes
        if len(sources) != len(known) or place.op not in OPERATIONS:
            raise GraphError(f"{place.name!r} has the inputs {listed(n.name for n in known)}; give one for each")
        swap = dict(zip(known, sources, strict=True))
        args, kwargs = fx.map_arg((place.args, place.kwargs), swap.__getitem__)
        op: Any = place.target
        if place.op == "call_module":
            op = copy.deepcopy(self._body.part(op))
        new = self._put(op, args, kwargs, sources, name or f"{path_of(place)}_twin")
        if place.op == "call_module" and place.target in self._whole:
            self._whole[str(new.target)] = self._whole[str(place.target)]
        return self._made(new)

    def insert_after(self, node: Node | str, op: Op, *, name: str | None = None, **kwargs: Any) -> Node:
        """Inserts a node that takes the value of `node`, and is read by all that read it before.

        Raises:
            GraphError: it does not take the value, or a reader does not take what it gives.
        """
        place = self._place(node)
        if isinstance(place, Inner):
            return self._put_inner(place, nn.Sequential(self._inside(place), as_module(op, name, kwargs)), ".1")
        if place.op == "output":
            raise GraphError("nothing comes after the output; insert before it")
        new = self._put(op, (place,), kwargs, [place], name or f"{path_of(place)}_{called(op).lower()}")
        return self._join(place, new, [user for user in place.users if user is not new])

    def insert_before(self, node: Node | str, op: Op, *, at: int = 0, name: str | None = None, **kwargs: Any) -> Node:
        """Inserts a node between `node` and its input number `at`; other readers of that input stay as they are.

        Raises:
            GraphError: it does not take the value, `node` does not take what it gives, or has no such input.
        """
        place = self._place(node)
        if isinstance(place, Inner):
            return self._put_inner(place, nn.Sequential(as_module(op, name, kwargs), self._inside(place)))
        inputs = place.all_input_nodes
        if not 0 <= at < len(inputs):
            raise GraphError(f"{place.name!r} has {len(inputs)} inputs, so there is no input number {at}")
        new = self._put(op, (inputs[at],), kwargs, [inputs[at]], name or f"{path_of(place)}_{called(op).lower()}")
        return self._join(inputs[at], new, [place])

    def replace(self, node: Node | str, op: Op, **kwargs: Any) -> Node:
        """Puts another operation in the stead of a node; it gets the same inputs, and a module the same path.

        Args:
            node: The node.
            op: What it is to do. A module takes the tensors alone; a function takes `kwargs` besides.
            kwargs: Settings of a function.

        Raises:
            GraphError: it does not take the inputs, or a reader does not take what it gives.
        """
        place = self._place(node)
        if isinstance(place, Inner):
            return self._put_inner(place, as_module(op, None, kwargs))
        if place.op not in OPERATIONS:
            raise GraphError(
                f"{place.name!r} is an {KIND_NAMES[place.op]} of the model and cannot be replaced; redirect its readers"
            )
        return self._made(self._exchange(place, op, tuple(place.all_input_nodes), kwargs))

    def wrap(self, node: Node | str, wrapper: Callable[[nn.Module], nn.Module]) -> Node:
        """Puts what `wrapper` makes of a node's module in its stead: a parametrised copy, a module around it.

        The wrapper gets a copy of the module, with its weights.

        Raises:
            GraphError: the node calls no module, or what the wrapper gives does not fit.
        """
        place = self._place(node)
        if isinstance(place, Inner):
            return self._put_inner(place, wrapper(self._inside(place)))
        if place.op != "call_module":
            raise GraphError(f"{place.name!r} calls no module; replace it by a module that does the same first")
        new = wrapper(copy.deepcopy(self._body.part(str(place.target))))
        return self._made(self._exchange(place, as_module(new), place.args, place.kwargs))

    def delete(self, node: Node | str) -> None:
        """Removes a node: what read it reads its input; of a node with several inputs, the first.

        Raises:
            GraphError: the readers do not take that input, or the node is an input or the output.
        """
        place = self._place(node)
        if isinstance(place, Inner):
            self._put_inner(place, nn.Identity())
            return
        if place.op in ("placeholder", "output") or (place.users and not place.all_input_nodes):
            raise GraphError(
                f"{place.name!r} cannot be deleted: nothing could stand for it; redirect its readers instead"
            )
        if place.users:
            self._redirect(place, place.all_input_nodes[0], list(place.users))
        if not place.users:
            self._body.drop(place)
        self._identity = None

    def rewire(self, node: Node | str, old: Node | str, new: Node | str) -> Node:
        """Lets `node` read `new` in the stead of `old`.

        Raises:
            GraphError: it does not read `old`, does not take `new`, or `new` is computed from it.
        """
        place, source, target = (self._node(one, "rewire") for one in (node, old, new))
        if source not in place.all_input_nodes:
            reads = listed(n.name for n in place.all_input_nodes)
            raise GraphError(f"{place.name!r} does not read {source.name!r}; it reads {reads}")
        self._redirect(source, target, [place])
        return self._made(place)

    def redirect(self, old: Node | str, new: Node | str) -> None:
        """Lets all that reads `old` read `new`, save what `new` is computed from; `old` goes when nothing reads it.

        Raises:
            GraphError: a reader does not take the value of `new`, or there is none.
        """
        source, target = self._node(old, "redirect"), self._node(new, "redirect")
        users = [user for user in source.users if user not in above(target)]
        if not users:
            raise GraphError(
                f"nothing reads {source.name!r} but what {target.name!r} is computed from; there is nothing to do"
            )
        self._redirect(source, target, users)
        if not source.users and source.op != "placeholder":
            self._body.drop(source)

    @contextmanager
    def together(self) -> Iterator[None]:
        """Checks several changes at the end of the block in the stead of one by one; if they fail, none is made.

        Raises:
            GraphError: the graph does not run after the changes.
        """
        outer, before = self._body.loose, (self._body.copy(), self._whole, self._identity)
        self._body.loose, self._whole = True, dict(self._whole)
        try:
            yield
            self._body.loose = outer
            if not outer:
                self._body.settle()
        except BaseException:
            self._body, self._whole, self._identity = before
            self._body.loose = outer
            raise

    # Results

    def module(self) -> nn.Module:
        """Returns a module of its own that computes the graph, with the paths of the model's parameters.

        It holds nothing of the search: it runs, copies, pickles and exports like any other module of `torch.fx`. Where
        the model itself stays whole, with nothing around it, it is of the model's own class.
        """
        own = self._entire and self._body.alone(WHOLE)
        made: nn.Module = copy.deepcopy(self._body.part(WHOLE)) if own else self._body.module(self.name)
        return made.train(self._training)

    def copy(self) -> "Graph":
        """Returns a graph that can be changed for itself; modules are shared, since primitives never change them."""
        twin = object.__new__(Graph)
        twin.__dict__.update(self.__dict__, _body=self._body.copy(), _whole=dict(self._whole))
        return twin

    def renewed(self, model: nn.Module, example_inputs: Any) -> "Graph":
        """Returns the graph of another model: this one with its weights if the models are built alike, else a new one.

        Raises:
            UsageError: the model cannot be copied, or does not run on the example inputs.
        """
        body = self._body.renewed(model)
        if body is None:
            return Graph(model, example_inputs)
        twin = self.copy()
        twin._body = body
        return twin

    @property
    def hash(self) -> str:
        """Text that is the same for graphs that compute the same in the same way; names and weights do not matter."""
        return structure(self._body)

    @property
    def identity(self) -> Identity:
        """The base model and the mutations since; a change by hand makes the graph a base of its own."""
        return self._identity or Identity(f"{self.name}:{self.hash}")

    def mutated(self, mutator: Any, pick: Callable[[str, Any], Any]) -> "Graph":
        """Returns a copy that a mutator has changed; its identity has this graph's as `parent`.

        Where the mutator finds nothing to change, the copy is equal: the last of its `identity.mutations` has no picks.

        Args:
            mutator: A `Mutator`.
            pick: Called with a name and options, returns one; `nas.picks(params)` or `nas.random_picks(rng)`.

        Raises:
            GraphError: the mutation does not fit.
            UsageError: it is no mutator.
        """
        if isinstance(mutator, type) or not hasattr(mutator, "mutate"):
            what = f"the class {mutator.__name__}" if isinstance(mutator, type) else repr(mutator)
            raise UsageError(f"{what} is no mutator; give an object of a class with `mutate`, such as NormAfterConv()")
        made: dict[str, Any] = {}

        def noted(name: str, options: Any) -> Any:
            made[name] = pick(name, options)
            return made[name]

        child = self.copy()
        mutator.mutate(child, noted)
        child._identity = self.identity.after(Mutation.of(mutator, made))
        return child

    def _place(self, node: Node | str) -> fx.Node | Inner:
        found = self[node if isinstance(node, str) else node.name]
        holder = found.within or found.name
        place = next(one for one in self._body.nodes.nodes if one.name == holder)
        return Inner(place, found.name.removeprefix(f"{place.target}.")) if found.within else place

    def _node(self, node: Node | str, wish: str) -> fx.Node:
        place = self._place(node)
        if isinstance(place, Inner):
            found = self[node if isinstance(node, str) else node.name]
            raise _inner.refuse(found, wish, self._whole[str(place.holder.target)])
        return place

    def _inside(self, place: Inner) -> nn.Module:
        whole: nn.Module = self._body.part(str(place.holder.target))
        return copy.deepcopy(whole.get_submodule(place.path))

    def _put_inner(self, place: Inner, new: nn.Module, step: str = "") -> Node:
        """Puts a module in the stead of the one inside; returns the node at that path, or a step further."""
        _inner.put(self._body, place, new)
        self._identity = None
        path = f"{place.holder.target}.{place.path}{step}"
        return next(node for node in self._records() if node.target == path or node.target.startswith(f"{path}."))

    def _made(self, node: fx.Node) -> Node:
        self._identity = None
        return record(self._body, node, self._whole)

    def _put(self, op: Op, args: Any, kwargs: Any, after: list[fx.Node], name: str) -> fx.Node:
        change, path = self._change(op, args, kwargs, name)
        try:
            return self._body.put(change, after, None if path else name)
        except GraphError:
            self._body.parts.pop(path, None)
            raise

    def _change(self, op: Op, args: Any, kwargs: Any, name: str) -> tuple[Change, str]:
        """Returns what a node becomes, and the path of the new part, if any."""
        if isinstance(op, nn.Module):
            path = self._body.path(name)
            self._body.parts[path] = op
            return ("call_module", path, args, kwargs), path
        if isinstance(op, type) or not (isinstance(op, str) or callable(op)):
            raise GraphError(f"{op!r} is no operation; give a module, a function or the name of a tensor's method")
        return ("call_method" if isinstance(op, str) else "call_function", op, args, kwargs), ""

    def _exchange(self, place: fx.Node, op: Op, args: Any, kwargs: Any) -> fx.Node:
        """Makes another operation of a node in its place; a module takes over the path of the one before."""
        target, parts = str(place.target), dict(self._body.parts)
        alone = sum(node.op == "call_module" and node.target == target for node in self._body.nodes.nodes) == 1
        if place.op == "call_module" and alone:
            del self._body.parts[target]
        name = target if place.op == "call_module" else place.name
        try:
            change, _ = self._change(op, args, kwargs, name)
            self._body.change({place: change})
        except GraphError:
            self._body.parts = parts
            raise
        self._whole = {path: why for path, why in self._whole.items() if path != target or not alone}
        return place

    def _join(self, old: fx.Node, new: fx.Node, users: list[fx.Node]) -> Node:
        """Lets users of `old` read the added node, and removes it where they cannot."""
        try:
            self._redirect(old, new, users)
        except GraphError:
            self._body.drop(new)
            raise
        return self._made(new)

    def _redirect(self, old: fx.Node, new: fx.Node, users: list[fx.Node]) -> None:
        def turn(source: fx.Node) -> fx.Node:
            return new if source is old else source

        changes = {}
        for user in users:
            op, target, args, kwargs = as_change(user)
            args, kwargs = fx.map_arg((args, kwargs), turn)
            changes[user] = op, target, args, kwargs
        self._body.change(changes)
        self._identity = None
