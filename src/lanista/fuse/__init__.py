"""Fused training: many models as one."""

from lanista.fuse._how import How
from lanista.fuse._trainer import Trainer

__all__ = ["How", "Trainer"]
