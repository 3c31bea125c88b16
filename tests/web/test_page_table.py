"""The table of trials in a real browser: windows, order, filter, columns, selection, files."""

from typing import Any

import pytest

import lanista as la
from tests.web.conftest import OpenPage
from tests.web.site import SPACE, TRIALS, Site

MANY = 3_000


@pytest.fixture
def table(open_page: OpenPage) -> Any:
    """The page with the trials of an experiment that has ended."""
    page = open_page("#/e/digits/trials", refusals=True)
    page.get_by_role("status").get_by_text(f"{TRIALS} trials").wait_for()
    page.get_by_role("link", name="59", exact=True).wait_for()
    return page


def _column(page: Any, index: int) -> list[str]:
    return [
        text.strip()
        for text in page.locator(f"table.trials tbody:not(.spacer) td:nth-child({index})").all_inner_texts()
    ]


def test_a_column_sorts_both_ways_and_the_url_remembers(table: Any) -> None:
    button = table.get_by_role("button", name="accuracy")
    button.click()
    table.wait_for_function("() => document.querySelector('th[aria-sort=ascending]')?.innerText.includes('accuracy')")
    table.wait_for_function("() => document.querySelectorAll('table.trials td:nth-child(4)')[0].innerText !== '…'")
    rising = [float(text) for text in _column(table, 4) if text not in ("–", "…")]
    assert rising == sorted(rising)
    button.click()
    table.locator("th[aria-sort=descending]").wait_for()
    assert table.evaluate("location.hash").endswith("sort=-accuracy")
    table.reload()
    table.locator("th[aria-sort=descending]").wait_for()


def test_an_expression_filters_and_the_url_remembers(table: Any, site: Site) -> None:
    table.get_by_label("Filter").fill("layers == 2 and state == 'stopped'")
    found = [t for t in site.experiment("digits").trials if t.params["layers"] == 2 and t.state == "stopped"]
    table.get_by_role("status").get_by_text(f"{len(found)} of {TRIALS} trials").wait_for()
    table.reload()
    table.get_by_role("status").get_by_text(f"{len(found)} of {TRIALS} trials").wait_for()
    assert set(_column(table, 3)) == {"stopped"}


def test_a_wrong_expression_says_what_to_write(table: Any) -> None:
    field = table.get_by_label("Filter")
    field.fill("layers = 2")
    table.get_by_role("alert").get_by_text("write == to compare").wait_for()
    assert field.get_attribute("aria-invalid") == "true"
    field.fill("layer == 2")
    table.get_by_role("alert").get_by_text("did you mean").wait_for()
    field.fill("layers > 7")
    table.get_by_text("No trial is like that.").wait_for()
    assert field.get_attribute("aria-invalid") is None


def test_columns_are_chosen(table: Any) -> None:
    assert table.get_by_role("button", name="Origin").count() == 0
    table.get_by_text("Columns").click()
    table.locator(".menu").get_by_label("Origin").check()
    table.get_by_role("button", name="Origin").wait_for()
    table.locator(".menu").get_by_label("momentum").uncheck()
    assert table.get_by_role("button", name="momentum").count() == 0
    table.keyboard.press("Escape")
    assert table.locator(".menu").get_attribute("open") is None


def test_selected_trials_are_compared_side_by_side(table: Any) -> None:
    table.get_by_label("select trial 59").check()
    table.get_by_label("select trial 58").check()
    table.get_by_text("2 selected").wait_for()
    table.get_by_role("button", name="Compare").click()
    side = table.get_by_role("region", name="Side by side")
    side.get_by_role("link", name="Trial 58").wait_for()
    assert side.locator("tr.differs", has_text="lr").count() == 1


@pytest.mark.parametrize("kind", ["CSV", "JSON"])
def test_what_the_filter_leaves_is_saved(table: Any, kind: str) -> None:
    table.get_by_label("Filter").fill("number < 3")
    table.get_by_role("status").get_by_text(f"3 of {TRIALS} trials").wait_for()
    with table.expect_download() as download:
        table.get_by_role("link", name=kind).click()
    text = download.value.path().read_text()
    assert len(text.splitlines()) == 4 if kind == "CSV" else text.count('"number"') == 3


def test_a_long_table_asks_for_what_is_on_the_screen(open_page: OpenPage, site: Site) -> None:
    long = la.Experiment("long", SPACE, metric="loss", store=site.store, searcher="random", seed=0)
    long.enqueue(long.suggest_next(MANY))
    page = open_page("#/e/long/trials?sort=number")
    page.get_by_role("link", name="0", exact=True).wait_for()
    scroll = page.get_by_role("region", name="Trials")
    assert page.locator("table.trials tr").count() < 80
    scroll.evaluate("element => { element.scrollTop = element.scrollHeight; }")
    page.get_by_role("link", name=str(MANY - 1), exact=True).wait_for()
    assert page.locator("table.trials").get_attribute("aria-rowcount") == str(MANY + 1)
    assert page.locator("table.trials tr").count() < 80
