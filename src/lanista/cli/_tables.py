"""The one way in which commands print tables: rich on a terminal, aligned text elsewhere, JSON on request."""

import json
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from lanista.cli._base import print_json

Row = Mapping[str, Any]


def show(rows: Sequence[Row], columns: Sequence[str], *, as_json: bool = False, empty: str = "nothing") -> None:
    """Prints rows; as JSON with all their fields, else the named columns.

    Args:
        rows: one mapping a row.
        columns: which fields, in this order.
        as_json: print a JSON list.
        empty: what to say when there are no rows.
    """
    if as_json:
        print_json([dict(row) for row in rows])
    elif not rows:
        print(empty)
    elif sys.stdout.isatty():
        _rich(rows, columns)
    else:
        print("\n".join(plain(rows, columns)))


def plain(rows: Sequence[Row], columns: Sequence[str]) -> list[str]:
    r"""The lines of an aligned table; numbers stand on the right.

    >>> print(*plain([{"a": 1, "b": "x"}, {"a": 10, "b": None}], ["a", "b"]), sep="\n")
     a  b
     1  x
    10
    """
    cells = [list(columns), *([cell(row.get(name)) for name in columns] for row in rows)]
    widths = [max(len(line[i]) for line in cells) for i in range(len(columns))]
    right = [_is_number_column(rows, name) for name in columns]
    lines = []
    for line in cells:
        parts = [
            text.rjust(width) if r else text.ljust(width) for text, width, r in zip(line, widths, right, strict=True)
        ]
        lines.append("  ".join(parts).rstrip())
    return lines


def cell(value: Any) -> str:
    """A value in a table.

    >>> cell(0.1 + 0.2), cell(None), cell([1, 2]), cell(True)
    ('0.3', '', '[1, 2]', 'true')
    """
    if value is None:
        return ""
    if isinstance(value, bool | list | dict | tuple):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, float):
        return f"{value:.6g}"
    return " ".join(str(value).split("\n"))


def _is_number_column(rows: Sequence[Row], name: str) -> bool:
    values = [row.get(name) for row in rows]
    return all(value is None or (isinstance(value, int | float) and not isinstance(value, bool)) for value in values)


def _rich(rows: Sequence[Row], columns: Sequence[str]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from lanista.experiment._render import STYLES

    table = Table(box=None, header_style="bold", pad_edge=False, padding=(0, 2, 0, 0))
    for name in columns:
        table.add_column(Text(name), justify="right" if _is_number_column(rows, name) else "left", overflow="ellipsis")
    for row in rows:
        texts = [cell(row.get(name)) for name in columns]
        table.add_row(
            *(Text(t, style=STYLES.get(t, "") if n == "state" else "") for t, n in zip(texts, columns, strict=True))
        )
    Console(highlight=False).print(table)
