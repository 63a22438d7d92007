"""Write a file atomically: it appears under its name complete, or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from os import PathLike
from pathlib import Path
from typing import IO, Final

try:
    from fcntl import LOCK_EX, LOCK_NB, flock
except ModuleNotFoundError:  # Windows, where an open file cannot be replaced anyway
    flock = None  # type: ignore[assignment]

NO_LINK: Final = getattr(os, "O_NOFOLLOW", 0)
"""Do not follow a symbolic link: in a folder that others can write to, it may lead to a file of
another user."""


@contextmanager
def new_file(path: str | PathLike[str], *, overwrite: bool) -> Iterator[tuple[IO[bytes], Path]]:
    """Open a file for writing; it gets its name only when the block ends without an error.

    Until then it is called ``.NAME.part``, and only its owner can read it. A process that is killed
    leaves that file behind, and the next one overwrites it.

    :param overwrite: Replace an existing file of that name.
    :returns: The file, and the folder it is in.
    :raises FileExistsError: A file of that name exists, and ``overwrite`` is false.
    :raises IsADirectoryError: A folder has that name.
    :raises BlockingIOError: Another process is writing the file.
    :raises OSError: The folder cannot be written to; no file has got the name.
    """
    target = Path(path)
    if target.is_dir():
        raise IsADirectoryError(f"{target} is a folder; name a file in it")
    _refuse_existing(target, overwrite=overwrite)
    part = target.with_name(f".{target.name}.part")
    with os.fdopen(os.open(part, os.O_RDWR | os.O_CREAT | NO_LINK, 0o600), "r+b") as file:
        _lock(file, part)
        try:
            file.truncate()
            part.chmod(0o600)  # a file left behind may have other permissions
            yield file, target.parent
            file.flush()
            os.fsync(file.fileno())
            _refuse_existing(target, overwrite=overwrite)
            os.replace(part, target)  # noqa: PTH105 - documented as atomic, Path.replace is not
        except BaseException:
            with suppress(OSError):
                part.unlink()
            raise
    _sync_folder(target.parent)


def _refuse_existing(target: Path, *, overwrite: bool) -> None:
    if target.exists() and not overwrite:
        raise FileExistsError(f"{target} exists already; overwrite=True replaces it")


def _lock(file: IO[bytes], part: Path) -> None:
    if flock is None:
        return
    with suppress(BlockingIOError, FileNotFoundError):
        flock(file, LOCK_EX | LOCK_NB)
        # The previous holder of the lock may just have renamed this very file to its final name.
        if os.path.samestat(os.fstat(file.fileno()), part.stat()):
            return
    raise BlockingIOError(f"another process is writing {part}")


def _sync_folder(folder: Path) -> None:
    """Make a new name survive a power failure; a system that cannot sync a folder need not."""
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
