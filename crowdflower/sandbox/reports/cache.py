"""A cache of finished report archives, kept on disk until they are fetched."""

from __future__ import annotations

import shutil
import tempfile
import weakref
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import Final, NamedTuple, TypeAlias

from crowdflower.sandbox.control.delays import Delays

MIN_KEPT: Final = 2
"""Archives per job and type that are always kept: the latest, and the one before it, which a slow
client may still be downloading."""

MAX_UNFETCHED: Final = 32
"""Unfetched archives per job and type that are kept: as many clients may request a report at once.
"""

_Key: TypeAlias = tuple[int, str]


class MadeReport(NamedTuple):
    """A finished report: its archive, and what it is as of."""

    token: str
    """The secret to find the archive by."""

    member: str
    """The name of the file inside the archive."""

    made_at: float
    """When its data was read, in seconds since 1970 UTC."""

    lines: int
    """Its lines, without the header."""

    last_judgment_id: int
    """The newest judgment of all jobs at that time; later ones have higher ids."""

    next_seq: int
    """The ``seq`` of the first row that was uploaded to the job afterwards."""


class ReportCache:
    """Report archives in a temporary directory, each under a secret name.

    :param delays: How long a report stays "not ready" after each request for a new one.

    >>> cache = ReportCache(Delays({"report": 1}))
    >>> cache.is_ready(7, "full"), cache.is_ready(7, "full")
    (False, True)
    >>> cache.close()
    """

    def __init__(self, delays: Delays | None = None) -> None:
        self._delays = delays or Delays()
        self._lock = Lock()
        self._started: set[_Key] = set()
        self._archives: dict[_Key, list[Path]] = {}
        self._fetched: set[Path] = set()
        self._made: dict[str, MadeReport] = {}
        self._unfinished: Counter[_Key] = Counter()
        self._directory: Path | None = None

    def restart(self, job: int, kind: str) -> None:
        """Start generating a report; it becomes ready after the configured delay."""
        with self._lock:
            self._started.add((job, kind))
        self._delays.begin("report", (job, kind))

    def is_ready(self, job: int, kind: str) -> bool:
        """Return whether a report can be fetched; the first call starts it."""
        if (job, kind) not in self._started:
            self.restart(job, kind)
        return self._delays.poll("report", (job, kind)) >= 1

    @contextmanager
    def add(self, job: int, kind: str, token: str) -> Iterator[Path]:
        """Add an archive when the block has written it, and delete archives that are not needed.

        When the block raises, nothing is added, and the report is started again.

        :param token: The secret to find the archive by.
        :returns: The path to write to.
        """
        unfinished = self._make_directory() / f"{token}.part"
        with self._lock:
            self._unfinished[job, kind] += 1
        try:
            yield unfinished
        except BaseException:
            unfinished.unlink(missing_ok=True)
            self.restart(job, kind)
            raise
        finally:
            with self._lock:
                self._unfinished[job, kind] -= 1
        with self._lock:
            if self._directory != unfinished.parent:
                return  # the cache was cleared meanwhile
            archives = self._archives.setdefault((job, kind), [])
            archives.append(unfinished.replace(unfinished.with_suffix(".zip")))
            unfetched = [path for path in archives if path not in self._fetched]
            kept = {*archives[-MIN_KEPT:], *unfetched[-MAX_UNFETCHED:]}
            for old in [path for path in archives if path not in kept]:
                old.unlink(missing_ok=True)
                archives.remove(old)
                self._fetched.discard(old)
                self._made.pop(old.stem, None)

    def describe(self, made: MadeReport) -> None:
        """Keep what an archive that was added is as of, for :meth:`latest`."""
        with self._lock:
            if any(path.stem == made.token for each in self._archives.values() for path in each):
                self._made[made.token] = made

    def latest(self, job: int, kind: str) -> MadeReport | None:
        """Return the report of a job that was finished last, if there is one."""
        with self._lock:
            newest_first = reversed(self._archives.get((job, kind), []))
            found = (self._made.get(path.stem) for path in newest_first)
            return next((made for made in found if made is not None), None)

    def is_being_made(self, job: int, kind: str) -> bool:
        """Return whether a request is writing a report of a job at this moment."""
        with self._lock:
            return self._unfinished[job, kind] > 0

    def find(self, token: str) -> Path | None:
        """Find an archive by its token."""
        with self._lock:
            every = (path for archives in self._archives.values() for path in archives)
            return next((path for path in every if path.stem == token), None)

    def mark_fetched(self, path: Path) -> None:
        """Mark an archive as fetched, so that it may be deleted; open files stay readable."""
        with self._lock:
            self._fetched.add(path)

    def clear(self) -> None:
        """Delete all archives."""
        with self._lock:
            self._started.clear()
            self._archives.clear()
            self._fetched.clear()
            self._made.clear()
            if self._directory is not None:
                shutil.rmtree(self._directory, ignore_errors=True)
                self._directory = None

    close = clear

    def _make_directory(self) -> Path:
        """Create the directory when the first archive is added."""
        with self._lock:
            if self._directory is None:
                self._directory = Path(tempfile.mkdtemp(prefix="crowdflower-"))
                weakref.finalize(self, shutil.rmtree, self._directory, ignore_errors=True)
            return self._directory
