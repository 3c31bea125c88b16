"""Routes of trials: the table, one trial, its log and files, and exports."""

from typing import Annotated

from fastapi import Query
from starlette.responses import FileResponse, Response

from lanista.web import _export, _records
from lanista.web import _models as m
from lanista.web._json import Json
from lanista.web._routes import Filter, Held, Name, Names, Number, Sort, new_router, numbers_of, split, threaded
from lanista.web._shelf import Book

routes = new_router("trials")


@routes.get("/experiments/{name}/trials", response_model=m.Rows)
@threaded
def trials(
    hall: Held,
    name: Name,
    offset: Annotated[int, Query(ge=0, lt=2**53)] = 0,
    limit: Annotated[int, Query(ge=0, le=500)] = 100,
    sort: Sort = None,
    filter: Filter = None,
    columns: Names = None,
) -> Response:
    """A page of the trial table; `columns` are the parameters and metrics that rows hold, by default all."""
    book = hall.shelf.get(name)
    if filter is None:  # who looks at the table may filter it soon
        hall.pool.submit(book.prepare)
    wanted = split(columns)
    only = None if wanted is None else {one.removeprefix("params.").removeprefix("metrics.") for one in wanted}
    with book.read() as history:
        numbers = book.table.select(filter, sort)
        page = numbers[offset : offset + limit].tolist()
        rows = [_records.row(history, history.trial(number), only) for number in page]
        return Json({"total": len(history), "matched": len(numbers), "trials": rows})


@routes.get("/experiments/{name}/trials.csv", responses={200: {"content": {"text/csv": {}}}})
@threaded
def as_csv(hall: Held, name: Name, filter: Filter = None, sort: Sort = None, numbers: Names = None) -> Response:
    """Trials as a csv file, which `lanista import` reads."""
    book = hall.shelf.get(name)
    body = _export.as_csv(book, _wanted(book, filter, sort, numbers))
    return Response(body, media_type="text/csv; charset=utf-8", headers=_attached("trials.csv"))


@routes.get("/experiments/{name}/trials.json")
@threaded
def as_json(hall: Held, name: Name, filter: Filter = None, sort: Sort = None, numbers: Names = None) -> Response:
    """Trials as a list of all that their records hold."""
    book = hall.shelf.get(name)
    body = _export.as_json(book, _wanted(book, filter, sort, numbers))
    return Json(body, headers=_attached("trials.json"))


@routes.get("/experiments/{name}/trials/{number}", response_model=m.TrialDetail)
@threaded
def trial(hall: Held, name: Name, number: Number) -> Response:
    """One trial with its curve, checkpoints, files, error and lineage."""
    return Json(_records.trial(hall.shelf.get(name), number))


@routes.get("/experiments/{name}/trials/{number}/log", response_model=m.LogPart)
@threaded
def log(
    hall: Held,
    name: Name,
    number: Number,
    offset: Annotated[int, Query(gt=-(2**53), lt=2**53)] = 0,
    limit: Annotated[int, Query(ge=1, le=1 << 20)] = 65_536,
) -> Response:
    """What the trial printed, from a byte on, below 0 counted from the end; ask again from `next`."""
    return Json(_records.log_part(hall.shelf.get(name), number, offset, limit))


@routes.get(
    "/experiments/{name}/trials/{number}/artifacts/{path:path}",
    response_class=FileResponse,
    responses={200: {"content": {"application/octet-stream": {}}}},
)
@threaded
def artifact(hall: Held, name: Name, number: Number, path: str) -> Response:
    """A file in the trial's folder, to be saved."""
    file = _records.artifact(hall.shelf.get(name), number, path)
    return FileResponse(file, media_type="application/octet-stream", filename=file.name)


def _wanted(book: Book, filter: str | None, sort: str | None, numbers: str | None) -> list[int]:
    """The trials that a filter keeps, or those of a list of numbers, in the wanted order."""
    with book.read():
        found: list[int] = book.table.select(filter, sort).tolist()
    listed = numbers_of(numbers)
    if listed is None:
        return found
    given = set(listed)
    return [number for number in found if number in given]


def _attached(name: str) -> dict[str, str]:
    return {"content-disposition": f'attachment; filename="{name}"'}
