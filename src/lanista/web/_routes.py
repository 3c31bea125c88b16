"""What the routes have in common."""

from collections.abc import Awaitable, Callable
from functools import wraps
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query, Request
from starlette.responses import Response

from lanista.errors import UsageError
from lanista.web import _models as m
from lanista.web._hall import Hall


async def _held(request: Request) -> Hall:
    hall: Hall = request.app.state.hall
    return hall


Held = Annotated[Hall, Depends(_held)]
Name = Annotated[str, Path(min_length=1, max_length=200, description="the experiment")]
Number = Annotated[int, Path(ge=0, lt=2**53, description="the trial's number")]
Filter = Annotated[
    str | None,
    Query(max_length=2_000, description="an expression such as: lr < 0.01 and state == 'completed'"),
]
Sort = Annotated[str | None, Query(max_length=300, description="a column; with a minus before it the largest first")]
Names = Annotated[str | None, Query(max_length=8_000, description="names with commas between them")]
Theme = Annotated[str, Query(pattern="^(light|dark)$")]

_TEXTS: dict[int | str, str] = {
    "4XX": "the request is wrong, or not allowed",
    422: "the request is not of the form that this document tells",
    501: "a package for it is not installed",
    503: "the store cannot be read or written now",
}
_RESPONSES: dict[int | str, dict[str, Any]] = {
    status: {"model": m.Failure, "description": text} for status, text in _TEXTS.items()
}


def new_router(tag: str) -> APIRouter:
    """A router whose routes tell of errors in the one form."""
    return APIRouter(responses=_RESPONSES, tags=[tag])


def split(text: str | None) -> list[str] | None:
    """The names in a list with commas; None for none."""
    names = [name.strip() for name in text.split(",") if name.strip()] if text else []
    return names or None


def numbers_of(text: str | None) -> list[int] | None:
    """The numbers of trials in a list with commas; None for none.

    Raises:
        UsageError: one of them is no number.
    """
    listed = split(text)
    if listed is not None and not all(one.isdecimal() and len(one) < 16 for one in listed):
        raise UsageError(f"numbers={text!r:.100} must be numbers of trials, such as 1,2,3")
    return None if listed is None else [int(one) for one in listed]


def threaded(call: Callable[..., Response]) -> Callable[..., Awaitable[Response]]:
    """A route of a plain function of the hall and more, which is called in one of the hall's threads."""

    @wraps(call)
    async def run(*, hall: Hall, **given: Any) -> Response:
        return await hall.run(call, hall=hall, **given)

    return run


def drawn(call: Callable[..., Response]) -> Callable[..., Awaitable[Response]]:
    """The same for one that computes for long, in one of the threads for such."""

    @wraps(call)
    async def run(*, hall: Hall, **given: Any) -> Response:
        return await hall.draw(call, hall=hall, **given)

    return run
