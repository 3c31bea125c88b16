"""The page of results: one section a benchmark, each rewritten by its own run."""

import os
import platform
import re
from importlib import metadata
from pathlib import Path

PAGE = Path(__file__).resolve().parent / "RESULTS.md"
HEAD = """# Results of the benchmarks

Each section is written by the command that it names; ratios compare figures of one run on one machine.
"""


def write_section(name: str, text: str) -> None:
    """Puts a section in the place of the one of the same name, or at the end; all others stay as they are."""
    page = PAGE.read_text(encoding="utf-8") if PAGE.exists() else HEAD
    section = f"## {name}\n\n{text.strip()}\n"
    pattern = re.compile(rf"^## {re.escape(name)}\n.*?(?=^## |\Z)", re.MULTILINE | re.DOTALL)
    if pattern.search(page):
        page = pattern.sub(lambda found: section + ("\n" if found.end() < len(page) else ""), page)
    else:
        page = page.rstrip() + "\n\n" + section
    PAGE.write_text(page, encoding="utf-8")


def table(header: list[str], rows: list[list[str]]) -> str:
    """A Markdown table; all columns but the first are aligned to the right."""
    rule = ["---", *["---:"] * (len(header) - 1)]
    return "\n".join("| " + " | ".join(row) + " |" for row in [header, rule, *rows])


def machine() -> str:
    """This machine in general words."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return f"{os.cpu_count()} cores, {memory:.0f} GiB of memory, {platform.system()} on {platform.machine()}"


def versions(*packages: str, path: Path | None = None) -> str:
    """Versions of installed packages, of this environment or of the one at `path`."""
    if path is None:
        return ", ".join(f"{name} {metadata.version(name)}" for name in packages)
    places = [str(place) for place in path.glob("lib/python*/site-packages")]
    found = {d.metadata["Name"].lower(): d.version for d in metadata.distributions(path=places)}
    return ", ".join(f"{name} {found.get(name.lower(), 'missing')}" for name in packages)
