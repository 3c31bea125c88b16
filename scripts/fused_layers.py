"""Writes the table of docs/concepts/fused-layers.md: python -m scripts.fused_layers, from the root of the repository.

The tests in tests/fuse/test_layers.py say whether it is still true.
"""

import re
from pathlib import Path

import torch

from lanista.fuse._errors import Unfusable
from tests.fuse.layer_cases import CASES
from tests.fuse.layers import Case, how, run

PAGE = Path(__file__).resolve().parent.parent / "docs" / "concepts" / "fused-layers.md"


def row(case: Case) -> str:
    try:
        outcome = run(case)
    except Unfusable as error:
        return f"| {case.name} | not fused: {error} |  |"
    return f"| {case.name} | {how(outcome)} | {outcome.apart:.0e} |"


def main() -> None:
    torch.set_num_threads(1)
    rows = ["| layer | how it runs | largest difference |", "| --- | --- | --- |"]
    for case in CASES:
        rows.append(row(case))
        print(rows[-1], flush=True)
    page = PAGE.read_text("utf-8")
    table = "\n".join(rows) + "\n"
    PAGE.write_text(re.sub(r"^\| layer.*?\n(?=\n|\Z)", lambda _: table, page, flags=re.MULTILINE | re.DOTALL), "utf-8")


if __name__ == "__main__":
    main()
