"""Where an experiment's checkpoints live."""

import re
import time
from itertools import chain
from pathlib import Path

from lanista.errors import UsageError
from lanista.journal import Created, History


def as_place(given: str | Path | None) -> str:
    """The folder or URL that was given, whole, so that it means the same to every process; empty where none was.

    Raises:
        UsageError: it is neither, or it holds a password.
    """
    if given is None:
        return ""
    if not isinstance(given, str | Path) or not str(given):
        raise UsageError(
            f"checkpoints={given!r} must be a folder or a URL, such as 's3://bucket/folder'; how many trials keep "
            "theirs is said by Limits(checkpoints=...)"
        )
    text = str(given)
    if isinstance(given, Path) and re.match(r"\w{2,}:", text):
        raise UsageError(f"checkpoints={given!r}: a Path takes a URL apart; give it as text")
    scheme, separator, rest = text.partition("://")
    if not separator or scheme in ("file", "local"):
        return str(Path(rest if separator else text).expanduser().absolute())
    user, at, host = rest.partition("/")[0].rpartition("@")
    if at and ":" in user:
        told = f"{scheme}://{user.partition(':')[0]}@{host}"
        raise UsageError(
            f"checkpoints={told!r} came with a password, which the journal would show to everybody; leave it out, and "
            f"set it in the environment instead: FSSPEC_{scheme.upper()}_PASSWORD"
        )
    if not rest.strip("/"):
        raise UsageError(f"checkpoints={text!r} names no folder; write for instance {scheme}://bucket/folder")
    return text.rstrip("/")


def folder_in(place: str, created: Created) -> str | None:
    """The experiment's own folder there, which no other experiment of that name has; None without a place."""
    if not place:
        return None
    return f"{place}/{_own(created)}"


def folders_of(history: History) -> list[str]:
    """The experiment's own folders, in all places that it was ever given, with a checkpoint in them or not any more."""
    created = history.created
    if created is None:
        return []
    names = chain(*(saved.values() for saved in history.checkpoints.values()), *history.replaced.values())
    folders = {name.rpartition("/")[0] for name in names}
    if created.checkpoints:
        folders.add(f"{created.checkpoints}/{_own(created)}")
    return sorted(folder for folder in folders if folder.rpartition("/")[2] == _own(created))


def _own(created: Created) -> str:
    """A name that tells a person which experiment it is, and that has nothing in it that a URL could not have."""
    name = re.sub(r"[^\w.-]", "_", created.name, flags=re.ASCII)
    when = time.strftime("%Y%m%d-%H%M%S", time.gmtime(created.time))
    return f"{name}-{when}-{int(created.time % 1 * 1e6):06d}"  # many jobs may begin within a second
