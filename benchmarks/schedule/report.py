"""The tables as text."""

from pathlib import Path

from benchmarks.schedule import metrics, traces
from benchmarks.schedule.outcome import Table, cells, over_problems


def report(path: Path, *, write: bool = False) -> int:
    """Prints the speed-ups over random search; writes the page where asked to."""
    done = traces.read(path)
    if not done:
        raise SystemExit(f"{path} has no runs; `python -m benchmarks.schedule run` makes them")
    show(cells(done))
    if write:
        from benchmarks.schedule import page

        page.write(done)
    return 0


def show(table: Table) -> None:
    """A row a combination, a column a number of workers; then a row a problem."""
    labels = list(dict.fromkeys(label for label, _, _ in table))
    workers = sorted({n for _, n, _ in table})
    wide = max(map(len, labels))
    names = sorted({name for _, _, name in table})
    for title, chosen in (("all", names), *((name, [name]) for name in names)):
        print(f"\n{title + ': speed-up':<{wide}} " + "".join(f"{f'{n} workers':>24}" for n in workers))
        order = sorted(labels, key=lambda label: -_mean(table, label, workers, chosen))
        for label in order:
            print(f"{label:<{wide}} " + "".join(f"{_cell(table, label, n, chosen):>24}" for n in workers))


def _mean(table: Table, label: str, workers: list[int], names: list[str]) -> float:
    found = [speed[0] for n in workers if (speed := over_problems(table, label, n, names))]
    return metrics.median_interval(found)[0] if found else 0.0


def _cell(table: Table, label: str, workers: int, names: list[str]) -> str:
    speed = over_problems(table, label, workers, names)
    if speed is None:
        return ""
    there = [table[label, workers, name] for name in names if (label, workers, name) in table]
    missed = sum(not cell.reached for cell in there)
    bounds = f" ({speed[1]:.1f}-{speed[2]:.1f})" if len(there) > 1 else ""
    return f"{speed[0]:.2f}{bounds}" + (f" {missed}x" if missed else "")
