"""A table of how long each operator takes, which predicts how long a model takes.

The latency of a model is taken to be the sum over its operators, so that models are ranked for a device without
running on it: ProxylessNAS (Cai et al. 2019) and FBNet (Wu et al. 2019). MnasNet (Tan et al. 2019), which brought the
device into the search, measures each model as a whole, as `LatencyTable.compare` and `nas.profile` do.
"""

import json
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path
from statistics import median
from typing import Any

import torch
from torch import nn

from lanista._frozen import Frozen
from lanista.errors import UsageError
from lanista.nas._count import Watch, name_of
from lanista.nas._inputs import Inputs, bind, device_of, evaluating, tensors
from lanista.nas._members import Members, drawn
from lanista.nas._timing import Clock, checked, threads_of, timed

FORMAT = "lanista latency table 1"


class Agreement(Frozen):
    """How well a table predicts models, given by `LatencyTable.compare`.

    Attributes:
        predicted_ms: what the table says, one figure a model.
        measured_ms: what was measured.
        rank: Spearman's rank correlation of the two: 1 if the order is right, about 0 if it tells nothing, NaN where
            all figures are one.
        error: the median of `|predicted − measured|` / measured.
    """

    predicted_ms: tuple[float, ...]
    measured_ms: tuple[float, ...]
    rank: float
    error: float


class LatencyTable(Frozen):
    """Milliseconds of operators, by what they do and the shapes that they do it to.

    Make one with `LatencyTable.measure`, or load one that was saved on the device in question.

    Attributes:
        entries: milliseconds by operator.
        device: where they were measured.
        threads: on how many threads of the CPU.
        overhead_ms: milliseconds that measuring adds to an operator, less what passes between two of them: by it the
            sum of the operators of a measured model is more than its own time (the median over these models).

    >>> import torch
    >>> from torch import nn
    >>> nets = [nn.Sequential(nn.Linear(8, width), nn.ReLU(), nn.Linear(width, 2)) for width in (16, 32)]
    >>> table = LatencyTable.measure(nets, torch.zeros(1, 8), repeats=5)
    >>> [key for key in table.entries if key.startswith("relu")]
    ['relu(float32[1,16])', 'relu(float32[1,32])']
    >>> table.predict(nets[0], torch.zeros(1, 8)) > 0
    True
    """

    entries: Mapping[str, float]
    device: str
    threads: int
    overhead_ms: float = 0.0

    @classmethod
    def measure(
        cls,
        models: Members | Iterable[nn.Module],
        inputs: Inputs,
        *,
        members: int = 16,
        repeats: int = 20,
        warmup: int = 3,
        threads: int | None = None,
        seed: int = 0,
        clock: Clock = time.perf_counter,
    ) -> "LatencyTable":
        """Runs models, as they are and with each of their operators measured where it stands.

        An operator that occurs several times gets the median of all its runs.

        Args:
            models: models, or a space to draw `members` models from.
            inputs: what each model is called with; latencies hold for this batch size.
            members: how many to draw from a space.
            repeats: passes of each model that are measured, after `warmup` others.
            warmup: passes of each model before the first that is measured.
            threads: how many threads of the CPU to measure with; as torch is set by default.
            seed: of the draw.
            clock: what tells seconds.

        Raises:
            UsageError: there are no models, they are on several devices, or one fails on the inputs.
        """
        checked(repeats, warmup, threads)
        times: dict[str, list[float]] = defaultdict(list)
        runs: list[tuple[Counter[str], float]] = []
        device = None
        with threads_of(threads) as used:
            for model in _models(models, members, seed):
                bind(model, inputs)
                before, device = device, device_of(model, tensors(inputs)[0].device)
                if before not in (None, device):
                    raise UsageError(f"models on {before} and on {device}: measure a table for each device")
                for _ in range(warmup):
                    _operators(model, inputs)
                for _ in range(repeats):
                    found = _operators(model, inputs, times=times, clock=clock)
                runs.append((found, _whole(model, inputs, repeats, 0, clock)))
        if device is None:
            raise UsageError("there are no models to measure: give one or more, or a space of models")
        entries = {key: median(found) for key, found in sorted(times.items())}
        over = [(_sum(entries, found) - whole) / found.total() for found, whole in runs if found]
        return cls(entries, str(device), used, median(over) if over else 0.0)

    def predict(self, model: nn.Module, inputs: Inputs) -> float:
        """Predicts the milliseconds of a forward pass: the sum of its operators' entries, each less the overhead.

        The model runs once, to see what its operators are; on what machine does not matter.

        Raises:
            UsageError: the table lacks operators of the model, which it names; or the model fails on the inputs.
        """
        found = _operators(model, inputs)
        lacking = [key for key in found if key not in self.entries]
        if lacking:
            raise UsageError(
                f"the table lacks {len(lacking)} of the model's {len(found)} kinds of operators, the first is "
                f"{lacking[0]}: measure a table with more members, and join them by table.joined(other)"
            )
        return _sum(self.entries, found) - self.overhead_ms * found.total()

    def missing(self, model: nn.Module, inputs: Inputs) -> list[str]:
        """Lists the operators of a model that the table lacks; none if `predict` will do."""
        return [key for key in _operators(model, inputs) if key not in self.entries]

    def joined(self, other: "LatencyTable") -> "LatencyTable":
        """Gives a table with the entries of both; this one's count where both have one, and its overhead.

        Raises:
            UsageError: they were measured on different devices or numbers of threads.
        """
        if (self.device, self.threads) != (other.device, other.threads):
            raise UsageError(
                f"this table was measured on {self.device} with threads={self.threads}, the other on {other.device} "
                f"with threads={other.threads}: measure both alike"
            )
        return LatencyTable({**other.entries, **self.entries}, self.device, self.threads, self.overhead_ms)

    def compare(
        self,
        models: Iterable[nn.Module],
        inputs: Inputs,
        *,
        repeats: int = 20,
        warmup: int = 3,
        clock: Clock = time.perf_counter,
    ) -> Agreement:
        """Measures models as wholes, and compares with what the table predicts for them.

        Give models that the table was not measured on, and run it on the device of the table.

        Raises:
            UsageError: there are fewer than three models, one is on another device than the table's, or the table
                lacks operators of one.
        """
        checked(repeats, warmup, None)
        predicted, measured = [], []
        with threads_of(self.threads):
            for model in models:
                self._check_device(model, inputs)
                predicted.append(self.predict(model, inputs))
                measured.append(_whole(model, inputs, repeats, warmup, clock))
        if len(measured) < 3:
            raise UsageError(f"{len(measured)} models tell nothing about the order: give 3 or more")
        rank = _spearman(predicted, measured)
        errors = [abs(guess - truth) / truth for guess, truth in zip(predicted, measured, strict=True)]
        return Agreement(tuple(predicted), tuple(measured), rank, median(errors))

    def _check_device(self, model: nn.Module, inputs: Inputs) -> None:
        device = device_of(model, tensors(inputs)[0].device)
        if str(device) != self.device:
            raise UsageError(f"the model is on {device}, the table was measured on {self.device}: move the model there")

    def save(self, path: str | Path) -> None:
        """Writes the table to a JSON file.

        Raises:
            UsageError: the file cannot be written.
        """
        content: dict[str, Any] = {"format": FORMAT, "device": self.device, "threads": self.threads}
        content |= {"overhead_ms": self.overhead_ms, "entries": dict(self.entries)}
        text = json.dumps(content, indent=1, allow_nan=False) + "\n"
        try:
            Path(path).write_text(text, encoding="utf-8")
        except OSError as error:
            raise UsageError(f"the table cannot be written to {path}: {error.strerror}") from error

    @classmethod
    def load(cls, path: str | Path) -> "LatencyTable":
        """Reads a table that `save` wrote.

        Raises:
            UsageError: there is no such file, or it holds something else.
        """
        try:
            content = json.loads(Path(path).read_text(encoding="utf-8"))
            if content["format"] != FORMAT:
                raise ValueError(f"its format is {content['format']!r}")
            entries = {str(key): float(value) for key, value in content["entries"].items()}
            return cls(entries, str(content["device"]), int(content["threads"]), float(content["overhead_ms"]))
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise UsageError(f"{path} is no latency table ({error}): give a file that table.save wrote") from error


