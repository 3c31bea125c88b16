"""Checkpoints on file systems that this machine does not mount: any that fsspec knows, by URL."""

import contextlib
import functools
import os
import posixpath
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any, TypeVar

from lanista.errors import CheckpointError, LanistaError, MissingExtraError, UsageError

T = TypeVar("T")
FOLDER = ".tar"
"""How the name of a folder ends: it travels as one file, whose upload cannot be half done."""


@functools.cache
def check(folder: str) -> None:
    """Makes the folder where that is needed, and sees that it can be written; once in a process.

    Of the first part of the path, a bucket for instance, it is taken that it is there: a slip would create another one.

    Raises:
        CheckpointError: it cannot be written.
        UsageError: there is no such protocol. MissingExtraError: its package is not installed.
    """

    def act(fs: Any, path: str) -> None:
        marker = f"{path}/.reached-{os.urandom(4).hex()}"
        try:
            fs.pipe_file(marker, b"lanista")
        except Exception:  # each file system has its own for a folder that is missing
            _make(fs, path)
            fs.pipe_file(marker, b"lanista")
        with contextlib.suppress(Exception):  # where nothing may be deleted checkpoints stay, which harms nobody
            fs.rm_file(marker)

    try:
        _do(folder, "writing", act)
    except FileNotFoundError as error:
        raise _failed(folder, "writing", error) from error


def check_kind(url: str) -> None:
    """Sees that there is code for such URLs on this machine; asks no network.

    Raises:
        UsageError: there is no such protocol. MissingExtraError: its package is not installed.
    """
    _class(url)


def upload(source: Path, url: str) -> str:
    """Puts a file or a folder there, and returns the URL that it has in the end.

    Raises:
        CheckpointError: it could not be done; nothing is left of it, as far as the connection allowed that.
    """
    if source.is_dir():
        source, url = _packed(source), url + FOLDER

    def act(fs: Any, path: str) -> None:
        try:
            fs.put_file(str(source), path)
        except BaseException:
            with contextlib.suppress(Exception):
                fs.rm_file(path)
            raise

    try:
        _do(url, "writing", act)
    except FileNotFoundError as error:
        raise _failed(url, "writing", error) from error
    return url


def download(url: str, target: Path) -> None:
    """Brings what `upload` put there.

    Raises:
        CheckpointError: it is not there, or could not be brought.
    """
    part = target.with_name(f"{target.name}.{os.getpid()}.part")

    def act(fs: Any, path: str) -> None:
        fs.get_file(path, str(part))

    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        _do(url, "reading", act)
        if url.endswith(FOLDER):
            _unpack(part, target)
        else:
            os.replace(part, target)
    except FileNotFoundError as error:
        raise _failed(url, "reading", error) from error
    finally:
        part.unlink(missing_ok=True)


def exists(url: str) -> bool:
    """Whether it is there; where that cannot be learnt, yes: who reads it then hears the reason."""

    def act(fs: Any, path: str) -> None:
        fs.invalidate_cache()
        fs.info(path)

    try:
        _do(url, "reading", act)
    except FileNotFoundError:
        return False
    except CheckpointError:
        return True
    return True


def listed(folder: str) -> set[str]:
    """The names that a folder holds, none where there is no such folder.

    Raises:
        CheckpointError: it could not be read.
    """

    def act(fs: Any, path: str) -> set[str]:
        fs.invalidate_cache()
        return {posixpath.basename(name.rstrip("/")) for name in fs.ls(path, detail=False)}

    try:
        return _do(folder, "reading", act)
    except FileNotFoundError:
        return set()


def remove(folder: str, names: Collection[str]) -> None:
    """Deletes files of a folder; those that are gone already do no harm.

    Raises:
        CheckpointError: one is there and cannot be deleted.
    """

    def act(fs: Any, path: str) -> None:
        for name in names:
            try:
                fs.rm_file(f"{path}/{name}")
            except Exception:
                fs.invalidate_cache()
                if fs.exists(f"{path}/{name}"):
                    raise

    _do(folder, "deleting", act)


def remove_all(folder: str) -> None:
    """Deletes a folder with all that it holds.

    Raises:
        CheckpointError: it cannot be deleted.
    """
    with contextlib.suppress(FileNotFoundError):
        _do(folder, "deleting", lambda fs, path: fs.rm(path, recursive=True))


def _do(url: str, doing: str, act: Callable[[Any, str], T]) -> T:
    """Acts on a path; once more over a new connection, since one that was kept may have been cut while it was idle."""
    try:
        return act(*_open(url))
    except (LanistaError, FileNotFoundError):
        raise
    except Exception:  # whatever the file system raises
        with contextlib.suppress(Exception):
            _class(url).clear_instance_cache()
    try:
        return act(*_open(url))
    except (LanistaError, FileNotFoundError):
        raise
    except Exception as error:
        raise _failed(url, doing, error) from error


def _open(url: str) -> tuple[Any, str]:
    """The file system of a URL, and the path there."""
    _class(url)
    from fsspec.core import url_to_fs

    fs, path = url_to_fs(url)
    return fs, str(path)


def _class(url: str) -> Any:
    """The class of the file system of a URL."""
    try:
        from fsspec import get_filesystem_class
    except ImportError:
        raise MissingExtraError(f"checkpoints at {url!r} need {MissingExtraError.of('fsspec', 'remote')}") from None
    protocol = url.partition("://")[0]
    try:
        return get_filesystem_class(protocol)
    except ValueError:
        raise UsageError(
            f"checkpoints at {url!r}: fsspec knows no file system {protocol!r}; give a folder, or a URL such as "
            "s3://bucket/folder, gs://bucket/folder or sftp://host/folder"
        ) from None
    except ImportError as error:
        package = getattr(error.__cause__, "name", None) or protocol
        raise MissingExtraError(
            f"checkpoints at {url!r} need a package that is not installed; pip install {package.partition('.')[0]} "
            "brings it, on each machine that runs trials"
        ) from error


def _make(fs: Any, path: str) -> None:
    """Makes a folder and those above it, but for the first one."""
    parent = fs._parent(path)
    if not parent.strip("/") or fs.isdir(path):
        return
    _make(fs, parent)
    with contextlib.suppress(FileExistsError):
        fs.mkdir(path, create_parents=False)


def _failed(url: str, doing: str, error: Exception) -> CheckpointError:
    import socket

    why = f"{type(error).__name__}: {error}".strip().removesuffix(":")
    return CheckpointError(
        f"checkpoints at {url!r}: {doing} failed on {socket.gethostname()} with {why.rstrip('.')}. See that the bucket "
        "or folder is there, and that this machine has the right to it: credentials come from the environment, or from "
        "fsspec's own configuration files"
    )


def _packed(folder: Path) -> Path:
    """A folder as one file beside it."""
    import tarfile

    target = folder.with_name(folder.name + FOLDER)
    with tarfile.open(target, "w") as tar:
        tar.add(folder, arcname=".")
    return target


def _unpack(source: Path, target: Path) -> None:
    """A folder out of such a file."""
    import shutil
    import tarfile

    part = source.with_name(source.name + ".folder")
    try:
        with tarfile.open(source) as tar:
            tar.extractall(part, filter="data")
        os.replace(part, target)
    finally:
        shutil.rmtree(part, ignore_errors=True)
