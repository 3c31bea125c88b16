"""The executor on Ray, against a real one of two nodes."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import lanista as la
from lanista.compat import read_nni_config
from lanista.errors import ExecutorError, UsageError
from lanista.execute import Ray
from lanista.journal import Ended, Released, Reported
from lanista.testing import Desk, ExecutorContract
from lanista.trial import Command, Decision, Executor, Trainable, Trial, as_objective

from .ray_driver import DRIVER

os.environ.setdefault("RAY_DEDUP_LOGS_SKIP_REGEX", "A worker died|The node with|Raylet is")  # as the executor does
ray = pytest.importorskip("ray", reason="Ray is not installed: pip install 'lanista[ray]'")
from ray.cluster_utils import Cluster  # noqa: E402

pytestmark = [
    pytest.mark.xdist_group("ray"),  # one cluster at a time
    pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::DeprecationWarning", "ignore::FutureWarning"),
]
PATIENCE_S = 60.0
STORE_BYTES = 80_000_000
NODE: dict[str, Any] = {"num_cpus": 2, "num_gpus": 1, "object_store_memory": STORE_BYTES}


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    """A cluster of one node, that this process has joined."""
    made = Cluster(initialize_head=True, head_node_args={**NODE, "include_dashboard": False})
    try:
        ray.init(address=made.address, log_to_driver=False, logging_level="ERROR")
        yield made
    finally:
        ray.shutdown()
        made.shutdown()


@pytest.mark.usefixtures("cluster")
class TestRay(ExecutorContract):
    def executor(self) -> Executor:
        return Ray(workers=1, trial_time=100)


@pytest.fixture
def desk(cluster: Cluster) -> Iterator[Callable[..., Desk]]:
    """Makes controllers of one worker, or as the executor says."""
    with contextlib.ExitStack() as stack:
        yield lambda objective, executor=None, **more: stack.enter_context(
            Desk(executor or Ray(workers=1), objective, **more)
        )


def log(desk: Desk, number: int) -> str:
    return (desk.home / "logs" / f"{number}.log").read_text("utf-8")


def until(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, f"never seen that {what}"
        os.sched_yield()


def over(pid: int) -> bool:
    """Whether a process is no more, or a zombie that nobody has reaped."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] in ("Z", "X")
    except OSError:
        return True


# --- objectives -------------------------------------------------------------------------------------------------------


def climb(trial: Trial) -> float:
    """Five steps, each saved; the first attempt of odd trials kills its worker at the third."""
    state = {"steps": 0}
    for _ in range(trial.load(state), 5):
        state["steps"] += 1
        if state["steps"] == 3 and trial.attempt == 1 and trial.number % 2:
            os.kill(os.getpid(), signal.SIGKILL)
        trial.save(state)
        trial.report(loss=float(state["steps"]))
    return float(state["steps"])


class Steps(Trainable):
    max_steps = 3

    def setup(self, trial: Trial) -> None:
        self.x = trial["x"]

    def step(self) -> float:
        self.x += 1
        return self.x


def test_trainables_and_commands_run(desk: Callable[..., Desk]) -> None:
    steps = desk(Steps)
    (end,) = steps.run({"x": 1.0})
    assert [report.metrics for report in steps.of(0, Reported)] == [{"loss": x} for x in (2.0, 3.0, 4.0)]
    assert end.state == "completed"
    command = desk(Command("echo one; echo two >&2; echo '{{\"finish\": {x}}}' >&$LANISTA_FD"))
    (end,) = command.run({"x": 7.0})
    assert end.metrics == {"loss": 7.0}
    command.executor.close()
    assert sorted(log(command, 0).split()) == ["one", "two"]


