"""What stands between the network and the experiments: one layer that every request passes.

Checked, in this order: the Host header, so that a page that has its own name point here (DNS rebinding) is refused; the
token, where one is set; the Origin and a header of our own on everything that changes something, so that other pages
cannot have a visitor's browser do it (CSRF); the size of the request. Every answer carries headers that keep a browser
from running, framing or passing on anything of other origins.
"""

import hmac
import ipaddress
import socket
from collections.abc import Awaitable, Callable, Collection
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from lanista._frozen import Frozen

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

COOKIE = "lanista_token"
FORM = Path(__file__).parent / "static" / "token.html"
"""It sends the token in the URL, as the address that was printed does, and so keeps the place after the `#`."""
HEADER = b"x-lanista"
MOST_BYTES = 1 << 20
LONGEST_URL = 8_192
SAFE = ("GET", "HEAD", "OPTIONS")
POLICY = "; ".join(
    [
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self' 'unsafe-inline'",  # plotly.js styles its figures in place
        "img-src 'self' data: blob:",  # a figure saved as a picture
        "font-src 'self'",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    ]
)
HEADERS = [
    (b"content-security-policy", POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-frame-options", b"DENY"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
]


class Guard(Frozen):
    """Who may come in.

    Attributes:
        token: the secret that every request must show; None: no secret, for loopback alone.
        hosts: names under which the server may be reached, besides addresses and localhost.
        loopback: only addresses of this machine are good, too.
    """

    token: str | None = None
    hosts: tuple[str, ...] = ()
    loopback: bool = True

    def host(self, header: str) -> bool:
        """Whether a Host header names this server.

        >>> guard = Guard(hosts=("lab",))
        >>> [guard.host(name) for name in ("localhost:8", "127.0.0.1", "[::1]:80", "lab", "evil.example", "10.0.0.1")]
        [True, True, True, True, False, False]
        """
        name = _hostname(header)
        if name is None:
            return False
        if name == "localhost" or name in self.hosts:
            return True
        try:
            address = ipaddress.ip_address(name)
        except ValueError:
            return False
        return address.is_loopback or not self.loopback  # an address cannot be rebound: no name stands for it

    def origin(self, header: str, host: str) -> bool:
        """Whether a request that comes from a page of this origin comes from a page of ours."""
        try:
            parts = urlsplit(header)
        except ValueError:
            return False
        if parts.scheme not in ("http", "https") or not parts.netloc:
            return False
        return parts.netloc.lower() == host.lower() or _hostname(parts.netloc) in self.hosts

    def knows(self, token: str) -> bool:
        """Whether this is the token; it takes as long for a wrong one that begins well."""
        return self.token is None or hmac.compare_digest(token.encode(), self.token.encode())


def _hostname(header: str) -> str | None:
    """The name or address in a Host header, None where it is malformed."""
    try:
        parts = urlsplit(f"//{header}")
        parts.port  # noqa: B018  # it raises where it is no number
    except ValueError:
        return None
    plain = parts.path == parts.query == parts.fragment == "" and parts.username is None
    return parts.hostname if plain else None


def own_names() -> tuple[str, ...]:
    """The names of this machine."""
    return tuple({socket.gethostname().lower(), socket.getfqdn().lower()} - {""})


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches what listens there.

    >>> is_loopback("127.0.0.1"), is_loopback("localhost"), is_loopback("0.0.0.0")
    (True, True, False)
    """
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


class Security:
    """The layer around the application."""

    def __init__(self, app: App, guard: Guard) -> None:
        self._app, self._guard = app, guard

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Lets a request pass, or answers it."""
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self._app(scope, receive, send)
            return

        async def decorated(message: dict[str, Any]) -> None:
            if message["type"] == "http.response.start":
                given = {name for name, _ in message["headers"]}
                message = {**message, "headers": [*message["headers"], *(h for h in HEADERS if h[0] not in given)]}
            await send(message)

        refusal = self._refusal(scope)
        if refusal is not None:
            await _answer(decorated, *refusal, scope)
            return
        await self._app(scope, _Bounded(receive), decorated)

    def _refusal(self, scope: Scope) -> tuple[int, str, list[tuple[bytes, bytes]]] | None:
        """Status, text and headers of the answer to a request that does not pass."""
        headers = _Headers(scope["headers"])
        guard = self._guard
        host = headers.only(b"host")
        if host is None or not guard.host(host):
            return 421, f"the Host header {host!r} names another server; start with --allow-host to be known by it", []
        if len(scope["raw_path"] or b"") + len(scope["query_string"]) > LONGEST_URL:
            return 414, f"the URL is longer than {LONGEST_URL:,} bytes", []
        if (answer := self._without_token(scope, headers)) is not None:
            return answer
        if scope["path"].startswith("/api/"):
            if headers.first(b"sec-fetch-site") in ("cross-site", "same-site"):
                return 403, "requests of other sites are refused", []
            origin = headers.first(b"origin")
            if origin is not None and not guard.origin(origin, host):
                return 403, f"the Origin {origin!r} is another site", []
            if scope["method"] not in SAFE and headers.first(HEADER) != "1":
                return 403, "what changes something needs the header X-Lanista: 1", []
        length = headers.first(b"content-length")
        if length is not None and (not length.isdecimal() or int(length) > MOST_BYTES):
            return 413, f"the request is larger than {MOST_BYTES:,} bytes", []
        return None

    def _without_token(self, scope: Scope, headers: "_Headers") -> tuple[int, str, list[tuple[bytes, bytes]]] | None:
        """The answer to who shows no token; who brings it in the URL of the page is sent on with a cookie."""
        guard = self._guard
        if guard.token is None:
            return None
        if scope["path"] == "/" and scope["method"] == "GET":
            query = parse_qs(scope["query_string"].decode("latin-1"))
            if (given := query.pop("token", None)) is not None and guard.knows(given[0]):
                cookie = f"{COOKIE}={guard.token}; HttpOnly; SameSite=Strict; Path=/"
                target = "./" + (f"?{urlencode(query, doseq=True)}" if query else "")
                return 303, "", [(b"set-cookie", cookie.encode()), (b"location", target.encode())]
        scheme, _, shown = (headers.first(b"authorization") or "").partition(" ")
        if scheme.lower() == "bearer" and guard.knows(shown.strip()):
            return None
        if any(guard.knows(cookie) for cookie in headers.cookies()):
            return None
        text = "this server wants a token: open the address that it printed, or send the header Authorization: Bearer …"
        return 401, text, [(b"www-authenticate", b"Bearer")]


class _Headers:
    """Headers by name; those that come twice can be told."""

    def __init__(self, raw: Collection[tuple[bytes, bytes]]) -> None:
        self._raw = raw

    def all(self, name: bytes) -> list[str]:
        return [value.decode("latin-1") for key, value in self._raw if key.lower() == name]

    def first(self, name: bytes) -> str | None:
        return next(iter(self.all(name)), None)

    def only(self, name: bytes) -> str | None:
        found = self.all(name)
        return found[0] if len(found) == 1 else None

    def cookies(self) -> list[str]:
        """The values of our cookie."""
        found: list[str] = []
        for header in self.all(b"cookie"):
            for cookie in header.split(";"):  # others' may be malformed: all ports of a machine share their cookies
                name, _, value = cookie.strip().partition("=")
                found += [value] if name == COOKIE else []
        return found


class _Bounded:
    """Receives a body up to the limit; what goes beyond is not read."""

    def __init__(self, receive: Receive) -> None:
        self._receive, self._left = receive, MOST_BYTES

    async def __call__(self) -> dict[str, Any]:
        from starlette.exceptions import HTTPException

        message = await self._receive()
        self._left -= len(message.get("body", b""))
        if self._left < 0:
            raise HTTPException(413, f"the request is larger than {MOST_BYTES:,} bytes")
        return message


async def _answer(send: Send, status: int, text: str, extra: list[tuple[bytes, bytes]], scope: Scope) -> None:
    """A short answer: JSON for programs, text for people, and for who opens the page without the token a form."""
    from lanista.web._json import encoded

    body, kind = text.encode(), b"text/plain; charset=utf-8"
    if scope["path"].startswith("/api/"):
        body, kind = encoded({"error": {"code": "LA700", "message": text}}), b"application/json"
    elif status == 401 and scope["path"] == "/":
        tried = b"token=" in scope["query_string"]
        body, kind = FORM.read_bytes(), b"text/html; charset=utf-8"
        body = body.replace(b'alert">', b'alert">That is not the token.') if tried else body
    headers = [(b"content-type", kind), (b"content-length", str(len(body)).encode()), *extra]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
