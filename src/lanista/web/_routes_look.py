"""Routes that look at experiments: summaries, detail, figures, the journal in words, events as they come."""

from typing import Annotated, Any

from fastapi import Query
from starlette.responses import Response, StreamingResponse

from lanista.errors import ExperimentError, SpaceError, UsageError
from lanista.web import _figures, _log, _views
from lanista.web import _models as m
from lanista.web._errors import Refused
from lanista.web._json import Json
from lanista.web._routes import Held, Name, Names, Theme, drawn, new_router, numbers_of, split, threaded

routes = new_router("look")


@routes.get("/experiments", response_model=m.Summaries)
@threaded
def experiments(hall: Held) -> Response:
    """All experiments, the oldest first."""
    found = []
    for info in hall.shelf.infos():
        try:
            found.append(hall.shelf.summary(info, _views.summary))
        except (Refused, ExperimentError, SpaceError):
            continue  # it was removed just now, or is of a later version; who opens it hears why
    return Json({"experiments": found})


@routes.get("/experiments/{name}", response_model=m.Detail)
@threaded
def experiment(hall: Held, name: Name) -> Response:
    """One experiment: its space, limits, progress, parameters."""
    return Json(_views.detail(hall.shelf.get(name)))


@routes.get("/experiments/{name}/figures/{figure}")
@drawn
def figure(
    hall: Held,
    name: Name,
    figure: str,
    theme: Theme = "light",
    metric: Annotated[str | None, Query(max_length=300)] = None,
    params: Names = None,
    numbers: Names = None,
    param: Annotated[str | None, Query(max_length=300)] = None,
    trial: int | None = None,
    against: int | None = None,
) -> Response:
    """A figure as Plotly has it: data and layout."""
    options: dict[str, Any] = {"theme": theme, "metric": metric, "params": split(params), "param": param}
    options |= {"trials": numbers_of(numbers), "trial": trial, "against": against}
    return Json(_figures.figure(hall.shelf.get(name), figure, **options))


@routes.get("/compare")
@drawn
def compare(
    hall: Held,
    names: Annotated[list[str], Query(min_length=1, description="one each time, or several with commas between them")],
    theme: Theme = "light",
    metric: Annotated[str | None, Query(max_length=300)] = None,
    over: Annotated[str, Query(pattern="^(trials|time)$")] = "trials",
) -> Response:
    """The best so far of several experiments, as a figure."""
    wanted = names if len(names) > 1 or hall.shelf.has(names[0]) else split(names[0])
    if wanted is None:
        raise UsageError(f"names={names[0]!r} names no experiment")
    return Json(_figures.compare(hall.shelf, wanted[:20], theme=theme, metric=metric, over=over))


@routes.get("/experiments/{name}/importance", response_model=dict[str, float])
@drawn
def importance(hall: Held, name: Name, metric: Annotated[str | None, Query(max_length=300)] = None) -> Response:
    """How much each parameter matters: shares that add up to 1, the greatest first."""
    return Json(_figures.importance(hall.shelf.get(name), metric))


@routes.get("/experiments/{name}/log", response_model=m.Lines)
@threaded
def log(
    hall: Held,
    name: Name,
    limit: Annotated[int, Query(ge=1, le=1000)] = 200,
    before: Annotated[int | None, Query(ge=1, lt=2**53)] = None,
    reports: bool = False,
) -> Response:
    """The journal in words, the newest event last."""
    return Json(_log.lines(hall.shelf.get(name), limit, before, reports=reports))


@routes.get("/experiments/{name}/journal", response_model=m.Events)
@threaded
def journal(
    hall: Held,
    name: Name,
    after: Annotated[int, Query(ge=0, lt=2**53)] = 0,
    limit: Annotated[int, Query(ge=0, le=5_000)] = 1_000,
) -> Response:
    """The journal itself, for who makes a copy: the events after a seq, the first of which is 1."""
    return Json(_log.stored(hall.shelf.get(name), after, limit))


@routes.get("/events", response_class=StreamingResponse, responses={200: {"content": {"text/event-stream": {}}}})
async def events(hall: Held, experiment: Annotated[str | None, Query(max_length=200)] = None) -> Response:
    """News as server-sent events: `changed` with experiment, seq and trials; `removed` with experiment."""
    headers = {"cache-control": "no-store", "x-accel-buffering": "no"}
    return StreamingResponse(hall.stream.events(experiment), media_type="text/event-stream", headers=headers)
