"""The page follows what happens, and steers: in a real browser, beside processes that run."""

from typing import Any

import pytest

from lanista.experiment import Experiment
from tests.web.conftest import OpenPage
from tests.web.site import Site


@pytest.fixture
def told(site: Site) -> Experiment:
    """The experiment whose trials the test reports."""
    return site.told


def _until(page: Any, holds: Any) -> None:
    """Waits, and lets the browser go on meanwhile."""
    for _ in range(150):
        if holds():
            return
        page.wait_for_timeout(100)
    raise AssertionError("it never came")


def test_a_report_shows_by_itself(open_page: OpenPage, told: Experiment) -> None:
    trial = told.ask()
    page = open_page(f"#/e/told/t/{trial.number}")
    page.locator(".connection[data-state=live]").wait_for()
    page.get_by_role("heading", name=f"Trial {trial.number}").wait_for()
    trial.report(loss=0.123456)
    page.locator("main dd").get_by_text("0.123456").wait_for()
    told.tell(trial, 0.5)
    page.locator(".title").get_by_text("completed").wait_for()


def test_new_trials_come_into_the_table_and_the_list(open_page: OpenPage, told: Experiment) -> None:
    page = open_page("#/e/told/trials")
    page.locator(".connection[data-state=live]").wait_for()
    number = told.ask().number
    page.get_by_role("link", name=str(number), exact=True).wait_for()
    told.tell(number, 0.25)
    page.locator("table.trials tr", has_text="0.25").get_by_text("completed").wait_for()


def test_a_configuration_is_enqueued_by_a_form_of_the_space(open_page: OpenPage, told: Experiment) -> None:
    page = open_page("#/e/told/overview")
    page.get_by_role("button", name="Enqueue").click()
    form = page.get_by_role("dialog")
    rate = form.get_by_label("lr", exact=True)
    rate.fill("7")
    form.get_by_role("button", name="Enqueue").click()
    form.get_by_text("It must be from 1e-5 to 0.1.").wait_for()
    rate.fill("0.02")
    form.get_by_label("momentum", exact=True).wait_for()
    form.get_by_label("optimizer", exact=True).select_option(label="adam")
    assert form.get_by_label("momentum", exact=True).count() == 0
    before = len(told.trials)
    form.get_by_role("button", name="Enqueue").click()
    _until(page, lambda: len(told.trials) > before)
    params = told.trials[-1].params
    assert params == {"lr": 0.02, "layers": params["layers"], "optimizer": "adam"}


def test_a_trial_is_cloned_with_another_value(open_page: OpenPage, site: Site) -> None:
    page = open_page("#/e/digits/t/0")
    page.get_by_role("button", name="Clone and edit").click()
    first = site.experiment("digits").trials[0].params
    form = page.get_by_role("dialog")
    form.get_by_label("layers", exact=True).fill("4" if first["layers"] != 4 else "1")
    form.get_by_role("button", name="Enqueue").click()
    form.wait_for(state="detached")
    last = site.experiment("digits").trials[-1]
    assert last.state == "waiting"
    assert last.params["layers"] != first["layers"]
    assert last.params["lr"] == pytest.approx(first["lr"])


def test_a_run_is_paused_resumed_limited_and_a_trial_of_it_stopped(open_page: OpenPage, site: Site) -> None:
    page = open_page("#/e/running/overview")
    page.get_by_role("button", name="Pause").click()
    page.locator(".title").get_by_text("paused").wait_for()
    assert site.experiment("running").history.paused
    page.get_by_role("button", name="Resume").click()
    page.get_by_role("button", name="Pause").wait_for()
    page.get_by_role("button", name="Limits").click()
    form = page.get_by_role("dialog")
    form.get_by_label("Trials in all").fill("many")
    form.get_by_role("button", name="Change").click()
    form.get_by_text("Trials in all: write a number").wait_for()
    form.get_by_label("Trials in all").fill("77")
    form.get_by_role("button", name="Change").click()
    page.locator(".tile", has_text="Trials").get_by_text("of 77").wait_for()
    page.get_by_role("table", name="Trials that run").get_by_role("link").first.click()
    page.get_by_role("button", name="Stop", exact=True).click()
    page.locator(".title").get_by_text("cancelled").wait_for()


def test_a_note_and_tags_are_written(open_page: OpenPage, told: Experiment) -> None:
    page = open_page("#/e/told/overview")
    page.get_by_role("button", name="Edit").click()
    form = page.get_by_role("dialog")
    form.get_by_label("Tags, with commas").fill("one, two")
    form.get_by_label("Note (markdown)").fill("see [this](https://example.org) `now`")
    form.get_by_role("button", name="Save").click()
    note = page.locator(".remarks")
    assert note.get_by_role("link", name="this").get_attribute("href") == "https://example.org"
    note.get_by_text("two").wait_for()
    assert page.locator(".title .tag").all_inner_texts() == ["one", "two"]


def test_what_the_server_refuses_is_said(open_page: OpenPage, site: Site) -> None:
    page = open_page("#/e/digits/t/0", refusals=True)
    page.get_by_role("button", name="Retry").wait_for()
    page.route("**/trials/0/command", lambda route: route.fulfill(status=409, json={"error": {"message": "not now"}}))
    page.get_by_role("button", name="Retry").click()
    page.locator(".toast.error").get_by_text("not now").wait_for()
    page.unroute_all()


def test_the_page_outlives_the_server(open_page: OpenPage, site: Site, told: Experiment) -> None:
    page = open_page("#/e/told/trials", refusals=True)
    page.locator(".connection[data-state=live]").wait_for()
    site.stop()
    page.get_by_text("connection lost, trying again").wait_for()
    number = told.ask().number
    site.start()
    page.locator(".connection[data-state=live]").wait_for()
    page.get_by_role("link", name=str(number), exact=True).wait_for()


def test_a_run_is_stopped(open_page: OpenPage, site: Site) -> None:
    page = open_page("#/e/running/overview")
    page.get_by_role("button", name="Stop").click()
    page.get_by_role("dialog").get_by_label("Do not wait").check()
    page.get_by_role("dialog").get_by_role("button", name="Stop").click()
    page.locator(".title").get_by_text("interrupted").wait_for()


def test_an_experiment_is_deleted(open_page: OpenPage, site: Site) -> None:
    page = open_page("#/e/front/overview")
    page.get_by_role("button", name="Delete").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    page.get_by_role("heading", name="Experiments").wait_for()
    _until(page, lambda: page.get_by_role("link", name="front").count() == 0)
