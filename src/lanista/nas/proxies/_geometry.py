"""Proxies from how a network tells inputs apart: jacob_cov, NASWOT and the Zen score."""

from math import log, prod
from typing import Any

import numpy as np
import torch
from torch import nn

from lanista.errors import UsageError
from lanista.nas._count import Watch
from lanista.nas._inputs import Inputs, tensors
from lanista.nas.proxies._gradients import NORMS
from lanista.nas.proxies._sandbox import gradients, replaced, result, sandbox, single

aten = torch.ops.aten
STABLE = 1e-5  # Mellor et al. add it to each eigenvalue


def jacob_cov(model: nn.Module, inputs: Inputs, *, seed: int = 0) -> float:
    """Scores how little the Jacobians of different inputs are correlated; higher is better, −batch at best.

    With the eigenvalues v of the correlation matrix of the rows ∂(sum of the output)/∂(input), one row an input, it is
    the sum of −(log(v + k) + 1 / (v + k)), k = 1e-5: version 1 of Mellor et al. (arXiv 2006.04647v1), as in
    Abdelfattah et al. 2021. NaN where an input has no influence at all.

    Args:
        model: the built model; it stays untouched.
        inputs: a batch of two or more.
        seed: of what the model draws in `forward`, such as dropout.

    Raises:
        UsageError: the batch has one input, the model takes anything but one tensor of real numbers, or fails on it.

    >>> import torch
    >>> layers = [torch.nn.Linear(8, 64), torch.nn.ReLU(), torch.nn.Linear(64, 1)]
    >>> jacob_cov(torch.nn.Sequential(*layers), torch.randn(4, 8)) > jacob_cov(layers[0], torch.randn(4, 8))
    True
    """
    given = single(inputs, "jacob_cov")
    _several(given, "jacob_cov")
    with sandbox(model, seed) as twin:
        images = given.detach().clone().requires_grad_(True)
        (jacobian,) = gradients(result(twin, replaced(inputs, images)).sum(), [images])
    with np.errstate(invalid="ignore", divide="ignore"):
        correlation = np.corrcoef(jacobian.flatten(1).double().cpu().numpy())
    if not np.isfinite(correlation).all():
        return float("nan")
    shifted = np.maximum(np.linalg.eigvalsh(correlation), 0) + STABLE
    return float(-np.sum(np.log(shifted) + 1 / shifted))


