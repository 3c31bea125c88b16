"""Routes that change something: steering, limits, enqueueing, remarks, creating and deleting."""

from typing import Any

from starlette.responses import Response

from lanista.experiment import Experiment, _steering, remove
from lanista.space import Space
from lanista.web import _models as m
from lanista.web import _views
from lanista.web._json import Json
from lanista.web._routes import Held, Name, Number, new_router, threaded

routes = new_router("steer")


@routes.post("/experiments", response_model=m.Summary)
@threaded
def create(hall: Held, given: m.NewExperiment) -> Response:
    """Creates an experiment to be driven by ask and tell; the same request again finds it."""
    experiment = Experiment(
        given.name,
        Space.from_json(given.space),
        given.metric,
        mode=given.mode,
        searcher=given.searcher,
        scheduler=given.scheduler,
        constraints=given.constraints,
        seed=given.seed,
        store=hall.store,
    )
    hall.sessions.adopt(experiment)
    return Json(_views.summary(hall.shelf.get(given.name)))


@routes.delete("/experiments/{name}", response_model=m.Done)
@threaded
def delete(hall: Held, name: Name) -> Response:
    """Deletes an experiment: its journal and its files."""
    hall.shelf.get(name)
    hall.sessions.drop(name)
    remove(name, hall.store)
    hall.shelf.drop(name)
    return _done(f"deleted {name!r}")


@routes.post("/experiments/{name}/command", response_model=m.Done)
@threaded
def command(hall: Held, name: Name, given: m.ExperimentCommand) -> Response:
    """Stops, pauses or resumes all runs of the experiment, wherever they are."""
    experiment = hall.shelf.get(name).experiment
    match given.command:
        case "pause":
            return _done(_steering.pause(experiment))
        case "resume":
            return _done(_steering.resume(experiment))
        case _:
            return _done(_steering.stop(experiment, now=given.command == "stop_now"))


@routes.post("/experiments/{name}/limits", response_model=m.Done)
@threaded
def limits(hall: Held, name: Name, given: m.Limits) -> Response:
    """Changes limits and workers of the runs that go on; null lifts a limit."""
    return _done(_steering.set_limits(hall.shelf.get(name).experiment, given.model_dump(exclude_unset=True)))


@routes.post("/experiments/{name}/enqueue", response_model=m.Enqueued)
@threaded
def enqueue(hall: Held, name: Name, given: m.Enqueue) -> Response:
    """Adds a configuration to run before any that the searcher proposes."""
    numbers = _steering.enqueue(hall.shelf.get(name).experiment, [given.params], again=given.again)
    number = numbers[0] if numbers else None
    text = "it was enqueued before" if number is None else f"enqueued as trial {number}"
    return Json({"message": text, "number": number})


@routes.post("/experiments/{name}/add", response_model=m.Done)
@threaded
def add(hall: Held, name: Name, given: m.Addition) -> Response:
    """Adds a trial that was run elsewhere: searchers learn from it, limits do not count it."""
    hall.shelf.get(name).experiment.add(given.params, given.metrics, state=given.state)
    return _done(f"added a trial that {given.state}")


@routes.post("/experiments/{name}/trials/{number}/command", response_model=m.Enqueued)
@threaded
def trial_command(hall: Held, name: Name, number: Number, given: m.TrialCommand) -> Response:
    """Ends a trial, or enqueues its configuration again."""
    book = hall.shelf.get(name)
    book.check(number)
    if given.command == "retry":
        text, again = _steering.retry(book.experiment, number)
        return Json({"message": text, "number": again})
    return Json({"message": _steering.kill(book.experiment, number), "number": None})


@routes.put("/experiments/{name}/note", response_model=m.Done)
@threaded
def note(hall: Held, name: Name, given: m.Note) -> Response:
    """Writes a note and tags beside the experiment."""
    return _done(_steering.note(hall.shelf.get(name).experiment, None, _remarks(given)))


@routes.put("/experiments/{name}/trials/{number}/note", response_model=m.Done)
@threaded
def trial_note(hall: Held, name: Name, number: Number, given: m.Note) -> Response:
    """Writes a note and tags beside a trial."""
    book = hall.shelf.get(name)
    book.check(number)
    return _done(_steering.note(book.experiment, number, _remarks(given)))


def _remarks(given: m.Note) -> dict[str, Any]:
    return {**given.values, **given.model_dump(exclude_none=True, exclude={"values"})}


def _done(message: str) -> Response:
    return Json({"message": message})
