"""A client of the server: experiments elsewhere, with the face that `Experiment` has, but for `run`."""

import json
import math
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Literal

from lanista import errors
from lanista.errors import LanistaError, StoreError, UsageError
from lanista.journal import History, Params, TrialRecord
from lanista.space import Space
from lanista.web._replica import PAGE, Replica

if TYPE_CHECKING:
    import pandas as pd

    from lanista.plot import Plots

TIMEOUT_S = 60.0
_ERRORS = {cls.code: cls for cls in vars(errors).values() if isinstance(cls, type) and issubclass(cls, LanistaError)}


def connect(url: str, token: str | None = None) -> "Connection":
    """A connection to a server that `lanista ui` started.

    Args:
        url: what it printed, such as "http://localhost:8321"; the token may be in it.
        token: the secret, where the server wants one.

    Raises:
        UsageError: it is no such URL.

    >>> connect("http://localhost:8321")
    <connection to http://localhost:8321>
    """
    from urllib.parse import parse_qs, urlsplit

    parts = urlsplit(str(url))
    if parts.scheme not in ("http", "https") or not parts.netloc:
        raise UsageError(f"connect({url!r}): give what `lanista ui` printed, such as 'http://localhost:8321'")
    given = parse_qs(parts.query).get("token", [None])[0]
    return Connection(f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}", token or given)


class Connection:
    """A server and its experiments; made by `connect`."""

    def __init__(self, url: str, token: str | None) -> None:
        self.url = url
        self._token = token

    def __repr__(self) -> str:
        return f"<connection to {self.url}>"

    def experiments(self) -> list[str]:
        """The names of all experiments, the oldest first.

        Raises:
            StoreError: the server cannot be reached.
        """
        return [one["name"] for one in self.call("GET", "/experiments")["experiments"]]

    def experiment(
        self,
        name: str,
        space: Mapping[str, Any] | Space | None = None,
        metric: str | Mapping[str, str] | None = None,
        *,
        mode: Literal["min", "max"] | None = None,
        searcher: str | None = None,
        scheduler: str | None = None,
        seed: int | None = None,
    ) -> "RemoteExperiment":
        """An experiment of the server, created where there is none of that name; arguments as for `Experiment`.

        Raises:
            ExperimentError: no space is given, and there is none of that name.
            MismatchError: the server has one of that name with another space, metric or seed.
        """
        if space is None:
            self.call("GET", f"/experiments/{_quoted(name)}")
            return RemoteExperiment(self, name)
        shape = space if isinstance(space, Space) else Space(dict(space))
        given = {"metric": metric, "mode": mode, "searcher": searcher, "scheduler": scheduler, "seed": seed}
        body = {"name": name, "space": shape.to_json(), **{key: v for key, v in given.items() if v is not None}}
        self.call("POST", "/experiments", body)
        return RemoteExperiment(self, name)

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """Sends a request to the server's REST face and returns the answer.

        Raises:
            LanistaError: of the class that the server raised.
            StoreError: the server cannot be reached, or is none of ours.
        """
        from http.client import HTTPException
        from urllib.error import HTTPError
        from urllib.request import Request, urlopen

        headers = {"Content-Type": "application/json", "X-Lanista": "1"}
        if self._token is not None:
            headers["Authorization"] = f"Bearer {self._token}"
        data = None if body is None else _encoded(body)
        request = Request(f"{self.url}/api/v1{path}", data=data, headers=headers, method=method)
        try:
            with urlopen(request, timeout=TIMEOUT_S) as answer:
                return json.loads(answer.read())
        except HTTPError as error:
            raise _raised(error.code, error.read(), self.url) from None
        except (OSError, HTTPException) as error:
            reason = getattr(error, "reason", error)
            raise StoreError(f"{self.url} cannot be reached: {reason}; is `lanista ui` running there?") from error
        except ValueError as error:
            raise StoreError(f"{self.url} is no server of Lanista: its answer is no JSON") from error


def _encoded(body: Any) -> bytes:
    try:
        return json.dumps(body, allow_nan=False).encode()
    except (TypeError, ValueError) as error:
        raise UsageError(f"this cannot be sent: {error}; give finite numbers, text, lists and dicts") from error


def _raised(status: int, body: bytes, url: str) -> LanistaError:
    """The error that the server told of."""
    with suppress(ValueError, KeyError, TypeError):
        told = json.loads(body)["error"]
        return _ERRORS.get(told["code"], LanistaError)(told["message"])
    return StoreError(f"{url} answered with status {status} and no reason; is it `lanista ui`?")


