"""The contract of schedulers, over ours."""

import pytest

from lanista.schedule import (
    ASHA,
    FIFO,
    PASHA,
    CurveFitting,
    Fidelity,
    HyperBand,
    MedianStopping,
    Scheduler,
    SuccessiveHalving,
)
from lanista.schedule._curve_fitting import MODELS
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
        return ASHA(max_steps=9, min_steps=1, reduction=2, form="promotion", brackets=5)


class TestASHAWithFidelity(SchedulerContract):
    def scheduler(self) -> Scheduler:
        return ASHA(Fidelity("rows", 100, 900, log=True), brackets=2)


class TestSuccessiveHalving(SchedulerContract):
    def scheduler(self) -> Scheduler:
        return SuccessiveHalving(max_steps=9)


class TestSuccessiveHalvingOfOddSizes(SchedulerContract):
    def scheduler(self) -> Scheduler:
        return SuccessiveHalving(max_steps=20, min_steps=2, reduction=2, trials=7)


class TestHyperBand(SchedulerContract):
    def scheduler(self) -> Scheduler:
        return HyperBand(max_steps=9)


class TestHyperBandWithFidelity(SchedulerContract):
    def scheduler(self) -> Scheduler:
        return HyperBand(Fidelity("folds", 1, 10), reduction=2)


class TestPASHA(SchedulerContract):
    def scheduler(self) -> Scheduler:
        return PASHA(max_steps=27, reduction=2)


class TestPASHAWithFidelity(SchedulerContract):
    def scheduler(self) -> Scheduler:
        return PASHA(Fidelity("folds", 1, 10), reduction=2)


class TestCurveFitting(SchedulerContract):
    """With three of the eleven families of curves, each of which takes its time."""

    @pytest.fixture(autouse=True)
    def few_families(self, monkeypatch: pytest.MonkeyPatch) -> None:
        few = {name: MODELS[name] for name in ("pow3", "log power", "ilog2")}
        monkeypatch.setattr("lanista.schedule._curve_fitting.MODELS", few)

    def scheduler(self) -> Scheduler:
        return CurveFitting(max_steps=11, grace_steps=7, interval=8)


@pytest.mark.long
class TestCurveFittingByAllFamilies(SchedulerContract):
    def scheduler(self) -> Scheduler:
        return CurveFitting(max_steps=11, grace_steps=7, interval=8)
