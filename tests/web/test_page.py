"""The page in a real browser, over the real server: what each place shows."""

import re
from typing import Any

import pytest

import lanista as la
from lanista.journal import Asked
from tests.web.conftest import OpenPage
from tests.web.site import TRIALS, Site

PLACES = {
    "#/": "Experiments",
    "#/e/digits/overview": "Best trial",
    "#/e/digits/figures": "Parameters: the most important",
    "#/e/digits/trials": f"{TRIALS} trials",
    "#/e/digits/selected?trials=0,1": "Side by side",
    "#/e/digits/compare": "Choose some experiments",
    "#/e/digits/config": "optimizer is sgd",
    "#/e/digits/log": "What happened",
    "#/e/digits/t/0": "Output",
    "#/e/digits/t/7": "the loss is <b>NaN</b>",
    "#/e/front/figures": "Parameters: the most important",
    "#/compare?names=digits,front": "How they stand",
    "#/e/told/overview": "No trial has completed",
    "#/e/nothing/overview": "nothing",
}
REFUSED = "#/e/nothing/overview"
FAULTS = ("serious", "critical")


def _ready(page: Any, text: str) -> None:
    page.locator("main").get_by_text(text).first.wait_for()


@pytest.mark.parametrize("place", PLACES)
def test_each_place_renders_and_has_no_serious_accessibility_fault(open_page: OpenPage, place: str) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="needs axe-playwright-python")
    page = open_page(place, refusals=place == REFUSED, dark=place.endswith("t/7"))
    _ready(page, PLACES[place])
    found = axe.Axe().run(page).response["violations"]
    assert [(one["id"], one["nodes"][0]["html"]) for one in found if one["impact"] in FAULTS] == []


@pytest.mark.parametrize(
    "place", ["#/", "#/e/digits/overview", "#/e/digits/trials", "#/e/digits/t/7", "#/e/digits/figures"]
)
def test_a_phone_scrolls_no_place_sideways(open_page: OpenPage, place: str) -> None:
    page = open_page(place, width=390)
    _ready(page, PLACES[place])
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_experiments_tell_how_they_stand_and_lead_to_each(open_page: OpenPage) -> None:
    page = open_page()
    row = page.locator("tr", has_text="digits")
    row.get_by_text("ended").wait_for()
    row.get_by_text("baseline").wait_for()
    page.locator("tr", has_text="running").get_by_text("pid").wait_for()
    row.get_by_role("link", name="digits").click()
    page.get_by_role("heading", name="digits", exact=True).wait_for()


def test_experiments_are_chosen_and_compared(open_page: OpenPage) -> None:
    page = open_page()
    page.get_by_label("compare digits").check()
    assert page.get_by_role("button", name="Compare").is_disabled()
    page.get_by_label("compare front").check()
    page.get_by_role("button", name="Compare 2").click()
    page.locator(".js-plotly-plot").wait_for()
    assert page.evaluate("location.hash") == "#/compare?names=digits%2Cfront"


def test_experiments_with_commas_in_their_names_are_compared(open_page: OpenPage, site: Site) -> None:
    for name in ("one, two", "50% three"):
        la.Experiment(name, {"x": la.Float(0, 1)}, metric="loss", store=site.store).add({"x": 0.5}, 1.0)
    page = open_page()
    page.get_by_label("compare one, two").check()
    page.get_by_label("compare 50% three").check()
    page.get_by_role("button", name="Compare 2").click()
    page.locator(".js-plotly-plot").get_by_text("one, two").wait_for()
    page.reload()
    page.locator("table.diff").get_by_role("link", name="50% three").wait_for()
    page.locator(".js-plotly-plot").get_by_text("50% three").wait_for()


def test_the_overview_draws_the_best_so_far_and_shows_the_best_configuration(open_page: OpenPage, site: Site) -> None:
    page = open_page("#/e/digits/overview")
    page.locator(".js-plotly-plot").get_by_text("best so far").first.wait_for()
    best = site.experiment("digits").best
    page.get_by_role("link", name=f"Trial {best.number}", exact=True).wait_for()
    page.locator(".tile", has_text="Trials").get_by_text(f"{TRIALS} of {TRIALS}").wait_for()


