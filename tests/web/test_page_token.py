"""A server with a token, in a real browser."""

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import lanista as la
from lanista.journal import open_store
from tests.web.rest.conftest import start


def _open(page: Any, token: str) -> None:
    page.get_by_label("Token").fill(token)
    page.get_by_role("button", name="Open").click()


def test_the_page_asks_for_the_token_and_goes_on_where_it_was(browser: Any, tmp_path: Path) -> None:
    store = open_store(tmp_path / "lanista.db")
    la.Experiment("digits", {"x": la.Float(0, 1)}, store=store)
    server = start(store, token="a-good-secret")
    page = browser.new_page()
    page.goto(f"{server.url}/#/e/digits/config")
    _open(page, "a-wrong-secret")
    page.get_by_role("alert").get_by_text("That is not the token.").wait_for()
    _open(page, "a-good-secret")
    page.get_by_role("link", name="Configuration").wait_for()
    assert page.url == f"{server.url}/#/e/digits/config"
    server.stop()
    again = start(store, port=urlsplit(server.url).port or 0, token="another-secret")
    page.get_by_role("button", name="Open").wait_for()
    _open(page, "another-secret")
    page.get_by_role("link", name="Configuration").wait_for()
    page.close()
    again.stop()
    store.close()
