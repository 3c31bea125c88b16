"""Routes of ask and tell: suggest, report, complete, fail."""

from starlette.responses import Response

from lanista.web import _models as m
from lanista.web._json import Json
from lanista.web._routes import Held, Name, Number, new_router, threaded

routes = new_router("ask and tell")


@routes.post("/experiments/{name}/suggest", response_model=m.Suggestions)
@threaded
def suggest(hall: Held, name: Name, given: m.Suggest) -> Response:
    """Starts trials for the client, which are given back when nothing is heard of them for `lease` seconds."""
    return Json({"trials": hall.sessions.suggest(name, given.count, given.lease)})


@routes.post("/experiments/{name}/trials/{number}/report", response_model=m.Verdict)
@threaded
def report(hall: Held, name: Name, number: Number, given: m.Report) -> Response:
    """Journals metrics after a step, renews the lease, and tells whether the trial is to run no further."""
    return Json(hall.sessions.report(name, number, given.metrics, given.step, given.attempt))


@routes.post("/experiments/{name}/trials/{number}/complete", response_model=m.Done)
@threaded
def complete(hall: Held, name: Name, number: Number, given: m.Complete) -> Response:
    """Ends a trial: as completed, or as the scheduler decided on its last report."""
    hall.sessions.complete(name, number, given.metrics, given.state, given.attempt)
    return Json({"message": f"trial {number} is over"})


@routes.post("/experiments/{name}/trials/{number}/fail", response_model=m.Done)
@threaded
def fail(hall: Held, name: Name, number: Number, given: m.Fail) -> Response:
    """Ends a trial as failed."""
    hall.sessions.fail(name, number, given.message, given.attempt)
    return Json({"message": f"trial {number} has failed"})
