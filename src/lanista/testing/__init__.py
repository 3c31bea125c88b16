"""What searchers, schedulers, executors and stores promise, as pytest classes to inherit: ours and anybody's."""

from lanista.testing._executors import Desk, ExecutorContract
from lanista.testing._schedulers import Drive, SchedulerContract
from lanista.testing._searchers import DiscoveringContract, SearcherContract
from lanista.testing._stores import StoreContract

__all__ = [
    "Desk",
    "DiscoveringContract",
    "Drive",
    "ExecutorContract",
    "SchedulerContract",
    "SearcherContract",
    "StoreContract",
]
