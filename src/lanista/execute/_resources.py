"""CPUs, GPUs and memory: what is there, what was asked for, and who gets which."""

import math
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from lanista._frozen import Frozen
from lanista.errors import ExecutorError, UsageError
from lanista.trial import Job

Device = int | str
"""A GPU as CUDA_VISIBLE_DEVICES names it: its number, or its UUID."""

_UNITS = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12, "KI": 2**10, "MI": 2**20, "GI": 2**30, "TI": 2**40}
_THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMEXPR_NUM_THREADS")


def cores() -> int:
    """CPU cores that this process may use, by its affinity and its container's quota."""
    count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text().split()
        count = min(count, math.ceil(int(quota) / int(period)))
    except (OSError, ValueError):
        pass
    return max(1, count)


def parse_bytes(size: int | str) -> int:
    """Bytes from a number, or from text with a unit.

    >>> parse_bytes("2GB"), parse_bytes("512 MiB"), parse_bytes(1000)
    (2000000000, 536870912, 1000)
    """
    match = re.fullmatch(r"([0-9.]+)\s*([KMGT]?I?)B?", str(size).strip().upper())
    try:
        value = int(float(match[1]) * _UNITS[match[2]]) if match else 0
    except (KeyError, ValueError):
        value = 0
    if value <= 0 or isinstance(size, bool):
        raise UsageError(f"memory={size!r} is no size; write bytes, or for instance '2GB' or '512MiB'")
    return value


def find_gpus(environ: Mapping[str, str] = os.environ) -> tuple[list[Device], str]:
    """The GPUs that this process may use, and where that was read: CUDA_VISIBLE_DEVICES, else nvidia-smi."""
    import shutil
    import subprocess

    visible = environ.get("CUDA_VISIBLE_DEVICES")
    if visible is not None:
        names = [name.strip() for name in visible.split(",") if name.strip()]
        hidden = next((i for i, name in enumerate(names) if name == "-1"), len(names))
        return [int(name) if name.isdigit() else name for name in names[:hidden]], f"CUDA_VISIBLE_DEVICES={visible}"
    if shutil.which("nvidia-smi") is None:
        return [], "nvidia-smi is not there"
    call = ["nvidia-smi", "--query-gpu=index", "--format=csv,noheader"]
    try:
        done = subprocess.run(call, capture_output=True, text=True, timeout=30, check=True)
    except (OSError, subprocess.SubprocessError) as error:
        return [], f"nvidia-smi failed: {error}"
    return [int(line) for line in done.stdout.split() if line.isdigit()], "by nvidia-smi"


def refuse_resources(executor: object, jobs: Sequence[Job]) -> None:
    """Raises UsageError where a scheduler gives a trial resources that the executor cannot hand out."""
    for job in jobs:
        if job.resources:
            given = ", ".join(f"{name}={amount:g}" for name, amount in job.resources.items())
            raise UsageError(
                f"trial {job.number} is to get {given}, and {type(executor).__name__} hands out no resources; "
                "run with executor='processes', or with a scheduler that gives none"
            )


class Plan(Frozen):
    """Who gets which CPUs and GPUs.

    Attributes:
        workers: how many there are at first.
        cpus: cores of one worker.
        explicit: whether the user said so, which goes before the OMP_NUM_THREADS of his environment.
        gpus: devices of one worker; below 1 a share of one.
        devices: all that there are.
        origin: where that was read.
    """

    workers: int
    cpus: int
    explicit: bool
    gpus: float
    devices: tuple[Device, ...]
    origin: str

    def check(self, workers: int) -> None:
        """Raises ExecutorError when so many workers do not fit the GPUs."""
        most = self.most
        if most is None or workers <= most:
            return
        there = ", ".join(map(str, self.devices)) or "none"
        mend = f"at most workers={most} fits" if most else "leave gpus out to run on the CPU"
        raise ExecutorError(
            f"{workers} workers with gpus={self.gpus:g} each do not fit the GPUs of this machine: {there} "
            f"({self.origin}); {mend}"
        )

    @property
    def most(self) -> int | None:
        """How many workers the GPUs suffice for; None without GPUs."""
        if not self.gpus:
            return None
        return len(self.devices) * self._sharers if self.gpus < 1 else len(self.devices) // int(self.gpus)

    @property
    def _sharers(self) -> int:
        return int(1 / self.gpus + 1e-9)

    def places(self, resources: Mapping[str, float] | None) -> int:
        """How many workers' shares make up what a trial is to get.

        Raises:
            UsageError: a resource that there is none of.
        """
        shares = {"cpus": float(self.cpus), "gpus": float(self.gpus)}
        for name in resources or {}:
            if not shares.get(name):
                have = ", ".join(name for name, share in shares.items() if share)
                raise UsageError(
                    f"a trial is to get {name}, of which these workers have none (they have {have}); "
                    f"write for instance Processes(..., gpus=1), or change the scheduler's resources"
                )
        return max([1, *(math.ceil(amount / shares[name] - 1e-9) for name, amount in (resources or {}).items())])

    def devices_of(self, places: Sequence[int]) -> list[Device]:
        """The GPUs of a worker that takes up these places."""
        return list(dict.fromkeys(device for place in places for device in self._devices_at(place)))

    def _devices_at(self, index: int) -> list[Device]:
        if not self.gpus:
            return []
        if self.gpus < 1:
            return [self.devices[index // self._sharers]]
        each = int(self.gpus)
        return list(self.devices[index * each : (index + 1) * each])

    def environment(self, places: Sequence[int], environ: Mapping[str, str]) -> dict[str, str]:
        """A worker's environment: this one, with its threads and devices."""
        env = dict(environ)
        for name in _THREADS:
            if self.explicit or name not in env:
                env[name] = str(self.cpus * len(places))
        if self.gpus:
            env["CUDA_VISIBLE_DEVICES"] = ",".join(map(str, self.devices_of(places)))
        return env


def plan(workers: int | None, cpus: int | None, gpus: float) -> Plan:
    """Checks what was asked for against what is there.

    Raises:
        UsageError: a value that makes no sense.
        ExecutorError: resources that do not exist.
    """
    for name, value in (("workers", workers), ("cpus", cpus)):
        if value is not None and (not isinstance(value, int) or isinstance(value, bool) or value < 1):
            raise UsageError(f"{name}={value!r} must be a whole number from 1")
    if not isinstance(gpus, int | float) or gpus < 0 or (gpus > 1 and gpus != int(gpus)):
        raise UsageError(f"gpus={gpus!r} must be a whole number of devices, or a share below 1, such as 0.5")
    there = cores()
    if cpus is not None and cpus > there:
        raise ExecutorError(f"cpus={cpus} for one worker: this machine has {there}; ask for at most that")
    devices, origin = find_gpus() if gpus else ([], "")
    draft = Plan(workers or 1, cpus or 1, cpus is not None, gpus, tuple(devices), origin)
    if workers is None:
        by_cpu = max(1, there // (cpus or 1))
        workers = by_cpu if draft.most is None else max(1, min(by_cpu, draft.most))
    draft.check(workers)
    return Plan(workers, cpus or max(1, there // workers), draft.explicit, gpus, draft.devices, origin)
