"""A lock for an upload, which the system releases when its process ends, also if it is killed."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from crowdflower.exceptions import UploadError, UploadLocked
from crowdflower.http.base_client import Clock
from crowdflower.http.polling import poll
from crowdflower.rows.new_file import NO_LINK

try:
    from fcntl import LOCK_EX, LOCK_NB, flock
except ModuleNotFoundError:  # Windows
    flock = None  # type: ignore[assignment]

PATIENCE: Final = (0.5, 1, 2, 4, 8, 15, 30)
"""Seconds between attempts to get a lock that another process or thread holds."""

_handles: Final[set[int]] = set()
"""Locked files of this process."""


@contextmanager
def lock_upload(path: Path, what: str, clock: Clock) -> Iterator[None]:
    """Lock a file, which is deleted at the end; a killed process leaves it, without the lock.

    On Windows there is no lock.

    :param what: What is locked, for messages.
    :raises UploadLocked: Another process or thread holds the lock for a minute.
    :raises UploadError: The file cannot be created.
    """
    if flock is None:
        yield
        return
    try:
        handle = _wait_for_lock(path, clock)
    except OSError as error:
        problem: str | None = f"the lock file {path} cannot be used: {error.strerror}"
    else:
        problem = None
    if problem:
        raise UploadError(problem)
    if handle is None:
        raise UploadLocked(f"another process or thread is running {what}; wait until it ends")
    _handles.add(handle)
    try:
        yield
    finally:
        if handle in _handles:  # otherwise this is a forked child
            _handles.discard(handle)
            with suppress(OSError):
                path.unlink()
            os.close(handle)


def _wait_for_lock(path: Path, clock: Clock) -> int | None:
    for _ in poll(clock, PATIENCE):
        handle = _try_lock(path)
        if handle is not None:
            return handle
    return None


def _try_lock(path: Path) -> int | None:
    """Lock a file, created if it does not exist; return its handle, ``None`` if it is locked."""
    while True:
        handle = os.open(path, os.O_CREAT | os.O_RDWR | NO_LINK, 0o600)
        try:
            flock(handle, LOCK_EX | LOCK_NB)
            if os.fstat(handle).st_nlink:
                return handle
        except BlockingIOError:
            os.close(handle)
            return None
        except BaseException:
            os.close(handle)
            raise
        os.close(handle)  # its previous holder has just deleted it


def _release_in_child() -> None:
    """Close the files of the parent: it keeps its locks, and they end with the parent alone."""
    for handle in _handles:
        with suppress(OSError):
            os.close(handle)
    _handles.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_release_in_child)
