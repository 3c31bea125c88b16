"""The files in examples/cluster, run for real: Slurm by stand-ins for its commands, and `ray job submit`."""

import os
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import pytest

pytest.importorskip("ray", reason="Ray is not installed: pip install 'lanista[ray]'")
FOLDER = Path(__file__).resolve().parents[2] / "examples" / "cluster"
RAY = Path(sys.executable).parent / "ray"
PATIENCE_S = 120.0

SRUN = """\
#!/bin/bash
# Runs the command once for each node that it is told, here.
for word; do
    case "$word" in
        --nodelist=*) nodes="${word#*=}"; shift ;;
        --*) shift ;;
        *) break ;;
    esac
done
trap 'jobs -p | xargs -r kill; wait' TERM
for node in ${nodes//,/ }; do
    echo "$node: $*" >>"$STAND_IN_LOG"
    "$@" &
done
wait
"""
SCONTROL = """\
#!/bin/bash
echo "scontrol: $*" >>"$STAND_IN_LOG"
if [[ "$1 $2" == "show hostnames" ]]; then tr ',' '\\n' <<<"$3"; fi
"""
EXAMPLE = """\
import runpy
import ray

ray.init("auto", log_to_driver=False, runtime_env={})
while sum(node["Alive"] for node in ray.nodes()) < 2:
    pass
runpy.run_path("train.py", run_name="__main__")
print("it ran on", sum(node["Alive"] for node in ray.nodes()), "nodes")
"""
ENDLESS = """\
import signal

print("it runs", flush=True)
signal.pause()
"""


@pytest.fixture
def place() -> Iterator[str]:
    """A folder for Ray's own files, apart from those of others; its sockets need a short path."""
    with tempfile.TemporaryDirectory(prefix="ray-", ignore_cleanup_errors=True) as folder:
        yield folder


def environment(home: Path, place: str, **more: str) -> dict[str, str]:
    path = os.pathsep.join([str(RAY.parent), os.environ["PATH"]])
    names = ("RAY_ADDRESS", "RAY_AUTH_MODE", "RAY_AUTH_TOKEN")
    kept = {name: value for name, value in os.environ.items() if name not in names}
    return {
        **kept,
        "PATH": path,
        "LANISTA_HOME": str(home),
        "RAY_TMPDIR": place,
        "RAY_USAGE_STATS_ENABLED": "0",
        **more,
    }


def slurm(program: str, nodes: str, tmp_path: Path, *, home: Path, place: str) -> "subprocess.Popen[str]":
    """The batch script as Slurm would start it, in an allocation of these nodes."""
    for name, text in {"srun": SRUN, "scontrol": SCONTROL}.items():
        file = tmp_path / "bin" / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(text)
        file.chmod(0o755)
    (tmp_path / "program.py").write_text(program)
    settings = environment(
        home,
        place,
        SLURM_JOB_ID=str(os.getpid()),
        SLURM_JOB_NODELIST=nodes,
        SLURM_CPUS_PER_TASK="1",
        STAND_IN_LOG=str(tmp_path / "log"),
    )
    settings["PATH"] = f"{tmp_path / 'bin'}{os.pathsep}{settings['PATH']}"
    words = ["bash", FOLDER / "slurm.sh", tmp_path / "program.py"]
    pipe = subprocess.PIPE
    return subprocess.Popen(words, cwd=FOLDER, env=settings, stdout=pipe, stderr=subprocess.STDOUT, text=True)


@pytest.mark.long
@pytest.mark.xdist_group("ray")
def test_the_batch_script_runs_the_example_on_all_its_nodes(tmp_path: Path, lanista_home: Path, place: str) -> None:
    batch = slurm(EXAMPLE, "node-1,node-2", tmp_path, home=lanista_home, place=place)
    said, _ = batch.communicate(timeout=PATIENCE_S)
    assert batch.returncode == 0, said
    assert "all 40 trials" in said
    assert "it ran on 2 nodes" in said
    log = (tmp_path / "log").read_text()
    assert "node-1: ray start --block --num-cpus=1 --head" in log
    assert "node-2: ray start --block --num-cpus=1 --address=" in log


@pytest.mark.long
@pytest.mark.xdist_group("ray")
def test_the_batch_script_goes_back_into_the_queue_when_its_time_is_up(
    tmp_path: Path, lanista_home: Path, place: str
) -> None:
    batch = slurm(ENDLESS, "node-1", tmp_path, home=lanista_home, place=place)
    assert batch.stdout is not None
    seen: list[str] = []
    while not seen or "it runs" not in seen[-1]:
        seen.append(batch.stdout.readline())
        assert seen[-1], "".join(seen)
    batch.send_signal(signal.SIGUSR1)
    rest, _ = batch.communicate(timeout=PATIENCE_S)
    assert batch.returncode == 0, rest
    assert f"scontrol: requeue {os.getpid()}" in (tmp_path / "log").read_text()


@pytest.mark.long
def test_the_batch_script_ends_when_ray_cannot_start(tmp_path: Path, lanista_home: Path, place: str) -> None:
    stub = tmp_path / "bin" / "ray"
    stub.parent.mkdir()
    stub.write_text("#!/bin/bash\nexit 1\n")
    stub.chmod(0o755)
    batch = slurm("", "node-1,node-2", tmp_path, home=lanista_home, place=place)
    said, _ = batch.communicate(timeout=PATIENCE_S)
    assert batch.returncode == 1, said
    assert "node-2: ray start" not in (tmp_path / "log").read_text()


# --- ray job submit ---------------------------------------------------------------------------------------------------


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("", 0))
        return int(probe.getsockname()[1])


@contextmanager
def head(settings: dict[str, str], folder: Path) -> Iterator[str]:
    """A Ray with its dashboard; the address that takes jobs."""
    dashboard = free_port()
    words = [
        RAY,
        "start",
        "--head",
        "--block",
        "--num-cpus=2",
        f"--port={free_port()}",
        f"--dashboard-port={dashboard}",
    ]
    words += ["--min-worker-port=0", "--max-worker-port=0", "--disable-usage-stats"]
    with open(folder / "head.log", "w") as log:
        process = subprocess.Popen(words, env=settings, stdout=log, stderr=log)
    try:
        address = f"http://127.0.0.1:{dashboard}"
        deadline = time.monotonic() + PATIENCE_S
        words = [RAY, "job", "list", f"--address={address}"]
        while subprocess.run(words, env=settings, capture_output=True, check=False).returncode:
            assert process.poll() is None and time.monotonic() < deadline, (folder / "head.log").read_text()
        yield address
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait()


@pytest.mark.long
@pytest.mark.xdist_group("ray")
@pytest.mark.skipif(find_spec("aiohttp_cors") is None, reason="jobs need Ray's dashboard: pip install 'ray[default]'")
def test_the_example_runs_as_a_submitted_job_and_a_second_job_finds_it_done(
    tmp_path: Path, lanista_home: Path, place: str
) -> None:
    settings = environment(lanista_home, place, RAY_AUTH_MODE="token", RAY_AUTH_TOKEN=secrets.token_hex())
    with head(settings, tmp_path) as address:
        words = [RAY, "job", "submit", f"--address={address}", "--working-dir=.", "--", sys.executable, "train.py"]
        said = []
        for _ in range(2):
            done = subprocess.run(words, cwd=FOLDER, env=settings, capture_output=True, text=True, check=False)
            assert done.returncode == 0, done.stdout + done.stderr + (tmp_path / "head.log").read_text()
            said.append(done.stdout)
    assert "succeeded" in said[0]
    assert "all 40 trials" in said[0]
