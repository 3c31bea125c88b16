"""A command as an objective: any program, in any language."""

import json
import math
import os
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lanista.errors import CheckpointError, Infeasible, LanistaError, ObjectiveError, StopTrial, UsageError
from lanista.journal import Params, Suggested
from lanista.trial import _template
from lanista.trial._trial import Trial

if TYPE_CHECKING:
    from lanista.trial._process import Peer, Process

_KINDS = ("report", "finish", "checkpoint", "note", "infeasible", "suggest")


class Command:
    r"""Runs a command for each trial; give it to `Experiment.run` in place of a function.

    The command gets the parameters by placeholders, by its environment (LANISTA_PARAM_<NAME>) and in a JSON file
    (LANISTA_PARAMS_FILE). It talks back by `lanista.report` and `lanista.finish` in Python, by JSON lines on descriptor
    LANISTA_FD in other languages. The folder of the Python that runs it is put first on its PATH, unless it is there
    already: `python` is one that has Lanista. It runs in a process group of its own, of which nothing is left when the
    trial ends.

    Args:
        template: a string, which a shell runs with each value quoted, or a list of words, which run without a shell.
            Placeholders: {name} of any parameter (empty where it does not apply), {params} (all, as `--name value`),
            {params_file}, {number}, {seed}, {directory}, {checkpoint} (empty at a fresh start), {fidelity} (empty where
            the scheduler has none). A brace itself is written {{ or }}.
        shell: the program that runs a string, by default /bin/sh.
        cwd: the folder to run in, by default the current one.
        env: variables to add to the environment.
        grace: seconds in which a command that is told to stop may end by itself, and again between SIGTERM and SIGKILL.
        convert: turns the parameters into what the file holds.

    Raises:
        UsageError: a brace that belongs to no placeholder, or `shell` for a list.

    >>> import lanista as la
    >>> square = la.Command("echo '{{\"finish\": '$(({x} * {x}))'}}' >&$LANISTA_FD")
    >>> exp = la.Experiment("square", {"x": la.Int(-3, 3)}, metric="y", store="memory", searcher="grid")
    >>> exp.run(square, trials=7, progress=False).best.params
    {'x': 0}
    """

    def __init__(
        self,
        template: str | Sequence[str],
        *,
        shell: str | None = None,
        cwd: str | os.PathLike[str] | None = None,
        env: Mapping[str, str] | None = None,
        grace: float = 5.0,
        convert: Callable[[Params], Any] | None = None,
    ) -> None:
        if shell is not None and not isinstance(template, str):
            raise UsageError(
                f"shell={shell!r} runs a command given as one string; this one is a list, which runs without a shell"
            )
        if not template:
            raise UsageError("the command is empty; write for instance Command('python train.py {params}')")
        _template.placeholders(template)
        self.template = template
        self.shell, self.cwd, self.env, self.grace, self.convert = shell, cwd, env, grace, convert

    def __repr__(self) -> str:
        return f"Command({self.template!r})"

    def check(self, names: Iterable[str] | None) -> None:
        """Raises UsageError for a placeholder that is neither built in nor in `names`; None: they are not known yet."""
        if names is not None:
            _template.check(self.template, names)

    def __call__(self, trial: Trial) -> Any:
        """Runs the command for one trial and returns what it finished with.

        Raises:
            StopTrial: the trial was stopped, or pauses.
            Infeasible: the command said so.
            ObjectiveError: an exit code that is not 0, or a line that is no message.
        """
        from lanista.trial._process import Process

        cwd = os.path.abspath(self.cwd or os.getcwd())
        file = trial.directory / "params.json"
        file.write_text(json.dumps(self.convert(trial.params) if self.convert else trial.params), "utf-8")
        job = trial._job
        built_in = {
            "params_file": str(file),
            "number": trial.number,
            "seed": trial.seed,
            "directory": job.directory,
            "checkpoint": trial.checkpoint or "",
            "fidelity": "" if job.fidelity is None else job.fidelity,
        }
        words = self._words({**built_in, **trial.params}, trial.params)
        env = {**os.environ, "PATH": _path(), **(self.env or {}), **_template.variables(trial.params)}
        env["LANISTA_PARAMS_FILE"] = str(file)
        env["LANISTA_TRIAL"] = describe(trial)
        with Process(words, cwd=cwd, env=env, directory=trial.directory.absolute(), log=_log(trial)) as process:
            return _Talk(trial, process, cwd=cwd, grace=self.grace).run()

    def _words(self, values: Mapping[str, Any], params: Params) -> list[str]:
        if isinstance(self.template, str):
            return [self.shell or "/bin/sh", "-c", _template.fill_text(self.template, values, params)]
        return _template.fill_words(self.template, values, params)


def describe(trial: Trial) -> str:
    """What LANISTA_TRIAL says, as JSON: the trial without its parameters."""
    job = trial._job
    told: dict[str, Any] = {
        "number": trial.number,
        "attempt": trial.attempt,
        "seed": trial.seed,
        "directory": os.path.abspath(job.directory),
        "metrics": job.metrics,
        "step": trial.step,
        "checkpoint": None if trial.checkpoint is None else str(trial.checkpoint),
        "fidelity": job.fidelity,
        "resources": trial.resources,
        "rank": os.environ.get("RANK"),
    }
    if job.define:
        told |= {"define": True, "proposal": job.proposal}
    return json.dumps(told)


