"""What the routes share."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from typing import Any, TypeVar

from lanista.errors import LanistaError
from lanista.journal import Store
from lanista.web._asking import SWEEP_S, Sessions
from lanista.web._errors import Refused
from lanista.web._shelf import Shelf
from lanista.web._stream import Stream

R = TypeVar("R")
THREADS = 8
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
        self.stream = Stream(self.shelf, self.run)

    async def run(self, call: Callable[..., R], *args: Any, **kwargs: Any) -> R:
        """Calls what waits for the store, in a thread."""
        return await asyncio.get_running_loop().run_in_executor(self.pool, partial(call, *args, **kwargs))

    async def warm(self) -> None:
        """Opens the newest experiments before anybody asks for them: a long journal takes seconds to fold."""
        with suppress(LanistaError, Refused):
            for info in (await self.run(self.shelf.infos))[: -WARM - 1 : -1]:
                await self.run(self.shelf.get, info.name)

    async def sweep(self) -> None:
        """Gives back the trials of clients that are gone, for as long as the server lives."""
        while True:
            await asyncio.sleep(SWEEP_S)
            await self.run(self.sessions.sweep)

    def close(self) -> None:
        """Lets go of everything."""
        self.sessions.close()
        self.pool.shutdown(wait=True, cancel_futures=True)
