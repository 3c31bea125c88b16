"""NNI's config files, of version 1 (`authorName` ... `trial: command`) and of versions 2 and 3 (`trialCommand`)."""

import json
import os
import shlex
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from lanista.compat._nni_algorithms import Algorithms, read_algorithms, read_batch
from lanista.compat._section import Section
from lanista.compat.nni.trial import LOAD, SAVE
from lanista.errors import ConfigError, SpaceError
from lanista.experiment import EXECUTORS, Experiment, Limits
from lanista.experiment._yaml import Document, read_text, read_yaml
from lanista.space import Params, Space, load_nni_space
from lanista.trial import Command, Executor

METRIC = "default"
"""What NNI calls the number that a trial reports."""

_MARKS = {
    *("authorname", "trialcommand", "trialconcurrency", "searchspacepath", "searchspacefile", "searchspace"),
    *("trainingserviceplatform", "trainingservice", "maxtrialnum", "maxtrialnumber", "experimentname"),
}
_SILENT = ("authorName", "description")
_IGNORED = (
    *("nniManagerIp", "logDir", "experimentWorkingDirectory", "debug", "versionCheck", "logLevel", "logCollection"),
    *("multiThread", "tunerGpuIndices", "webPort", "port"),
)
_ELSEWHERE = (
    *("machineList", "remoteConfig", "paiConfig", "paiYarnConfig", "kubeflowConfig", "frameworkcontrollerConfig"),
    *("dltsConfig", "amlConfig", "adlConfig", "hybridConfig", "sharedStorage"),
)
_ENVIRONMENT = (
    "export NNI_PLATFORM=local NNI_OUTPUT_DIR={{directory}} NNI_SYS_DIR={{directory}} NNI_CODE_DIR=. "
    "NNI_EXP_ID={name} NNI_TRIAL_JOB_ID={name}-{{number}} NNI_TRIAL_SEQ_ID={{number}}\n"
)


@dataclass(frozen=True)
class NniExperiment:
    """What an NNI config file says, in Lanista's terms.

    Attributes:
        name: the experiment's name.
        space: the search space; `convert` turns a configuration of it into the form in which NNI hands it to a trial.
        trial_command: what a trial runs, in the folder `cwd`; `command` makes a `Command` of it.
        metric: "default"; `mode` is "max" where the file says nothing, as in NNI.
        searcher, scheduler, seed: the tuner, the assessor (None: none) and the tuner's seed.
        trials, workers, time_limit, trial_time: limits, times in seconds; None: no limit. With PBT, NNI's limit on
            trials is one on the steps of all members together, which the scheduler holds.
        gpus: how many GPUs a trial gets, a fraction where they are shared; 0 hides them, None leaves them alone.
        notes: what the file says and Lanista does not need, a line each.
    """

    name: str
    space: Space
    convert: Callable[[Params], Any]
    trial_command: str
    cwd: str
    mode: str
    searcher: Any
    scheduler: Any = None
    seed: int | None = None
    trials: int | None = None
    workers: int = 1
    time_limit: float | None = None
    trial_time: float | None = None
    gpus: float | None = None
    notes: tuple[str, ...] = ()
    metric: str = METRIC

    def open(self, *, store: Any = None, checkpoints: str | None = None) -> Experiment:
        """Creates the experiment in the store, or opens it there."""
        deciders = {"searcher": self.searcher, "scheduler": self.scheduler}
        given = {**deciders, "store": store, "checkpoints": checkpoints, "seed": self.seed}
        return Experiment(self.name, self.space, self.metric, mode=self.mode, **given)  # type: ignore[arg-type]

    @property
    def command(self) -> Command:
        """The command as NNI runs it: in bash where there is one, without GPUs where none is asked for."""
        template = _ENVIRONMENT.format(name=_literal(shlex.quote(self.name))) + _literal(self.trial_command)
        env = {"CUDA_VISIBLE_DEVICES": ""} if self.gpus == 0 else {}
        return Command(template, shell=shutil.which("bash"), cwd=self.cwd, env=env, convert=self.convert)

    @property
    def executor(self) -> Executor:
        """Processes, with the file's workers and GPUs."""
        resources = {"gpus": self.gpus} if self.gpus else {}
        return EXECUTORS["processes"](workers=self.workers, **resources)

    @property
    def limits(self) -> Limits:
        """The file's limits."""
        return Limits(trials=self.trials, time=self.time_limit, trial_time=self.trial_time)

    def run(self, *, store: Any = None, progress: bool | None = None) -> Experiment:
        """Runs the experiment, or goes on with it, until one of its limits is reached."""
        return self.open(store=store).run(self.command, executor=self.executor, limits=self.limits, progress=progress)


def is_nni_config(value: Any) -> bool:
    """Whether the content of a config file has NNI's fields.

    >>> is_nni_config({"experimentName": "mnist", "trialCommand": "python3 mnist.py"}), is_nni_config({"name": "mnist"})
    (True, False)
    """
    return isinstance(value, Mapping) and any(str(key).replace("_", "").lower() in _MARKS for key in value)


