"""The commands that draw: plot, tensorboard."""

import inspect
import shlex
from pathlib import Path
from typing import Any

from lanista.cli._base import Args, MakeCommand, add_name, opened
from lanista.errors import UsageError
from lanista.experiment import Experiment
from lanista.plot import FIGURES, write


def add(command: MakeCommand) -> None:
    """Adds the commands."""
    plot = command("plot", "draw a figure of an experiment: a page that needs no network, or a picture")
    add_name(plot)
    plot.add_argument(
        "figure", metavar="FIGURE", nargs="?", choices=FIGURES, default="history", help=", ".join(FIGURES)
    )
    plot.add_argument(
        "-o", "--out", metavar="FILE", help="an .html, .png, .svg or .json file; by default NAME-FIGURE.html"
    )
    plot.add_argument("--metric", metavar="METRIC", help="by default the first objective")
    plot.add_argument("--params", metavar="A,B,...", help="the parameters of parallel, slice and contour")
    plot.add_argument("--param", metavar="A", help="the parameter that lineage follows in place of the metric")
    plot.add_argument("--trial", metavar="N", type=int, help="the trial that architecture draws; by default the best")
    plot.add_argument("--against", metavar="N", type=int, help="the trial that it is compared with")
    plot.add_argument("--with", metavar="NAME", dest="others", action="append", help="what to compare it with")
    plot.add_argument("--over", choices=("trials", "time"), help="what compare runs along")
    plot.add_argument("--theme", choices=("light", "dark"), help="light by default")
    plot.set_defaults(run=_plot)
    board = command("tensorboard", "write an experiment, which may run, for TensorBoard; again: add what is new")
    add_name(board)
    board.add_argument("--logdir", metavar="DIR", default="runs", help="what TensorBoard is started with; runs")
    board.set_defaults(run=_tensorboard)


def _plot(args: Args) -> None:
    experiment = opened(args)
    path = Path(args.out if args.out else f"{args.name}-{args.figure}.html")
    draw = getattr(experiment.plot, args.figure)
    others = [Experiment.load(name, experiment.store) for name in args.others or ()]
    if others and args.figure != "compare":
        raise UsageError(f"--with is for compare; write: lanista plot {args.name} compare --with {others[0].name}")
    print(f"wrote {write(draw(*others, **_options(args, draw)), path)}")


def _tensorboard(args: Args) -> None:
    folder = opened(args).tensorboard(args.logdir)
    print(f"wrote {folder}\nsee it with: tensorboard --logdir {shlex.quote(str(folder))}")


def _options(args: Args, draw: Any) -> dict[str, Any]:
    """The options that were given, each one that the figure takes.

    Raises:
        UsageError: it does not take one.
    """
    params = [name.strip() for name in args.params.split(",")] if args.params else None
    given = {name: getattr(args, name) for name in ("metric", "param", "over", "theme", "trial", "against")}
    given["params"] = params
    taken = inspect.signature(draw).parameters
    for name, value in given.items():
        if value is not None and name not in taken:
            may = ", ".join(f"--{one}" for one in given if one in taken)
            raise UsageError(f"the figure {args.figure!r} takes no --{name}; it takes {may}")
    return {name: value for name, value in given.items() if value is not None}
