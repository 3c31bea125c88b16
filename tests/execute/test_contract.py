"""The contract, on each executor."""

from lanista.execute import Inline, Processes
from lanista.testing import ExecutorContract
from lanista.trial import Executor


class TestInline(ExecutorContract):
    def executor(self) -> Executor:
        return Inline()


class TestProcesses(ExecutorContract):
    def executor(self) -> Executor:
        return Processes(2, memory="8GB", trial_time=100)
