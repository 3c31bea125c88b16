"""A small part of everything that the page tells, in a few minutes."""

from pathlib import Path

from benchmarks.schedule import page, population, report, runner, scale, sharing, traces

PARTS = (
    (
        ("lcbench/3945",),
        (1, 16, 64),
        "random+asha,bohb+asha,auto+asha-4,auto+hyperband,syne:ASHA,syne:BOHB,syne:DEHB,syne:PASHA",
    ),
    (("nb201/cifar100",), (1, 16, 64), "random+asha,bohb+asha,auto+asha-4,auto+hyperband,syne:ASHA,syne:DEHB"),
    (("nb201/cifar100",), (1000,), "random+asha,auto+asha-4,syne:ASHA"),
)
SEEDS, CAP, TIMEOUT = 3, 3000, 15.0


def run(out: Path) -> int:
    """Makes what is missing of the runs, measures the rest, and writes the page."""
    out = out.with_name("quick.jsonl")
    for names, workers, labels in PARTS:
        spending = runner.Spending(CAP, TIMEOUT)
        runner.run(out, labels.split(","), names, workers, seeds=SEEDS, rounds=10, spending=spending)
    scale.scale()
    print(population.told(population.measure(1)))
    print(sharing.told(sharing.measure(1)))
    done = traces.read(out)
    report.report(out)
    page.write(done, "python -m benchmarks.schedule run --quick", f"{CAP:,}")
    return 0