def read_nni_config(path: str | os.PathLike[str]) -> NniExperiment:
    """Reads a config file of NNI.

    Raises:
        ConfigError: a field is wrong, or asks for what there is not (another platform than local, annotations, a tuner
            that comes later); with file, line and what to do.
    """
    document = read_yaml(Path(path))
    if not isinstance(document.value, dict):
        raise document.error((), "a config file is a mapping of fields, such as trialCommand: python3 train.py")
    notes: list[str] = []
    top = Section(document, (), document.value, notes)
    top.ignore(*_SILENT, silent=True)
    top.ignore(*_IGNORED)
    _refuse(top)
    local = _local(top)
    trial = top.section("trial")
    name = top.take("experimentName", kind=str) or document.path.absolute().parent.name
    if "/" in name:
        raise top.error("experimentName", f"{name!r} names a folder too, so that it may hold no '/'; write another")
    trials = top.positive("maxTrialNum", "maxTrialNumber")
    algorithms = read_algorithms(top, trials)
    space, convert = _space(top, algorithms)
    cwd = _folder(trial.take("codeDir", kind=str) or top.take("trialCodeDirectory", kind=str) or ".", top)
    gpus = trial.take("gpuNum", kind=int)
    gpus = top.take("trialGpuNumber", kind=int) if gpus is None else gpus
    command = (
        trial.take("command", kind=str) or top.take("trialCommand", kind=str) or local.take("trialCommand", kind=str)
    )
    if not command:
        where = "trial.command" if trial.given else "trialCommand"
        raise document.error((), f"the field {where!r} is missing; it says what a trial runs, such as python3 train.py")
    found = NniExperiment(
        name=name,
        space=space,
        convert=convert,
        trial_command=command,
        cwd=cwd,
        mode=algorithms.mode,
        searcher=algorithms.searcher,
        scheduler=algorithms.scheduler,
        seed=algorithms.seed,
        trials=None if algorithms.steps else trials,
        workers=top.positive("trialConcurrency") or 1,
        time_limit=top.seconds("maxExecDuration", "maxExperimentDuration"),
        trial_time=top.seconds("maxTrialDuration"),
        gpus=_share(gpus, local),
    )
    for section in (top, local, trial):
        section.done()
    object.__setattr__(found, "notes", tuple(notes))
    return found


def _refuse(top: Section) -> None:
    """Raises ConfigError for what NNI could do and Lanista does not."""
    if top.take("useAnnotation", kind=bool):
        raise top.error(
            "useAnnotation", "annotations in comments are not read; call nni.get_next_parameter() in the script"
        )
    if top.take("multiPhase", kind=bool):
        raise top.error(
            "multiPhase", "a trial has one configuration; remove the field, and report each one by its own trial"
        )
    if (kind := top.take("experimentType", kind=str)) not in (None, "hpo"):
        raise top.error("experimentType", f"{kind!r} experiments are not read from files; only 'hpo' is")


def _local(top: Section) -> Section:
    """The section on this machine; any other platform is an error."""
    platform = top.take("trainingServicePlatform", kind=str)
    place = "trainingServicePlatform"
    if top.is_list("trainingService"):
        raise top.error("trainingService", "trials run on this machine; write trainingService: {platform: local}")
    local = top.section("trainingService" if platform is None else "localConfig")
    if platform is None:
        platform, place = local.take("platform", kind=str) or "local", "trainingService.platform"
    if platform != "local":
        mend = "write local to run the trials on this machine"
        raise top.error(place, f"the platform {platform!r} is not supported; {mend}")
    for field in _ELSEWHERE:
        if top.take(field) is not None:
            raise top.error(field, "trials run on this machine; remove the field")
    local.ignore("useActiveGpu", "reuseMode", "logCollection", "nniManagerIp", "debug")
    local.ignore("gpuIndices", advice="set CUDA_VISIBLE_DEVICES when you start the run")
    return local


def _space(top: Section, algorithms: Algorithms) -> tuple[Space, Callable[[Params], Any]]:
    """The search space and what turns a configuration into NNI's form of it."""
    file, inline = top.take("searchSpacePath", "searchSpaceFile", kind=str), top.take("searchSpace")
    if (file is None) == (inline is None):
        both = (
            "both a file and a searchSpace stand here"
            if file
            else "neither searchSpaceFile nor searchSpace stands here"
        )
        raise top.document.error((), f"{both}; give one of them")
    name = "searchSpace"
    if file is not None:
        name = "searchSpacePath" if top.has("searchSpacePath") else "searchSpaceFile"
        inline = _space_file(top.document, file)
    try:
        if algorithms.batch:
            return read_batch(inline, algorithms)
        found = load_nni_space(inline)
    except SpaceError as error:
        raise top.error(name, error if file is None else f"{file}: {error}") from None
    return found.space, partial(_with_folders, found.convert) if algorithms.steps else found.convert


def _with_folders(convert: Callable[[Params], Any], params: Params) -> Any:
    """The parameters with places for the folders of the checkpoints, which the script's end fills in."""
    return {**convert(params), LOAD: "", SAVE: ""}


def _space_file(document: Document, name: str) -> Any:
    path = document.path.parent / Path(name).expanduser()
    text = read_text(path)
    if path.suffix in (".yml", ".yaml"):
        return read_yaml(path, text).value
    try:
        return json.loads(text)
    except ValueError as error:
        raise ConfigError(f"{path}: this is no JSON: {error}") from None


def _folder(name: str, top: Section) -> str:
    path = (top.document.path.absolute().parent / Path(name).expanduser()).resolve()
    if not path.is_dir():
        field = "trial" if top.has("trial") else "trialCodeDirectory"
        raise top.error(field, f"there is no folder {str(path)!r} for the trials to run in")
    return str(path)


def _literal(text: str) -> str:
    """A text without placeholders."""
    return text.replace("{", "{{").replace("}", "}}")


def _share(gpus: int | None, local: Section) -> float | None:
    """GPUs a trial, of which several trials may share one."""
    sharing = local.positive("maxTrialNumPerGpu", "maxTrialNumberPerGpu") or 1
    if not gpus:
        return gpus
    if gpus > 1 and sharing > 1:
        local.note(f"ignored: {sharing} trials to a GPU, since each trial takes {gpus} whole GPUs")
        return float(gpus)
    return gpus / sharing
