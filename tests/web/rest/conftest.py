"""A store with experiments of several kinds, a client within this process, and a server of its own."""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import uvicorn
from starlette.testclient import TestClient

import lanista as la
from lanista.journal import Store, open_store
from lanista.web import create_app

SPACE = {
    "lr": la.Float(1e-5, 1.0, log=True),
    "opt": la.Choice({"sgd": {"momentum": la.Float(0, 0.99)}, "adam": {}}),
}
WRITE = {"X-Lanista": "1"}
HOME = "http://127.0.0.1:8321"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """A SQLite store in a folder of its own."""
    opened = open_store(tmp_path / "lanista.db")
    yield opened
    opened.close()


@pytest.fixture
def digits(store: Store) -> la.Experiment:
    """An experiment with trials of several kinds."""
    return fill(store)


def fill(store: Store) -> la.Experiment:
    """Makes an experiment with trials of several kinds."""
    experiment = la.Experiment("digits", SPACE, "acc", mode="max", seed=1, store=store)
    experiment.add({"lr": 0.1, "opt": "adam"}, 0.5)
    experiment.add({"lr": 0.01, "opt": "sgd", "momentum": 0.9}, {"acc": 0.9, "size": 12})
    experiment.add({"lr": 0.001, "opt": "adam"}, float("nan"), state="failed")
    experiment.add({"lr": 0.0001, "opt": "adam"}, 0.7, state="stopped")
    experiment.enqueue({"lr": 0.5, "opt": "adam"})
    return experiment


class Api:
    """Requests to `/api/v1` with the headers that our page sends."""

    def __init__(self, client: TestClient) -> None:
        self.client = client

    def get(self, path: str, status: int = 200) -> Any:
        return self._json(self.client.get(f"/api/v1{path}"), status)

    def post(self, path: str, body: Any, status: int = 200) -> Any:
        return self._json(self.client.post(f"/api/v1{path}", json=body, headers=WRITE), status)

    def put(self, path: str, body: Any, status: int = 200) -> Any:
        return self._json(self.client.put(f"/api/v1{path}", json=body, headers=WRITE), status)

    def delete(self, path: str, status: int = 200) -> Any:
        return self._json(self.client.delete(f"/api/v1{path}", headers=WRITE), status)

    def error(self, path: str, status: int) -> str:
        """The message of a refused look."""
        return str(self.get(path, status)["error"]["message"])

    def _json(self, answer: Any, status: int) -> Any:
        assert answer.status_code == status, answer.text
        return answer.json()


Browse = Callable[..., TestClient]


@pytest.fixture
def browse(store: Store) -> Iterator[Browse]:
    """Starts the application with some guard and gives a browser that has opened it."""
    clients = []

    def start(**guard: Any) -> TestClient:
        clients.append(TestClient(create_app(store, **guard), base_url=HOME).__enter__())
        return clients[-1]

    yield start
    for client in clients:
        client.__exit__()


@pytest.fixture
def api(browse: Browse) -> Api:
    """The REST face, for a browser on this machine."""
    return Api(browse())


class Server(NamedTuple):
    """A server at a port of its own."""

    url: str
    stop: Callable[[], None]


@pytest.fixture
def server(store: Store) -> Iterator[Server]:
    """The real server, in a thread."""
    made = start(store)
    yield made
    made.stop()


def start(store: Store, port: int = 0, **guard: Any) -> Server:
    """Starts a real server in a thread, and returns once it listens."""
    app = create_app(store, **guard)
    listening = threading.Event()

    class Telling(uvicorn.Server):
        async def startup(self, sockets: Any = None) -> None:
            await super().startup(sockets)
            listening.set()

        async def shutdown(self, sockets: Any = None) -> None:
            await app.state.hall.stream.close()
            await super().shutdown(sockets)

    running = Telling(uvicorn.Config(app, port=port, log_level="error", ws="none", timeout_graceful_shutdown=1))
    thread = threading.Thread(target=running.run)
    thread.start()
    assert listening.wait(30)

    def stop() -> None:
        running.should_exit = True
        thread.join(30)

    return Server(f"http://127.0.0.1:{running.servers[0].sockets[0].getsockname()[1]}", stop)
