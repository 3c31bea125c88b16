"""NNI's functions for trials. A script that was started by hand gets no parameters and prints its results."""

import atexit
import contextlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lanista.errors import MetricError
from lanista.trial import as_number, finish, get_params, get_trial, in_trial, is_reporter

STANDALONE = "STANDALONE"
BUDGET = "TRIAL_BUDGET"
"""The parameter in which Hyperband and BOHB say how long to train."""
LOAD, SAVE = "load_checkpoint_dir", "save_checkpoint_dir"
"""The parameters in which PBT names the folders of checkpoints."""
RESERVED = ("value", "step")
"""Arguments of `lanista.report`, which no metric can be called here."""

_params: Any = None
_sequence = 0


def get_next_parameter() -> Any:
    """The trial's parameters, in the form in which NNI hands them over; {} in a script that was started by hand.

    With a fidelity (Hyperband, BOHB) TRIAL_BUDGET among them says how long to train, from the beginning. With PBT
    load_checkpoint_dir holds what the last step saved, nothing in the first one, and what is written into
    save_checkpoint_dir until the script ends is kept for the next one.
    """
    global _params
    _params = get_params() if in_trial() else {}
    if in_trial() and isinstance(_params, dict):
        trial = get_trial()
        if SAVE in _params:
            load, save = trial.checkpoint or trial.directory / "nothing", _saved()
            for folder in (load, save):
                folder.mkdir(exist_ok=True)
            _params |= {LOAD: str(load), SAVE: str(save)}
        elif trial.fidelity is not None:
            _params[BUDGET] = trial.fidelity
    return _params


def get_next_parameters() -> Any:
    """The same as `get_next_parameter`."""
    return get_next_parameter()


def get_current_parameter(tag: str | None = None) -> Any:
    """The parameters that `get_next_parameter` returned last, or one of them; None before its first call."""
    if _params is None or tag is None:
        return _params
    return _params[tag]


def report_intermediate_result(metric: Any) -> None:
    """Reports a metric after a step. With Hyperband, BOHB and PBT only the final result counts, and this is left out.

    Args:
        metric: a number, or a dict whose 'default' is one; its other numbers are kept as metrics, the rest as notes.

    Raises:
        StopTrial: the assessor ends the trial; let it pass, and the script ends without a traceback.
        MetricError: it is neither.
    """
    global _sequence
    value, more, notes = _split(metric)
    if in_trial():
        if is_reporter():
            if notes:
                get_trial().note(**notes)
            if get_trial().fidelity is None:
                get_trial().report(value, **more)
    else:
        print(f"Intermediate result: {metric}  (Index {_sequence})", flush=True)
    _sequence += 1


def report_final_result(metric: Any) -> None:
    """Reports the result of the trial, of the same form as in `report_intermediate_result`.

    Raises:
        MetricError: it is neither a number nor a dict with a 'default'.
    """
    value, more, notes = _split(metric)
    if not in_trial():
        print(f"Final result: {metric}", flush=True)
    elif is_reporter():
        if notes:
            get_trial().note(**notes)
        finish(value, **more)
        if isinstance(_params, dict) and SAVE in _params:
            atexit.register(_keep)  # scripts of NNI save after their final result, too


def overwrite_intermediate_seq(value: int) -> None:
    """Sets the step after which the next report counts, for a script that goes on from a checkpoint of its own."""
    global _sequence
    _sequence = value
    if in_trial() and get_trial().fidelity is None:
        get_trial().step = value


def get_experiment_id() -> str:
    """The experiment's name; 'STANDALONE' by hand."""
    return Path(get_trial().directory).parent.parent.name if in_trial() else STANDALONE


def get_trial_id() -> str:
    """A name of the trial that no other trial has; 'STANDALONE' by hand."""
    return f"{get_experiment_id()}-{get_trial().number}" if in_trial() else STANDALONE


def get_sequence_id() -> int:
    """The trial's number, from 0."""
    return get_trial().number if in_trial() else 0


def _saved() -> Path:
    """The folder that this attempt saves into."""
    return get_trial().directory / f"saved-{get_trial().attempt}"


def _keep() -> None:
    """Makes what was saved the trial's checkpoint."""
    if any(_saved().iterdir()):
        get_trial().save_file(lambda path: os.rename(_saved(), path))


def _split(metric: Any) -> tuple[Any, dict[str, Any], dict[str, Any]]:
    """The value that counts, further metrics, and what is no number."""
    if not isinstance(metric, Mapping):
        return metric, {}, {}
    if "default" not in metric:
        names = ", ".join(map(repr, metric))
        raise MetricError(
            f"a result given as a dict must have a 'default', the number to optimise; this one has {names}"
        )
    more: dict[str, Any] = {}
    notes: dict[str, Any] = {}
    for name, value in metric.items():
        if name == "default":
            continue
        with contextlib.suppress(MetricError):
            if name not in RESERVED:
                more[str(name)] = as_number(str(name), value)
        if name not in more:
            notes[str(name)] = value if isinstance(value, str | list | dict | int | float | None) else repr(value)
    return metric["default"], more, notes
