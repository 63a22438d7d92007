"""Where finished reports lie until they are fetched."""

from __future__ import annotations

import shutil
import tempfile
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import Final, TypeAlias

from crowdflower.sandbox.control.delays import Delays

MIN_KEPT: Final = 2
"""Archives of one job and type that can be fetched again; the last but one may not have arrived."""

MAX_UNFETCHED: Final = 32
"""Archives of one job and type that nobody has fetched: so many may ask for a report at once."""

_Key: TypeAlias = tuple[int, str]


class ReportCache:
    """Archives in a directory of their own, each under a name that cannot be guessed.

    :param delays: Say how long the service says that a report is not ready yet, after each
        time it is asked to make a new one.

    >>> cache = ReportCache(Delays({"report": 1}))
    >>> cache.is_ready(7, "full"), cache.is_ready(7, "full")
    (False, True)
    >>> cache.close()
    """

    def __init__(self, delays: Delays | None = None) -> None:
        self._delays = delays or Delays()
        self._lock = Lock()
        self._begun: set[_Key] = set()
        self._archives: dict[_Key, list[Path]] = {}
        self._fetched: set[Path] = set()
        self._directory: Path | None = None

    def restart(self, job: int, kind: str) -> None:
        """Begin a report anew: it will be ready when it has taken as long as is set."""
        with self._lock:
            self._begun.add((job, kind))
        self._delays.begin("report", (job, kind))

    def is_ready(self, job: int, kind: str) -> bool:
        """Tell whether a report can be fetched; the first question begins it."""
        if (job, kind) not in self._begun:
            self.restart(job, kind)
        return self._delays.poll("report", (job, kind)) >= 1

    @contextmanager
    def add(self, job: int, kind: str, token: str) -> Iterator[Path]:
        """Put an archive there once it is whole, and throw away those that nobody waits for.

        When writing it fails, there is nothing new, and the report begins anew.

        :param token: The secret by which it is found.
        :returns: Where to write it.
        """
        unfinished = self._make_directory() / f"{token}.part"
        try:
            yield unfinished
        except BaseException:
            unfinished.unlink(missing_ok=True)
            self.restart(job, kind)
            raise
        with self._lock:
            if self._directory != unfinished.parent:
                return  # meanwhile everything was thrown away
            archives = self._archives.setdefault((job, kind), [])
            archives.append(unfinished.replace(unfinished.with_suffix(".zip")))
            waiting = [path for path in archives if path not in self._fetched]
            staying = {*archives[-MIN_KEPT:], *waiting[-MAX_UNFETCHED:]}
            for old in [path for path in archives if path not in staying]:
                old.unlink(missing_ok=True)
                archives.remove(old)
                self._fetched.discard(old)

    def find(self, token: str) -> Path | None:
        """Find an archive by its secret."""
        with self._lock:
            every = (path for archives in self._archives.values() for path in archives)
            return next((path for path in every if path.stem == token), None)

    def mark_fetched(self, path: Path) -> None:
        """Let an archive make room for others: whoever was sent to it has it open."""
        with self._lock:
            self._fetched.add(path)

    def clear(self) -> None:
        """Throw everything away."""
        with self._lock:
            self._begun.clear()
            self._archives.clear()
            self._fetched.clear()
            if self._directory is not None:
                shutil.rmtree(self._directory, ignore_errors=True)
                self._directory = None

    close = clear

    def _make_directory(self) -> Path:
        """Make the directory when the first archive comes."""
        with self._lock:
            if self._directory is None:
                self._directory = Path(tempfile.mkdtemp(prefix="crowdflower-"))
                weakref.finalize(self, shutil.rmtree, self._directory, ignore_errors=True)
            return self._directory