def _quoted(name: str) -> str:
    from urllib.parse import quote

    return quote(name, safe="")


class RemoteExperiment:
    """An experiment of a server, driven by ask and tell; made by `Connection.experiment`.

    `history`, `pareto`, `frame` and `plot` copy its journal, at first all of it, then what is new.

    Attributes:
        name: names it on the server.
    """

    def __init__(self, connection: Connection, name: str) -> None:
        self.name = name
        self._connection = connection
        self._replica = Replica(lambda seq: self._call("GET", f"/journal?after={seq}&limit={PAGE}"))

    def __repr__(self) -> str:
        return f"<experiment {self.name!r} of {self._connection.url}>"

    def _call(self, method: str, path: str = "", body: Any = None) -> Any:
        return self._connection.call(method, f"/experiments/{_quoted(self.name)}{path}", body)

    # --- ask and tell -------------------------------------------------------------------------------------------------

    def ask(self, *, lease: float = 600.0) -> "RemoteTrial":
        """Starts a trial; end it with `tell`.

        Args:
            lease: after how many seconds without a report the server gives the trial to somebody else.

        Raises:
            ExperimentError: the experiment is paused, or the searcher has no further configuration.
        """
        (told,) = self._call("POST", "/suggest", {"count": 1, "lease": lease})["trials"]
        return RemoteTrial(self, told)

    def tell(
        self,
        trial: "RemoteTrial | int",
        value: Any = None,
        *,
        state: Literal["completed", "stopped", "failed", "infeasible"] | None = None,
    ) -> TrialRecord:
        """Ends a trial that `ask` started.

        Args:
            trial: the trial or its number.
            value: a number, a tuple of all objectives or a dict of metrics; None: the last report.
            state: completed by default, or what the scheduler decided on the last report.

        Raises:
            ExperimentError: it has ended already, or was given to somebody else.
            MetricError: the metric is missing.
        """
        number = trial if isinstance(trial, int) else trial.number
        body: dict[str, Any] = {} if isinstance(trial, int) else {"attempt": trial.attempt}
        if state == "failed":
            self._call("POST", f"/trials/{number}/fail", body)
            return self.trial(number)
        if value is not None:
            body["metrics"] = self._metrics(value)
        if state is not None:
            body["state"] = state
        self._call("POST", f"/trials/{number}/complete", body)
        return self.trial(number)

    def _metrics(self, value: Any) -> dict[str, float]:
        from lanista.trial import as_metrics

        return as_metrics(value, tuple(self.metrics))

    # --- looking ------------------------------------------------------------------------------------------------------

    @property
    def metrics(self) -> dict[str, str]:
        """The objectives with their directions."""
        return {one["name"]: one["direction"] for one in self._call("GET")["metrics"]}

    @property
    def space(self) -> Space:
        """The search space."""
        return Space.from_json(self._call("GET")["space"])

    @property
    def trials(self) -> list[TrialRecord]:
        """All trials by number, as records."""
        return [_record(one) for one in self._call("GET", "/trials.json")]

    def trial(self, number: int) -> TrialRecord:
        """The record of one trial.

        Raises:
            UsageError: there is none of that number.
        """
        found = self._call("GET", f"/trials.json?numbers={number:d}") if number >= 0 else []
        if not found:
            raise UsageError(f"there is no trial {number} in {self.name!r}")
        return _record(found[0])

    @property
    def best(self) -> TrialRecord:
        """The completed trial with the best first metric; while none completed, the best stopped, else paused one.

        Raises:
            ExperimentError: no trial has a value yet.
        """
        best = self._call("GET")["best"]
        if best is None:
            raise errors.ExperimentError(f"experiment {self.name!r} has no trial that can be the best yet")
        return self.trial(best["number"])

    @property
    def history(self) -> History:
        """The fold of the journal, up to date."""
        return self._replica.experiment().history

    @property
    def pareto(self) -> list[TrialRecord]:
        """The completed trials, of those that keep all constraints, that no other one beats in every objective."""
        return self._replica.experiment().pareto

    def frame(self) -> "pd.DataFrame":
        """All trials as a pandas table, as that of an experiment here.

        Raises:
            MissingExtraError: pandas is not installed.
        """
        return self._replica.experiment().frame()

    @property
    def plot(self) -> "Plots":
        """The figures: `exp.plot.history()` and others, drawn here; see `lanista.plot`."""
        return self._replica.experiment().plot

    # --- steering -----------------------------------------------------------------------------------------------------

    def add(
        self, params: Params, value: Any, *, state: Literal["completed", "failed", "stopped"] = "completed"
    ) -> "RemoteExperiment":
        """Adds a trial that was run elsewhere: searchers learn from it, limits do not count it.

        Raises:
            SpaceError: the configuration is not of the space.
            MetricError: the metric is missing, or no number.
        """
        metrics = self._metrics(value)
        if state != "completed":  # such a trial may lack a value, and JSON has no NaN
            metrics = {name: one for name, one in metrics.items() if math.isfinite(one)}
        self._call("POST", "/add", {"params": dict(params), "metrics": metrics, "state": state})
        return self

    def note(self, **values: Any) -> None:
        """Writes remarks (JSON values) beside the experiment.

        Raises:
            UsageError: a value is none that JSON can hold.
        """
        self._call("PUT", "/note", {"values": values})

    def enqueue(self, params: Params | Iterable[Params], *, again: bool = False) -> "RemoteExperiment":
        """Adds configurations to run before any that the searcher proposes.

        Raises:
            SpaceError: a configuration is not of the space.
        """
        if not isinstance(params, Iterable) or isinstance(params, str):
            raise UsageError(f"enqueue({params!r}): give a configuration, such as {{'lr': 0.01}}, or a list of them")
        for one in [params] if isinstance(params, Mapping) else params:
            self._call("POST", "/enqueue", {"params": dict(one), "again": again})
        return self

    def stop(self, *, now: bool = False) -> None:
        """Ends all runs of the experiment."""
        self._call("POST", "/command", {"command": "stop_now" if now else "stop"})

    def pause(self) -> None:
        """Starts no further trials until `resume`."""
        self._call("POST", "/command", {"command": "pause"})

    def resume(self) -> None:
        """Undoes `pause`."""
        self._call("POST", "/command", {"command": "resume"})

    def kill(self, number: int) -> None:
        """Ends one trial as cancelled.

        Raises:
            ExperimentError: it has ended.
        """
        self._call("POST", f"/trials/{number:d}/command", {"command": "stop"})

    def set(self, **values: Any) -> None:
        """Changes limits and `workers` of the runs that go on.

        Raises:
            ExperimentError: nobody runs it.
        """
        self._call("POST", "/limits", values)


