"""A table as an Arrow table: its columns take over the packed values without copying them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any

from crowdflower.tables.blocks import Block, Kind, Lists, Nulls, Numbers, Strings
from crowdflower.tables.columns import TypedColumn
from crowdflower.tables.optional_packages import require

if TYPE_CHECKING:
    import pyarrow as pa


def arrow_table(columns: Mapping[str, TypedColumn]) -> pa.Table:
    """Return an Arrow table; strings have 64-bit offsets, so that a column has no size limit."""
    library = require("pyarrow", "arrow", "to_arrow")
    table: pa.Table = library.table(
        {name: arrow_column(library, column) for name, column in columns.items()}
    )
    return table


def arrow_column(pa: Any, column: TypedColumn) -> Any:
    """Return a column as a chunked array."""
    kind = _type(pa, column.kind, column.item_kind)
    chunks = [_array(pa, block, kind) for block in column.blocks]
    if column.kind is not Kind.CODE:
        return pa.chunked_array(chunks, kind)
    names = pa.array(column.categories, pa.string())
    return pa.chunked_array(
        [pa.DictionaryArray.from_arrays(_codes(pa, codes), names) for codes in column.numbers],
        pa.dictionary(pa.int32(), pa.string()),
    )


def _type(pa: Any, kind: Kind, item_kind: Kind) -> Any:
    if kind is Kind.LIST:
        return pa.large_list(_type(pa, item_kind, Kind.STRING))
    return {
        Kind.BOOL: pa.bool_(),
        Kind.INTEGER: pa.int64(),
        Kind.FLOAT: pa.float64(),
        Kind.TIME: pa.timestamp("us", "UTC"),
        Kind.CODE: pa.int32(),
    }.get(kind, pa.large_string())


def _array(pa: Any, block: Block, kind: Any) -> Any:
    if isinstance(block, Nulls):
        return pa.nulls(len(block), kind)
    valid = None if block.valid is None else _bits(pa, block.valid)
    if isinstance(block, Strings):
        buffers = [valid, pa.py_buffer(block.offsets), pa.py_buffer(block.data)]
        return pa.Array.from_buffers(kind, len(block), buffers)
    if isinstance(block, Lists):
        items = _array(pa, block.items, kind.value_type)
        buffers = [valid, pa.py_buffer(block.offsets)]
        return pa.Array.from_buffers(kind, len(block), buffers, children=[items])
    values = _bits(pa, block.values) if block.kind is Kind.BOOL else pa.py_buffer(block.values)
    return pa.Array.from_buffers(kind, len(block), [valid, values])


def _bits(pa: Any, flags: Any) -> Any:
    """Return a buffer with one bit for each byte, which is 0 or 1."""
    as_bytes = pa.Array.from_buffers(pa.uint8(), len(flags), [None, pa.py_buffer(flags)])
    return as_bytes.cast(pa.bool_()).buffers()[1]


def _codes(pa: Any, codes: Numbers) -> Any:
    valid = None
    if -1 in codes.values:
        valid = _bits(pa, bytearray(code >= 0 for code in codes.values))
    return pa.Array.from_buffers(pa.int32(), len(codes), [valid, pa.py_buffer(codes.values)])


def drop_rows(table: pa.Table, column: str, values: Collection[int]) -> pa.Table:
    """Return a table without the rows that have one of some values in a column."""
    library = require("pyarrow", "arrow", "to_arrow")
    compute = require("pyarrow.compute", "arrow", "to_arrow")
    found = compute.is_in(table[column], value_set=library.array(values, library.int64()))
    return table.filter(compute.invert(found))