class _Talk:
    """What passes between a trial and its command, until the command has ended."""

    def __init__(self, trial: Trial, process: "Process", *, cwd: str, grace: float) -> None:
        self._trial, self._process, self._cwd, self._grace = trial, process, cwd, grace
        self._result: Any = None
        self._end: StopTrial | Infeasible | None = None
        self._deadline = math.inf
        self._terminated = False

    def run(self) -> Any:
        while not self._process.ended:
            wait = None if self._deadline == math.inf else max(0.0, self._deadline - time.monotonic())
            for peer, line in self._process.poll(wait):
                self._hear(peer, line)
            if time.monotonic() >= self._deadline:
                if self._terminated:
                    break
                self._terminate()
        if self._end is not None:
            raise self._end
        code = self._process.returncode()
        if code != 0:
            tail = self._process.tail()
            raise ObjectiveError(
                f"the command ended with {_meaning(code)}" + (f"\nits last output:\n{tail}" if tail else "")
            )
        return self._result

    def _terminate(self) -> None:
        self._process.terminate()
        self._terminated = True
        self._deadline = time.monotonic() + self._grace

    def _hear(self, peer: "Peer", line: bytes) -> None:
        """Does what one line says, and answers where that is asked for."""
        try:
            message = json.loads(line)
        except ValueError as error:
            raise _malformed(line, f"no JSON ({error})") from None
        if not isinstance(message, dict) or not any(kind in message for kind in _KINDS):
            raise _malformed(line, f"no JSON object with one of {', '.join(_KINDS)}")
        unknown = sorted(set(message) - {*_KINDS, "step", "reply", "reason", "domain", "value"})
        if unknown:
            raise _malformed(line, f"of an unknown field {unknown[0]!r}")
        try:
            self._obey(message)
        except StopTrial as stop:
            self._end = self._end or stop
            self._deadline = min(self._deadline, time.monotonic() + self._grace)
        except CheckpointError:
            raise
        except (LanistaError, KeyError, TypeError, ValueError, OSError) as error:
            raise _malformed(line, f"wrong: {error}") from None
        if message.get("reply"):
            decision = self._trial.decision
            peer.write(json.dumps({"decision": decision.kind, "reason": decision.reason}).encode())
        elif "report" in message and isinstance(self._end, StopTrial) and not self._terminated:
            self._terminate()

    def _obey(self, message: dict[str, Any]) -> None:
        trial = self._trial
        step = message.get("step")
        if "suggest" in message:
            name = str(message["suggest"])
            trial.params[name] = message["value"]
            domain = message.get("domain") or {}
            trial._link.send(Suggested(time.time(), trial.number, trial.attempt, name, domain, message["value"]))
        if "note" in message:
            trial.note(**message["note"])
        if "checkpoint" in message and message["checkpoint"] is not None:
            self._keep(Path(self._cwd, message["checkpoint"]), step)
        if "finish" in message:
            self._result = message["finish"]
        if "infeasible" in message:
            self._end = self._end or Infeasible(str(message["infeasible"] or "infeasible"))
            self._deadline = min(self._deadline, time.monotonic() + self._grace)
        if "report" in message and not trial.stopped:
            metrics = message["report"]
            if isinstance(metrics, dict):
                trial.report(step=step, **metrics)
            else:
                trial.report(metrics, step=step)

    def _keep(self, path: Path, step: int | None) -> None:
        """Takes a file or folder as the trial's checkpoint; copies it, unless a script's own `trial.save` wrote it."""
        if not path.exists():
            raise ObjectiveError(f"the checkpoint {str(path)!r} does not exist")
        ours = step is not None and path.name == f"checkpoint-{step}-{self._trial.attempt}"
        if ours and path.parent.samefile(self._trial.directory):
            self._trial.save_file(lambda part: _move(path, part), step=step)
        elif path.is_dir():
            self._trial.save_file(lambda part: _copy_folder(path, part), step=step)
        else:
            self._trial.save_file(lambda part: _copy_file(path, part), step=step)


def _path() -> str:
    """The PATH on which `python` has Lanista even if its virtual environment was not activated."""
    path = os.environ.get("PATH", os.defpath)
    folder = os.path.dirname(sys.executable or "")
    return path if not folder or folder in path.split(os.pathsep) else folder + os.pathsep + path


def _move(source: Path, target: Path) -> None:
    import shutil

    shutil.move(source, target)


def _copy_file(source: Path, target: Path) -> None:
    import shutil

    shutil.copyfile(source, target)


def _copy_folder(source: Path, target: Path) -> None:
    import shutil

    shutil.copytree(source, target)


def _malformed(line: bytes, why: str) -> ObjectiveError:
    shown = line.decode(errors="replace")
    shown = shown if len(shown) <= 200 else shown[:197] + "..."
    return ObjectiveError(f"the command wrote a line to LANISTA_FD that is {why}: {shown}")


def _meaning(code: int) -> str:
    """An exit code in words; shells add 128 to the number of a signal."""
    import signal

    number = -code if code < 0 else code - 128
    try:
        name = signal.Signals(number).name
    except ValueError:
        return f"exit code {code}"
    return f"signal {name}" if code < 0 else f"exit code {code} (signal {name})"


def _log(trial: Trial) -> Path | None:
    """The trial's log file, if that is where our own output goes."""
    path = Path(trial._job.directory).parent.parent / "logs" / f"{trial.number}.log"
    try:
        return path if os.path.samestat(os.fstat(2), path.stat()) else None
    except OSError:
        return None
