"""The plan of an upload to several jobs: rows that one job cannot hold are left to the next one."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from crowdflower.rows import upload_plan
from crowdflower.rows.recovery.known_units import transaction
from crowdflower.rows.upload_plan import Chunk, Plan, Progress

LATER: Final = "later"
"""The state of chunks that are left to the next job."""

_MISSING: Final = "NOT EXISTS (SELECT 1 FROM seen WHERE seen.key = row.key)"


class PartedPlan(Plan):
    """Rows to send to one job after the other, in a temporary file that has no name.

    At any time it has the rows that no earlier job holds, under their numbers in the upload.
    """

    def __init__(self) -> None:
        super().__init__("")

    def missing_lines(self, chunk: Chunk) -> list[bytes]:
        """Return the encoded rows of a chunk that this job is to get, and did not hold."""
        return [] if chunk.state == LATER else super().missing_lines(chunk)

    def count_missing(self, chunk: Chunk, before: int | None = None) -> int:
        """Return how many rows of a chunk the job did not hold when it was last read.

        :param before: Count only the rows before the one with this number.
        """
        last = chunk.last if before is None else before - 1
        found = self._connection.execute(
            f"SELECT count(*) FROM row WHERE number BETWEEN ? AND ? AND {_MISSING}",  # noqa: S608
            (chunk.first, last),
        ).fetchone()
        return int(found[0])

    def count_all_missing(self) -> int:
        """Return how many of the rows that this job is to get it did not hold when last read."""
        return sum(self.count_missing(each) for each in self.chunks() if each.state != LATER)

    def split(self, chunk: Chunk, size: int) -> tuple[Chunk, Chunk]:
        """Make two chunks of one, the first with a number of rows that the job does not hold."""
        (last,) = self._connection.execute(
            f"SELECT number FROM row WHERE number BETWEEN ? AND ? AND {_MISSING}"  # noqa: S608
            " ORDER BY number LIMIT 1 OFFSET ?",
            (chunk.first, chunk.last, size - 1),
        ).fetchone()
        with transaction(self._connection):
            self._connection.execute(
                "UPDATE chunk SET last = ? WHERE number = ?", (last, chunk.number)
            )
            self._connection.execute(
                "INSERT INTO chunk (first, last, state, expected)"
                " SELECT ?, ?, state, expected FROM chunk WHERE number = ?",
                (last + 1, chunk.last, chunk.number),
            )
        rest = self.chunks()[-1]
        return replace(chunk, last=last, state=rest.state, expected=rest.expected), rest

    def postpone(self) -> None:
        """Leave all rows that were not sent to the next job."""
        left = sum(self.count_missing(each) for each in self.chunks() if each.state != "done")
        self._connection.execute("UPDATE chunk SET state = ? WHERE state <> 'done'", (LATER,))
        self.progress.rows -= left
        self.save()

    def begin_next(self) -> None:
        """Drop the rows that this job holds; what is left is for the next one."""
        with transaction(self._connection):
            self._connection.execute("DELETE FROM row WHERE key IN (SELECT key FROM seen)")
            self._connection.execute("DELETE FROM chunk")
            self._cut()
        self.units.restart()
        self.refused_row = None
        (rows,) = self._one("SELECT count(*) FROM row")
        self.progress = Progress(rows=rows)
        self.save()

    def _cut(self) -> None:
        first = size = count = number = 0
        for number, length in self._connection.execute(
            "SELECT number, length(line) FROM row ORDER BY number"
        ).fetchall():
            if count and (
                count >= upload_plan.ROWS_PER_CHUNK or size + length > upload_plan.BYTES_PER_CHUNK
            ):
                self._add_chunk(first, number - 1)
                count = size = 0
            first = first if count else number
            count += 1
            size += length
        if count:
            self._add_chunk(first, number)
