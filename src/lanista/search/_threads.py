"""One thread for linear algebra: searchers' matrices are too small for more."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from threading import Lock
from typing import Any

_lock = Lock()
_inside: list[Any] = []
"""The limit of each call that is under way; the first one's holds, and is lifted by the last."""


@contextmanager
def one_thread() -> Iterator[None]:
    """Keeps BLAS to one thread meanwhile, as a context or a decorator; then it has again as many as before.

    For matrices of a few hundred rows more threads cost several times what they save, and they add in another order,
    so that the same seed would not propose the same on another number of cores.
    """
    with _lock:
        _inside.append(_inside[0] if _inside else _libraries().limit(limits=1))
    try:
        yield
    finally:
        with _lock:
            limit = _inside.pop()
            if not _inside:
                limit.restore_original_limits()


@cache
def _libraries() -> Any:
    """The BLAS of numpy and of scipy; looking for them takes milliseconds."""
    import scipy.linalg  # noqa: F401  (loads scipy's BLAS, which is not numpy's)
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController().select(user_api="blas")
