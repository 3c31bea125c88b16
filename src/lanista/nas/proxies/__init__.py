"""Zero-cost proxies: scores of an untrained model that may tell how well it will train.

They cost a pass or two on one batch. They rank well on some spaces and badly on others, so nothing uses them by itself.
"""

from lanista.nas.proxies._geometry import jacob_cov, naswot, zen
from lanista.nas.proxies._gradients import grad_norm, grasp, snip, synflow
from lanista.nas.proxies._score import NAMES, Ranked, flops, params, rank, score

__all__ = [
    "score",
    "rank",
    "Ranked",
    "NAMES",
    "synflow",
    "snip",
    "grasp",
    "grad_norm",
    "jacob_cov",
    "naswot",
    "zen",
    "params",
    "flops",
]
