"""`lanista ui` and what it prints."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest

import lanista as la
from lanista.cli import main
from lanista.errors import MissingExtraError, StoreError
from lanista.web import create_app, serve


@contextmanager
def ui(*words: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The command in a process of its own, and the address that it printed."""
    command = [sys.executable, "-m", "lanista", "ui", "--no-browser", "--port", "0", *words]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        try:
            yield process, line.rsplit(" ", 1)[-1].strip()
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(30)


def test_the_command_serves_until_it_is_interrupted(digits) -> None:
    with ui("--store", digits.store.url) as (process, address):
        assert re.fullmatch(r"http://127\.0\.0\.1:\d+/", address)
        with urlopen(f"{address}api/v1/experiments", timeout=20) as answer:
            assert b'"digits"' in answer.read()
        assert la.connect(address).experiments() == ["digits"]
        stream = urlopen(f"{address}api/v1/events", timeout=20)
    assert process.stderr is not None
    assert process.returncode in (0, 130, -signal.SIGINT)
    stream.close()


def test_an_address_for_others_gets_a_token(digits) -> None:
    with ui("--store", digits.store.url, "--host", "0.0.0.0") as (_, address):
        port = re.search(r":(\d+)/\?token=[\w-]{20,}$", address)[1]
        token = address.rpartition("=")[2]
        with pytest.raises(HTTPError, match="401"):
            urlopen(f"http://127.0.0.1:{port}/", timeout=20)
        assert la.connect(f"http://127.0.0.1:{port}", token).experiments() == ["digits"]


def test_the_token_comes_from_the_environment_too(digits, monkeypatch) -> None:
    monkeypatch.setenv("LANISTA_TOKEN", "a-good-secret")
    with ui("--store", digits.store.url) as (_, address):
        assert address.endswith("/?token=a-good-secret")
        with pytest.raises(HTTPError, match="401"):
            urlopen(address.partition("?")[0], timeout=20)


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["--token", "short"], 2, "LA700: the token must have at least 8"),
        (["--token", ""], 2, "LA700: the token must have at least 8"),
        (["--host", "203.0.113.77"], 1, "LA200: cannot listen at 203.0.113.77"),
        (["--host", "no.such.host.invalid"], 1, "LA200: cannot listen at no.such.host.invalid"),
        (["--port", "99999"], 2, "LA700: port=99999 must be a whole number from 0 to 65535"),
        (["--store", "nowhere.db"], 1, "LA200: there is no store at nowhere.db"),
    ],
)
def test_what_is_wrong_is_said_on_a_line(capsys, words: list[str], code: int, message: str) -> None:
    assert main(["ui", "--no-browser", *words]) == code
    assert message in capsys.readouterr().err


def test_a_port_that_is_taken_is_named(server, store) -> None:
    port = int(server.url.rpartition(":")[2])
    with pytest.raises(StoreError, match=rf"cannot listen at 127\.0\.0\.1:{port}: .* take another one with --port"):
        serve(store, port=port, browser=False)


@pytest.mark.parametrize("package", ["fastapi", "uvicorn"])
def test_a_missing_package_names_the_extra(monkeypatch, store, package: str) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(MissingExtraError, match=rf"{package} is not installed; pip install 'lanista\[ui\]' brings it"):
        create_app(store) if package == "fastapi" else serve(store, browser=False)


def test_the_client_needs_no_extra() -> None:
    code = "import sys; import lanista as la; la.connect('http://localhost:1'); print('fastapi' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env={**os.environ})
    assert done.stdout.strip() == "False"
