"""Other people's tools: what an experiment writes for TensorBoard."""

from lanista.integrations._tensorboard import TensorBoard

__all__ = ["TensorBoard"]
