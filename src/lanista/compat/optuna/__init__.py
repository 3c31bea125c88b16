"""Optuna's samplers as searchers, and searchers as Optuna's samplers: people can move either way.

`FromOptuna(sampler)` is a searcher around any sampler; `to_optuna(searcher)` is a sampler around any searcher. Both
need Optuna itself: `pip install 'lanista[optuna]'`.
"""

from lanista.compat.optuna._from_optuna import FromOptuna
from lanista.compat.optuna._to_optuna import to_optuna

__all__ = ["FromOptuna", "to_optuna"]
