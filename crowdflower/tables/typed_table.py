"""A table: named columns of one length, which pandas, polars and Arrow can take over."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from crowdflower.tables.columns import TypedColumn

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl
    import pyarrow as pa

UNIT_ID = "unit_id"


@dataclass
class Table:
    """Named columns.

    :param without: Ids of units whose rows are left out.
    """

    columns: dict[str, TypedColumn]
    without: Collection[int] = field(default=frozenset())

    def rows(self) -> Iterator[tuple[Any, ...]]:
        """Yield the rows as tuples, for which no package is needed."""
        names = list(self.columns)
        ids = names.index(UNIT_ID) if self.without else 0
        for row in zip(*(column.values() for column in self.columns.values()), strict=True):
            if not self.without or row[ids] not in self.without:
                yield row

    def to_pandas(self) -> pd.DataFrame:
        """Return a pandas data frame.

        :raises ImportError: pandas is not installed.
        """
        from crowdflower.tables.frames.pandas_frames import pandas_frame  # noqa: PLC0415 - only if asked

        frame = pandas_frame(self.columns)
        if self.without:
            frame = frame[~frame[UNIT_ID].isin(list(self.without))].reset_index(drop=True)
        return frame

    def to_polars(self) -> pl.DataFrame:
        """Return a polars data frame.

        :raises ImportError: polars is not installed.
        """
        from crowdflower.tables.frames.polars_frames import polars_frame  # noqa: PLC0415 - only if asked

        frame = polars_frame(self.columns)
        if self.without:
            frame = frame.filter(~frame[UNIT_ID].is_in(list(self.without)))
        return frame

    def to_arrow(self) -> pa.Table:
        """Return an Arrow table.

        :raises ImportError: pyarrow is not installed.
        """
        from crowdflower.tables.arrow_tables import arrow_table, drop_rows  # noqa: PLC0415 - as above

        table = arrow_table(self.columns)
        return drop_rows(table, UNIT_ID, self.without) if self.without else table
