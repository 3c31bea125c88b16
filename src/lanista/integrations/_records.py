"""Events as TensorBoard reads them: the table, and of each trial its beginning, its metrics and its end."""

from collections.abc import Iterable, Mapping
from io import BytesIO
from typing import Any

from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary, SummaryMetadata
from tensorboard.compat.proto.tensor_pb2 import TensorProto
from tensorboard.compat.proto.tensor_shape_pb2 import TensorShapeProto
from tensorboard.compat.proto.types_pb2 import DT_STRING
from tensorboard.plugins.hparams import api_pb2, metadata
from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData, SessionEndInfo, SessionStartInfo
from tensorboard.summary.writer.record_writer import RecordWriter

from lanista.integrations._columns import Column, Value
from lanista.journal import Created, TrialRecord

STATUS = {
    "completed": api_pb2.STATUS_SUCCESS,
    "stopped": api_pb2.STATUS_SUCCESS,
    "failed": api_pb2.STATUS_FAILURE,
    "infeasible": api_pb2.STATUS_FAILURE,
    "cancelled": api_pb2.STATUS_UNKNOWN,
}
"""What the states in which trials end are in TensorBoard's terms; one that has not ended has no status yet."""

TYPES = {"number": api_pb2.DATA_TYPE_FLOAT64, "text": api_pb2.DATA_TYPE_STRING, "bool": api_pb2.DATA_TYPE_BOOL}


def header(time: float) -> bytes:
    """What a file begins with."""
    return _record(time, file_version="brain.Event:2")


def experiment(created: Created, columns: Mapping[str, Column], metrics: Mapping[str, str]) -> bytes:
    """The table of the HParams page: its parameters with their values, and metrics, each with a word on it."""
    told = api_pb2.Experiment(
        name=created.name,
        description=f"experiment {created.name}",
        time_created_secs=created.time,
        hparam_infos=[_hparam(name, column) for name, column in columns.items()],
        metric_infos=[
            api_pb2.MetricInfo(name=api_pb2.MetricName(tag=name), display_name=name, description=word)
            for name, word in metrics.items()
        ],
    )
    return _hparams(created.time, metadata.EXPERIMENT_TAG, HParamsPluginData(experiment=told))


def _hparam(name: str, column: Column) -> Any:
    info = api_pb2.HParamInfo(name=name, display_name=name, type=TYPES[column.kind])
    if column.bounds is not None:
        info.domain_interval.min_value, info.domain_interval.max_value = column.bounds
    elif column.values:
        info.domain_discrete.extend(column.values)
    return info


def start(time: float, params: Mapping[str, Value]) -> bytes:
    """A trial begins."""
    info = SessionStartInfo(start_time_secs=time)
    for name, value in params.items():
        kind = "bool_value" if isinstance(value, bool) else "string_value" if isinstance(value, str) else "number_value"
        setattr(info.hparams[name], kind, value)
    return _hparams(time, metadata.SESSION_START_INFO_TAG, HParamsPluginData(session_start_info=info))


def scalars(time: float, step: int, metrics: Mapping[str, float]) -> bytes:
    """Metrics after a step."""
    return _record(time, step, [Summary.Value(tag=name, simple_value=value) for name, value in metrics.items()])


def end(trial: TrialRecord, time: float) -> bytes:
    """A trial has ended; where there is a reason, it stands on the Text page."""
    info = SessionEndInfo(status=STATUS[trial.state], end_time_secs=time)
    ended = _hparams(time, metadata.SESSION_END_INFO_TAG, HParamsPluginData(session_end_info=info))
    return ended + (_outcome(trial, time) if trial.reason or trial.error else b"")


def _outcome(trial: TrialRecord, time: float) -> bytes:
    """Why the trial ended, as Markdown: an error with its traceback as code."""
    parts = [f"**{trial.state}**" + (f": {trial.reason}" if trial.reason else "")]
    if trial.error:
        parts.append("\n".join(f"    {line}" for line in trial.error.splitlines()))
    tensor = TensorProto(dtype=DT_STRING, tensor_shape=TensorShapeProto(), string_val=["\n\n".join(parts).encode()])
    told = SummaryMetadata(plugin_data=SummaryMetadata.PluginData(plugin_name="text"))
    return _record(time, trial.steps, [Summary.Value(tag="outcome", metadata=told, tensor=tensor)])


def _hparams(time: float, tag: str, data: Any) -> bytes:
    """A message of the HParams plugin, the same bytes at each call."""
    content = data.SerializeToString(deterministic=True)
    told = SummaryMetadata(plugin_data=SummaryMetadata.PluginData(plugin_name=metadata.PLUGIN_NAME, content=content))
    return _record(time, values=[Summary.Value(tag=tag, metadata=told, tensor=metadata.NULL_TENSOR)])


def _record(time: float, step: int = 0, values: Iterable[Any] = (), file_version: str | None = None) -> bytes:
    summary = None if file_version else Summary(value=values)
    event = Event(wall_time=time, step=step, summary=summary, file_version=file_version)
    out = BytesIO()
    RecordWriter(out).write(event.SerializeToString(deterministic=True))
    return out.getvalue()