def test_what_trials_print_comes_home(desk: Callable[..., Desk]) -> None:
    def prints(trials: list[Trial]) -> None:
        print("trial", trials[0].number, "é")
        os.system("echo from a child")
        os.write(2, b"x" * 200_000 + b"\n")
        if trials[0].attempt == 1 and trials[0].number == 2:
            sys.stdout.write("last words")
            sys.stdout.flush()
            os._exit(9)

    printed = desk(prints, cohort=True)
    for jobs in ((0, 1), (2,)):
        printed.submit(*(printed.job(i) for i in jobs))
        printed.finish()
    printed.submit(printed.job(2, attempt=2))
    printed.finish()
    printed.executor.close()
    assert log(printed, 0) == "trial 0 é\nfrom a child\n" + "x" * 200_000 + "\n"
    assert log(printed, 1) == "lanista: ran in one cohort with trial 0; see 0.log\n"
    assert log(printed, 2).split("x" * 200_000 + "\n") == [
        "trial 2 é\nfrom a child\n",
        "last wordslanista: attempt 2\ntrial 2 é\nfrom a child\n",
        "",
    ]


# --- what befalls workers ---------------------------------------------------------------------------------------------


def test_trials_whose_worker_is_killed_go_on_from_their_checkpoints(cluster: Cluster) -> None:
    exp = la.Experiment("killed workers", {"x": la.Float(0, 1)}, metric="loss", seed=1)
    exp.run(climb, trials=4, executor=Ray(workers=2), progress=False)
    assert [t.state for t in exp.trials] == ["completed"] * 4
    assert [t.attempts for t in exp.trials] == [1, 2, 1, 2]
    assert [t.retries for t in exp.trials] == [0] * 4
    assert [[step for step, _ in exp.history.reports(i)] for i in range(4)] == [[1, 2, 3, 4, 5]] * 4


def test_a_trial_that_kills_its_workers_fails_in_the_end(desk: Callable[..., Desk]) -> None:
    def deadly(trial: Trial) -> float:
        if trial.number == 1:
            return 1.0
        print("about to die")
        os.kill(os.getpid(), signal.SIGSEGV)
        return 0.0

    killed = desk(deadly, Ray(workers=1, max_losses=1))
    killed.submit(killed.job(0))
    killed.finish()
    assert isinstance(killed.last(0), Released)
    assert killed.last(0).reason.startswith("its worker on ")
    assert "The actor died unexpectedly" in killed.last(0).reason
    killed.facts.clear()
    killed.submit(killed.job(0, attempt=2))
    killed.finish()
    assert killed.last(0).state == "failed"
    assert killed.last(0).reason.startswith("lost 2 workers in a row without a new checkpoint")
    assert "about to die" in killed.last(0).error
    killed.submit(killed.job(1))
    killed.finish()
    assert killed.last(1).state == "completed"


def test_a_worker_that_dies_idle_harms_no_trial(desk: Callable[..., Desk]) -> None:
    idle = desk(lambda trial: float(os.getpid()))
    for i in range(2):
        idle.submit(idle.job(i))
        idle.finish()
        pid = int(idle.last(i).metrics["loss"])
        os.kill(pid, signal.SIGKILL)
        until(lambda pid=pid: over(pid), "the worker is dead")  # type: ignore[misc]
    assert idle.last(0).metrics != idle.last(1).metrics


@pytest.mark.parametrize("end", [True, pytest.param(False, marks=pytest.mark.long)])
def test_cancelling_kills_a_trial_that_never_reports(desk: Callable[..., Desk], end: bool) -> None:
    def sleeper(trial: Trial) -> None:
        child = subprocess.Popen(["sleep", "1000"], process_group=0)
        trial.note(pids=[os.getpid(), child.pid])
        signal.pause()

    sleeps = desk(sleeper)
    sleeps.submit(sleeps.job(0, attempt=2))
    sleeps.until(lambda: bool(sleeps.facts))
    sleeps.executor.cancel(0, reason="enough", end=end)
    sleeps.finish()
    last = sleeps.last(0)
    assert isinstance(last, Ended if end else Released)
    assert (last.attempt, last.reason) == (2, "enough")
    assert all(over(pid) for pid in sleeps.facts[0].values["pids"])
    assert sleeps.executor.free() == 1


