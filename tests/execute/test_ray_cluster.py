"""Experiments on a real Ray of three nodes: all kinds of objectives, and whatever may die in the middle."""

import ast
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

import lanista as la
from lanista.execute import Ray
from lanista.journal import Event, Noted, Released, Reported

from .ray_driver import DRIVER

os.environ.setdefault("RAY_DEDUP_LOGS_SKIP_REGEX", "A worker died|The node with|Raylet is")  # as the executor does
ray = pytest.importorskip("ray", reason="Ray is not installed: pip install 'lanista[ray]'")
from ray.cluster_utils import Cluster  # noqa: E402

pytestmark = [
    pytest.mark.long,
    pytest.mark.timeout(300),
    pytest.mark.xdist_group("ray"),  # one cluster at a time
    pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::DeprecationWarning", "ignore::FutureWarning"),
]
PATIENCE_S = 60.0
NODE: dict[str, Any] = {"num_cpus": 2, "object_store_memory": 80_000_000}
HEAD: dict[str, Any] = {**NODE, "include_dashboard": False}
RATE = {"rate": la.Float(0.01, 1, log=True)}


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    """A cluster of two nodes, that this process has joined."""
    made = Cluster(initialize_head=True, head_node_args=HEAD)
    try:
        made.add_node(**NODE)
        ray.init(address=made.address, log_to_driver=False, logging_level="ERROR")
        yield made
    finally:
        ray.shutdown()
        made.shutdown()


@pytest.fixture
def third(cluster: Cluster) -> Iterator[Any]:
    """A third node; the test may remove it."""
    node = cluster.add_node(**NODE)
    cluster.wait_for_nodes()
    yield node
    if node in cluster.worker_nodes:
        cluster.remove_node(node)


def until(condition: Any, what: str) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, f"never seen that {what}"
        os.sched_yield()


def over(pid: int) -> bool:
    """Whether a process is no more; one that nobody reaps counts as such."""
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


# --- kinds of objectives ----------------------------------------------------------------------------------------------


class Walk(la.Trainable):
    """Walks towards 3 by its rate."""

    max_steps = 4

    def setup(self, trial: la.Trial) -> None:
        self.x, self.rate = 0.0, trial["rate"]

    def step(self) -> dict[str, float]:
        self.x += self.rate * (3 - self.x)
        return {"loss": (self.x - 3) ** 2}

    def save(self, path: Path) -> None:
        path.write_text(str(self.x))

    def load(self, path: Path) -> None:
        self.x = float(path.read_text())


def loss_after(steps: int, rate: float) -> float:
    return float((3 * (1 - rate) ** steps) ** 2)


