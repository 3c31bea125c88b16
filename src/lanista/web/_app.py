"""The application: the routes of `/api/v1`, the page, and what all of them share."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response

from lanista._version import __version__
from lanista.journal import Store
from lanista.web import _errors, _routes_ask, _routes_look, _routes_steer, _routes_trials
from lanista.web._hall import Hall
from lanista.web._security import Guard, Security

STATIC = Path(__file__).parent / "static"
KINDS = {
    ".html": "text/html",
    ".js": "text/javascript",
    ".mjs": "text/javascript",
    ".css": "text/css",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".ico": "image/x-icon",
    ".woff2": "font/woff2",
    ".json": "application/json",
}


def make_app(store: Store, guard: Guard) -> Any:
    """The application for a store, with its guard around it."""
    hall = Hall(store)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        tasks = [asyncio.create_task(task) for task in (hall.sweep(), hall.warm())]
        yield
        for task in tasks:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
        await hall.stream.close()
        hall.close()

    app = FastAPI(
        title="Lanista",
        version=__version__,
        description="Experiments: look at them, steer them, and drive them by ask and tell.",
        lifespan=lifespan,
        openapi_url="/api/v1/openapi.json",
        docs_url=None,  # pages that load scripts from elsewhere
        redoc_url=None,
    )
    app.state.hall = hall
    _errors.install(app, partial(hall.run, hall.shelf.has))
    for routes in (_routes_look, _routes_trials, _routes_steer, _routes_ask):
        app.include_router(routes.routes, prefix="/api/v1")
    _add_page(app)
    app.add_middleware(Security, guard=guard)
    return app


def _add_page(app: FastAPI) -> None:
    """The page, its scripts, and Plotly's out of the installed package."""
    index = _index()

    @app.get("/", include_in_schema=False)
    async def page() -> Response:
        return Response(index, media_type="text/html", headers={"cache-control": "no-cache"})

    @app.get("/static/plotly.min.js", include_in_schema=False)
    async def plotly(request: Request) -> Response:
        return _file(_plotly(), request)

    @app.get("/static/{path:path}", include_in_schema=False)
    async def static(path: str, request: Request) -> Response:
        top = STATIC.resolve()
        file = (top / path).resolve() if "\0" not in path else top
        if not file.is_relative_to(top) or not file.is_file() or file.suffix not in KINDS:
            raise _errors.Refused(404, "LA700", "there is no such file")
        return _file(file, request)


def _index() -> str:
    """The page, which names all its modules: a browser need not find them one level after the other."""
    modules = sorted(
        path.relative_to(STATIC).as_posix() for path in STATIC.rglob("*.js") if path.parent.name != "vendor"
    )
    links = "\n".join(f'    <link rel="modulepreload" href="static/{module}">' for module in modules)
    return (STATIC / "index.html").read_text(encoding="utf-8").replace("  </head>", f"{links}\n  </head>")


def _file(path: Path, request: Request) -> Response:
    """A file that the browser asks about again each time, and gets again when it has changed."""
    if not path.is_file():
        raise _errors.Refused(404, "LA700", f"this installation has no {path.name}")
    stat = path.stat()
    headers = {"cache-control": "no-cache", "etag": f'"{stat.st_mtime_ns:x}-{stat.st_size:x}"'}
    if request.headers.get("if-none-match") == headers["etag"]:
        return Response(status_code=304, headers=headers)
    return Response(path.read_bytes(), media_type=KINDS[path.suffix], headers=headers)


def _plotly() -> Path:
    from importlib.util import find_spec

    spec = find_spec("plotly")
    if spec is None or spec.origin is None:
        raise _errors.Refused(404, "LA800", "plotly is not installed; pip install 'lanista[ui]' brings it")
    return Path(spec.origin).parent / "package_data" / "plotly.min.js"
