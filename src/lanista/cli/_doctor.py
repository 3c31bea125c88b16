"""`lanista doctor`: what is installed, what is missing and what to do, where the store is, what the machine has."""

import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path

from lanista._version import __version__
from lanista.cli._base import Args, MakeCommand, add_json
from lanista.cli._tables import show
from lanista.errors import LanistaError
from lanista.journal import home, open_store

GPU_WAIT_S = 20


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at: `ok`, `missing` (optional) or `wrong`; `advice` says what to do."""

    what: str
    state: str
    detail: str
    advice: str = ""


def add(command: MakeCommand) -> None:
    """Adds the command."""
    doctor = command(
        "doctor", "say what is installed, what is missing and what to do, where the store is, what the machine has"
    )
    add_json(doctor)
    doctor.set_defaults(run=_doctor)


def _doctor(args: Args) -> int:
    found = [*_versions(), *_machine(), *_store(args.store), *_packages()]
    show([asdict(one) for one in found], ["what", "state", "detail", "advice"], as_json=args.json)
    wrong = [one for one in found if one.state == "wrong"]
    if not args.json:
        print(f"\n{len(wrong)} things are wrong" if wrong else "\nall that is needed is there")
    return 1 if wrong else 0


def _versions() -> list[Finding]:
    threads = "" if getattr(sys, "_is_gil_enabled", lambda: True)() else ", free-threaded"
    return [
        Finding("lanista", "ok", f"{__version__} in {Path(__file__).parent.parent}"),
        Finding("python", "ok", f"{platform.python_version()}{threads} at {sys.executable}"),
        Finding("system", "ok", platform.platform()),
    ]


def _machine() -> list[Finding]:
    import psutil

    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    memory = psutil.virtual_memory()
    gib = 2**30
    return [
        Finding("cores", "ok", f"{usable} usable of {os.cpu_count()}"),
        Finding("memory", "ok", f"{memory.available / gib:.1f} GiB free of {memory.total / gib:.1f} GiB"),
        *_gpus(),
    ]


def _gpus() -> list[Finding]:
    """What nvidia-smi says."""
    program = shutil.which("nvidia-smi")
    if program is None:
        return [Finding("gpus", "ok", "none (no nvidia-smi on the PATH)")]
    try:
        done = subprocess.run(
            [program, "--query-gpu=index,name,memory.total", "--format=csv,noheader"],
            capture_output=True, text=True, timeout=GPU_WAIT_S, check=True,
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError) as error:
        return [Finding("gpus", "wrong", f"nvidia-smi failed: {error}", "check the driver by running nvidia-smi")]
    gpus = [line.strip() for line in done.stdout.splitlines() if line.strip()]
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    note = "" if visible is None else f" (CUDA_VISIBLE_DEVICES={visible})"
    return [Finding("gpus", "ok", ("; ".join(gpus) or "none") + note)]


def _store(where: str | None) -> list[Finding]:
    """Whether the store opens, and can be written."""
    folder = home()
    given = f"{folder}{' ($LANISTA_HOME)' if os.environ.get('LANISTA_HOME') else ''}"
    findings = [Finding("home", *_writeable(folder, given))]
    try:
        store = open_store(where)
        count = len(store.experiments())
    except LanistaError as error:
        return [*findings, Finding("store", "wrong", str(error), "see the message")]
    findings.append(Finding("store", "ok", f"{store.url}: {count} experiments"))
    if store.url.startswith("sqlite:///"):
        path = Path(store.url.removeprefix("sqlite:///"))
        findings.append(Finding("store's folder", *_writeable(path.parent, str(path.parent))))
        if path.exists() and not os.access(path, os.W_OK):
            findings.append(Finding("store's file", "wrong", f"{path} is read-only", f"chmod u+w {path}"))
    return findings


def _writeable(folder: Path, words: str) -> tuple[str, str, str]:
    """State, detail and advice on a folder: it is tried, since permissions alone do not tell."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(b"x")
        free = shutil.disk_usage(folder).free / 2**30
    except OSError as error:
        mend = "make it writeable, or name another with LANISTA_HOME=FOLDER or --store FILE"
        return "wrong", f"{words} cannot be written: {error.strerror}", mend
    if free < 0.1:
        return "wrong", f"{words}: the disk is full ({free * 1024:.0f} MiB free)", "free some space"
    return "ok", f"{words}, {free:.1f} GiB free", ""


_REQUIREMENT = re.compile(r"^([A-Za-z0-9._-]+)(?:\[[^]]*\])?\s*([^;]*?)\s*(?:;.*extra\s*==\s*['\"]([\w-]+)['\"].*)?$")
_FOR_DEVELOPERS = ("dev", "docs", "all")


def _packages() -> list[Finding]:
    """The packages that the distribution names, needed ones and those of extras."""
    import importlib.metadata

    findings = []
    seen = set()
    for line in importlib.metadata.requires("lanista") or []:
        match = _REQUIREMENT.match(line)
        if match is None or match[3] in _FOR_DEVELOPERS or match[1] == "lanista" or match[1] in seen:
            continue
        seen.add(match[1])
        name, wanted, extra = match.groups()
        label = f"{name} (extra {extra})" if extra else name
        try:
            findings.append(Finding(label, "ok", importlib.metadata.version(name)))
        except importlib.metadata.PackageNotFoundError:
            mend = f"pip install 'lanista[{extra}]'" if extra else f"pip install '{name}{wanted}'"
            findings.append(Finding(label, "missing" if extra else "wrong", "not installed", mend))
    return findings