@pytest.mark.parametrize("kind", ["function", "trainable", "command", "cohort"])
@pytest.mark.usefixtures("third")
def test_all_kinds_of_objectives_run_on_all_nodes(tmp_path: Path, kind: str) -> None:
    def meet() -> None:
        (tmp_path / str(os.getpid())).touch()
        while len(list(tmp_path.glob("[0-9]*"))) < 6:
            time.sleep(0.02)

    def function(trial: la.Trial) -> float:
        meet()
        return loss_after(4, trial["rate"])

    def cohort(trials: list[la.Trial]) -> list[float]:
        meet()
        return [loss_after(4, trial["rate"]) for trial in trials]

    script = tmp_path / "script.py"
    script.write_text("import sys, lanista\nr = float(sys.argv[1])\nlanista.finish((3 * (1 - r) ** 4) ** 2)\n")
    command = la.Command(f"{sys.executable} {script} {{rate}}")
    objective: Any = {"function": function, "trainable": Walk, "command": command, "cohort": cohort}[kind]
    exp = la.Experiment(kind, RATE, metric="loss", searcher="random", seed=0)
    many = 12 if kind == "cohort" else 6
    exp.run(objective, trials=many, executor=Ray(), cohort=many // 6, progress=False)
    assert [t.state for t in exp.trials] == ["completed"] * many
    assert [t.value for t in exp.trials] == pytest.approx([loss_after(4, t.params["rate"]) for t in exp.trials])


# --- a node is lost ---------------------------------------------------------------------------------------------------


class Follow:
    """Walks towards 3, each step saved; the trials of the node that is to be lost never come beyond their second."""

    def __init__(self, gone: Path, doomed: str) -> None:
        self.gone, self.doomed = gone, doomed

    def __call__(self, trial: la.Trial) -> None:
        state = {"x": 0.0}
        start = trial.load(state)
        trial.note(start=start, x=state["x"])
        for step in range(start, 9):
            state["x"] += trial["rate"] * (3 - state["x"])
            trial.save(state)
            trial.report(loss=(state["x"] - 3) ** 2)
            while step == 1 and (self.on_doomed() or not self.gone.exists()):
                time.sleep(0.02)

    def on_doomed(self) -> bool:
        return bool(ray.get_runtime_context().get_node_id() == self.doomed)


@pytest.mark.parametrize(
    "scheduler",
    [la.PBT(9, interval=3, population=6), la.ASHA(9, min_steps=3, form="promotion")],
    ids=["PBT", "ASHA"],
)
def test_a_node_is_lost_in_the_middle(cluster: Cluster, third: Any, tmp_path: Path, scheduler: la.Scheduler) -> None:
    gone, lost, halfway = tmp_path / "gone", [], set()
    told: dict[int, list[Event]] = {}

    def watch(exp: la.Experiment, event: Event) -> None:
        if isinstance(event, Reported | Noted | Released):
            told.setdefault(event.number, []).append(event)
        if isinstance(event, Reported) and event.step == 2:
            halfway.add(event.number)
            if len(halfway) == 6 and not gone.exists():
                cluster.remove_node(third, allow_graceful=False)
                gone.touch()
        if isinstance(event, Released):
            lost.append(event)

    exp = la.Experiment("lost", RATE, metric="loss", scheduler=scheduler, seed=3)
    exp.run(Follow(gone, third.node_id), trials=6, executor=Ray(), callbacks=[watch], progress=False)
    assert len({event.number for event in lost}) == len(lost) == 2
    assert all(event.reason.startswith("its worker on ") and " was lost: " in event.reason for event in lost)
    assert {t.state for t in exp.trials} <= {"completed", "stopped", "paused"}
    assert max(t.steps for t in exp.trials) == 9
    assert max(t.retries for t in exp.trials) == 0
    for event in lost:
        kinds = [type(fact) for fact in told[event.number]]
        again = told[event.number][kinds.index(Released) + 1]
        assert isinstance(again, Noted)
        assert again.values["start"] == 2  # where it was, to the step
        before = loss_after(2, exp.trials[event.number].params["rate"])
        assert (again.values["x"] - 3) ** 2 == pytest.approx(before)
    for trial in exp.trials:
        steps = [step for step, _ in exp.history.reports(trial.number)]
        assert steps == list(range(steps[0], trial.steps + 1))  # none twice, none missing


# --- a trial that is itself distributed -------------------------------------------------------------------------------


class Part:
    """One process of a distributed training."""

    def address(self) -> str:
        import socket

        with socket.create_server((ray.util.get_node_ip_address(), 0)) as free:
            return "{}:{}".format(*free.getsockname())

    def train(self, rank: int, address: str, rate: float) -> list[float]:
        import torch
        from torch import distributed

        distributed.init_process_group("gloo", init_method=f"tcp://{address}", rank=rank, world_size=2)
        torch.manual_seed(0)
        model = torch.nn.parallel.DistributedDataParallel(torch.nn.Linear(2, 1))
        optimizer = torch.optim.SGD(model.parameters(), lr=rate)
        x = torch.tensor([[1.0, rank], [rank, 2.0]])  # each has data of its own
        losses = []
        for _ in range(3):
            optimizer.zero_grad()
            loss = ((model(x) - 1) ** 2).mean()
            loss.backward()
            optimizer.step()
            losses.append(loss.detach())
        together = torch.stack(losses)
        distributed.all_reduce(together)
        distributed.destroy_process_group()
        return [float(value) for value in together]


def gang(trial: la.Trial) -> None:
    part = ray.remote(num_cpus=0.5)(Part)
    parts = [part.remote() for _ in range(2)]
    address = ray.get(parts[0].address.remote())
    one, other = ray.get([parts[rank].train.remote(rank, address, trial["rate"]) for rank in range(2)])
    assert one == other
    for loss in one:
        trial.report(loss=loss)


@pytest.mark.usefixtures("cluster")
def test_a_trial_may_train_on_two_actors_by_torch_distributed() -> None:
    pytest.importorskip("torch", reason="PyTorch is not installed: pip install 'lanista[torch]'")
    exp = la.Experiment("gang", {"rate": la.Float(0.05, 0.1)}, metric="loss", searcher="random", seed=0)
    exp.run(gang, trials=1, executor=Ray(cpus=0.5, placement=[{"cpus": 0.5}] * 2), progress=False)
    assert [t.state for t in exp.trials] == ["completed"]
    first, _, last = [metrics["loss"] for _, metrics in exp.history.reports(0)]
    assert last < first
    groups = ray.util.placement_group_table().values()
    assert {group["state"] for group in groups} == {"REMOVED"}


# --- the driver, and Ray itself ---------------------------------------------------------------------------------------

RESUMED = f"{[('completed', 5, 2, 0)] * 2 + [('completed', 5, 1, 0)] * 2}\n"


def driver(folder: Path, address: str) -> list[str]:
    """The command line of a program that runs an experiment there."""
    (folder / "driver.py").write_text(DRIVER)
    (folder / "helper.py").write_text("def last_step():\n    return 5\n")
    return [sys.executable, "driver.py", address, str(folder / "store.db")]


def resume(folder: Path, address: str) -> str:
    """What that program prints when it goes on to its end."""
    (folder / "go").touch()
    call = driver(folder, address)
    return subprocess.run(call, cwd=folder, stdout=subprocess.PIPE, text=True, check=True, timeout=100).stdout


def workers(folder: Path) -> list[int]:
    """The workers that have come to their third step."""
    return [int(path.name.removeprefix("pid-")) for path in folder.glob("pid-*")]


def test_what_a_killed_driver_left_goes_on(cluster: Cluster, tmp_path: Path) -> None:
    with subprocess.Popen(driver(tmp_path, cluster.address), cwd=tmp_path) as process:
        until(lambda: len(workers(tmp_path)) == 2, "two trials have come to their third step")
        process.kill()
    until(lambda: all(map(over, workers(tmp_path))), "the workers have died too")
    assert resume(tmp_path, cluster.address) == RESUMED


def test_what_a_restarted_ray_ended_goes_on(tmp_path: Path) -> None:
    short = Cluster(initialize_head=True, head_node_args=HEAD)
    try:
        with subprocess.Popen(driver(tmp_path, short.address), cwd=tmp_path) as process:
            until(lambda: len(workers(tmp_path)) == 2, "two trials have come to their third step")
            short.shutdown()
            assert process.wait(PATIENCE_S) == 1  # Ray ends it
        until(lambda: all(map(over, workers(tmp_path))), "the workers have died too")
        again = Cluster(initialize_head=True, head_node_args=HEAD)
        try:
            told = ast.literal_eval(resume(tmp_path, again.address))
            assert [(state, steps, retries) for state, steps, _, retries in told] == [("completed", 5, 0)] * 4
            assert min(attempts for _, _, attempts, _ in told[:2]) > 1
        finally:
            again.shutdown()
    finally:
        short.shutdown()


HOG = """
import os, sys, time
import lanista as la

def hog(trial):
    state = {"kept": 0}
    start = trial.load(state)
    if start == 0:
        trial.save(state)
        trial.report(loss=2.0)
    kept = []
    while trial.attempt == 1:
        kept.append(os.urandom(1 << 20) * 50)
        time.sleep(0.01)
    return float(start)

if __name__ == "__main__":
    exp = la.Experiment("hog", {"x": la.Float(0, 1)}, metric="loss", store=sys.argv[1])
    lost = []
    def watch(exp, event):
        if type(event).__name__ == "Released":
            lost.append(event.reason)
    exp.run(hog, trials=1, executor=la.Ray(workers=1), callbacks=[watch], progress=False)
    print([(t.state, t.attempts, t.retries, t.value) for t in exp.trials])
    print(*lost, sep="\\n")
"""


def test_a_worker_that_takes_the_memory_of_its_node_is_lost(tmp_path: Path) -> None:
    """On a Ray of its own, which is told that a little more than what is in use now is all."""
    (tmp_path / "hog.py").write_text(HOG)
    memory = psutil.virtual_memory()
    most = (memory.total - memory.available + 3e9) / memory.total
    env = {**os.environ, "RAY_memory_usage_threshold": f"{most:.4f}", "RAY_memory_monitor_refresh_ms": "100"}
    call = [sys.executable, "hog.py", "store.db"]
    done = subprocess.run(call, cwd=tmp_path, env=env, capture_output=True, text=True, timeout=100)
    first, *lost = done.stdout.splitlines() or [done.stderr]
    assert first == "[('completed', 2, 0, 1.0)]"
    assert len(lost) == 1
    assert "OutOfMemoryError" in lost[0]
