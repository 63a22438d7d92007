"""Loads the lines of a JSON report into columns, with pyarrow if it is installed."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from itertools import islice
from typing import Any, Final

from crowdflower._types import JSONObject
from crowdflower.rows.report_archive import TEXT, Text
from crowdflower.rows.votes import judgments_count
from crowdflower.tables.judgment_columns import JudgmentColumns
from crowdflower.tables.optional_packages import find
from crowdflower.tables.reading.arrow_blocks import ArrowBlocks
from crowdflower.tables.reading.json_shape import (
    Shape,
    Unreadable,
    arrow_schema,
    learn,
    read_lines,
)

MAX_THREADS: Final = 4
"""Threads in which pyarrow reads ahead."""

UNITS_AT_ONCE: Final = 32
"""Units in memory as JSON: so few that they stay in the cache of the processor, and so many that
the time per batch does not matter."""


class TextLoader:
    """Reads lines of a report into columns, with pyarrow if it is installed.

    The first lines are decoded, and show which names and types the others are likely to have.
    Where they have others, they are decoded too; after each time, more lines are decoded before
    pyarrow is tried again. It reads a few texts ahead, in threads.

    :param add: Appends units that were decoded.
    :param untrusted: Whether units that lack judgments must be decoded.
    """

    def __init__(
        self,
        columns: JudgmentColumns,
        add: Callable[[Sequence[JSONObject]], None],
        *,
        untrusted: bool,
    ) -> None:
        self._columns = columns
        self._add = add
        self._untrusted = untrusted
        self._judgments = 0
        self._shape: dict[str, Shape] = {}
        self._is_readable = True
        self._skip = self._pause = 0
        """Texts that are decoded before pyarrow is tried again, and how many the next time."""

    def load(self, texts: Callable[[Callable[[], int]], Iterator[Text]]) -> None:
        """Read all lines."""
        threads = min(MAX_THREADS, os.cpu_count() or 1)
        ahead: deque[tuple[Text, Future[Any] | None]] = deque()

        def append(most: int) -> int:
            """Append texts until at most so many are ahead; return how many judgments there are."""
            while len(ahead) > most:
                self._append(*ahead.popleft())
            return self._judgments

        with ThreadPoolExecutor(threads, "crowdflower-report") as pool:
            for text in texts(partial(append, 0)):
                ahead.append((text, self._start(pool, text)))
                append(threads if self._is_readable and self._shape else 0)
            append(0)

    def _start(self, pool: ThreadPoolExecutor, text: Text) -> Future[Any] | None:
        """Let a thread read a text; return ``None`` if it will be decoded."""
        if not (self._shape and self._is_readable) or self._skip:
            return None
        pa, json = find("pyarrow"), find("pyarrow.json")
        if pa is None or json is None or find("pyarrow.compute") is None:
            self._is_readable = False
            return None
        return pool.submit(read_lines, pa, json, arrow_schema(pa, self._shape), text.content)

    def _append(self, text: Text, reading: Future[Any] | None) -> None:
        if reading is not None and self._append_arrow(reading):
            self._pause = 0
            return
        is_sample = self._skip <= 1 and len(text.content) >= TEXT // 2  # a short one is the last
        if reading is not None:  # it failed
            self._skip, self._pause = self._pause, 2 * self._pause + 1
        elif self._skip:
            self._skip -= 1
        for units in batches(text.units()):
            self._add(units)
            self._judgments += sum(map(judgments_count, units))
            if is_sample and self._is_readable:
                self._learn(units)

    def _learn(self, units: list[JSONObject]) -> None:
        try:
            for unit in units:
                learn(self._shape, unit)
        except Unreadable:
            self._is_readable = False

    def _append_arrow(self, reading: Future[Any]) -> bool:
        """Append what pyarrow read; return ``False`` if it must be decoded."""
        arrow = ArrowBlocks(find("pyarrow"), find("pyarrow.compute"))
        try:
            self._judgments += self._add_arrow(arrow, reading.result())
        except (Unreadable, arrow.pa.ArrowException):
            return False
        return True

    def _add_arrow(self, arrow: ArrowBlocks, units: Any) -> int:
        """Append units, and return how many judgments they have.

        :raises Unreadable: They must be decoded; nothing was appended.
        """
        pa, compute = arrow.pa, arrow.compute
        judgments = arrow.field(arrow.field(units, "results"), "judgments")
        counts = arrow.field(units, "judgments_count")
        if not (pa.types.is_list(judgments.type) and pa.types.is_struct(judgments.type.value_type)):
            raise Unreadable
        if not (pa.types.is_int64(counts.type) or pa.types.is_null(counts.type)):
            raise Unreadable
        if arrow.field(units, "id").null_count or judgments.flatten().null_count:
            raise Unreadable
        listed = compute.list_value_length(judgments).fill_null(0)
        counts = counts.cast(pa.int64())
        if self._untrusted and compute.any(compute.greater(counts, listed)).as_py():
            raise Unreadable
        self._columns.add_arrow(arrow, units, judgments)
        found: int | None = compute.sum(counts).as_py()
        return found or 0


def batches(units: Iterable[JSONObject]) -> Iterator[list[JSONObject]]:
    """Yield :data:`UNITS_AT_ONCE` units at a time."""
    source = iter(units)
    while batch := list(islice(source, UNITS_AT_ONCE)):
        yield batch