def test_a_trial_that_takes_too_long_is_killed(desk: Callable[..., Desk]) -> None:
    def loop(trial: Trial) -> float:
        while trial.number == 0:
            pass
        return 1.0

    long, fine = desk(loop, Ray(workers=1, trial_time=0.5)).run({}, {})
    assert (long.state, long.reason) == ("failed", "time limit: ran longer than 0.5 s")
    assert fine.state == "completed"


def test_code_that_workers_cannot_import_is_told(desk: Callable[..., Desk]) -> None:
    class Stranger:
        def __reduce__(self) -> tuple[Any, ...]:
            return __import__, ("no_such_module",)

    stranger = Stranger()
    broken = desk(lambda trial: stranger)
    broken.submit(broken.job(0))
    with pytest.raises(ExecutorError, match="a worker cannot import what the objective needs: No module named"):
        broken.finish()


# --- nodes ------------------------------------------------------------------------------------------------------------


@pytest.mark.long
def test_nodes_that_join_are_used_and_those_that_leave_are_done_without(cluster: Cluster, tmp_path: Path) -> None:
    def wait(trial: Trial) -> float:
        (tmp_path / f"{trial.number}-{trial.attempt}").write_text(ray.get_runtime_context().get_node_id())
        while not (tmp_path / "go").exists():
            time.sleep(0.02)
        return 1.0

    with Desk(Ray(), wait) as waits:
        assert waits.executor.slots == 2
        node = cluster.add_node(**NODE)
        waits.until(lambda: waits.executor.slots == 4)
        for i in range(4):
            waits.submit(waits.job(i))
        waits.until(lambda: len(list(tmp_path.iterdir())) == 4)
        there = [i for i in range(4) if (tmp_path / f"{i}-1").read_text() == node.node_id]
        assert len(there) == 2
        cluster.remove_node(node, allow_graceful=False)
        waits.until(lambda: len(waits.facts) == 2 and waits.executor.slots == 2)
        assert sorted(fact.number for fact in waits.facts) == there
        assert all(isinstance(fact, Released) for fact in waits.facts)
        (tmp_path / "go").touch()
        waits.finish()


@pytest.mark.long
def test_workers_may_take_up_parts_and_more(desk: Callable[..., Desk]) -> None:
    def told(trial: Trial) -> float:
        return float(trial.resources["cpus"])

    parts = desk(told, Ray(cpus=0.5))
    assert parts.executor.slots == 4
    parts.submit(parts.job(0))
    parts.finish()
    parts.submit(replace(parts.job(1), resources={"cpus": 2}))
    assert parts.executor.free() == 0
    parts.finish()
    parts.submit(parts.job(2))
    parts.finish()
    assert [parts.last(i).metrics["loss"] for i in range(3)] == [0.5, 2.0, 0.5]


@pytest.mark.long
def test_two_workers_may_share_a_gpu(cluster: Cluster, tmp_path: Path) -> None:
    def told(trial: Trial) -> float:
        (tmp_path / str(trial.number)).touch()
        while len(list(tmp_path.iterdir())) < 2:
            pass
        assert os.environ["CUDA_VISIBLE_DEVICES"] == "0"
        return float(trial.resources["gpus"] == [0])

    with Desk(Ray(gpus=0.5), told) as shares:
        assert shares.executor.slots == 2
        assert [end.metrics["loss"] for end in shares.run({}, {})] == [1.0, 1.0]


@pytest.mark.long
def test_the_number_of_workers_can_change(desk: Callable[..., Desk]) -> None:
    def meet(trial: Trial) -> float:
        trial.report(loss=0.0)
        return float(os.getpid())

    executor = Ray(workers=1)
    changing = desk(meet, executor, answer=lambda report: None)
    changing.submit(changing.job(0))
    executor.resize(2)
    changing.submit(changing.job(1))
    changing.until(lambda: len(changing.facts) == 2)
    for i in range(2):
        executor.reply(i, Decision())
    changing.finish()
    executor.resize(1)
    changing.until(lambda: any(over(int(changing.last(i).metrics["loss"])) for i in range(2)))
    assert (executor.slots, executor.free()) == (1, 1)
    with pytest.raises(UsageError, match="workers=0 must be a whole number from 1"):
        executor.resize(0)


