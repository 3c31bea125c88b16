"""What TensorBoard's own code reads from a folder."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tensorboard import context
from tensorboard.backend.event_processing import data_provider, plugin_event_multiplexer
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins import base_plugin
from tensorboard.plugins.hparams import api_pb2, backend_context, get_experiment, list_session_groups

EVERY_STATUS = ["STATUS_UNKNOWN", "STATUS_SUCCESS", "STATUS_FAILURE", "STATUS_RUNNING"]


class Board:
    """The HParams page and the scalars of a folder."""

    def __init__(self, logdir: Path) -> None:
        self.logdir = logdir
        runs = plugin_event_multiplexer.EventMultiplexer().AddRunsFromDirectory(str(logdir))
        runs.Reload()
        provider = data_provider.MultiplexerDataProvider(runs, str(logdir))
        self._context = backend_context.Context(base_plugin.TBContext(data_provider=provider))
        self._request = context.RequestContext()

    @property
    def experiment(self) -> Any:
        """The table's head."""
        request = api_pb2.GetExperimentRequest()
        return get_experiment.Handler(self._request, self._context, "", request).run()

    @property
    def hparams(self) -> dict[str, Any]:
        """The parameters by name."""
        return {info.name: info for info in self.experiment.hparam_infos}

    @property
    def rows(self) -> dict[str, Any]:
        """The rows of the table by run; a group of more than one session would be a mistake."""
        request = api_pb2.ListSessionGroupsRequest(allowed_statuses=EVERY_STATUS, slice_size=10_000)
        found = list_session_groups.Handler(self._request, self._context, "", request).run()
        assert all(len(group.sessions) == 1 for group in found.session_groups)
        return {group.name: group for group in found.session_groups}

    def status(self, run: str) -> str:
        """How a session ended."""
        return str(api_pb2.Status.Name(self.rows[run].sessions[0].status))

    def values(self, run: str) -> dict[str, Any]:
        """The parameters of a row, as Python values."""
        found = self.rows[run].hparams
        return {name: getattr(found[name], found[name].WhichOneof("kind")) for name in found}

    def metrics(self, run: str) -> dict[str, float]:
        """The metrics of a row."""
        return {value.name.tag: value.value for value in self.rows[run].metric_values}

    def _read(self, run: str) -> Any:
        read = EventAccumulator(str(self.logdir / run), size_guidance={"scalars": 0, "tensors": 0})
        read.Reload()
        return read

    def scalars(self, run: str, tag: str) -> list[tuple[int, float]]:
        """The points of a curve."""
        return [(event.step, event.value) for event in self._read(run).Scalars(tag)]

    def times(self, run: str, tag: str) -> list[float]:
        """When they were reported."""
        return [event.wall_time for event in self._read(run).Scalars(tag)]

    def text(self, run: str) -> str:
        """Why a trial ended."""
        (event,) = self._read(run).Tensors("outcome")
        return str(event.tensor_proto.string_val[0].decode())

    def tags(self, run: str) -> set[str]:
        """The scalars of a run."""
        return set(self._read(run).Tags()["scalars"])


@pytest.fixture
def board(tmp_path: Path) -> Callable[[], Board]:
    """Reads `runs` as a TensorBoard does that is started now."""
    return lambda: Board(tmp_path / "runs")


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    """Where TensorBoard looks."""
    return tmp_path / "runs"
