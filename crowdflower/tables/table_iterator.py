"""Iterators over results that are tables too."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date, datetime
from typing import TYPE_CHECKING, Generic, Self, TypeVar

from crowdflower.exceptions import InvalidInput
from crowdflower.tables.report_tables import ReportSource, judgments_table, results_table
from crowdflower.tables.typed_table import Table

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl
    import pyarrow as pa

T = TypeVar("T")


class TableIterator(Iterator[T], Generic[T]):
    """An iterator that requests nothing before the first item is taken, or a table is made.

    A table has everything, not what is left: so it is refused after the first item was taken. It
    leaves the iterator as it was.

    :param title: What it iterates over, for messages.
    :param items: Returns an iterator over the items.
    :param source: Where tables are read from.
    """

    def __init__(
        self, title: str, items: Callable[[], Iterator[T]], source: Callable[[], ReportSource]
    ) -> None:
        self._title = title
        self._items = items
        self._source = source
        self._iterator: Iterator[T] | None = None

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> T:
        if self._iterator is None:
            self._iterator = self._items()
        return next(self._iterator)

    def __repr__(self) -> str:
        return f"<{self._title}>"

    def close(self) -> None:
        """End the iteration, and delete the temporary file of the report; it has no more items."""
        self._iterator = iter(())

    def _check_unused(self) -> ReportSource:
        if self._iterator is not None:
            raise InvalidInput(
                f"items were taken from these {self._title} already, and a table has all: make it"
                " from a new iterator"
            )
        return self._source()


class Results(TableIterator[T]):
    """Units with their results; a table has one row per unit."""

    def to_pandas(self, since: datetime | date | None = None) -> pd.DataFrame:
        """Return the results as a pandas data frame; see :meth:`crowdflower.job.Job.to_pandas`."""
        return self.to_table(since).to_pandas()

    def to_polars(self, since: datetime | date | None = None) -> pl.DataFrame:
        """Return the results as a polars data frame; see :meth:`crowdflower.job.Job.to_pandas`."""
        return self.to_table(since).to_polars()

    def to_arrow(self, since: datetime | date | None = None) -> pa.Table:
        """Return the results as an Arrow table; see :meth:`crowdflower.job.Job.to_pandas`."""
        return self.to_table(since).to_arrow()

    def to_table(self, since: datetime | date | None = None) -> Table:
        """Return the results as columns and rows of Python values; no package is needed."""
        return results_table(self._check_unused(), since)


class Judgments(TableIterator[T]):
    """Judgments; a table has one row per judgment.

    :param untrusted: Whether tables have the judgments that the report leaves out.
    """

    def __init__(
        self,
        title: str,
        items: Callable[[], Iterator[T]],
        source: Callable[[], ReportSource],
        *,
        untrusted: bool = True,
    ) -> None:
        super().__init__(title, items, source)
        self._untrusted = untrusted

    def to_pandas(
        self, since: datetime | date | None = None, *, row_columns: bool = False
    ) -> pd.DataFrame:
        """Return the judgments as a pandas data frame.

        :param since: Only judgments of units that were finalized later.
        :param row_columns: Repeat the columns of the unit's row beside each judgment.
        :raises InvalidInput: ``since`` has no time zone.
        :raises ImportError: pandas is not installed.
        """
        return self.to_table(since, row_columns=row_columns).to_pandas()

    def to_polars(
        self, since: datetime | date | None = None, *, row_columns: bool = False
    ) -> pl.DataFrame:
        """Return the judgments as a polars data frame; see :meth:`to_pandas`."""
        return self.to_table(since, row_columns=row_columns).to_polars()

    def to_arrow(
        self, since: datetime | date | None = None, *, row_columns: bool = False
    ) -> pa.Table:
        """Return the judgments as an Arrow table; see :meth:`to_pandas`."""
        return self.to_table(since, row_columns=row_columns).to_arrow()

    def to_table(self, since: datetime | date | None = None, *, row_columns: bool = False) -> Table:
        """Return the judgments as columns and rows of Python values; no package is needed."""
        return judgments_table(
            self._check_unused(), since, untrusted=self._untrusted, row_columns=row_columns
        )
