"""The shapes of requests and answers: what the OpenAPI document tells."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

Value = float | None
Text = Annotated[str, Field(max_length=100_000)]
Name = Annotated[str, Field(max_length=200)]
Params = dict[str, Any]
Metrics = dict[str, float]


class Asked(BaseModel):
    """A request: what it does not know it refuses."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)


# --- requests ---------------------------------------------------------------------------------------------------------


class NewExperiment(Asked):
    """An experiment to create; `space` in the form that `Space.to_json` writes."""

    name: Name
    space: dict[str, Any]
    metric: Name | dict[str, Literal["min", "max"]] = "value"
    mode: Literal["min", "max"] | None = None
    searcher: Name | None = None
    scheduler: Name | None = None
    constraints: dict[str, str] | None = None
    seed: Annotated[int, Field(ge=0, lt=2**63)] | None = None


class ExperimentCommand(Asked):
    """A word to all who run the experiment."""

    command: Literal["stop", "stop_now", "pause", "resume"]


class TrialCommand(Asked):
    """A word on one trial; `retry` enqueues its configuration again."""

    command: Literal["stop", "retry"]


class Enqueue(Asked):
    """A configuration to run next."""

    params: Params
    again: bool = True


class Addition(Asked):
    """A trial that was run elsewhere."""

    params: Params
    metrics: Annotated[Metrics, Field(max_length=1000)] = {}
    state: Literal["completed", "failed", "stopped"] = "completed"


class Limits(Asked):
    """Limits as in `lanista.Limits`, and workers; what is left out stays, null lifts a limit."""

    trials: int | None = None
    time: float | str | None = None
    time_limit: float | str | None = None
    trial_time: float | str | None = None
    cost: float | None = None
    target: float | None = None
    failures: int | None = None
    plateau: tuple[int, float] | None = None
    improvement: float | None = None
    retries: int | None = None
    checkpoints: int | None = None
    workers: int | None = None


class Note(Asked):
    """Remarks, others than note and tags by name in `values`: what is left out stays as it is."""

    note: Text | None = None
    tags: Annotated[list[Name], Field(max_length=100)] | None = None
    values: dict[str, Any] = {}


class Suggest(Asked):
    """How many trials to start, and after how many seconds without a word each is given back."""

    count: Annotated[int, Field(ge=1, le=1000)] = 1
    lease: Annotated[float, Field(ge=1, le=604_800)] = 600.0


class Report(Asked):
    """Metrics after a step, by default the one after the last."""

    step: Annotated[int, Field(ge=0, lt=2**53)] | None = None
    metrics: Annotated[Metrics, Field(min_length=1, max_length=1000)]
    attempt: Annotated[int, Field(ge=1, lt=2**31)] | None = None


class Complete(Asked):
    """The result; without metrics the last report counts."""

    metrics: Annotated[Metrics, Field(max_length=1000)] | None = None
    state: Literal["completed", "stopped", "infeasible"] | None = None
    attempt: Annotated[int, Field(ge=1, lt=2**31)] | None = None


class Fail(Asked):
    """What went wrong."""

    message: Text = ""
    attempt: Annotated[int, Field(ge=1, lt=2**31)] | None = None


# --- answers ----------------------------------------------------------------------------------------------------------


class Wrong(BaseModel):
    """A code of `lanista.errors` and a message for people."""

    code: str
    message: str


class Failure(BaseModel):
    """What went wrong."""

    error: Wrong


class Done(BaseModel):
    """What was done, in words."""

    message: str


class Enqueued(Done):
    """`number` is the trial that is enqueued, null where the same configuration was already."""

    number: int | None


class Metric(BaseModel):
    """An objective."""

    name: str
    direction: Literal["min", "max"]


class Best(BaseModel):
    """The best trial."""

    number: int
    value: Value


class Owner(BaseModel):
    """A process that runs the experiment, or did not live to leave it."""

    owner: str
    host: str
    pid: int
    workers: int
    alive: bool


class Progress(BaseModel):
    """How much of a limit is used; of the limit on trials, those that are over or paused."""

    limit: str
    used: float
    total: float
    unit: str


class Summary(BaseModel):
    """How an experiment stands."""

    name: str
    state: Literal["running", "paused", "interrupted", "ended", "new"]
    metrics: list[Metric]
    trials: int
    counts: dict[str, int]
    best: Best | None
    created: float
    updated: float
    owners: list[Owner]
    tags: list[str]
    note: str
    binding: Progress | None
    spark: list[float]


class Summaries(BaseModel):
    """All experiments."""

    experiments: list[Summary]


class Detail(Summary):
    """All about an experiment but its trials."""

    seq: int
    space: dict[str, Any]
    searcher: str
    scheduler: str
    searcher_says: str
    limits: dict[str, Any]
    progress: list[Progress]
    parameters: list[dict[str, Any]]
    constraints: dict[str, str]
    columns: list[str]
    seed: int
    store: str
    version: str
    resizable: bool
    define: bool
    figures: list[str]


class Row(BaseModel):
    """A trial in the table."""

    number: int
    state: str
    value: Value
    values: dict[str, Value]
    params: Params
    metrics: dict[str, Value]
    feasible: bool
    steps: int
    seconds: float
    asked: float
    started: Value
    ended: Value
    attempts: int
    retries: int
    owner: str | None
    origin: str
    parent: list[int] | None
    reason: str
    tags: list[str]
    note: str


class Rows(BaseModel):
    """A page of the table: `total` trials there are, `matched` fit the filter."""

    total: int
    matched: int
    trials: list[Row]


class Curve(BaseModel):
    """A metric over steps."""

    steps: list[int]
    values: list[Value]


class Checkpoint(BaseModel):
    """What the trial can go on from."""

    step: int
    name: str


class Artifact(BaseModel):
    """A file in the trial's folder."""

    name: str
    size: int


class Fault(BaseModel):
    """The error that ended the trial, or its last attempt."""

    type: str
    message: str
    traceback: str


class Line(BaseModel):
    """An event in words."""

    seq: int | None = None
    time: float
    kind: str
    text: str
    number: int | None


class TrialDetail(Row):
    """All about a trial; `lineage` are the trials that it came from, itself last."""

    curve: dict[str, Curve]
    checkpoints: list[Checkpoint]
    artifacts: list[Artifact]
    error: Fault | None
    notes: dict[str, Any]
    lineage: list[int]
    children: list[int]
    events: list[Line]


class Stored(BaseModel):
    """An event as the store has it; its body is JSON."""

    time: float
    kind: str
    trial: int | None
    body: str


class Events(BaseModel):
    """Events; `last` is the seq of the last one that there is.

    `experiment` is another number when the experiment was removed and made anew.
    """

    experiment: int
    last: int
    events: list[Stored]


class Lines(BaseModel):
    """Events in words, the newest last; `first` is the seq of the first event looked at, to look before it."""

    events: list[Line]
    first: int


class LogPart(BaseModel):
    """A part of what a trial printed, from byte `start` on: ask again from `next`."""

    text: str
    start: int
    next: int
    size: int


class Suggestion(BaseModel):
    """A trial to be run by the client; `fidelity`: how much of the data, say, to use, null for all there is."""

    number: int
    params: Params
    attempt: int
    step: int
    fidelity: int | None
    lease: float


class Suggestions(BaseModel):
    """Trials to be run; fewer than asked for: there are no more now."""

    trials: list[Suggestion]


class Verdict(BaseModel):
    """Whether the trial is to run no further."""

    stop: bool
    reason: str
    attempt: int
