"""The units of a job as they were last read: the rows of a plan that it holds, and how often."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import contextmanager
from typing import Final

from crowdflower.http.encoding import is_encodable
from crowdflower.models.endpoints import UNITS_PER_PAGE
from crowdflower.rows.recovery.upload_journal import key_hash
from crowdflower.rows.upload_keys import Units, key_in

_EARLIER: Final = "CREATE TEMP TABLE earlier (hash INTEGER PRIMARY KEY)"
"""Hashes of the keys that an unfinished upload has sent."""

_IS_ROW: Final = "EXISTS (SELECT 1 FROM row WHERE row.key = seen.key)"
_IS_EARLIER: Final = "key_hash(seen.key) IN (SELECT hash FROM earlier)"


class KnownUnits:
    """Keys and ids of the units of a job, in the file of an upload plan.

    :param connection: Its tables ``row`` and ``seen`` are those of the plan.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        connection.create_function("key_hash", 1, key_hash, deterministic=True)
        connection.execute(_EARLIER)
        self._count_of_all = 0

    def read(
        self,
        list_units: Callable[[int], Units],
        key: str,
        ignored: AbstractSet[int],
        *,
        only_new: bool = False,
    ) -> None:
        """Read the units of the job; from then on these are known.

        :param list_units: Reads units from a page on.
        :param key: The key column.
        :param ignored: Units that do not count.
        :param only_new: Read only the last pages, and add them to the units that are known.
        """
        start_page = self._count_of_all // UNITS_PER_PAGE + 1 if only_new else 1
        count = 0

        def units_with_key() -> Iterator[tuple[str, int]]:
            nonlocal count
            for unit, data in list_units(start_page):
                count += 1
                found = key_in(data, key)
                # Keys of the plan can be encoded, so one with a lone surrogate is not among them.
                if found and unit not in ignored and is_encodable(found):
                    yield found, unit

        with transaction(self._connection):
            if not only_new:
                self._connection.execute("DELETE FROM seen")
            self._connection.executemany(
                "INSERT OR IGNORE INTO seen VALUES (?, ?)", units_with_key()
            )
        if not only_new:
            self._count_of_all = count

    def record_earlier(self, hashes: Iterable[int]) -> None:
        """Record what an unfinished upload has sent, by the hash of its key."""
        with transaction(self._connection):
            self._connection.executemany(
                "INSERT OR IGNORE INTO earlier VALUES (?)", ((each,) for each in hashes)
            )

    def forget(self, groups: Mapping[str, Sequence[int]], units: set[int]) -> None:
        """Remove units from those that are known.

        :param groups: Units by key, as :meth:`duplicates` returns them.
        :param units: Which of them.
        """
        gone = [(key, unit) for key, group in groups.items() for unit in group if unit in units]
        with transaction(self._connection):
            self._connection.executemany("DELETE FROM seen WHERE key = ? AND unit = ?", gone)

    @property
    def rows_present(self) -> int:
        """How many rows of the plan the job holds."""
        return self._count("")

    @property
    def rows_found(self) -> int:
        """How many rows of the plan the job holds that no unfinished upload has sent."""
        return self._count(
            " AND key_hash(key) NOT IN (SELECT hash FROM earlier)" if self._has_earlier else ""
        )

    def _count(self, where: str) -> int:
        query = (
            "SELECT count(*) FROM row WHERE EXISTS (SELECT 1 FROM seen WHERE key = row.key)"  # noqa: S608
            + where
        )
        return int(self._connection.execute(query).fetchone()[0])

    def lack_earlier(self) -> bool:
        """Return whether the job lacks a row that an unfinished upload has sent."""
        query = "SELECT 1 FROM earlier WHERE hash NOT IN (SELECT key_hash(key) FROM seen) LIMIT 1"
        return self._has_earlier and self._connection.execute(query).fetchone() is not None

    @property
    def _has_earlier(self) -> bool:
        return self._connection.execute("SELECT 1 FROM earlier LIMIT 1").fetchone() is not None

    def duplicates(self) -> dict[str, list[int]]:
        """Return the units of each row that is there twice, in the order of their ids.

        It is a row of the plan, or of the unfinished upload: there are only as many as were sent
        twice.
        """
        return self._duplicates(f"({_IS_ROW} OR {_IS_EARLIER})")

    def earlier_duplicates(self) -> dict[str, list[int]]:
        """Return the units of each row of the unfinished upload that is there twice."""
        return self._duplicates(_IS_EARLIER)

    def forget_earlier(self) -> None:
        """Forget what an unfinished upload has sent."""
        self._connection.execute("DELETE FROM earlier")

    def restart(self) -> None:
        """Forget everything: the next units are those of another job."""
        with transaction(self._connection):
            self._connection.execute("DELETE FROM seen")
            self._connection.execute("DELETE FROM earlier")
        self._count_of_all = 0

    def foreign_duplicates(self) -> dict[str, list[int]]:
        """Return the units of each row of the plan that is there twice, and was not sent before."""
        return self._duplicates(f"{_IS_ROW} AND NOT {_IS_EARLIER}")

    def _duplicates(self, where: str) -> dict[str, list[int]]:
        query = (
            "SELECT key, unit FROM seen WHERE EXISTS (SELECT 1 FROM seen AS other"  # noqa: S608
            f" WHERE other.key = seen.key AND other.unit <> seen.unit) AND {where} ORDER BY 1, 2"
        )
        groups: dict[str, list[int]] = {}
        for key, unit in self._connection.execute(query):
            groups.setdefault(key, []).append(unit)
        return groups


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """Commit what the block changes, or roll it back after an exception."""
    connection.execute("BEGIN")
    try:
        yield
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")