@pytest.mark.long
def test_a_trial_may_be_distributed_itself(desk: Callable[..., Desk]) -> None:
    def gang(trial: Trial) -> float:
        group = ray.util.get_current_placement_group()
        told = ray.remote(num_cpus=0.5)(lambda: ray.util.get_current_placement_group().id).remote()
        assert ray.get(told) == group.id
        return float(len(group.bundle_specs))

    placed = desk(gang, Ray(cpus=0.5, placement=[{"cpus": 0.5}]))
    assert placed.executor.slots == 2
    (end,) = placed.run({})
    assert end.metrics == {"loss": 2.0}
    placed.executor.close()
    assert [group["state"] for group in ray.util.placement_group_table().values()] == ["REMOVED"]


def test_an_environment_that_comes_too_late_is_refused(cluster: Cluster) -> None:
    with pytest.raises(UsageError, match=r"this program has joined Ray already; give it to ray\.init"):
        Ray(runtime_env={"pip": ["einops"]}).open(as_objective(climb), lambda facts: None)


def test_what_no_node_has_is_told_at_the_start(cluster: Cluster) -> None:
    with pytest.raises(ExecutorError, match="no node of the cluster has room for a worker with 1 CPU, 3 unicorn"):
        Ray(resources={"unicorn": 3}).open(as_objective(climb), lambda facts: None)


@pytest.mark.parametrize(
    ("executor", "what"),
    [
        (Ray(workers=0), "workers=0 must be a whole number from 1"),
        (Ray(max_losses=0), "max_losses=0 must be a whole number from 1"),
        (Ray(cpus=1.5), "cpus=1.5 must be a whole number, or a share below 1"),
        (Ray(cpus=0), "a worker must take up something"),
        (Ray(resources={"GPU": 1}), "resources name 'GPU'; write gpus=1"),
        (Ray(placement=[{}]), "a worker must take up something"),
        (Ray("ray://head:10001"), "Run the program on a node, by `ray job submit`"),
        (Ray(trial_time=0), "trial_time=0 must be seconds above 0"),
    ],
)
def test_arguments_that_make_no_sense_are_refused(executor: Ray, what: str) -> None:
    with pytest.raises(UsageError, match=what):
        executor.open(as_objective(climb), lambda facts: None)


def test_checkpoints_that_no_other_node_reads_end_the_run(desk: Callable[..., Desk]) -> None:
    saves = desk(climb)
    saves.submit(saves.job(0))
    (probe,) = (saves.home / "trials").glob(".reached-*")
    probe.unlink()
    with pytest.raises(ExecutorError, match=r"does not reach the experiment's folder .* LANISTA_HOME=/shared/folder"):
        saves.finish()


def test_the_package_that_lacks_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(ExecutorError, match=r"pip install 'lanista\[ray\]'"):
        Ray().open(as_objective(climb), lambda facts: None)


# --- shared data ------------------------------------------------------------------------------------------------------


def test_what_is_shared_is_mapped_from_the_object_store(desk: Callable[..., Desk]) -> None:
    data = la.share({"x": np.arange(100_000), "name": "numbers"})

    def use(trial: Trial) -> float:
        there = data.get()
        assert there is data.get()
        assert not there["x"].flags.writeable
        return float(there["x"].sum()) + len(there["name"])

    ends = desk(use, Ray(workers=2)).run({}, {}, {})
    assert [end.metrics["loss"] for end in ends] == [float(np.arange(100_000).sum()) + 7] * 3


def test_a_decision_reaches_a_trial_late(desk: Callable[..., Desk]) -> None:
    late = desk(climb, answer=lambda report: None)
    late.submit(late.job(0))
    late.until(lambda: bool(late.of(0, Reported)))
    late.executor.reply(0, Decision("stop", "late"))
    late.finish()
    assert (late.last(0).state, late.last(0).reason) == ("stopped", "late")


