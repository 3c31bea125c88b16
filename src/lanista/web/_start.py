"""Starting the server."""

import re
from pathlib import Path
from typing import Any

from lanista.errors import MissingExtraError, StoreError, UsageError
from lanista.journal import Store, open_store

PORT = 8_321
GRACE_S = 2
"""How long open requests may go on when the server ends."""
_TOKEN = re.compile(r"[A-Za-z0-9._~-]{8,200}")


def create_app(
    store: str | Path | Store | None = None,
    *,
    token: str | None = None,
    hosts: tuple[str, ...] = (),
    loopback: bool = True,
) -> Any:
    """The dashboard as an ASGI application, for a server of your own.

    Args:
        store: where the experiments are, as for `Experiment`.
        token: a secret that every request must show; at least 8 letters, digits or `._~-`.
        hosts: names under which it may be reached, besides localhost and the addresses of this machine.
        loopback: only this machine reaches it. False: from elsewhere, too, which needs a token.

    Raises:
        UsageError: the token is too short, or missing where one is needed.
        MissingExtraError: fastapi is not installed.

    >>> app = create_app("memory")
    >>> app.title
    'Lanista'
    """
    try:
        import fastapi  # noqa: F401
    except ImportError as error:
        raise MissingExtraError.of("fastapi", "ui") from error
    from lanista.web._app import make_app
    from lanista.web._security import Guard

    if token is not None and not _TOKEN.fullmatch(token):
        raise UsageError("the token must have at least 8 letters, digits or any of . _ ~ -")
    if token is None and not loopback:
        raise UsageError("whoever can be reached from other machines needs a token; give token=")
    names = tuple(name.lower() for name in hosts)
    return make_app(open_store(store), Guard(token, names, loopback))


def serve(
    store: str | Path | Store | None = None,
    *,
    host: str = "127.0.0.1",
    port: int = PORT,
    token: str | None = None,
    hosts: tuple[str, ...] = (),
    browser: bool = True,
) -> None:
    """Serves the dashboard until it is interrupted.

    Args:
        store: where the experiments are, as for `Experiment`.
        host: the address to listen at. Any but one of loopback needs a token, which is made and printed when not given.
        port: 0 for any that is free.
        token: a secret that every request must show.
        hosts: names under which it may be reached, such as that of a proxy.
        browser: open the page.

    Raises:
        StoreError: the address cannot be listened at.
        UsageError: the token is too short, or the port is none.
        MissingExtraError: fastapi or uvicorn is not installed.
    """
    try:
        import uvicorn  # noqa: F401
    except ImportError as error:
        raise MissingExtraError.of("uvicorn", "ui") from error
    import secrets

    from lanista.web._security import is_loopback, own_names

    loopback = is_loopback(host)
    if token is None and not loopback:
        token = secrets.token_urlsafe(24)
    opened = open_store(store)
    app = create_app(opened, token=token, hosts=hosts if loopback else (*hosts, *own_names()), loopback=loopback)
    bound = _bound(host, port)
    address = _address(host, bound.getsockname()[1], token)
    print(f"dashboard of {opened.url}: {address}\nCtrl+C ends it; the experiments go on", flush=True)
    if browser:
        _open(address)
    _run(app, bound)


def _run(app: Any, bound: Any) -> None:
    """Serves until interrupted; event streams, which never end by themselves, are ended first."""
    import uvicorn

    class Server(uvicorn.Server):
        async def shutdown(self, sockets: Any = None) -> None:
            await app.state.hall.stream.close()
            await super().shutdown(sockets)

    config = uvicorn.Config(
        app, log_level="warning", timeout_graceful_shutdown=GRACE_S, server_header=False, proxy_headers=False, ws="none"
    )
    Server(config).run(sockets=[bound])


def _bound(host: str, port: int) -> Any:
    """A socket that listens there."""
    import socket

    if not 0 <= port <= 65_535:
        raise UsageError(f"port={port} must be a whole number from 0 to 65535")
    made = None
    try:
        family, kind, protocol, _, where = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        made = socket.socket(family, kind, protocol)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind(where)
        made.listen(128)
        return made
    except OSError as error:
        if made is not None:
            made.close()
        raise StoreError(f"cannot listen at {host}:{port}: {error.strerror}; take another one with --port") from error


def _address(host: str, port: int, token: str | None) -> str:
    """What to open in a browser."""
    import socket

    name = socket.gethostname() if host in ("0.0.0.0", "::", "") else host
    name = f"[{name}]" if ":" in name else name
    return f"http://{name}:{port}/" + (f"?token={token}" if token else "")


def _open(address: str) -> None:
    """Opens the page a moment later, once the server answers; without a browser nothing happens."""
    import threading
    import webbrowser

    timer = threading.Timer(0.5, webbrowser.open, [address])
    timer.daemon = True
    timer.start()
