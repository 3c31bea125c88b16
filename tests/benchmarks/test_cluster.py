"""The page of the cluster benchmark, from made-up results."""

from benchmarks.cluster.page import render
from benchmarks.cluster.plan import MIB, Case, cases
from benchmarks.cluster.scale import capacity, workers

RUN = {"trials": 1_000, "wall": 1.0, "steady": 2_000.0, "cpu": 0.5, "before": 100.0, "rss": 100.0}
SLOW = {"trials": 10_000, "wall": 1_000.0, "steady": 9.0, "cpu": 50.0, "before": 190.0, "rss": 250.0}


def made(**changes: dict[str, float]) -> list[Case]:
    """All cases with results that meet each bar, but for the changes by key."""
    planned = cases(quick=False)
    for case in planned:
        if case.name == "first":
            result = {"first": {"ours": 0.2, "tunes": 2.0, "bare": 0.1}[case.module]}
        elif case.name == "broadcast":
            result = {"stored": float(MIB), "private": 0.5, "wall": 2.0}
        else:
            result = dict(SLOW if case.module == "tunes" else RUN)
        case.results = [result | changes.get(case.key.replace(" ", "_"), {})]
    return planned


def row(page: str, start: str) -> list[str]:
    (found,) = (line for line in page.splitlines() if line.startswith(f"| {start}"))
    return [cell.strip() for cell in found.strip("|").split("|")]


def test_all_bars_are_met_by_good_results() -> None:
    page = render(made())
    assert page.count("| yes |") == 5
    assert "**no**" not in page


def test_a_bar_that_is_missed_says_so() -> None:
    assert row(render(made(first_ours_5={"first": 1.0})), "from `run` to the first trial")[2:] == [
        "0.5 times",
        "**no**",
    ]
    assert row(render(made(ours_sqlite={"steady": 1_500.0})), "the same over bare actors, once")[2:] == [
        "0.75 times",
        "**no**",
    ]
    assert row(render(made(memory_ours={"rss": 200.0})), "memory of the driver at")[3] == "**no**"
    assert row(render(made(share_ours={"private": 1_000.0})), f"copies of {MIB}")[2:] == ["3", "**no**"]
    assert (
        row(render(made(ours_sqlite={"wall": 2.0})), "trials a second, SQLite, over Ray Tune as it comes")[3]
        == "**no**"
    )


def test_a_small_run_does_not_judge_memory() -> None:
    page = render(made(memory_tune={"trials": 300}, memory_ours={"trials": 300}))
    assert row(page, "memory of the driver at")[2:] == ["0.4 times at 300", "not measured"]


def test_how_many_workers_follows_from_the_cost_of_a_report() -> None:
    results = {"fast": {"cpu": 2.0, "wall": 4.0, "trials": 1_000, "reports": 20_000, "events": 23_000}}
    assert row(capacity(results), "fast")[3:] == ["2", "11,500", "10,500", "5,750"]
    assert row(workers(results), "fast")[1:] == ["100", "1,000", "10,000", "100,000"]
