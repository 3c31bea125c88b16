"""What the routes share."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from typing import Any, TypeVar

from lanista.errors import LanistaError
from lanista.journal import ExperimentInfo, Store
from lanista.web._asking import SWEEP_S, Sessions
from lanista.web._errors import Refused
from lanista.web._figures import figure
from lanista.web._shelf import Shelf
from lanista.web._stream import Stream

R = TypeVar("R")
THREADS = 8
DRAWERS = 3
"""Threads that draw figures, which takes long: all else has threads of its own."""
WARM = 20
"""Experiments that are opened when the server starts."""


class Hall:
    """The experiments, the sessions of clients, the stream, and threads that may wait."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.shelf = Shelf(store)
        self.sessions = Sessions(store, self.shelf)
        # Threads of our own: the store keeps a connection for each thread that ever called it.
        self.pool = ThreadPoolExecutor(THREADS, thread_name_prefix="lanista-web")
        self.drawers = ThreadPoolExecutor(DRAWERS, thread_name_prefix="lanista-draw")
        self.stream = Stream(self.shelf, self.run)

    async def run(self, call: Callable[..., R], *args: Any, **kwargs: Any) -> R:
        """Calls what waits for the store, in a thread."""
        return await asyncio.get_running_loop().run_in_executor(self.pool, partial(call, *args, **kwargs))

    async def draw(self, call: Callable[..., R], *args: Any, **kwargs: Any) -> R:
        """Calls what takes long to compute, in a thread."""
        return await asyncio.get_running_loop().run_in_executor(self.drawers, partial(call, *args, **kwargs))

    async def warm(self) -> None:
        """Opens the newest experiments, and draws their first figure, before anybody asks for it.

        A long journal takes a second or more to fold. Of the newest one, which is most likely looked at, the table is
        made ready to be filtered, too.
        """
        infos: list[ExperimentInfo] = []
        with suppress(LanistaError):
            infos = await self.run(self.shelf.infos)
        for info in infos[: -WARM - 1 : -1]:
            with suppress(LanistaError, Refused):
                book = await self.run(self.shelf.get, info.name)
                await self.draw(figure, book, "history", theme="light")
        for info in infos[-1:]:
            with suppress(LanistaError, Refused):
                await self.run((await self.run(self.shelf.get, info.name)).prepare)

    async def sweep(self) -> None:
        """Gives back the trials of clients that are gone, for as long as the server lives."""
        while True:
            await asyncio.sleep(SWEEP_S)
            with suppress(LanistaError):  # the store is away: again the next time
                await self.run(self.sessions.sweep)

    def close(self) -> None:
        """Lets go of everything."""
        self.sessions.close()
        for pool in (self.drawers, self.pool):
            pool.shutdown(wait=True, cancel_futures=True)
