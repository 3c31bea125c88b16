"""How models are trained, where that is not to be found out."""

from pathlib import Path

import torch

from lanista._frozen import Frozen
from lanista.errors import UsageError

_PRECISIONS = ("bfloat16", "float16")


class How(Frozen):
    """How models are trained, where that is not to be found out.

    Attributes:
        device: "cpu", "cuda" or one of several, "cuda:1".
        precision: None for that of the weights; "bfloat16" or "float16" computes in it where torch's autocast does.
        memory: bytes that the models trained at once may take; None for three quarters of what is free.
        checkpoints: a trial is saved after an epoch when so many seconds have gone by since it was last; 0 for every
            epoch. It is saved in any case when it pauses and when it is complete, so that this is for runs that are
            killed and workers that die.
        cache: a folder for what frozen parts of models make of the data, which later runs and other processes then need
            not compute again; None keeps it in memory, as long as it takes no more than a quarter of what is free.
        fuse: False trains one model after the other, as their code says.
        compile: whether stacks are also tried as `torch.compile` makes them, and so trained where that is faster; on a
            GPU with CUDA graphs. It takes seconds for each kind of model, each size of a stack and of a batch, and on a
            CPU a C++ compiler: for long trainings.

    Raises:
        UsageError: a value is wrong.

    >>> How(device="cpu", checkpoints=0)
    How(device='cpu', precision=None, memory=None, checkpoints=0, cache=None, fuse=True, compile=False)
    """

    device: str = "cpu"
    precision: str | None = None
    memory: int | None = None
    checkpoints: float = 60.0
    cache: str | Path | None = None
    fuse: bool = True
    compile: bool = False

    def __post_init__(self) -> None:
        if self.precision not in (None, *_PRECISIONS):
            raise UsageError(f"How(precision={self.precision!r}): it must be None or one of {', '.join(_PRECISIONS)}")
        for name, value, least in (("memory", self.memory, 1), ("checkpoints", self.checkpoints, 0)):
            if value is not None and (
                isinstance(value, bool) or not isinstance(value, int | float) or not value >= least
            ):
                unit = "bytes" if name == "memory" else "seconds"
                raise UsageError(f"How({name}={value!r}): it must be a number of {unit}, from {least}")
        if self.checkpoints is None:
            raise UsageError("How(checkpoints=None): it must be a number of seconds; float('inf') for never")
        if self.cache is not None and not isinstance(self.cache, str | Path):
            raise UsageError(f"How(cache={self.cache!r}): it must be the path of a folder")
        for name, switch in (("fuse", self.fuse), ("compile", self.compile)):
            if not isinstance(switch, bool):
                raise UsageError(f"How({name}={switch!r}): it must be True or False")
        if self.compile and not self.fuse:
            raise UsageError("How(compile=True, fuse=False): only what is fused is compiled; leave out one of them")
        self._check_device()

    def _check_device(self) -> None:
        try:
            torch.empty(0, device=self.device)
        except Exception as error:
            what = str(error).strip().partition("\n")[0]
            raise UsageError(f"How(device={self.device!r}): torch cannot use it here: {what}") from error
