"""Hostile requests: for each promise under Security, what would break it."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

import plotly
import pytest
from starlette.testclient import TestClient

import lanista as la
import lanista.web
from lanista.errors import UsageError
from lanista.journal import Asked, Reported, Store, open_store
from lanista.web import create_app
from tests.web.rest.conftest import HOME, WRITE, fill, start

LOOK = "/api/v1/experiments"
PAUSE = "/api/v1/experiments/digits/command"
TOKEN = "a-good-secret"


class House(NamedTuple):
    """A server without a token, with an experiment and, in its folder, links that lead out of it."""

    client: TestClient
    store: Store
    digits: la.Experiment


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """One for all tests that are refused, and so change nothing."""
    place = tmp_path_factory.mktemp("house")
    store = open_store(place / "lanista.db")
    digits = fill(store)
    folder = digits.directory / "trials" / "0"
    folder.mkdir(parents=True)
    (place / "secrets").mkdir()
    (place / "secrets" / "secret.txt").write_text("root:secret")
    (folder / "link.txt").symlink_to(place / "secrets" / "secret.txt")
    (folder / "folder").symlink_to(place / "secrets")
    (folder / "checkpoint-1-1").write_bytes(b"cos\nsystem\n(S'touch owned'\ntR.")
    (folder / "plain.html").write_text("<script>alert(1)</script>")
    with TestClient(create_app(store), base_url=HOME) as client:
        yield House(client, store, digits)
    assert [info.name for info in store.experiments()] == ["digits"]
    assert not digits.history.paused
    store.close()


@pytest.fixture(scope="module")
def locked(house: House) -> Iterator[TestClient]:
    """The same behind a token."""
    with TestClient(create_app(house.store, token=TOKEN), base_url=HOME) as client:
        yield client


# --- Host: DNS rebinding ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "host",
    [
        *("evil.example", "evil.example:8321", "127.0.0.1.evil.example", "localhost.evil.example", "10.0.0.5"),
        *("", "[::1", "a@b", "127.0.0.1:port", "127.0.0.1/x"),
    ],
)
def test_a_name_that_only_points_here_is_refused(house, host: str) -> None:
    for path in (LOOK, "/", "/static/app.js"):
        answer = house.client.get(path, headers={"Host": host})
        assert answer.status_code == 421
        assert "experiments" not in answer.text


@pytest.mark.parametrize("host", ["localhost", "localhost:9000", "127.0.0.1:8321", "[::1]:8321", "LOCALHOST"])
def test_this_machine_s_own_names_are_good(house, host: str) -> None:
    assert house.client.get(LOOK, headers={"Host": host}).status_code == 200


def test_two_hosts_in_one_request_are_refused(house) -> None:
    answer = house.client.get(LOOK, headers=[("Host", "localhost"), ("Host", "evil.example")])
    assert answer.status_code == 421


def test_the_name_of_a_proxy_has_to_be_told(browse) -> None:
    assert browse(hosts=("lab.example",)).get(LOOK, headers={"Host": "lab.example"}).status_code == 200


# --- Origin: CSRF -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"X-Lanista": "0"},
        {**WRITE, "Origin": "https://evil.example"},
        {**WRITE, "Origin": "null"},
        {**WRITE, "Origin": "http://127.0.0.1:9999"},
        {**WRITE, "Origin": f"{HOME}.evil.example"},
        {**WRITE, "Origin": "http://[broken"},
        {**WRITE, "Sec-Fetch-Site": "cross-site"},
        {**WRITE, "Sec-Fetch-Site": "same-site"},
    ],
)
@pytest.mark.parametrize("method", ["post", "put", "delete", "patch"])
def test_another_site_cannot_steer(house, headers: dict[str, str], method: str) -> None:
    client = house.client
    answer = client.request(method, PAUSE, content=json.dumps({"command": "pause"}), headers=headers)
    assert answer.status_code == 403
    assert not house.digits.history.paused


def test_our_own_page_can_steer(browse, digits) -> None:
    headers = {**WRITE, "Origin": HOME, "Sec-Fetch-Site": "same-origin"}
    assert browse().post(PAUSE, json={"command": "pause"}, headers=headers).status_code == 200
    assert digits.history.paused


def test_another_site_cannot_read(house) -> None:
    client = house.client
    assert client.get(LOOK, headers={"Origin": "https://evil.example"}).status_code == 403
    assert client.get(LOOK, headers={"Sec-Fetch-Site": "cross-site"}).status_code == 403
    preflight = client.options(LOOK, headers={"Origin": "https://evil.example", "Access-Control-Request-Method": "PUT"})
    assert preflight.status_code == 403
    assert not any(name.startswith("access-control") for name in client.get(LOOK).headers)


def test_a_form_of_another_site_is_no_request_of_ours(house) -> None:
    """What a form can send without a preflight: its own kinds of content, and no header of ours."""
    answer = house.client.post(PAUSE, data={"command": "pause"})
    assert answer.status_code == 403


# --- the token --------------------------------------------------------------------------------------------------------


def test_nothing_is_shown_without_the_token(locked) -> None:
    for path in (LOOK, "/", "/static/app.js", "/api/v1/openapi.json", "/api/v1/events"):
        answer = locked.get(path)
        assert answer.status_code == 401
        assert "digits" not in answer.text
    assert locked.post(PAUSE, json={"command": "pause"}, headers=WRITE).status_code == 401


@pytest.mark.parametrize("shown", ["", "x", TOKEN[:-1], TOKEN + "x", TOKEN.upper(), "ä" * 9, f"{TOKEN}, x"])
def test_a_wrong_token_is_refused(locked, shown: str) -> None:
    encoded = shown.encode()
    assert locked.get(LOOK, headers={"Authorization": b"Bearer " + encoded}).status_code == 401
    assert locked.get(LOOK, headers={"Cookie": b"lanista_token=" + encoded}).status_code == 401
    assert locked.get(f"/?token={quote(shown)}").status_code == 401
    assert locked.get(f"{LOOK}?token={TOKEN}").status_code == 401  # a URL of the API is logged and passed on


def test_the_right_token_comes_in(browse) -> None:
    client = browse(token=TOKEN)
    assert client.get(LOOK, headers={"Authorization": f"Bearer {TOKEN}"}).status_code == 200
    answer = client.get(f"/?token={TOKEN}", follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (303, "./")
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Strict" in cookie
    assert client.get(LOOK, headers={"Cookie": f"other=1; lanista_token={TOKEN}"}).status_code == 200


def test_a_server_that_others_reach_needs_a_token(store) -> None:
    with pytest.raises(UsageError, match="needs a token"):
        create_app(store, loopback=False)
    with pytest.raises(UsageError, match="at least 8"):
        create_app(store, token="short")
    with pytest.raises(UsageError, match="at least 8"):
        create_app(store, token="a-good-secret\r\nSet-Cookie: x=1")


def test_a_server_that_others_reach_is_reached_by_address(browse) -> None:
    client = browse(token=TOKEN, loopback=False, hosts=("box",))
    client.headers["Authorization"] = f"Bearer {TOKEN}"
    assert client.get(LOOK, headers={"Host": "10.0.0.5:8321"}).status_code == 200
    assert client.get(LOOK, headers={"Host": "box"}).status_code == 200
    assert client.get(LOOK, headers={"Host": "evil.example"}).status_code == 421


# --- headers of every answer ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/", "/static/app.js", LOOK, f"{LOOK}/nope", "/nope", "/static/plotly.min.js"])
def test_every_answer_tells_browsers_to_trust_nothing_else(house, path: str) -> None:
    headers = house.client.get(path).headers
    policy = dict(part.split(" ", 1) for part in headers["content-security-policy"].split("; "))
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == "'self'"
    assert policy["frame-ancestors"] == "'none'"
    assert policy["connect-src"] == "'self'"
    assert "unsafe-eval" not in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["x-frame-options"] == "DENY"


def test_refusals_carry_them_too(browse) -> None:
    client = browse(token=TOKEN)
    assert "content-security-policy" in client.get("/").headers
    assert "content-security-policy" in client.get(LOOK, headers={"Host": "evil.example"}).headers


def test_a_failure_of_the_server_tells_nothing_of_its_inside(store, monkeypatch) -> None:
    def fail(*args: object) -> None:
        raise KeyError("a secret path")

    monkeypatch.setattr("lanista.web._shelf.Shelf.infos", fail)
    client = TestClient(create_app(store), base_url=HOME, raise_server_exceptions=False)
    answer = client.get(LOOK)
    assert answer.status_code == 500
    assert answer.json() == {"error": {"code": "LA000", "message": "the server failed; its terminal tells why"}}
    assert "content-security-policy" in answer.headers


def test_the_page_has_no_inline_script_and_asks_no_other_host(house) -> None:
    page = house.client.get("/").text
    for tag in page.split("<script")[1:]:
        assert "src=" in tag.partition(">")[0]
    assert "onclick" not in page
    assert "http://" not in page.replace("http://www.w3.org", "")
    assert "https://" not in page


# --- files ------------------------------------------------------------------------------------------------------------

CLIMBS = [
    "../lanista.db",
    "../../lanista.db",
    "..%2f..%2flanista.db",
    "%2e%2e/%2e%2e/lanista.db",
    "..\\..\\lanista.db",
    "....//....//etc/passwd",
    "/etc/passwd",
    "%2fetc%2fpasswd",
    "a%00.js",
    "link.txt",
    "folder/secret.txt",
    "checkpoint-1-1",
    ".",
    "",
]


@pytest.mark.parametrize("climb", CLIMBS)
def test_no_path_leads_out_of_a_trial_s_folder(house, climb: str) -> None:
    answer = house.client.get(f"/api/v1/experiments/digits/trials/0/artifacts/{climb}")
    assert answer.status_code in (404, 405, 422, 307)
    assert "secret" not in answer.text.replace("link.txt", "").replace("secret.txt", "")


def test_only_plain_files_are_listed(house) -> None:
    client = house.client
    found = client.get("/api/v1/experiments/digits/trials/0").json()["artifacts"]
    assert [one["name"] for one in found] == ["plain.html"]
    answer = client.get("/api/v1/experiments/digits/trials/0/artifacts/plain.html")
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["content-disposition"].startswith("attachment")


@pytest.mark.parametrize(
    "climb", [*CLIMBS, "../_app.py", "..%2f_app.py", "../../journal/_sql.py", "index.html/../../_app.py"]
)
def test_no_path_leads_out_of_the_static_files(house, climb: str) -> None:
    answer = house.client.get(f"/static/{climb}")
    assert answer.status_code in (404, 405, 307)
    assert "import" not in answer.text


@pytest.mark.parametrize("relative", [True, False])
def test_a_file_of_a_good_kind_elsewhere_is_not_served_either(house, relative: bool) -> None:
    elsewhere = Path(plotly.__file__).parent / "package_data" / "plotly.min.js"
    top = Path(lanista.web.__file__).parent / "static"
    path = os.path.relpath(elsewhere, top) if relative else str(elsewhere)
    assert house.client.get(f"/static/{quote(path, safe='')}").status_code == 404


@pytest.mark.parametrize("number", ["../../x", "-1", "0/../../../x", "1e3", "9" * 40, "%2e%2e", "0%00"])
def test_the_number_of_a_log_is_a_number(house, number: str) -> None:
    answer = house.client.get(f"/api/v1/experiments/digits/trials/{number}/log")
    assert answer.status_code in (404, 422)


@pytest.mark.parametrize("name", ["..", ".", "a/b", "a\nb", "", "  ", "x" * 300])
def test_a_name_that_is_a_path_makes_no_experiment(house, name: str) -> None:
    given = {"name": name, "space": la.Space({"x": la.Float(0, 1)}).to_json()}
    assert house.client.post(LOOK, json=given, headers=WRITE).status_code in (400, 422)
    assert [info.name for info in house.store.experiments()] == ["digits"]


def test_a_real_server_takes_no_raw_path_either(house) -> None:
    """A client that does not tidy its paths, as `curl --path-as-is`."""
    import http.client
    from urllib.parse import urlsplit

    server = start(house.store)
    try:
        for path in ("/static/../_app.py", "/static//etc/passwd", "/api/v1/experiments/../../x", "//etc/passwd"):
            connection = http.client.HTTPConnection(urlsplit(server.url).netloc)
            connection.request("GET", path)
            answer = connection.getresponse()
            assert answer.status in (404, 405), path
            assert b"import" not in answer.read()
            connection.close()
    finally:
        server.stop()


# --- sizes ------------------------------------------------------------------------------------------------------------


def test_a_body_that_is_too_large_is_refused(browse, digits) -> None:
    client = browse()
    large = b'{"note": "' + b"x" * (2 << 20) + b'"}'
    headers = {**WRITE, "Content-Type": "application/json"}
    assert client.put("/api/v1/experiments/digits/note", content=large, headers=headers).status_code == 413
    pieces = (large[i : i + 65_536] for i in range(0, len(large), 65_536))
    answer = client.put("/api/v1/experiments/digits/note", content=pieces, headers=headers)
    assert answer.status_code == 413
    assert answer.json()["error"]["message"] == "the request is larger than 1,048,576 bytes"
    assert digits.history.notes == {}


@pytest.mark.parametrize("length", ["-1", "x", "99999999999999999999", "1e9"])
def test_a_content_length_that_lies_is_refused(house, length: str) -> None:
    headers = {**WRITE, "Content-Length": length}
    assert house.client.post(LOOK, content=b"{}", headers=headers).status_code == 413


def test_a_url_that_is_too_long_is_refused(house) -> None:
    assert house.client.get(f"{LOOK}?x={'y' * 9000}").status_code == 414


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 100_000,
        b'{"a":' * 50_000,
        b'{"name": "\\ud800", "space": {"parameters": {}}}',
        b'{"name": "x", "space": {"parameters": {"x": {"type": "float", "low": NaN, "high": 1e999}}}}',
        b'{"name": "x", "space": {"parameters": {"x": {"type": "choice", "options": ["a"], "children": []}}}}',
        b'{"name": "x", "seed": ' + b"9" * 5000 + b', "space": {}}',
        b"\xff\xfe",
        b"null",
        b"",
    ],
)
def test_a_body_that_is_made_to_hurt_is_refused(house, body: bytes) -> None:
    answer = house.client.post(LOOK, content=body, headers={**WRITE, "Content-Type": "application/json"})
    assert 400 <= answer.status_code < 500, answer.text
    assert "error" in answer.json()
    assert [info.name for info in house.store.experiments()] == ["digits"]


@pytest.mark.parametrize("text", ["'a' * 1000000000 == opt", "'%999999999d' % 1 == opt", "9 ** 9 ** 9 > 1", "(" * 900])
def test_a_filter_that_is_made_to_hurt_is_refused(house, text: str) -> None:
    answer = house.client.get("/api/v1/experiments/digits/trials", params={"filter": text})
    assert answer.status_code == 400


# --- pickles ----------------------------------------------------------------------------------------------------------


def test_nothing_is_unpickled_on_behalf_of_a_request(browse, digits, monkeypatch, tmp_path) -> None:
    """A checkpoint that would run a command when it is unpickled is named and never opened."""
    import pickle

    import cloudpickle

    def refuse(*args: object, **kwargs: object) -> None:
        raise AssertionError("unpickled")

    for module in (pickle, cloudpickle):
        for name in ("load", "loads"):
            monkeypatch.setattr(module, name, refuse)
    monkeypatch.setattr(pickle, "Unpickler", refuse)
    monkeypatch.chdir(tmp_path)
    folder = digits.directory / "trials" / "0"
    folder.mkdir(parents=True)
    (folder / "checkpoint-1-1").write_bytes(b"cos\nsystem\n(S'touch owned'\ntR.")
    digits._journal.append([Asked(0.0, 5, {"lr": 0.1, "opt": "adam"}, owner="x")])
    digits._journal.append([Reported(0.0, 5, 1, 1, {"acc": 0.1}, str(folder / "checkpoint-1-1"))])
    client = browse()
    base = "/api/v1/experiments/digits"
    looks = ["", "/trials", "/trials/0", "/trials/0/log", "/log", "/figures/history", "/trials.csv", "/trials.json"]
    assert [client.get(base + look).status_code for look in looks] == [200] * len(looks)
    (trial,) = client.post(f"{base}/suggest", json={}, headers=WRITE).json()["trials"]
    told = client.post(f"{base}/trials/{trial['number']}/complete", json={"metrics": {"acc": 1.0}}, headers=WRITE)
    assert told.status_code == 200
    assert not (tmp_path / "owned").exists()


def test_a_searcher_is_made_from_a_table_of_names_alone(house) -> None:
    given = {"name": "x", "space": la.Space({"x": la.Float(0, 1)}).to_json()}
    for searcher in ("os.system('touch owned')", "__import__", "subprocess.Popen", "lanista.search.TPE()"):
        answer = house.client.post(LOOK, json={**given, "searcher": searcher}, headers=WRITE)
        assert answer.status_code == 400
    assert [info.name for info in house.store.experiments()] == ["digits"]


@pytest.mark.parametrize("beside", ['other={"a":"b"}', "a b=c", "=", 'x="', "other=\u00e9"])
def test_a_cookie_of_another_program_on_this_machine_does_not_hide_ours(browse, beside: str) -> None:
    browser = browse(token=TOKEN)
    for cookies in (f"{beside}; lanista_token={TOKEN}", f"lanista_token={TOKEN}; {beside}"):
        assert browser.get(LOOK, headers={"cookie": cookies.encode()}).status_code == 200
    assert browser.get(LOOK, headers={"cookie": f"{beside}; lanista_tokens={TOKEN}".encode()}).status_code == 401


def test_who_opens_the_page_without_the_token_is_asked_for_it(browse) -> None:
    browser = browse(token=TOKEN)
    asked = browser.get("/")
    assert asked.status_code == 401
    assert asked.headers["content-type"] == "text/html; charset=utf-8"
    assert "<form>" in asked.text
    assert "not the token" not in asked.text
    assert "That is not the token." in browser.get("/?token=<b>wrong</b>").text
    assert browser.get("/static/app.js").headers["content-type"] == "text/plain; charset=utf-8"
    assert browser.get(f"/?token={TOKEN}").status_code == 200
