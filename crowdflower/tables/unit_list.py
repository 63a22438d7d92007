"""The units of a job as a list that is a table too."""

from __future__ import annotations

from datetime import date, datetime
from itertools import islice
from typing import TYPE_CHECKING, Final, Protocol, SupportsIndex, TypeVar, overload

from crowdflower._types import JSONObject
from crowdflower.exceptions import InvalidInput
from crowdflower.models.display import counted, shortened, units_table
from crowdflower.models.job_form import parsed_form
from crowdflower.tables.answers import Questions
from crowdflower.tables.reading.finalized_since import FinalizedSince, read_since
from crowdflower.tables.reading.text_loader import UNITS_AT_ONCE
from crowdflower.tables.result_columns import ResultColumns
from crowdflower.tables.typed_table import Table

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl
    import pyarrow as pa

    from crowdflower.models.job_fields import JobFields


SHOWN_IDS: Final = 3
"""Units that are named at a prompt."""


class ListedUnit(Protocol):
    """A unit, as far as a table needs it."""

    @property
    def job(self) -> JobFields:
        """Its job."""

    @property
    def json(self) -> JSONObject:
        """What is known of it; reading it sends nothing."""


T = TypeVar("T", bound=ListedUnit)


class UnitList(list[T]):
    """A list of units; it is equal to other lists, and slices of it are such lists again.

    A table of it has what is known of the units, and sends nothing: their ids and rows, and the
    columns of a table of results if at least one of them was loaded. ``job.results()`` has these
    columns for all units.
    """

    def to_pandas(self, since: datetime | date | None = None) -> pd.DataFrame:
        """Return the units as a pandas data frame.

        :param since: Only units that were finalized later.
        :raises InvalidInput: ``since`` has no time zone, or a unit is not loaded, so that it is not
            known when it was finalized.
        :raises ImportError: pandas is not installed.
        """
        return self._table(since).to_pandas()

    def to_polars(self, since: datetime | date | None = None) -> pl.DataFrame:
        """Return the units as a polars data frame; see :meth:`to_pandas`."""
        return self._table(since).to_polars()

    def to_arrow(self, since: datetime | date | None = None) -> pa.Table:
        """Return the units as an Arrow table; see :meth:`to_pandas`."""
        return self._table(since).to_arrow()

    def copy(self) -> UnitList[T]:
        """Return a list of the same units."""
        return UnitList(self)

    @overload
    def __getitem__(self, place: SupportsIndex, /) -> T: ...
    @overload
    def __getitem__(self, place: slice, /) -> UnitList[T]: ...
    def __getitem__(self, place: SupportsIndex | slice, /) -> T | UnitList[T]:
        if isinstance(place, slice):
            return UnitList(super().__getitem__(place))
        return super().__getitem__(place)

    def __repr__(self) -> str:
        """Return the number of units and the first ids; a hundred thousand would fill pages."""
        ids = [shortened(unit.json.get("id")) for unit in islice(self, SHOWN_IDS)]
        shown = ", ".join([*ids, *(["…"] if len(self) > SHOWN_IDS else [])])
        return f"<UnitList of {counted(len(self), 'unit')}{': ' if shown else ''}{shown}>"

    def _repr_html_(self) -> str:
        """Return the first units as a table; what is not known of them is not loaded."""
        return units_table((unit.json for unit in self), len(self))

    def _table(self, since: datetime | date | None) -> Table:
        checkpoint = read_since(since)
        known = [unit.json for unit in self]
        loaded = [each for each in known if "state" in each]
        if checkpoint is not None:
            if len(loaded) < len(known):
                raise InvalidInput(
                    f"{len(known) - len(loaded)} of {len(known)} units are not loaded, so it is not"
                    " known when they were finalized: call results().to_pandas(since=…)"
                )
            known = FinalizedSince(checkpoint).select(known)
        columns = ResultColumns(self._questions() if loaded else Questions())
        source = iter(known)
        while batch := list(islice(source, UNITS_AT_ONCE)):
            columns.add(batch)
        return Table(columns.finish(only_rows=not loaded))

    def _questions(self) -> Questions:
        job = self[0].job
        return Questions.of(parsed_form(job), job.fields)
