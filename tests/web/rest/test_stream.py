"""Server-sent events from the real server."""

import asyncio
import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.request import urlopen

import pytest

import lanista as la
from lanista.web._shelf import Shelf
from lanista.web._stream import Stream as Watch
from tests.web.rest.conftest import start


class Stream:
    """One client of the stream, line by line."""

    def __init__(self, answer: Any) -> None:
        self.answer = answer
        assert answer.headers["content-type"].startswith("text/event-stream")
        assert self._block() == ["retry: 1000"]
        assert self._block() == [": hello"]

    def next(self) -> tuple[str, dict[str, Any]]:
        """The next event."""
        block = self._block()
        while block[0].startswith(":"):  # a sign of life
            block = self._block()
        kind, data = block
        return kind.removeprefix("event: "), json.loads(data.removeprefix("data: "))

    def _block(self) -> list[str]:
        lines: list[str] = []
        for raw in self.answer:
            line = raw.decode().rstrip("\n")
            if not line:
                return lines
            lines.append(line)
        raise EOFError("the stream has ended")


@contextmanager
def listening(url: str, query: str = "") -> Iterator[Stream]:
    """A client that has heard the greeting, and whose watch over the store has begun."""
    with urlopen(f"{url}/api/v1/events{query}", timeout=20) as answer:
        yield Stream(answer)


def changed(stream: Stream, name: str, trials: int) -> dict[str, Any]:
    """The event that tells of so many trials; those before it may be one or several."""
    while True:
        kind, data = stream.next()
        if (kind, data["experiment"], data["trials"]) == ("changed", name, trials):
            return data


def test_news_of_all_experiments_and_of_one(server, digits) -> None:
    with listening(server.url) as every, listening(server.url, "?experiment=digits") as one:
        la.Experiment("other", {"x": la.Float(0, 1)}, store=digits.store).add({"x": 0.5}, 1.0)
        changed(every, "other", 1)
        digits.add({"lr": 0.1, "opt": "adam"}, 0.3)
        told = changed(every, "digits", 6)
        assert told["seq"] == len(digits.store.read(1))
        assert one.next()[1] == told
        la.remove("digits", digits.store)
        assert one.next() == ("removed", {"experiment": "digits"})


def test_a_report_of_another_process_is_told(server, digits) -> None:
    there = la.Experiment.load("digits", digits.store.url)
    trial = there.ask()
    with listening(server.url, "?experiment=digits") as stream:
        before = there.history.seq
        trial.report(acc=0.5)
        assert stream.next()[1]["seq"] > before
    there.tell(trial, 0.5)


def test_the_death_of_a_process_is_told(server, digits) -> None:
    """It is no event of the journal."""
    digits._beat()
    urlopen(f"{server.url}/api/v1/experiments/digits", timeout=20).close()
    with listening(server.url, "?experiment=digits") as stream:
        digits._heart.stop()
        kind, data = stream.next()
        assert (kind, data["trials"]) == ("changed", 5)


def test_streams_end_with_the_server(store) -> None:
    server = start(store)
    with listening(server.url) as stream:
        server.stop()
        with pytest.raises(EOFError, match="has ended"):
            stream.next()


def test_streams_whose_watch_has_failed_end_so_that_clients_come_again(store, monkeypatch) -> None:
    monkeypatch.setattr("lanista.web._stream.BEAT_S", 0.001)

    async def broken(*_: Any) -> Any:
        raise RuntimeError("what nobody expected")

    async def heard() -> list[bytes]:
        told = Watch(Shelf(store), broken).events(None)
        return [await anext(told, b"the end") for _ in range(3)]

    assert asyncio.run(heard())[1:] == [b"the end", b"the end"]
