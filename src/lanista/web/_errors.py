"""From what goes wrong to answers: a status and a record of code and message."""

from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from lanista.errors import (
    ConflictError,
    ExecutorError,
    ExperimentError,
    LanistaError,
    MissingExtraError,
    StoreError,
    UsageError,
)
from lanista.web._json import Json
from lanista.web._security import HEADERS

STATUS: tuple[tuple[type[LanistaError], int], ...] = (
    (ConflictError, 409),
    (StoreError, 503),
    (ExperimentError, 409),
    (ExecutorError, 502),
    (MissingExtraError, 501),
    (LanistaError, 400),
)
"""The status of each class of errors; the first that fits counts."""


class Refused(Exception):
    """A request that is turned away, with a status of HTTP and a code of `lanista.errors`."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, message


def failure(status: int, code: str, message: str) -> Json:
    """The answer that tells of an error."""
    headers = {name.decode(): value.decode() for name, value in HEADERS}  # a failure of ours passes by the guard
    return Json({"error": {"code": code, "message": message}}, status_code=status, headers=headers)


def install(app: FastAPI, has: Any) -> None:
    """Has every error answered in the one form.

    Args:
        app: the application.
        has: tells whether the store has an experiment of a name, for one that is removed during a request.
    """

    async def refused(request: Request, error: Refused) -> Json:
        return failure(error.status, error.code, error.message)

    async def known(request: Request, error: LanistaError) -> Json:
        status = next(status for kind, status in STATUS if isinstance(error, kind))
        name = request.path_params.get("name")
        if status == 409 and name is not None and not await has(name):
            status = 404
        return failure(status, error.code, str(error))

    async def wrong(request: Request, error: RequestValidationError) -> Json:
        parts = [f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors()[:5]]
        return failure(422, UsageError.code, "; ".join(parts))

    async def plain(request: Request, error: HTTPException) -> Json:
        return failure(error.status_code, UsageError.code, str(error.detail))

    async def deep(request: Request, error: Exception) -> Json:
        return failure(400, UsageError.code, f"the request cannot be read: {type(error).__name__}")

    async def unexpected(request: Request, error: Exception) -> Json:
        return failure(500, LanistaError.code, "the server failed; its terminal tells why")  # and the client nothing

    handlers: dict[Any, Any] = {
        Refused: refused,
        LanistaError: known,
        RequestValidationError: wrong,
        HTTPException: plain,
        RecursionError: deep,
        UnicodeError: deep,
        Exception: unexpected,
    }
    for kind, handler in handlers.items():
        app.add_exception_handler(kind, handler)
