"""The contract of schedulers, over ours."""

from lanista.schedule import ASHA, FIFO, MedianStopping, Scheduler
from lanista.testing import SchedulerContract


class TestFIFO(SchedulerContract):
    def scheduler(self) -> Scheduler:
        return FIFO()


class TestMedianStopping(SchedulerContract):
    def scheduler(self) -> Scheduler:
        return MedianStopping(grace_steps=2, min_trials=3)


class TestMedianStoppingByInterval(SchedulerContract):
    def scheduler(self) -> Scheduler:
        return MedianStopping(min_trials=1, interval=4)


class TestASHAStopping(SchedulerContract):
    def scheduler(self) -> Scheduler:
        return ASHA(max_steps=9)


class TestASHAPromotion(SchedulerContract):
    def scheduler(self) -> Scheduler:
        return ASHA(max_steps=9, form="promotion")


class TestASHAStoppingInBrackets(SchedulerContract):
    def scheduler(self) -> Scheduler:
        return ASHA(max_steps=20, min_steps=2, reduction=2, brackets=4)


class TestASHAPromotionInBrackets(SchedulerContract):
    def scheduler(self) -> Scheduler:
        return ASHA(max_steps=9, reduction=2, form="promotion", brackets=5)
