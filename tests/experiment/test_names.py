"""Names in place of objects: each one that is in the tables, under the names that others have for it as well."""

from typing import Any

import pytest

import lanista as la
from lanista.errors import UsageError
from lanista.experiment._resolve import (
    ALIASES,
    ELSEWHERE,
    SCHEDULERS,
    SEARCHERS,
    as_scheduler,
    as_searcher,
    canonical,
    named,
)

NEEDED: dict[str, dict[str, Any]] = {
    "batch": {"configurations": [{"x": 0.5}]},
    "budget": {"limit": 60},
    "plateau": {"patience": 3},
    "threshold": {"metric": "loss", "above": 9},
    "resourcechanging": {"scheduler": la.HyperBand(9), "most": {"cpus": 2}},
    "timesharing": {"max_steps": 9, "alive": 4},
    **{
        name: {"max_steps": 9} for name in ("halving", "hyperband", "asha", "pasha", "dehb", "pbt", "pb2", "freezethaw")
    },
    "curvefitting": {"max_steps": 9},
}
"""Arguments without which there is no such object."""


@pytest.mark.parametrize("name", SEARCHERS)
def test_every_searcher_is_made_by_its_name(name: str) -> None:
    searcher = named("searcher", name.upper(), SEARCHERS, NEEDED.get(name))
    assert type(searcher).__name__ in la.__all__
    assert callable(searcher.ask)
    if name not in NEEDED:
        assert type(as_searcher(name)) is type(searcher)


@pytest.mark.parametrize("name", SCHEDULERS)
def test_every_scheduler_is_made_by_its_name(name: str) -> None:
    scheduler = named("scheduler", name.upper(), SCHEDULERS, NEEDED.get(name))
    assert type(scheduler).__name__ in la.__all__
    assert callable(scheduler.on)


@pytest.mark.parametrize("kind", ["searcher", "scheduler"])
def test_the_names_of_the_classes_are_names_too(kind: str) -> None:
    table: dict[str, Any] = SEARCHERS if kind == "searcher" else SCHEDULERS
    for name, cls in table.items():
        key = canonical(cls.__name__)
        assert ALIASES.get(key, key) == name


def test_aliases_lead_to_what_there_is() -> None:
    assert set(ALIASES.values()) <= {*SEARCHERS, *SCHEDULERS}
    assert not set(ALIASES) & {*SEARCHERS, *SCHEDULERS}


@pytest.mark.parametrize(
    ("name", "cls"),
    [("median-stop", la.MedianStopping), ("MedianStopping", la.MedianStopping), ("FIFO", la.FIFO)],
)
def test_names_may_be_written_in_several_ways(name: str, cls: type[Any]) -> None:
    assert type(as_scheduler(name)) is cls


@pytest.mark.parametrize(
    ("kind", "name", "message"),
    [
        ("searcher", "HyperBand", "searcher='HyperBand': it is a scheduler here: give scheduler='hyperband', with any"),
        ("searcher", "PBTTuner", "searcher='PBTTuner': it is a scheduler here: give scheduler='pbt', with any"),
        ("searcher", "pb2", "it is a scheduler here: give scheduler='pb2'"),
        ("searcher", "DEHB", "it is a scheduler here: give scheduler='dehb'"),
        ("searcher", "network_morphism", "it grows networks of its own making"),
        ("scheduler", "BOHB", "it is two things here: searcher='bohb' with scheduler='hyperband'"),
    ],
)
def test_what_is_found_elsewhere_is_said(kind: str, name: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        la.Experiment("e", {"x": la.Float(0, 1)}, store="memory", **{kind: name})


def test_what_is_elsewhere_is_in_no_table() -> None:
    assert not set(ELSEWHERE["searcher"]) & set(SEARCHERS)
    assert not set(ELSEWHERE["scheduler"]) & set(SCHEDULERS)


@pytest.mark.parametrize("name", ["asha", "plateau"])
def test_a_name_alone_does_not_do_where_arguments_are_needed(name: str) -> None:
    with pytest.raises(UsageError, match=rf"scheduler '{name}' needs .*; give an object, \w+\(.*=\.\.\.\)"):
        as_scheduler(name)


def test_a_list_by_name_needs_its_configurations() -> None:
    with pytest.raises(UsageError, match=r"searcher 'batch' needs configurations; .*, Batch\(configurations=\.\.\.\)"):
        as_searcher("batch")


def test_a_name_that_is_not_known_has_its_nearest() -> None:
    with pytest.raises(UsageError, match=r"scheduler='hyperbend' is not known; did you mean 'hyperband'\? There are: "):
        as_scheduler("hyperbend")


def test_a_list_is_a_scheduler_and_further_rules() -> None:
    assert isinstance(as_scheduler(["median"]), la.MedianStopping)
    found = as_scheduler(["median", la.Plateau(3)])
    assert isinstance(found, la.Combined)
    assert (type(found.main), [type(rule) for rule in found.rules]) == (la.MedianStopping, [la.Plateau])
