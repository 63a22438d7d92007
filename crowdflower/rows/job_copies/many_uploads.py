"""The result of an upload to several jobs, and which unit of which job has the row of a key."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, ItemsView, Iterable, Iterator, Mapping, ValuesView
from dataclasses import dataclass, field
from itertools import islice
from threading import Lock
from typing import TYPE_CHECKING, Any, Final, Generic, NamedTuple, TypeVar
from weakref import finalize

from crowdflower.http.encoding import is_encodable
from crowdflower.rows.upload_keys import keys_of_units

if TYPE_CHECKING:
    import pyarrow as pa

    from crowdflower.models.job_fields import JobFields
    from crowdflower.rows.upload_keys import Units

T = TypeVar("T", bound="JobFields")

BATCH: Final = 10_000

_TABLE: Final = """
    CREATE TABLE unit (
        place INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE ON CONFLICT IGNORE,
        job INTEGER NOT NULL, unit INTEGER NOT NULL
    )
"""


class UnitPlace(NamedTuple):
    """Where the row of a key is."""

    job_id: int
    unit_id: int


class UnitMap(Mapping[str, UnitPlace]):
    """The job and the unit of each row, by its key; a mapping that is read when it is first used.

    It calls ``GET /jobs/{id}/units``, once per thousand units of all jobs, and keeps what it read
    in a temporary file, so that a million rows need no million objects. Test questions that were
    copied with a job are found in the first job that has them. :meth:`reload` reads again.

    :param job_ids: The jobs, in order.
    :param key: The key column.
    :param list_units: Reads id and data of the units of a job.
    """

    def __init__(
        self, job_ids: Iterable[int], key: str, list_units: Callable[[int], Units]
    ) -> None:
        self._job_ids = tuple(job_ids)
        self._key = key
        self._list_units = list_units
        self._lock = Lock()
        self._file: sqlite3.Connection | None = None

    def __getitem__(self, key: object) -> UnitPlace:
        """Return where a row is; the key may be a string or an integer.

        :raises KeyError: No job has a row with the key.
        """
        if isinstance(key, (str, int)):
            query = "SELECT job, unit FROM unit WHERE key = ?"
            for place in self._rows(query, str(key).strip()):
                return UnitPlace(*place)
        raise KeyError(key)

    def __iter__(self) -> Iterator[str]:
        """Yield the keys, in the order of the jobs and their units."""
        for (key,) in self._rows("SELECT key FROM unit ORDER BY place"):
            yield key

    def __len__(self) -> int:
        """Return the number of rows that have a key."""
        return int(next(self._rows("SELECT count(*) FROM unit"))[0])

    def __repr__(self) -> str:
        """Return the jobs; nothing is read for it."""
        jobs = ", ".join(map(str, self._job_ids))
        return f"<UnitMap of job{'s' * (len(self._job_ids) != 1)} {jobs} by {self._key!r}>"

    def items(self) -> ItemsView[str, UnitPlace]:
        """Return a view of keys and places, which is read in order."""
        return _Items(self)

    def values(self) -> ValuesView[UnitPlace]:
        """Return a view of the places, in the order of the keys."""
        return _Values(self)

    def to_arrow(self) -> pa.Table:
        """Return a table with the columns ``key``, ``job_id`` and ``unit_id``.

        :raises ImportError: pyarrow is not installed.
        """
        try:
            import pyarrow as pa  # noqa: PLC0415 - optional
        except ImportError as missing:
            raise ImportError(
                "to_arrow needs pyarrow, which is not installed: pip install"
                " 'crowdflower-client[arrow]'"
            ) from missing
        schema = pa.schema([("key", pa.string()), ("job_id", pa.int64()), ("unit_id", pa.int64())])
        rows = self._rows("SELECT key, job, unit FROM unit ORDER BY place")
        batches = []
        while block := list(islice(rows, BATCH)):
            columns = [
                pa.array(values, kind)
                for values, kind in zip(zip(*block, strict=True), schema.types, strict=True)
            ]
            batches.append(pa.record_batch(columns, schema=schema))
        return pa.Table.from_batches(batches, schema)

    def reload(self) -> None:
        """Read the units again when the mapping is next used."""
        with self._lock:
            self._file = None

    def _rows(self, query: str, *values: object) -> Iterator[Any]:
        """Yield the result of a query; the lock is not held while the consumer works."""
        with self._lock:
            if self._file is None:
                self._file = self._read()
            cursor = self._file.execute(query, values)
        while True:
            with self._lock:
                block = cursor.fetchmany(BATCH)
            if not block:
                return
            yield from block

    def _read(self) -> sqlite3.Connection:
        file = sqlite3.connect("", check_same_thread=False, isolation_level=None)
        finalize(self, file.close)
        file.execute(_TABLE)
        file.execute("BEGIN")
        for job_id in self._job_ids:
            units = keys_of_units(self._list_units(job_id), self._key)
            file.executemany(
                "INSERT INTO unit (key, job, unit) VALUES (?, ?, ?)",
                ((key, job_id, unit_id) for key, unit_id in units if is_encodable(key)),
            )
        file.execute("COMMIT")
        return file


class _Items(ItemsView[str, UnitPlace]):
    _mapping: UnitMap

    def __iter__(self) -> Iterator[tuple[str, UnitPlace]]:
        query = "SELECT key, job, unit FROM unit ORDER BY place"
        for key, job, unit in self._mapping._rows(query):  # noqa: SLF001 - its own view
            yield key, UnitPlace(job, unit)


class _Values(ValuesView[UnitPlace]):
    _mapping: UnitMap

    def __iter__(self) -> Iterator[UnitPlace]:
        for place in self._mapping._rows("SELECT job, unit FROM unit ORDER BY place"):  # noqa: SLF001
            yield UnitPlace(*place)


@dataclass(frozen=True)
class ManyUploads(Generic[T]):
    """The result of :meth:`Client.upload_many <crowdflower.client.Client.upload_many>`.

    Each row of the upload is in one of the jobs, once.
    """

    jobs: tuple[T, ...]
    """The first job and its copies, in order."""

    rows: int
    """All rows of the upload."""

    found: int
    """Rows that one of the jobs held already, and that were not sent."""

    missing: int
    """Rows that no job holds; 0 except after a dry run, which would have sent them."""

    resends: int
    """Further requests, for rows that were missing after a lost response."""

    duplicates_removed: int
    """Units that were deleted or canceled because a row had arrived twice."""

    units: UnitMap = field(repr=False, compare=False)
    """The job and the unit of each row, by its key."""
