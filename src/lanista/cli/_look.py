"""Commands that look: ls, show, trials, best, importance."""

import time
from typing import Any

from lanista._words import counted
from lanista.cli._base import Args, MakeCommand, add_json, add_name, existing, opened, print_json
from lanista.cli._one import trial_json, trial_lines
from lanista.cli._rows import TrialTable, split_columns
from lanista.cli._tables import show
from lanista.errors import MissingExtraError, UsageError
from lanista.experiment import Experiment, experiments
from lanista.experiment._insight import bounds_line, missing_best
from lanista.experiment._render import failure_lines, last_failure
from lanista.experiment._view import number, params_line
from lanista.journal import FIRST_ENDED, STATES

BAR = 40
"""Marks of a bar that stands for all of the importance."""


def add(command: MakeCommand) -> None:
    """Adds the commands."""
    ls = command("ls", "list the experiments of the store")
    add_json(ls)
    ls.set_defaults(run=_ls)

    one = command("show", "show how an experiment stands, its space, limits, best trial and who runs it; or one trial")
    add_name(one)
    one.add_argument("trial", metavar="TRIAL", type=int, nargs="?", help="the number of a trial, to show this one")
    add_json(one)
    one.set_defaults(run=_show)

    trials = command("trials", "list the trials of an experiment")
    add_name(trials)
    trials.add_argument(
        "--filter",
        metavar="EXPR",
        help="only trials for which this holds, such as \"lr < 0.01 and state == 'completed'\"",
    )
    trials.add_argument("--sort", metavar="[-]COLUMN", help="order by a column; -COLUMN for the largest first")
    trials.add_argument("--columns", metavar="A,B,...", help="which columns to show")
    trials.add_argument("--limit", metavar="N", type=int, help="at most so many")
    add_json(trials)
    trials.set_defaults(run=_trials)

    best = command("best", "show the best trial, its configuration as Python code")
    add_name(best)
    best.add_argument(
        "--hypervolume",
        metavar="METRIC=VALUE,...",
        help="also the hypervolume of the front up to these values, such as acc=0.5,latency=100",
    )
    add_json(best)
    best.set_defaults(run=_best)

    importance = command("importance", "show how much each parameter matters for a metric")
    add_name(importance)
    importance.add_argument(
        "--method",
        choices=("fanova", "permutation"),
        default="fanova",
        help="by its own effect over the whole space (the default), or by what is lost without it",
    )
    importance.add_argument("--metric", metavar="METRIC", help="an objective or another metric; by default the first")
    add_json(importance)
    importance.set_defaults(run=_importance)


def _ls(args: Args) -> None:
    store = existing(args.store)
    rows = [_row(Experiment.load(info.name, store)) for info in experiments(store)]
    show(
        rows,
        ["name", "state", "trials", "running", "metric", "best", "created"],
        as_json=args.json,
        empty="no experiments",
    )


def _row(experiment: Experiment) -> dict[str, Any]:
    status = experiment.status
    return {
        "name": status.name,
        "state": status.state,
        "trials": sum(status.counts.values()),
        "ended": sum(status.counts[state] for state in STATES[FIRST_ENDED:]),
        "running": status.counts["running"],
        "metric": ", ".join(experiment.metrics),
        "best": None if status.best is None else status.best.value,
        "created": _clock(status.created),
    }


def _show(args: Args) -> None:
    experiment = opened(args)
    if args.trial is not None:
        _show_trial(experiment, args)
        return
    record = summary(experiment)
    if args.json:
        print_json(record)
        return
    lines = [
        ("experiment", record["name"]),
        ("state", record["state"]),
        ("trials", ", ".join(f"{n:,} {state}" for state, n in record["counts"].items() if n) or "none"),
        ("metric", ", ".join(f"{name} ({mode})" for name, mode in record["metrics"].items())),
        *([("constraints", bounds_line(experiment.history))] if record["constraints"] else []),
        ("searcher", record["searcher"]),
        ("scheduler", record["scheduler"]),
        ("seed", record["seed"]),
        ("created", f"{record['created']} by lanista {record['version']}"),
        ("limits", ", ".join(f"{name}={value}" for name, value in record["limits"].items()) or "none"),
        *[
            ("run by", f"{o['host']} pid {o['pid']}, {o['workers']} workers{'' if o['alive'] else ' (dead)'}")
            for o in record["owners"]
        ],
        *[("note", f"{name}: {value}") for name, value in record["notes"].items()],
        ("journal", record["store"]),
        ("files", record["directory"]),
    ]
    print("\n".join(f"{label:<11} {value}" for label, value in lines))
    _show_space(experiment)
    _show_best(experiment, record)
    failure = last_failure(experiment.history)
    if failure is not None:
        print("\n" + "\n".join(failure_lines(failure)))


