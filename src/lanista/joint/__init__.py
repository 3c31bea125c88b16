"""Deciders that are searcher and scheduler at once: what to begin and what to go on with is one question to them."""

from lanista.joint._freeze_thaw import FreezeThaw

__all__ = ["FreezeThaw"]
