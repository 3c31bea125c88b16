"""The first proposals of each searcher at a fixed seed: a change of results must be meant.

After a change that is meant, record them again and name it in the changelog under "Changed results":

    LANISTA_RECORD_GOLDEN=1 pytest tests/search/test_golden.py
"""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from lanista.search import (
    BOHB,
    CMAES,
    DE,
    DNGO,
    GP,
    NSGA2,
    NSGA3,
    PNAS,
    PPO,
    TPE,
    Anneal,
    Auto,
    Bananas,
    Batch,
    Forest,
    Grid,
    LocalSearch,
    Random,
    RegularizedEvolution,
    Reinforce,
    Searcher,
    Sobol,
    TuRBO,
)
from lanista.space import Choice, Float, Int, Params, Permutation, Space, Subset
from lanista.testing import Story

GOLDEN = Path(__file__).with_name("golden.json")
RECORD = os.environ.get("LANISTA_RECORD_GOLDEN") == "1"
SPACE = Space(
    {
        "lr": Float(1e-5, 1, log=True),
        "layers": Int(1, 8),
        "optimizer": Choice({"sgd": {"momentum": Float(0, 1)}, "adam": {}}),
        "features": Subset(["a", "b"]),
        "order": Permutation([1, 2, 3]),
    }
).where("layers < 7")
SEARCHERS: dict[str, tuple[Searcher, int]] = {
    "random": (Random(), 0),
    "sobol": (Sobol(), 0),
    "grid": (Grid(points=3), 0),
    "batch": (Batch([SPACE.defaults() | {"layers": i} for i in range(1, 6)]), 0),
    "tpe, first": (TPE(), 0),
    "tpe, model": (TPE(), 20),
    "evolution, first": (RegularizedEvolution(), 0),
    "anneal": (Anneal(), 20),
    "cmaes": (CMAES(), 20),
    "de": (DE(), 20),
    "nsga2": (NSGA2(population=10), 20),
    "nsga3": (NSGA3(population=10), 20),
    "evolution, mutants": (RegularizedEvolution(population=10, sample=3), 20),
    "local": (LocalSearch(startup=3), 20),
    "bananas": (Bananas(), 20),
    "pnas": (PNAS(beam=5), 20),
    "reinforce": (Reinforce(), 20),
    "ppo": (PPO(), 20),
    "forest": (Forest(), 20),
    "dngo": (DNGO(startup=10), 20),
    "gp, first": (GP(), 0),
    "gp, model": (GP(), 20),
    "gp, warped": (GP(warp=True), 20),
    "turbo": (TuRBO(startup=4), 20),
    "auto": (Auto(), 20),
    "bohb, first": (BOHB(), 0),
    "bohb, model": (BOHB(), 20),
}
CLIMBERS = ("dngo", "bananas", "pnas", "reinforce", "ppo", "gp, model", "gp, warped", "turbo", "auto")
"""They climb along gradients: the last digits of one proposal, which libraries differ in, make the next another one."""


def proposals(searcher: Searcher, after: int) -> list[Params]:
    """Five proposals, one after the other, after so many trials of a fixed history."""
    story = Story(SPACE, seed=2026)
    for i, params in enumerate(story.ask(Random(), after) if after else []):
        story.end(
            story.start(params), "completed" if i % 5 else "failed", *([float(params["layers"])] if i % 5 else [])
        )
    found: list[Params] = []
    for _ in range(5):
        found += story.ask(searcher)
        story.end(story.start(found[-1]), "completed", float(found[-1]["layers"]))
    return found


def near(golden: Any, rel: float = 1e-6) -> Any:
    """The same, but for the last digits of what a mathematical library computes."""
    return [{k: pytest.approx(v, rel=rel) if isinstance(v, float) else v for k, v in p.items()} for p in golden]


@pytest.mark.parametrize("name", SEARCHERS)
def test_the_first_proposals(name: str) -> None:
    found = proposals(*SEARCHERS[name])
    if RECORD:
        golden = json.loads(GOLDEN.read_text()) if GOLDEN.exists() else {}
        GOLDEN.write_text(json.dumps(golden | {name: found}, indent=1) + "\n")
    golden = json.loads(GOLDEN.read_text())[name]
    if name in CLIMBERS:
        assert found[:1] == near(golden[:1], 1e-3)
    else:
        assert found == near(golden)
