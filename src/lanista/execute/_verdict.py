"""The last facts that an executor itself gives a trial."""

import time

from lanista.journal import Ended, Released

_HINTS = {"SIGKILL": " (by a person, or by the system for want of memory)"}


def asked(number: int, attempt: int, reason: str, *, end: bool) -> Ended | Released:
    """The end of a trial that the controller cancelled: for good, or to run again."""
    if end:
        return Ended(time.time(), number, attempt, "cancelled", reason=reason)
    return Released(time.time(), number, attempt, reason)


def failed(number: int, attempt: int, error: BaseException) -> Ended:
    """The end of a trial by what user code should not raise, such as SystemExit."""
    import traceback

    text = "".join(traceback.format_exception(error))
    return Ended(time.time(), number, attempt, "failed", reason=f"{type(error).__name__}: {error}", error=text)


def death(code: int) -> str:
    """How a process ended, from its return code.

    >>> death(-11), death(3)
    ('signal SIGSEGV', 'exit code 3')
    """
    import signal

    if code >= 0:
        return f"exit code {code}"
    try:
        name = signal.Signals(-code).name
    except ValueError:
        name = str(-code)
    return f"signal {name}{_HINTS.get(name, '')}"