# --- experiments ------------------------------------------------------------------------------------------------------


def follow(trial: Trial) -> None:
    """Walks towards 3 by its rate, each step saved."""
    state = {"x": 0.0}
    for _ in range(trial.load(state), 12):
        state["x"] += trial["rate"] * (3 - state["x"])
        trial.save(state)
        trial.report(loss=(state["x"] - 3) ** 2)


def population(executor: Executor, name: str) -> la.Experiment:
    scheduler = la.PBT(12, interval=3, population=4)
    exp = la.Experiment(name, {"rate": la.Float(0.01, 1, log=True)}, metric="loss", scheduler=scheduler, seed=3)
    exp.run(follow, trials=10, executor=executor, progress=False)
    return exp


NNI = Path(__file__).resolve().parents[2] / "examples" / "nni_digits"


def support_vectors(executor: Executor, name: str) -> la.Experiment:
    """The quick start."""
    space = {"C": la.Float(0.01, 100, log=True), "gamma": la.Float(1e-4, 1, log=True)}
    exp = la.Experiment(name, space, metric="accuracy", mode="max", seed=0)
    exp.run(accuracy, trials=12, executor=executor, progress=False)
    return exp


def accuracy(trial: Trial) -> float:
    from sklearn.datasets import load_digits
    from sklearn.svm import SVC

    x, y = load_digits(return_X_y=True)
    return float(SVC(C=trial["C"], gamma=trial["gamma"]).fit(x[:300] / 16, y[:300]).score(x[300:600] / 16, y[300:600]))


def walk_through(executor: Executor, name: str) -> la.Experiment:
    """NNI's users' first experiment."""
    found = read_nni_config(NNI / "config.yml")
    exp = replace(found, name=name, seed=0).open()
    return exp.run(found.command, trials=3, executor=executor, progress=False)


def records(exp: la.Experiment) -> list[tuple[Any, ...]]:
    told = [exp.history.reports(trial.number) for trial in exp.trials]
    return [(t.state, t.params, t.parent, t.value, report) for t, report in zip(exp.trials, told, strict=True)]


@pytest.mark.parametrize(
    "problem",
    [
        population,
        pytest.param(support_vectors, marks=pytest.mark.long),
        pytest.param(walk_through, marks=[pytest.mark.long, pytest.mark.timeout(300)]),
    ],
)
@pytest.mark.usefixtures("cluster")
def test_the_answers_are_those_of_one_process(
    monkeypatch: pytest.MonkeyPatch, problem: Callable[[Executor, str], la.Experiment]
) -> None:
    monkeypatch.setenv("PATH", str(Path(sys.executable).parent), prepend=":")  # `python3` of the example
    here, apart, there = (
        records(problem(executor, type(executor).__name__))
        for executor in (la.Inline(), la.Processes(1), Ray(workers=1))
    )
    assert here == apart == there
    assert len({value for _, _, _, value, _ in here}) > 1
    if problem is population:
        assert any(parent is not None for _, _, parent, *_ in here)  # some went on as copies of others


# --- the driver -------------------------------------------------------------------------------------------------------


@pytest.mark.long
def test_a_ray_of_its_own_is_started_and_stopped(tmp_path: Path) -> None:
    """In a process apart, since this one has joined the cluster."""
    (tmp_path / "local.py").write_text(
        DRIVER.replace("while True:", "if trial.attempt == 1:").replace("time.sleep(1)", "os._exit(9)")
    )
    (tmp_path / "helper.py").write_text("def last_step():\n    return 5\n")
    code = "import sys; sys.argv[1:] = [None, 'store.db']; sys.path[0] = '.'; exec(open('local.py').read())"
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=100)
    assert done.stdout == f"{[('completed', 5, 2, 0)] * 4}\n", done.stderr
    assert "(raylet)" not in done.stderr
    for path in tmp_path.glob("pid-*"):
        assert over(int(path.name.removeprefix("pid-")))
