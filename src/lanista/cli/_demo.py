"""`lanista demo`: tunes a real model on real data, live, in under two minutes."""

import os
import time
import warnings
from functools import cache
from typing import Any

from lanista.cli._base import Args, MakeCommand
from lanista.cli._run import carry_out
from lanista.errors import ExperimentError, MissingExtraError
from lanista.experiment import Experiment, Limits, remove
from lanista.experiment._render import closing
from lanista.experiment._view import view_of
from lanista.journal import open_store
from lanista.schedule import ASHA
from lanista.space import Choice, Float, Int
from lanista.trial import Trial

NAME = "demo-digits"
TRIALS = 100
EPOCHS = 27
TIME_S = 90
SPACE: dict[str, Any] = {
    "width": Int(8, 256, log=True),
    "layers": Int(1, 3),
    "activation": Choice(["relu", "tanh", "logistic"]),
    "alpha": Float(1e-6, 1e-1, log=True),
    "batch_size": Choice([16, 32, 64, 128, 256]),
    "solver": Choice({
        "sgd": {"lr": Float(1e-3, 1.0, log=True), "momentum": Float(0.0, 0.99)},
        "adam": {"lr": Float(1e-5, 1e-1, log=True)},
    }),
}  # fmt: skip


def add(command: MakeCommand) -> None:
    """Adds the command."""
    demo = command(
        "demo", "tune a neural network on scikit-learn's digits, live: TPE, early stopping by ASHA, all cores"
    )
    demo.add_argument("--fresh", action="store_true", help="forget the last demo and start anew")
    demo.add_argument(
        "--trials", metavar="N", type=int, default=TRIALS, help=f"how many trials in all, {TRIALS} by default"
    )
    demo.add_argument("--quiet", "-q", action="store_true", help="print nothing while it runs")
    demo.set_defaults(run=_demo)


@cache
def digits() -> tuple[Any, Any, Any, Any]:
    """The data: images and labels to train on, and to validate on. A worker loads them once."""
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    images, labels = load_digits(return_X_y=True)
    x, x_val, y, y_val = train_test_split(images / 16.0, labels, test_size=0.3, random_state=0, stratify=labels)
    return x, y, x_val, y_val


def train(trial: Trial) -> None:
    """The objective: one trial trains one network, and reports its accuracy after each epoch."""
    import numpy as np
    from sklearn.neural_network import MLPClassifier

    x, y, x_val, y_val = digits()
    p = trial.params
    model = MLPClassifier(
        hidden_layer_sizes=(p["width"],) * p["layers"],
        activation=p["activation"],
        alpha=p["alpha"],
        batch_size=p["batch_size"],
        solver=p["solver"],
        learning_rate_init=p["lr"],
        momentum=p.get("momentum", 0.9),
        random_state=trial.seed,
    )
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")  # a learning rate that is too high overflows, which the accuracy shows
        for _ in range(trial.load(model), EPOCHS):
            model.partial_fit(x, y, classes=range(10))
            trial.save(model)
            trial.report(accuracy=model.score(x_val, y_val))


def _demo(args: Args) -> int:
    try:
        import sklearn  # noqa: F401
    except ImportError as error:
        raise MissingExtraError.of("scikit-learn", "demo") from error
    store = open_store(args.store)
    if args.fresh and store.find(NAME) is not None:
        remove(NAME, store)
    experiment = Experiment(
        NAME, SPACE, "accuracy", mode="max", searcher="tpe", scheduler=ASHA(max_steps=EPOCHS), store=store, seed=0
    )
    if any(owner.alive for owner in experiment.status.owners):
        raise ExperimentError(f"the demo runs in another process; watch it with: lanista top {NAME}")
    done = experiment.history.ended
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    if done >= args.trials:
        print(f"the demo has run, {done} trials are over; once more from the start with: lanista demo --fresh")
        view = view_of(experiment.history, Limits(trials=args.trials), time.time())
        print("\n".join(closing(view, "done", url=store.url, resume=f"lanista demo --trials {2 * done}")))
        return 0
    if done:
        print(f"the demo goes on: {done} of {args.trials} trials are over and do not run again")
    else:
        print(
            f"tuning a neural network on 1,797 handwritten digits: {args.trials} trials, {cores} at once; "
            "stop it with Ctrl-C, go on with the same command"
        )
    run = {"trials": args.trials, "workers": cores, "executor": "processes", "time_limit": TIME_S}
    return carry_out(experiment, train, run, resume="lanista demo", quiet=args.quiet)
