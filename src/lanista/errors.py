"""Every exception that Lanista raises on purpose.

    LanistaError                 LA000
    ├── SpaceError               LA100   a search space or a configuration that is wrong
    │   └── UnsatisfiableError   LA101   constraints that no configuration was found to meet
    ├── StoreError               LA200   the store cannot be read or written
    │   ├── VersionError         LA201   the store was written by a newer Lanista
    │   └── ConflictError        LA202   another controller wrote first
    ├── ExperimentError          LA300   an experiment that is missing, or used in a way it cannot be
    │   └── MismatchError        LA301   a name used again with another space or metric
    ├── ObjectiveError           LA400   the objective did something it may not
    │   ├── MetricError          LA401   a metric that is missing, misspelt or no number
    │   └── ParameterError       LA402   a parameter that the trial does not have
    ├── ExecutorError            LA500   workers that cannot be started, resources that do not exist
    │   └── CheckpointError      LA501   checkpoints that cannot be written or read where they are to live
    ├── ConfigError              LA600   a configuration file that is wrong
    ├── UsageError               LA700   an argument that is wrong
    │   └── GraphError           LA701   a change that the graph of a model does not allow
    └── MissingExtraError        LA800   an optional dependency is not installed

StopTrial and Infeasible are no errors: user code raises them, or lets them pass, to end a trial.
"""


class LanistaError(Exception):
    """Base of all errors of Lanista; `code` is the heading under which the docs explain it."""

    code = "LA000"


class SpaceError(LanistaError, ValueError):
    """A search space, a domain or a configuration is wrong."""

    code = "LA100"


class UnsatisfiableError(SpaceError):
    """No configuration that meets the constraints was found."""

    code = "LA101"


class StoreError(LanistaError):
    """The store cannot be read or written."""

    code = "LA200"


class VersionError(StoreError):
    """The store was written by a newer Lanista."""

    code = "LA201"


class ConflictError(StoreError):
    """Another controller appended first; catch up and decide again."""

    code = "LA202"


class ExperimentError(LanistaError):
    """An experiment is missing, or is used in a way it cannot be."""

    code = "LA300"


class MismatchError(ExperimentError):
    """An experiment's name is used again with another space or metric."""

    code = "LA301"


class ObjectiveError(LanistaError):
    """The objective did something that it may not."""

    code = "LA400"


class MetricError(ObjectiveError, ValueError):
    """A metric is missing, misspelt or not a number."""

    code = "LA401"


class ParameterError(ObjectiveError, KeyError):
    """A trial is asked for a parameter that it does not have."""

    code = "LA402"
    __str__ = Exception.__str__  # KeyError would show the message in quotes


class ExecutorError(LanistaError):
    """Workers cannot be started, or resources were asked for that do not exist."""

    code = "LA500"


class CheckpointError(ExecutorError):
    """Checkpoints cannot be written, or read, where they are to live."""

    code = "LA501"


class ConfigError(LanistaError, ValueError):
    """A configuration file is wrong."""

    code = "LA600"


class UsageError(LanistaError, ValueError):
    """An argument is wrong."""

    code = "LA700"


class GraphError(UsageError):
    """The graph of a model does not allow a change: shapes that do not fit, a node that is not there."""

    code = "LA701"


class MissingExtraError(LanistaError, ImportError):
    """An optional dependency is not installed."""

    code = "LA800"

    @classmethod
    def of(cls, package: str, extra: str) -> "MissingExtraError":
        """Names the package that is missing and the command that brings it."""
        return cls(f"{package} is not installed; pip install 'lanista[{extra}]' brings it")


class StopTrial(Exception):
    """Raised in user code by `trial.report` when the trial has been stopped; let it pass."""


class Infeasible(Exception):
    """Raise it in an objective whose configuration makes no sense: the trial ends as `infeasible`, not as failed."""
