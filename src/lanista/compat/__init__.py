"""For users of other systems: NNI's trial functions (`from lanista.compat import nni`) and its config files."""

from lanista.compat import nni
from lanista.compat._nni_config import NniExperiment, is_nni_config, read_nni_config

__all__ = ["NniExperiment", "is_nni_config", "nni", "read_nni_config"]
