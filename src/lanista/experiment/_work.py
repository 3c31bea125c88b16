"""Helping a run of an experiment that another process began, by what its journal tells."""

import shlex
from typing import Any

from lanista._words import counted
from lanista.errors import ExperimentError
from lanista.experiment._experiment import Experiment
from lanista.experiment._limits import Helper
from lanista.experiment._progress import Progress
from lanista.experiment._rebuild import decider, home, objective, runner
from lanista.experiment._render import store_option
from lanista.experiment._resolve import as_executor
from lanista.search import describe


def work(
    experiment: Experiment,
    given: Any = None,
    *,
    workers: int | None = None,
    executor: str | None = None,
    helper: Helper,
    progress: Progress,
) -> Experiment:
    """Takes trials of an experiment until it is finished.

    Searcher, scheduler, limits, cohorts and where checkpoints live are those of the run that began last, as the
    journal tells.

    Args:
        experiment: as `Experiment.load` gives it.
        given: the objective; by default the run's own, imported by its name.
        workers: how many trials at once; by default 1.
        executor: the name of one; by default this process for one trial, and processes for more.
        helper: how much to do.
        progress: shows it.

    Raises:
        ExperimentError: the journal does not tell enough; besides what `Experiment.run` raises.
        ConfigError: the objective cannot be imported.
    """
    history = experiment.history
    plan = history.begun.plan if history.begun is not None else {}
    told = plan.get("objective", {})
    if groups := plan.get("groups"):
        raise ExperimentError(
            f"the space of {experiment.name!r} builds {', '.join(map(repr, groups))}, which only the program that made "
            "it can do; run that program on this machine, too, with the same store: it shares the trials"
        )
    naming = f"lanista work {shlex.quote(experiment.name)}{store_option(experiment.store.url)} --objective"
    # At first, since it makes the modules beside it importable: the deciders' classes may be there.
    runs = objective(told, experiment.name, naming) if given is None else given
    created = history.created
    assert created is not None
    experiment._place = plan.get("checkpoints") or experiment._place
    experiment._decide_by(
        decider("searcher", plan.get("searcher") or created.searcher or "Auto()"),
        decider("scheduler", plan.get("scheduler") or created.scheduler or "FIFO()"),
    )
    what = _named(runs) if given is not None else told.get("function") or told["command"]
    place = f" in {home(told)}" if given is None and told.get("folder") else ""
    limits = helper.limits(experiment.history)  # anew: imports take their time, and a run may have begun meanwhile
    chosen = as_executor(runner(plan.get("executor", {}), executor, workers, limits), None, limits.trial_time)
    many = "without a limit on trials" if limits.trials is None else f"up to {counted(limits.trials, 'trial')}"
    deciders = f"{describe(experiment.searcher)} and {describe(experiment.scheduler)}"
    progress.say(f"works on {experiment.name!r}: {what}{place}, with {deciders}, {many}")
    return experiment._carry_out(runs, chosen, limits, cohort=plan.get("cohort", 1), view=progress, helper=helper)


def _named(objective: Any) -> str:
    return getattr(objective, "__qualname__", None) or repr(objective)
