"""What a run says at its end that leaves all its trials paused."""

import numpy as np

from lanista._words import counted
from lanista.journal import COMPLETED, History
from lanista.schedule import Combined, Fidelity, ResourceChanging, Scheduler


def unfinished(history: History, scheduler: Scheduler) -> str:
    """That no trial has had all its steps, and what to do; "" where one has, or where some may yet go on."""
    own = (history.origin(n) != "imported" for n in np.flatnonzero(history.state == COMPLETED).tolist())
    paused, last = list(history.paused_trials), _last(scheduler)
    if not paused or last is None or history.running or history.waiting or any(own):
        return ""
    limit, unit = (last.high, last.name) if isinstance(last, Fidelity) else (last, "steps")
    many = f"{counted(len(paused), 'trial')} {'is' if len(paused) == 1 else 'are'}"
    furthest = int(history.steps[paused].max())
    return (
        f"no trial has had all {limit} {unit}: {many} paused, the furthest at {furthest}. One goes on when enough "
        "others have come as far: run it again with more trials; or take a lower max_steps or a higher min_steps, "
        "which make fewer rungs; or train exp.best to the end by yourself"
    )


def _last(scheduler: Scheduler) -> int | Fidelity | None:
    """Where the scheduler that decides what runs completes trials, if it does."""
    match scheduler:
        case Combined(main=inner) | ResourceChanging(scheduler=inner):
            return _last(inner)
    last = getattr(scheduler, "max_steps", None)
    return last if isinstance(last, int | Fidelity) else None