def test_a_note_is_rendered_and_its_html_stays_text(open_page: OpenPage) -> None:
    note = open_page("#/e/digits/overview").locator(".remarks")
    note.get_by_role("heading", name="Baseline").wait_for()
    assert note.locator("strong").inner_text() == "bold"
    assert note.locator("img").count() == 0
    note.get_by_text("<img src=x onerror=alert(1)>").wait_for()


def test_all_figures_of_the_experiment_are_drawn_when_they_come_into_sight(open_page: OpenPage) -> None:
    page = open_page("#/e/digits/figures")
    page.locator("#figure-history .js-plotly-plot").wait_for()
    cards = page.locator(".gallery > section")
    for index in range(cards.count()):
        cards.nth(index).scroll_into_view_if_needed()
        cards.nth(index).locator(".js-plotly-plot").wait_for()
    assert page.locator(".figure.broken").count() == 0
    assert page.locator("#figure-pareto").count() == 0


def test_figures_follow_the_chosen_parameters(open_page: OpenPage) -> None:
    page = open_page("#/e/digits/figures?params=lr")
    page.locator("#figure-slice").scroll_into_view_if_needed()
    page.locator("#figure-slice .js-plotly-plot").wait_for()
    page.get_by_text("Parameters: 1 chosen").click()
    page.locator(".menu").get_by_label("layers").check()
    page.locator("#figure-slice").scroll_into_view_if_needed()
    page.locator("#figure-slice").get_by_text("layers").first.wait_for()
    assert "params=lr%2Clayers" in page.evaluate("location.hash")


def test_figures_and_page_change_with_the_theme(open_page: OpenPage) -> None:
    page = open_page("#/e/digits/overview", dark=True)
    plot = page.locator(".js-plotly-plot .main-svg").first
    plot.wait_for()
    assert _background(plot) == "rgb(20, 24, 29)"
    page.get_by_role("button", name="Light theme").click()
    page.wait_for_function(
        "() => getComputedStyle(document.querySelector('.main-svg')).background.includes('255, 255, 255')"
    )
    assert page.evaluate("document.documentElement.dataset.theme") == "light"
    page.get_by_role("button", name="Dark theme").click()


def _background(plot: Any) -> str:
    return str(plot.evaluate("element => getComputedStyle(element).backgroundColor"))


def test_a_failed_trial_shows_its_error_and_traceback(open_page: OpenPage) -> None:
    page = open_page("#/e/digits/t/7")
    card = page.locator(".card.wrong")
    card.get_by_role("heading", name="ValueError").wait_for()
    assert "Traceback" in card.locator("pre").inner_text()
    assert page.locator(".card.wrong b").count() == 0


def test_a_trial_shows_what_it_printed(open_page: OpenPage) -> None:
    page = open_page("#/e/digits/t/0")
    page.locator("pre.output").get_by_text("epoch 1").wait_for()


def test_a_trial_shows_what_its_objective_noted(open_page: OpenPage, site: Site) -> None:
    def train(trial: la.trial.Trial) -> float:
        trial.note(training=f"stacked with 7 others: {'long ' * 40}<b>", size={"weights": 3}, tags=["mine"])
        return 1.0

    noted = la.Experiment("noted", {"x": la.Float(0, 1)}, metric="loss", store=site.store, seed=0)
    noted.run(train, trials=1, progress=False)
    card = open_page("#/e/noted/t/0", width=390).locator(".card", has_text="Noted")
    card.get_by_text("stacked with 7 others: long").wait_for()
    assert card.locator("dt").all_inner_texts() == ["training", "size"]
    assert card.locator("dd").all_inner_texts()[1] == '{"weights":3}'
    assert card.locator("dd").first.inner_text().endswith("<b>")
    page = card.page
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page = open_page("#/e/digits/t/0")
    page.get_by_text("Course").wait_for()
    assert page.locator(".card", has_text="Noted").count() == 0


def test_keys_lead_through_the_page(open_page: OpenPage) -> None:
    page = open_page("#/e/digits/overview", refusals=True)  # of the filter "?", if it is asked for in time
    _ready(page, "Best trial")
    page.keyboard.press("3")
    _ready(page, f"{TRIALS} trials")
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.id") == "filter"
    page.keyboard.press("?")
    assert page.locator("dialog").count() == 0, "a key typed into a field is text"
    page.get_by_role("link", name="59", exact=True).click()
    _ready(page, "Output")
    page.keyboard.press("?")
    page.locator("dialog").get_by_text("the trial before").wait_for()
    page.keyboard.press("Escape")
    page.keyboard.press("[")
    page.get_by_role("heading", name="Trial 58").wait_for()


