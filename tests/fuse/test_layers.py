"""Stacked models against each of them trained alone by plain torch, in float64, after 100 steps."""

import re
from pathlib import Path

import pytest
import torch

from lanista.fuse._errors import Unfusable
from tests.fuse.layer_cases import CASES
from tests.fuse.layers import Case, how, run

PAGE = Path(__file__).resolve().parents[2] / "docs" / "concepts" / "fused-layers.md"
TOLERANCE = 1e-10
QUICK = (
    "Linear",
    "Embedding, padding_idx",
    "tied weights",
    "parts not trained, another in each",
    "buffers, changed and bound anew",
    "Conv2d",
    "BatchNorm2d",
    "LayerNorm",
    "weight_norm",
    "GRUCell",
    "TransformerEncoderLayer",
    "Dropout, a rate for each",
    "RReLU",
    "cross_entropy, smoothing for each",
    "in place",
    "activation checkpointing",
)


@pytest.fixture(autouse=True)
def _one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def rows() -> dict[str, tuple[str, str]]:
    """How each layer of the page's table runs, and its difference."""
    found = re.findall(r"^\| (?!layer|---)(.*?) \| (.*?) \| (.*?) \|$", PAGE.read_text("utf-8"), re.MULTILINE)
    return {name: (way, apart) for name, way, apart in found}


def check(case: Case) -> None:
    if case.why is not None:
        with pytest.raises(Unfusable, match=re.escape(case.why)) as caught:
            run(case)
        assert rows()[case.name] == (f"not fused: {caught.value}", "")
        return
    outcome = run(case)
    assert outcome.apart < TOLERANCE
    assert rows()[case.name][0] == how(outcome)


@pytest.mark.parametrize("case", [case for case in CASES if case.name in QUICK or case.why], ids=lambda case: case.name)
def test_a_layer_is_as_alone(case: Case) -> None:
    check(case)


@pytest.mark.long
@pytest.mark.parametrize("case", [case for case in CASES if case.name not in QUICK], ids=lambda case: case.name)
def test_any_layer_is_as_alone(case: Case) -> None:
    check(case)


def test_the_page_has_a_row_for_each_layer() -> None:
    told = rows()
    assert list(told) == [case.name for case in CASES]
    for case in CASES:
        apart = told[case.name][1]
        assert apart == "" if case.why else float(apart) < TOLERANCE