def _show_trial(experiment: Experiment, args: Args) -> None:
    record = experiment.history.trial(args.trial)
    if args.json:
        print_json(trial_json(experiment, record))
    else:
        print("\n".join(trial_lines(experiment, record)))


def _show_best(experiment: Experiment, record: dict[str, Any]) -> None:
    best = experiment.status.best
    if best is not None:
        print(f"\nbest        trial {best.number}, {experiment.history.metrics[0]} {number(best.value)}")
        print(f"            {params_line(best.params)}")
    elif experiment.history.constraints and experiment.history.ended:
        print(f"\nbest        {missing_best(experiment.history)}")
    if "front" in record:
        front = counted(record["front"], "trial")
        print(f"front       {front} that no other one beats in every metric, see lanista best")
        print(f"hypervolume {number(record['hypervolume'])} up to the worst of each metric")


def _show_space(experiment: Experiment) -> None:
    space = experiment.space
    rows = [{"parameter": p.path, "domain": repr(p.domain)} for p in space.parameters]
    rows += [{"parameter": c.path, "domain": f"constant {c.value!r}"} for c in space.constants]
    rows += [{"parameter": "where", "domain": condition} for condition in space.constraints]
    print()
    show(rows, ["parameter", "domain"], empty="the space is discovered by running")


def summary(experiment: Experiment) -> dict[str, Any]:
    """All that `show` says, as one record."""
    status, history = experiment.status, experiment.history
    created = history.created
    assert created is not None
    return {
        "name": status.name,
        "state": status.state,
        "counts": status.counts,
        "metrics": experiment.metrics,
        "constraints": {name: str(bound) for name, bound in history.constraints.items()},
        "searcher": created.searcher,
        "scheduler": created.scheduler,
        "seed": created.seed,
        "created": _clock(status.created),
        "version": created.version,
        "limits": status.limits,
        "owners": [
            {"host": o.host.partition("/")[0], "pid": o.pid, "workers": o.workers, "alive": o.alive}
            for o in status.owners
        ],
        "notes": history.notes.get(None, {}),
        "store": experiment.store.url,
        "directory": str(experiment.directory),
        "space": experiment.space.to_json(),
        "best": None if status.best is None else status.best.as_dict(),
        **(_front(experiment) if len(experiment.metrics) > 1 else {}),
    }


def _front(experiment: Experiment) -> dict[str, Any]:
    """How many trials the front has, and its hypervolume; None where a package for it is missing."""
    try:
        volume = experiment.hypervolume()
    except MissingExtraError:
        volume = None
    return {"front": len(experiment.pareto), "hypervolume": volume}


def _trials(args: Args) -> None:
    experiment = opened(args)
    table = TrialTable(experiment)
    columns = [table.full(name) for name in split_columns(args.columns)] if args.columns else None
    wanted = table.select(args.filter, args.sort, args.limit)
    if args.json and columns is None:
        print_json([trial_json(experiment, table.records[i]) for i in wanted])
    elif args.json:
        print_json([{name: table.rows[i].get(name) for name in columns or ()} for i in wanted])
    else:
        show([table.rows[i] for i in wanted], columns or table.default(), empty="no trials")


def _best(args: Args) -> None:
    experiment = opened(args)
    best = experiment.best
    several = len(experiment.metrics) > 1
    volume = {"hypervolume": experiment.hypervolume(_reference(args.hypervolume))} if args.hypervolume else {}
    if args.json:
        front = {"pareto": [record.as_dict() for record in experiment.pareto]} if several else {}
        print_json({**trial_json(experiment, best), **front, **volume})
        return
    print("\n".join(trial_lines(experiment, best)))
    if several:
        print("\ntrials that no other one beats in every metric:")
        front_rows = [
            {"number": r.number, **dict(zip(experiment.metrics, r.values, strict=True)), **r.params}
            for r in experiment.pareto
        ]
        show(front_rows, list(dict.fromkeys(name for row in front_rows for name in row)))
    if volume:
        print(f"\nhypervolume {volume['hypervolume']!r} up to {args.hypervolume}")


def _reference(text: str) -> dict[str, float]:
    """The corner up to which a hypervolume is taken, from METRIC=VALUE pairs."""
    try:
        return {name.strip(): float(value) for name, value in (pair.split("=") for pair in text.split(","))}
    except ValueError:
        raise UsageError(
            f"--hypervolume {text!r}: write a value for each metric, such as acc=0.5,latency=100"
        ) from None


def _importance(args: Args) -> None:
    shares = opened(args).importance(args.method, args.metric)
    if args.json:
        print_json(shares)
        return
    longest = max(map(len, shares), default=0)
    for name, share in shares.items():
        print(f"{name:<{longest}}  {share:6.1%}  {'#' * round(BAR * share)}".rstrip())


def _clock(seconds: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(seconds))
