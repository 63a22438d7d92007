"""A table as a polars data frame; neither numpy nor pyarrow is needed."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Any

from crowdflower.tables.blocks import Block, Kind, Lists, Nulls, Numbers
from crowdflower.tables.columns import TypedColumn
from crowdflower.tables.optional_packages import require

if TYPE_CHECKING:
    import polars as pl


def polars_frame(columns: dict[str, TypedColumn]) -> pl.DataFrame:
    """Return a data frame, and take the columns out of the dict: their memory is freed."""
    library = require("polars", "polars", "to_polars")
    series = [_series(library, name, columns.pop(name)) for name in list(columns)]
    frame: pl.DataFrame = library.DataFrame(series)
    return frame


def _series(pl: Any, name: str, column: TypedColumn) -> Any:
    type_ = _type(pl, column.kind, column.item_kind)
    if column.kind is Kind.CODE:
        codes = [code if code >= 0 else None for block in column.numbers for code in block.values]
        categories = pl.Series(name, column.categories, pl.String).cast(pl.Categorical)
        return categories.gather(pl.Series(codes, dtype=pl.Int64))
    parts = [_part(pl, block, type_) for block in column.blocks if len(block)]
    if not parts:
        return pl.Series(name, [], type_)
    return pl.concat(parts, rechunk=False).alias(name)


def _type(pl: Any, kind: Kind, item_kind: Kind) -> Any:
    if kind is Kind.LIST:
        return pl.List(_type(pl, item_kind, Kind.STRING))
    return {
        Kind.BOOL: pl.Boolean,
        Kind.INTEGER: pl.Int64,
        Kind.FLOAT: pl.Float64,
        Kind.TIME: pl.Datetime("us", "UTC"),
        Kind.CODE: pl.Categorical,
    }.get(kind, pl.String)


def _part(pl: Any, block: Block, type_: Any) -> Any:
    if isinstance(block, Lists):
        return _lists(pl, block, type_)
    if isinstance(block, Nulls):
        return pl.Series([None], dtype=type_).new_from_index(0, len(block))
    if isinstance(block, Numbers) and block.kind is not Kind.BOOL:
        values: Any = block.values if block.valid is None else block.to_list()
        number = pl.Float64 if block.kind is Kind.FLOAT else pl.Int64
        return pl.Series(values=values, dtype=number).cast(type_)
    return pl.Series(block.to_list(), dtype=type_)


def _lists(pl: Any, block: Lists, type_: Any) -> Any:
    """Return lists by grouping their items: made of Python lists, each would take microseconds."""
    lengths = [end - start for start, end in zip(block.offsets, block.offsets[1:], strict=False)]
    owners = chain.from_iterable([row] * length for row, length in enumerate(lengths))
    items = (
        _part(pl, block.items, type_.inner)
        if len(block.items)
        else pl.Series([], dtype=type_.inner)
    )
    frame = pl.DataFrame({"row": pl.Series(list(owners), dtype=pl.Int64), "item": items})
    filled = frame.group_by("row", maintain_order=True).agg("item")["item"]
    every = pl.concat([filled, pl.Series([[]], dtype=type_)])
    places: list[int | None] = []
    place = 0
    for length, present in zip(lengths, block.valid or bytes([1]) * len(block), strict=True):
        places.append(place if length else len(filled) if present else None)
        place += bool(length)
    return every.gather(pl.Series(places, dtype=pl.Int64))