def naswot(model: nn.Module, inputs: Inputs, *, seed: int = 0) -> float:
    """Scores in how many ways the ReLUs of a network switch for different inputs; higher is better.

    The logarithm of `|det K|`, where K[i, j] counts the ReLUs that are both on or both off for inputs i and j (Mellor
    et al. 2021). Every ReLU counts, in layers and in functional code, its leaky kinds and ReLU6 included. It
    is −inf where two inputs switch all of them alike. Sums of different sizes are not comparable between batch sizes.

    Args:
        model: the built model; it stays untouched.
        inputs: a batch of two or more.
        seed: of what the model draws in `forward`, such as dropout.

    Raises:
        UsageError: the model has no ReLU, the batch has one input, or the model fails on it.

    >>> import torch
    >>> net = torch.nn.ReLU()
    >>> naswot(net, torch.tensor([[1.0, 1.0, -1.0], [1.0, -1.0, -1.0]]))   # K = [[3, 2], [2, 3]], determinant 5
    1.609
    """
    size = _several(inputs, "naswot")
    kernel = torch.zeros(size, size, dtype=torch.float64)
    seen = []

    def run(operator: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if _is_relu(operator.overloadpacket, args, kwargs):
            codes = (args[0].detach() > 0).reshape(_batch(args[0], size), -1).float()
            kernel.add_((codes @ codes.T + (1 - codes) @ (1 - codes.T)).double().cpu())
            seen.append(operator)
        return operator(*args, **kwargs)

    with sandbox(model, seed) as twin, torch.no_grad(), Watch(run):
        result(twin, inputs)
    if not seen:
        raise UsageError(f"naswot compares how ReLUs switch, and {type(model).__name__} has none: take another proxy")
    return float(np.linalg.slogdet(kernel.numpy())[1])


def zen(
    model: nn.Module,
    inputs: Inputs,
    *,
    repeats: int = 4,
    noise: float = 0.01,
    features: str | None = None,
    seed: int = 0,
) -> float:
    """Scores how much a random network's features move with its input, as if without normalisation; higher is better.

    Weights, inputs x and ε are drawn from N(0, 1); the score is log E|f(x) − f(x + noise · ε)| plus, for each batch
    normalisation, log sqrt of its mean variance, which gives back the scale that it took away (Zen-NAS, Lin et al.
    2021; the norm is the sum of absolute values, as in its authors' code). f is the feature map before the
    global pooling. Of the inputs only the shape counts. Residual links stay in; the paper takes them out.
    Normalisation other than by batches is not made up for, so compare models of one kind.

    Args:
        model: the built model; it stays untouched.
        inputs: a batch of two or more.
        repeats: random networks whose scores are averaged.
        noise: how far the second input is from the first.
        features: the name of the layer whose output f is; by default what is pooled or flattened last.
        seed: of the weights and the inputs.

    Raises:
        UsageError: there is no such layer, the batch has one input, the model takes anything but one tensor of real
            numbers, or fails on it.

    >>> import torch
    >>> shallow = torch.nn.Sequential(torch.nn.Conv2d(3, 8, 3), torch.nn.ReLU(), torch.nn.Flatten())
    >>> deep = torch.nn.Sequential(torch.nn.Conv2d(3, 8, 3), torch.nn.ReLU(), torch.nn.Conv2d(8, 8, 3), torch.nn.ReLU())
    >>> zen(deep, torch.zeros(4, 3, 8, 8)) > zen(shallow, torch.zeros(4, 3, 8, 8))
    True
    """
    given = single(inputs, "zen")
    _several(given, "zen")
    if not isinstance(repeats, int) or repeats < 1 or not noise > 0:
        raise UsageError(f"repeats={repeats} and noise={noise}: give one or more repeats, and a noise above 0")
    scores = []
    with sandbox(model, seed) as twin, torch.no_grad():
        if features is not None and features not in dict(twin.named_modules()):
            raise UsageError(f"features={features!r} is no layer of the model: see model.named_modules()")
        for _ in range(repeats):
            _draw(twin)
            first = torch.randn_like(given)
            second = first + noise * torch.randn_like(given)
            spread: dict[nn.Module, float] = {}
            maps = [_features(twin, replaced(inputs, images), features, spread) for images in (first, second)]
            moved = float((maps[0] - maps[1]).abs().flatten(1).sum(1).double().mean())
            scores.append((log(moved) if moved > 0 else float("-inf")) + sum(spread.values()))
    return float(np.mean(scores))


def _several(inputs: Inputs, name: str) -> int:
    """The batch size, where there is a batch."""
    shape = next((tuple(tensor.shape) for tensor in tensors(inputs)), ())
    if len(shape) < 2 or shape[0] < 2:
        raise UsageError(f"{name} compares inputs with each other, and was given {shape}: give a batch of two or more")
    return shape[0]


def _is_relu(packet: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
    """Whether an operator is a ReLU, by whatever name: ReLU6 arrives as hardtanh, clipping below at 0 is one too."""
    if packet in (aten.hardtanh, aten.hardtanh_, aten.clamp, aten.clamp_, aten.clamp_min, aten.clamp_min_):
        low = args[1] if len(args) > 1 else kwargs.get("min", kwargs.get("min_val"))
        return isinstance(low, (int, float)) and low == 0
    return packet in _RELUS


_RELUS = {
    aten.relu,
    aten.relu_,
    aten.leaky_relu,
    aten.leaky_relu_,
    aten._prelu_kernel,
    aten.rrelu_with_noise,
    aten.rrelu_with_noise_,
    aten.threshold,
    aten.threshold_,
}


def _batch(tensor: torch.Tensor, size: int) -> int:
    """The batch size, if the tensor has it as its first dimension."""
    if tensor.shape[0] != size:
        raise ValueError(f"naswot: a ReLU sees {tuple(tensor.shape)}, whose first dimension is not the batch of {size}")
    return size


def _draw(model: nn.Module) -> None:
    """Draws all weights from N(0, 1), and makes normalisation and biases neutral."""
    for module in model.modules():
        norm = isinstance(module, NORMS)
        for name, param in module.named_parameters(recurse=False):
            if norm and name == "weight":
                param.fill_(1.0)
            elif param.ndim > 1:
                param.normal_()
            else:
                param.zero_()


def _features(model: nn.Module, inputs: Inputs, layer: str | None, spread: dict[nn.Module, float]) -> torch.Tensor:
    """The feature map of one pass; `spread` gets log σ of each batch normalisation."""
    size = len(tensors(inputs)[0])
    found: list[torch.Tensor] = []

    def note(module: nn.Module, args: tuple[Any, ...]) -> None:
        variance = args[0].transpose(0, 1).flatten(1).var(1).double().mean()
        spread[module] = 0.5 * float(variance.log())

    def keep(module: nn.Module, args: tuple[Any, ...], output: Any) -> None:
        found[:] = tensors(output)[:1]

    def run(operator: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        value = operator(*args, **kwargs)
        if layer is None and isinstance(value, torch.Tensor) and _is_pooled(value, size):
            found[:] = [tensor for tensor in tensors(args)[:1] if _is_map(tensor, size)] or found
        return value

    norms = [module for module in model.modules() if isinstance(module, nn.modules.batchnorm._BatchNorm)]
    hooks = [module.register_forward_pre_hook(note) for module in norms]
    if layer is not None:
        hooks.append(model.get_submodule(layer).register_forward_hook(keep))
    try:
        with Watch(run):
            output = result(model, inputs)
    finally:
        for hook in hooks:
            hook.remove()
    return output if layer is None and (_is_map(output, size) or not found) else found[0]


def _is_map(tensor: torch.Tensor, size: int) -> bool:
    """Whether a tensor has an example in each row, and channels at several places in each."""
    return tensor.ndim > 2 and tensor.shape[0] == size and prod(tensor.shape[2:]) > 1


def _is_pooled(tensor: torch.Tensor, size: int) -> bool:
    return tensor.ndim > 1 and tensor.shape[0] == size and prod(tensor.shape[2:]) == 1
