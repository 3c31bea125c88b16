"""NNI's functions for trials, under the same names: change `import nni` to `from lanista.compat import nni`."""

from lanista.compat.nni import trial, utils
from lanista.compat.nni.trial import (
    get_current_parameter,
    get_experiment_id,
    get_next_parameter,
    get_next_parameters,
    get_sequence_id,
    get_trial_id,
    report_final_result,
    report_intermediate_result,
)

__all__ = [
    "get_current_parameter",
    "get_experiment_id",
    "get_next_parameter",
    "get_next_parameters",
    "get_sequence_id",
    "get_trial_id",
    "report_final_result",
    "report_intermediate_result",
    "trial",
    "utils",
]