def _models(models: Members | Iterable[nn.Module], members: int, seed: int) -> Iterable[nn.Module]:
    if isinstance(models, nn.Module):
        return [models]
    if isinstance(models, Iterable):
        return models
    return (models.build(params) for params in drawn(models, members, seed))


def _operators(
    model: nn.Module, inputs: Inputs, *, times: dict[str, list[float]] | None = None, clock: Clock = time.perf_counter
) -> Counter[str]:
    """Runs a model once, and counts its operators; the milliseconds of each go into `times`."""
    call = bind(model, inputs)
    device = device_of(model, tensors(inputs)[0].device)
    found: Counter[str] = Counter()

    def run(operator: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        key = _key(operator, args, kwargs)  # first: the operator may change its arguments
        found[key] += 1
        if times is None:
            return operator(*args, **kwargs)
        results: list[Any] = []
        times[key].append(timed(lambda: results.append(operator(*args, **kwargs)), device, clock))
        return results[0]

    with evaluating(model), Watch(run):
        call()
    return found


def _whole(model: nn.Module, inputs: Inputs, repeats: int, warmup: int, clock: Clock) -> float:
    """The median milliseconds of a forward pass."""
    call = bind(model, inputs)
    device = device_of(model, tensors(inputs)[0].device)
    with evaluating(model):
        for _ in range(warmup):
            call()
        return median(timed(call, device, clock) for _ in range(repeats))


def _spearman(one: list[float], other: list[float]) -> float:
    from scipy.stats import spearmanr

    if min(len(set(one)), len(set(other))) < 2:
        return float("nan")
    return float(spearmanr(one, other).statistic)


def _sum(entries: Mapping[str, float], found: Counter[str]) -> float:
    return sum(entries[key] * count for key, count in found.items())


def _key(operator: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> str:
    """An operator with the types and shapes of its tensors and its other arguments: what its time depends on."""
    given = [_text(value) for value in args] + [f"{name}={_text(value)}" for name, value in kwargs.items()]
    return f"{name_of(operator)}({', '.join(given)})"


def _text(value: Any) -> str:
    if isinstance(value, torch.Tensor):
        order = "" if value.is_contiguous() else str(value.stride()).replace(" ", "")
        return f"{str(value.dtype).removeprefix('torch.')}[{','.join(map(str, value.shape))}]{order}"
    if isinstance(value, (list, tuple)):
        return "[" + ",".join(_text(item) for item in value) + "]"
    return "device" if isinstance(value, torch.device) else str(value)  # a table may be used on another machine
