"""Server-sent events: one task looks at the store for all clients, and tells each of the experiments that moved on."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from typing import Any

from lanista.errors import LanistaError
from lanista.web._errors import Refused
from lanista.web._shelf import Shelf

POLL_S = 0.2
"""Pause between two looks at the store: what a client hears comes at most this often."""
BEAT_S = 15.0
"""Pause after which a silent stream says that it lives."""
LIVENESS_S = 2.0
"""Pause between two looks at which processes live: their death is no event of the journal."""

Threaded = Callable[..., Awaitable[Any]]


class Ear:
    """One client: what it has not been told yet, one entry an experiment however often that moved on."""

    def __init__(self, experiment: str | None) -> None:
        self.experiment = experiment
        self.pending: dict[str, tuple[str, dict[str, Any]]] = {}
        self.woken = asyncio.Event()

    def hear(self, kind: str, data: dict[str, Any]) -> None:
        """Takes news of an experiment, in place of what it had of the same one."""
        name = data["experiment"]
        if self.experiment in (None, name):
            self.pending[name] = kind, data
            self.woken.set()


class Stream:
    """Watches the store while anybody listens."""

    def __init__(self, shelf: Shelf, threaded: Threaded) -> None:
        self._shelf, self._threaded = shelf, threaded
        self._ears: set[Ear] = set()
        self._task: asyncio.Task[None] | None = None
        self._ready = asyncio.Event()
        self._seen: dict[str, tuple[int, int, tuple[str, ...]]] = {}
        self._looked = 0.0
        self.closed = False

    async def events(self, experiment: str | None) -> AsyncIterator[bytes]:
        """The text of the stream for one client, until it goes or the server ends."""
        ear = Ear(experiment)
        self._ears.add(ear)
        if self._task is None or self._task.done():
            self._ready = asyncio.Event()
            self._task = asyncio.create_task(self._watch(self._ready))
        try:
            await self._ready.wait()  # what happens after the greeting is told
            yield b"retry: 1000\n\n: hello\n\n"
            while not self.closed and not self._task.done():  # whoever comes again begins a new watch
                try:
                    await asyncio.wait_for(ear.woken.wait(), BEAT_S)
                except TimeoutError:
                    yield b": still here\n\n"
                    continue
                ear.woken.clear()
                news, ear.pending = ear.pending, {}
                for kind, data in news.values():
                    yield f"event: {kind}\ndata: {json.dumps(data)}\n\n".encode()
        finally:
            self._ears.discard(ear)

    async def close(self) -> None:
        """Ends all streams."""
        self.closed = True
        for ear in self._ears:
            ear.woken.set()
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    async def _watch(self, ready: asyncio.Event) -> None:
        """Looks until nobody listens any more."""
        try:
            self._seen = await self._look(first=True) or {}
        finally:
            ready.set()
        while self._ears:
            await asyncio.sleep(POLL_S)
            seen = await self._look(first=False)
            if seen is None:
                continue
            for name, state in seen.items():
                if self._seen.get(name) != state:
                    self._tell("changed", {"experiment": name, "seq": state[1], "trials": await self._trials(name)})
            for name in self._seen.keys() - seen.keys():
                self._shelf.drop(name)
                self._tell("removed", {"experiment": name})
            self._seen = seen

    def _tell(self, kind: str, data: dict[str, Any]) -> None:
        for ear in self._ears:
            ear.hear(kind, data)

    async def _look(self, *, first: bool) -> dict[str, tuple[int, int, tuple[str, ...]]] | None:
        """Of each experiment: its id, its last seq, and which of its controllers live; None: the store cannot tell."""
        now = asyncio.get_running_loop().time()
        lives = first or now - self._looked >= LIVENESS_S
        self._looked = now if lives else self._looked
        with suppress(LanistaError):
            return await self._threaded(self._states, lives)  # type: ignore[no-any-return]
        return None

    def _states(self, lives: bool) -> dict[str, tuple[int, int, tuple[str, ...]]]:
        found = {}
        for info in self._shelf.infos():
            before = self._seen.get(info.name, (0, 0, ()))[2]
            book = self._shelf.opened(info.name)
            if lives and book is not None and book.id == info.id:
                before = book.living()
            found[info.name] = info.id, info.seq, before
        return found

    async def _trials(self, name: str) -> int:
        """How many trials there are now."""
        with suppress(LanistaError, Refused):
            return await self._threaded(lambda: self._shelf.get(name).count())  # type: ignore[no-any-return]
        return 0
