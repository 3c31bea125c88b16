"""What searchers, schedulers, executors and stores promise, as pytest classes to inherit: ours and anybody's."""

from lanista.testing._desk import Desk
from lanista.testing._executors import ExecutorContract
from lanista.testing._schedulers import Drive, SchedulerContract
from lanista.testing._searchers import SPACES, DiscoveringContract, SearcherContract, Story, live
from lanista.testing._stores import StoreContract

__all__ = [
    "SPACES",
    "Desk",
    "DiscoveringContract",
    "Drive",
    "ExecutorContract",
    "SchedulerContract",
    "SearcherContract",
    "StoreContract",
    "Story",
    "live",
]
