"""The page and its files: what a browser asks about again, and gets again only when it has changed."""

import re
from pathlib import Path

import pytest

import lanista.web

STATIC = Path(lanista.web.__file__).parent / "static"


@pytest.mark.parametrize("path", ["app.js", "style.css", "vendor/plotly-basic.min.js", "plotly.min.js"])
def test_a_file_that_has_not_changed_is_not_sent_again(browse, path: str) -> None:
    client = browse()
    first = client.get(f"/static/{path}")
    assert first.status_code == 200 and first.content
    again = client.get(f"/static/{path}", headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["etag"] == first.headers["etag"]
    other = client.get(f"/static/{path}", headers={"If-None-Match": '"of an older one"'})
    assert other.content == first.content


def test_the_page_names_all_its_modules_so_that_they_load_at_once(browse) -> None:
    named = re.findall(r'<link rel="modulepreload" href="static/([^"]+)">', browse().get("/").text)
    there = {path.relative_to(STATIC).as_posix() for path in STATIC.rglob("*.js") if path.parent.name != "vendor"}
    assert set(named) == there and len(named) == len(there)


def test_the_small_plotly_carries_its_licence(browse) -> None:
    assert "Licensed under the MIT license" in browse().get("/static/vendor/plotly-basic.min.js").text[:300]
    assert "Permission is hereby granted" in (STATIC / "vendor" / "LICENSE-plotly.txt").read_text()
