"""Checkpoints at a URL: what is saved there, what comes back, and what is said when that cannot be."""

import os
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest

import lanista as la
from lanista.errors import CheckpointError, MissingExtraError, UsageError
from lanista.schedule import Slots, Start
from lanista.trial import _checkpoint

pytest.importorskip("fsspec")
pytest.importorskip("pyftpdlib")

SERVER = """
import sys
from pyftpdlib.authorizers import DummyAuthorizer
from pyftpdlib.handlers import FTPHandler
from pyftpdlib.servers import FTPServer
FTPHandler.authorizer = DummyAuthorizer()
FTPHandler.authorizer.add_user("me", "secret", sys.argv[1], perm="elradfmw")
FTPHandler.banner = "ready"
server = FTPServer(("127.0.0.1", 0), FTPHandler)
print(server.address[1], flush=True)
server.serve_forever()
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """A server of files: its port and its folder."""
    folder = tmp_path_factory.mktemp("ftp")
    (folder / "base").mkdir()
    command = [sys.executable, "-W", "ignore", "-c", SERVER, str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        yield int(process.stdout.readline()), folder
        process.terminate()


@pytest.fixture
def place(server, tmp_path, monkeypatch):
    """A URL that nobody used before; who uses it needs a name and a password, from the environment."""
    port, _ = server
    monkeypatch.setenv("FSSPEC_FTP_USERNAME", "me")
    monkeypatch.setenv("FSSPEC_FTP_PASSWORD", "secret")
    _configure()
    return f"ftp://127.0.0.1:{port}/base/{tmp_path.name}"


def _configure():
    """Has fsspec read the environment, which it does when it is imported first."""
    from fsspec.config import conf, set_conf_env

    set_conf_env(conf)


@pytest.fixture
def files(server, place):
    """The files that are there now, by name, without what makes each name its own."""

    def look(pattern="*/*"):
        root = server[1] / "base" / place.rpartition("/")[2]
        return sorted(path.name.rpartition("-")[0] for path in root.glob(pattern) if path.is_file())

    return look


def experiment(place, name="remote", **more):
    more = {"searcher": "random", "seed": 0, "store": "memory", **more}
    return la.Experiment(name, {"x": la.Float(0, 1)}, metric="loss", checkpoints=place, **more)


def counting(trial):
    state = {"steps": []}
    for step in range(trial.load(state), 4):
        state["steps"].append((trial.number, step))
        trial.save(state)
        trial.report(loss=trial.number + step)


def fragile(trial):
    """Its worker dies at step 2, when half of the checkpoint is on its way."""
    from fsspec.implementations.ftp import FTPFileSystem

    whole = FTPFileSystem.put_file

    def half(self, local, remote, **more):
        Path(local).write_bytes(Path(local).read_bytes()[:5])
        whole(self, local, remote, **more)
        os.kill(os.getpid(), 9)

    state = {"steps": []}
    for step in range(trial.load(state), 4):
        if step == 2 and trial.attempt == 1:
            FTPFileSystem.put_file = half
        state["steps"].append((trial.attempt, step))
        trial.save(state)
        trial.report(loss=len(state["steps"]))


class Folder(la.Trainable):
    """Saves a folder, an empty one below it too."""

    max_steps = 3

    def setup(self, trial):
        self.done = 0

    def step(self):
        self.done += 1
        if self.done == 3 and not os.environ.get("LANISTA_AGAIN"):
            os.environ["LANISTA_AGAIN"] = "1"
            raise OSError("the disk was full")
        return {"loss": self.done}

    def save(self, path):
        (path / "below" / "empty").mkdir(parents=True)
        (path / "below" / "done").write_text(str(self.done))

    def load(self, path):
        assert (path / "below" / "empty").is_dir()
        self.done = int((path / "below" / "done").read_text())


@pytest.mark.parametrize("executor", ["inline", "processes"])
def test_checkpoints_are_saved_there_and_only_those_that_are_needed_stay(place, files, executor, tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    exp = experiment(place)
    exp.run(counting, trials=5, executor=executor, progress=False)
    assert files() == [f"trial-{number}-checkpoint-4-1" for number in (0, 1, 2)]
    assert exp.history.latest_checkpoint(0)[1].startswith(f"{place}/remote-")
    assert not any(exp.directory.rglob("*checkpoint*"))
    assert not any(tmp_path.rglob("*checkpoint*"))


def test_another_process_finds_them_by_the_journal_alone(place, tmp_path):
    experiment(place, store=tmp_path / "shared.db").run(counting, trials=1, progress=False)
    code = (
        "import lanista as la, sys; exp = la.Experiment.load('remote', sys.argv[1]); state = {}; "
        "exp.restore(state); print(state, exp.checkpoint().read_bytes()[:1]); "
        "trial = exp.ask(); trial.save(state, step=1); trial.report(loss=1.0, step=1); "
        "print(exp.history.latest_checkpoint(1)[1])"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "shared.db")]
    state, url = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    assert state == "{'steps': [(0, 0), (0, 1), (0, 2), (0, 3)]} b'\\x80'"
    assert url.startswith(f"{place}/remote-")


def test_a_worker_that_dies_while_it_saves_costs_one_step(place, files):
    exp = experiment(place).run(fragile, limits=la.Limits(trials=1, retries=1), workers=2, progress=False)
    state = {}
    exp.restore(state)
    assert state == {"steps": [(1, 0), (1, 1), (2, 2), (2, 3)]}
    assert files()[-1] == "trial-0-checkpoint-4-2"


def test_a_folder_comes_back_whole(place, files, monkeypatch):
    monkeypatch.delenv("LANISTA_AGAIN", raising=False)
    exp = experiment(place)
    exp.run(Folder, limits=la.Limits(trials=1, retries=1), progress=False)
    assert (exp.trials[0].steps, exp.trials[0].attempts) == (3, 2)
    assert (exp.checkpoint() / "below" / "done").read_text() == "3"
    assert files() == ["trial-0-checkpoint-3-2"]


def test_a_script_saves_and_loads_as_on_this_machine(place, tmp_path):
    script = tmp_path / "train.py"
    script.write_text(
        "import lanista as la\n"
        "trial, state = la.get_trial(), {'sum': 0}\n"
        "for step in range(trial.load(state), 3):\n"
        "    state['sum'] += trial.attempt\n"
        "    trial.save(state)\n"
        "    la.report(loss=state['sum'])\n"
        "    if step == 1 and trial.attempt == 1:\n"
        "        raise SystemExit(1)\n"
    )
    exp = experiment(place)
    exp.run(la.Command(f"python {script}"), limits=la.Limits(trials=1, retries=1), progress=False)
    assert (exp.best.value, exp.best.attempts) == (4.0, 2)


@pytest.mark.parametrize(
    "scheduler", [la.ASHA(9, form="promotion"), la.PBT(interval=2, population=4, max_steps=8)], ids=["asha", "pbt"]
)
def test_trials_that_are_paused_or_cloned_go_on_from_there(place, scheduler):
    def train(trial):
        state = {"curve": []}
        start = trial.load(state)
        assert len(state["curve"]) == start
        for step in range(start, 9):
            state["curve"].append(step)
            trial.save(state)
            trial.report(loss=trial["x"])

    exp = experiment(place, scheduler=scheduler).run(train, trials=9, progress=False)
    assert {trial.state for trial in exp.trials} <= {"completed", "stopped", "paused"}
    assert any(trial.attempts > 1 or trial.parent is not None for trial in exp.trials)
    state = {}
    exp.restore(state)
    assert state["curve"] == list(range(len(state["curve"])))


def test_a_run_that_goes_on_deletes_what_the_one_before_left(place, files, tmp_path):
    store = tmp_path / "left.db"
    experiment(place, store=store).run(counting, limits=la.Limits(trials=2, checkpoints=2), progress=False)
    assert files() == ["trial-0-checkpoint-4-1", "trial-1-checkpoint-4-1"]
    experiment(None, store=store).run(counting, limits=la.Limits(trials=3, checkpoints=1), progress=False)
    assert files() == ["trial-0-checkpoint-4-1"]


def test_a_run_says_that_it_has_left_before_it_waits_for_what_is_still_to_be_deleted(place, files, monkeypatch):
    left, asked = threading.Event(), []
    remove = _checkpoint.remove

    def after(names):
        names = list(names)
        if names:
            asked.append(left.wait(10))
        remove(names)

    monkeypatch.setattr(_checkpoint, "remove", after)
    hear = [lambda exp, event: left.set() if isinstance(event, la.journal.Left) else None]
    experiment(place).run(counting, trials=1, progress=False, callbacks=hear)
    assert set(asked) == {True}
    assert files() == ["trial-0-checkpoint-4-1"]


def test_a_run_that_saves_elsewhere_by_now_does_without_the_package(place, tmp_path, monkeypatch):
    store = tmp_path / "moved.db"
    experiment(place, store=store).run(counting, trials=2, progress=False)
    monkeypatch.setitem(sys.modules, "fsspec", None)
    exp = experiment(tmp_path / "here", store=store).run(counting, trials=4, progress=False)
    assert [trial.state for trial in exp.trials] == ["completed"] * 4


def test_how_a_checkpoint_that_somebody_deleted_is_done_without(place, server, caplog):
    starts = []

    def objective(trial):
        starts.append(trial.load([0]))
        for step in (1, 2):
            trial.save([step], step=step)
            trial.report(loss=1.0, step=step)
        for path in server[1].glob(f"base/*/*/trial-{trial.number}-checkpoint-2-1*"):
            path.unlink()
        if trial.attempt == 1:
            raise OSError("the disk was full")

    class Parent:
        def on(self, history, event):
            return [Start()] if isinstance(event, Slots) and not len(history) else []

    exp = experiment(place, scheduler=Parent())
    exp.run(objective, limits=la.Limits(trials=1, retries=1), progress=False)
    assert starts == [0, 0]
    (told,) = (record.getMessage() for record in caplog.records)
    assert told.startswith(f"trial 0 begins again: its checkpoint {place}/")


def test_removing_the_experiment_removes_them(place, files, tmp_path):
    from lanista.experiment import remove

    experiment(place, store=tmp_path / "rm.db").run(counting, trials=2, progress=False)
    assert len(files()) == 2
    remove("remote", tmp_path / "rm.db")
    assert files("**/*") == []


def test_an_experiment_whose_checkpoints_cannot_be_deleted_for_want_of_a_package_stays(place, tmp_path, monkeypatch):
    from lanista.experiment import remove

    store = tmp_path / "rm.db"
    experiment(place, store=store).run(counting, trials=1, progress=False)
    for name, nowhere in (("mistaken", "nowhere://x/y"), ("never run", "s3://bucket/x")):
        experiment(nowhere, name=name, store=store)
    monkeypatch.setitem(sys.modules, "fsspec", None)
    for name in ("mistaken", "never run"):
        remove(name, store)
    with pytest.raises(MissingExtraError, match=r"pip install 'lanista\[remote\]'"):
        remove("remote", store)
    assert [info.name for info in la.experiments(store)] == ["remote"]


def test_a_folder_can_be_named_instead_of_a_url(tmp_path):
    exp = experiment(tmp_path / "there", name="in a folder?").run(counting, trials=1, progress=False)
    (folder,) = (tmp_path / "there").iterdir()
    assert folder.name.startswith("in_a_folder_-")
    assert [path.name for path in folder.iterdir()] == ["trial-0-checkpoint-4-1"]
    assert exp.checkpoint() == folder / "trial-0-checkpoint-4-1"
    assert experiment(f"file://{tmp_path}/there").ask().checkpoint is None


def test_experiments_of_one_name_in_several_stores_share_no_folder(tmp_path):
    for _ in range(2):
        experiment(tmp_path / "there").run(counting, trials=1, progress=False)
    assert len(list((tmp_path / "there").iterdir())) == 2


def test_a_config_file_names_it_and_a_relative_folder_is_relative_to_the_file(tmp_path):
    from lanista.experiment import load_config

    config = tmp_path / "config.yml"
    config.write_text("name: one\nspace: {x: {choice: [0.0, 1.0]}}\ncheckpoints: kept\ncommand: 'true'\n")
    assert load_config(config).experiment["checkpoints"] == str(tmp_path / "kept")
    config.write_text("name: one\nspace: {x: {choice: [0.0, 1.0]}}\ncheckpoints: s3://bucket/kept\ncommand: 'true'\n")
    assert load_config(config).experiment["checkpoints"] == "s3://bucket/kept"


def test_a_place_that_cannot_be_is_an_error_before_any_trial(place, tmp_path):
    def never(trial):
        raise AssertionError("it ran")

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"ftp://127.0.0.1:{taken.getsockname()[1]}/x"
        with pytest.raises(CheckpointError, match=rf"{url}.*failed on {socket.gethostname()} with ConnectionRefused"):
            experiment(url).run(never, trials=1, progress=False)
    with pytest.raises(UsageError, match="fsspec knows no file system 'nowhere'"):
        experiment("nowhere://x/y").run(never, trials=1, progress=False)
    (tmp_path / "file").write_text("")
    with pytest.raises(CheckpointError, match=r"checkpoints cannot live at '.*file/.*give another folder"):
        experiment(tmp_path / "file").ask()


def test_a_package_that_is_missing_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "s3fs", None)
    with pytest.raises(MissingExtraError, match=r"s3://bucket/x.*pip install s3fs"):
        experiment("s3://bucket/x").ask()
    monkeypatch.setitem(sys.modules, "fsspec", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'lanista\[remote\]'"):
        experiment("gs://bucket/x").ask()


@pytest.mark.parametrize(
    ("given", "match"),
    [
        (10, r"checkpoints=10 must be a folder or a URL.*Limits\(checkpoints=...\)"),
        ("", "checkpoints='' must be a folder or a URL"),
        ("s3://", "names no folder"),
        (Path("s3://bucket/x"), "a Path takes a URL apart"),
        ("ftp://me:secret@host/x", r"ftp://me@host' came with a password.*FSSPEC_FTP_PASSWORD"),
    ],
)
def test_what_is_no_place_is_refused(given, match):
    with pytest.raises(UsageError, match=match) as caught:
        experiment(given)
    assert "secret" not in str(caught.value)


def test_the_command_line_names_it(tmp_path, monkeypatch, capsys):
    from lanista.cli import main

    monkeypatch.setenv("LANISTA_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "saving.py").write_text("def train(trial):\n    trial.save([1])\n    trial.report(value=1.0)\n")
    config = tmp_path / "config.yml"
    config.write_text("name: one\nspace: {x: {float: [0, 1]}}\nobjective: saving.py:train\ntrials: 1\n")
    assert main(["run", str(config), "--checkpoints", "kept"]) == 0
    assert [path.name for path in (tmp_path / "kept").glob("*/*")] == ["trial-0-checkpoint-1-1"]
    assert main(["run", str(config), "--checkpoints", "s3://"]) == 2
    assert "checkpoints='s3://' names no folder" in capsys.readouterr().err


def test_a_report_costs_no_question_whether_earlier_files_are_there(place, monkeypatch):
    from fsspec.implementations.ftp import FTPFileSystem

    asked = []

    def count(name, call):
        monkeypatch.setattr(FTPFileSystem, name, lambda *args, **more: asked.append(name) or call(*args, **more))

    def objective(trial):
        if trial.number == 0:
            count("put_file", lambda *args: None)
            count("rm_file", lambda *args: None)
            count("info", FTPFileSystem.info)
            count("ls", FTPFileSystem.ls)
        for step in range(20):
            trial.save([step])
            trial.report(loss=1.0)

    experiment(place).run(objective, trials=2, progress=False)
    assert (asked.count("put_file"), asked.count("info")) == (40, 0)
    assert asked.count("ls") == 1


@pytest.mark.long
@pytest.mark.xdist_group("ray")
@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::DeprecationWarning", "ignore::FutureWarning")
def test_workers_of_a_cluster_save_there_and_say_at_their_start_when_they_cannot(place, files):
    pytest.importorskip("ray")
    from lanista.errors import ExecutorError

    astray = la.Ray(workers=1, runtime_env={"env_vars": {"FSSPEC_FTP_PASSWORD": "wrong"}})
    with pytest.raises(ExecutorError, match=r"(?s)CheckpointError: checkpoints at 'ftp://.*: writing failed on"):
        experiment(place, name="astray").run(counting, trials=1, executor=astray, progress=False)
    experiment(place).run(counting, trials=2, executor=la.Ray(workers=2), progress=False)
    assert files() == ["trial-0-checkpoint-4-1", "trial-1-checkpoint-4-1"]


def test_a_connection_that_was_cut_is_made_anew_and_one_that_stays_away_fails_the_trial(place, files, monkeypatch):
    from fsspec.implementations.ftp import FTPFileSystem

    whole, cuts = FTPFileSystem.put_file, []

    def half(self, local, remote):
        whole(self, local, remote)
        if cuts:
            raise cuts.pop()

    def objective(trial):
        cuts.extend([ConnectionResetError("cut")] * (1 + trial.number))
        trial.save([1])
        trial.report(loss=1.0)

    monkeypatch.setattr(FTPFileSystem, "put_file", half)
    exp = experiment(place).run(objective, trials=2, progress=False)
    assert [trial.state for trial in exp.trials] == ["completed", "failed"]
    assert "CheckpointError: checkpoints at 'ftp://" in exp.trials[1].reason
    assert "writing failed on" in exp.trials[1].reason
    assert files() == ["trial-0-checkpoint-1-1"]


def test_any_file_system_that_fsspec_knows_will_do():
    from fsspec import filesystem

    exp = experiment("memory://somewhere/deep").run(counting, trials=1, progress=False)
    assert len(filesystem("memory").glob("/somewhere/deep/remote-*/trial-0-checkpoint-4-1-*")) == 1
    assert exp.checkpoint() is not None
