"""What searchers, schedulers and stores promise, as pytest classes to inherit: for ours and for anybody's."""

from lanista.testing._executors import Desk, ExecutorContract
from lanista.testing._schedulers import Drive, SchedulerContract
from lanista.testing._stores import StoreContract

__all__ = ["Desk", "Drive", "ExecutorContract", "SchedulerContract", "StoreContract"]