def test_a_place_that_is_not_there_says_so(open_page: OpenPage) -> None:
    page = open_page("#/e/nothing/overview", refusals=True)
    page.get_by_role("alert").get_by_text("nothing").wait_for()
    page.get_by_role("button", name="Try again").wait_for()


def test_a_click_on_a_mark_opens_its_trial(open_page: OpenPage) -> None:
    page = open_page("#/e/digits/figures")
    mark = page.locator("#figure-history .points path").first
    mark.wait_for()
    number, box = mark.evaluate("mark => mark.__data__.trace.customdata[mark.__data__.i]"), mark.bounding_box()
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.get_by_role("heading", name=f"Trial {number}", exact=True).wait_for()


def test_a_double_click_on_a_mark_shows_all_and_opens_nothing(open_page: OpenPage) -> None:
    page = open_page("#/e/digits/figures")
    mark = page.locator("#figure-history .points path").first
    mark.wait_for()
    box = mark.bounding_box()
    page.mouse.dblclick(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.wait_for_timeout(1_000)
    assert page.evaluate("location.hash") == "#/e/digits/figures"


def test_a_click_on_a_curve_opens_its_trial(open_page: OpenPage) -> None:
    page = open_page("#/e/digits/figures")
    page.locator("#figure-curves").scroll_into_view_if_needed()
    page.locator("#figure-curves .points path").last.wait_for()
    box = page.locator("#figure-curves .points path").last.bounding_box()
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.get_by_role("heading", name=re.compile(r"^Trial \d+$")).wait_for()


def test_a_place_that_cannot_be_decoded_is_no_place(open_page: OpenPage) -> None:
    open_page("#/%E0%A4%A").locator("main").get_by_text("There is no such page.").wait_for()


def test_a_long_output_is_shown_from_its_end_and_back(open_page: OpenPage, site: Site) -> None:
    log = site.experiment("digits").log_path(1)
    lines = [f"\x1b[32mline {number}\x1b[0m of the output, which is made long" for number in range(3_000)]
    log.write_text("\n".join(lines))
    page = open_page("#/e/digits/t/1")
    text = page.locator("pre.output")
    text.get_by_text("line 2999 of the output").wait_for()
    assert "line 1000 of" not in text.inner_text()
    for first in ("line 1000 of", "line 0 of"):
        page.get_by_role("button", name="Show earlier").click()
        text.get_by_text(first).wait_for()
    assert text.inner_text().splitlines() == [f"line {n} of the output, which is made long" for n in range(3_000)]


def test_a_trial_leads_to_those_that_it_came_from_and_that_came_from_it(open_page: OpenPage, site: Site) -> None:
    bred = la.Experiment("bred", {"x": la.Float(0, 1)}, metric="loss", store=site.store)
    family = [
        Asked(1.0, 0, {"x": 0.5}),
        Asked(2.0, 1, {"x": 0.4}, parent=(0, 3)),
        Asked(3.0, 2, {"x": 0.3}, parent=(1, 6)),
    ]
    bred._journal.append(family)
    card = open_page("#/e/bred/t/1").locator(".card", has_text="Lineage")
    card.get_by_text("From, at step 3").wait_for()
    card.get_by_role("link", name="trial 0").wait_for()
    card.get_by_text("1 copy").wait_for()
    card.get_by_role("link", name="trial 2").click()
    card.get_by_text("Before that").wait_for()
    card.get_by_role("link", name="trial 0").wait_for()


def test_a_model_is_drawn_on_the_page_of_its_trial(open_page: OpenPage, site: Site) -> None:
    made = la.Experiment("models", {"net.width": la.Int(8, 64)}, store=site.store, seed=0)
    made.add({"net.width": 8}, 1.0)
    page = open_page("#/e/models/t/0")
    drawn = page.get_by_role("figure", name="Architecture of trial 0")
    drawn.get_by_text("net.width").wait_for()
    assert open_page("#/e/digits/t/0").get_by_role("figure", name="Architecture").count() == 0