class RemoteTrial:
    """A trial that this process runs for a server; made by `RemoteExperiment.ask`.

    Attributes:
        number: the trial's number.
        params: the configuration; `trial["lr"]` is short for `trial.params["lr"]`.
        attempt: 1 at the first start.
        step: the last step reported.
        fidelity: how much to use (rows, say) where the scheduler has a `Fidelity`; None: all there is.
        stopped: whether the trial is to run no further, and `reason` why.
    """

    def __init__(self, experiment: RemoteExperiment, told: Mapping[str, Any]) -> None:
        self._experiment = experiment
        self.number: int = told["number"]
        self.params: Params = told["params"]
        self.attempt: int = told["attempt"]
        self.step: int = told["step"]
        self.fidelity: int | None = told["fidelity"]
        self.stopped = False
        self.reason = ""

    def __repr__(self) -> str:
        return f"RemoteTrial(number={self.number}, params={self.params})"

    def __getitem__(self, name: str) -> Any:
        """The value of a parameter.

        Raises:
            ParameterError: the trial has none of that name.
        """
        if name not in self.params:
            raise errors.ParameterError(f"trial[{name!r}]: there are {', '.join(self.params) or 'no parameters'}")
        return self.params[name]

    def report(self, value: float | None = None, step: int | None = None, **metrics: float) -> None:
        """Reports metrics after a step; it does not raise when the scheduler has seen enough: look at `stopped`.

        Args:
            value: the first objective, when it is not given by name.
            step: which step it was; by default the one after the last.
            **metrics: metrics by name.
        """
        if value is not None:
            metrics = {**metrics, next(iter(self._experiment.metrics)): value}
        self.step = self.step + 1 if step is None else step
        given = {name: float(one) for name, one in metrics.items()}
        body = {"step": self.step, "metrics": given, "attempt": self.attempt}
        told = self._experiment._call("POST", f"/trials/{self.number}/report", body)
        self.stopped, self.reason = told["stop"], told["reason"]
        self.attempt = told["attempt"] or self.attempt


def _record(told: dict[str, Any]) -> TrialRecord:
    """A record from its JSON form, in which what is no number is null."""
    given = {name: told[name] for name in TrialRecord.__match_args__}
    given["values"] = tuple(math.nan if value is None else value for value in told["values"])
    given["metrics"] = {name: math.nan if value is None else value for name, value in told["metrics"].items()}
    given["parent"] = None if told["parent"] is None else tuple(told["parent"])
    return TrialRecord(**given)
