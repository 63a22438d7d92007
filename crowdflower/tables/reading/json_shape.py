"""The shape of JSON objects: the names in them and the types of their values, as Arrow needs it.

pyarrow reads JSON some times as fast as it becomes Python objects, but only values of types that
are known before. They are learned from objects that were decoded. Whatever comes later and has
another name or type is an error of pyarrow, and its objects are decoded.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from crowdflower._types import JSON
from crowdflower.tables.blocks import Kind

_KINDS: Final = {bool: Kind.BOOL, int: Kind.INTEGER, float: Kind.FLOAT, str: Kind.STRING}
_NUMBERS: Final = (Kind.INTEGER, Kind.FLOAT)
_LIMIT: Final = 1 << 63

BLOCK: Final = 1 << 20
"""Bytes that pyarrow reads at a time, which stay in the cache of the processor; a longer line is
decoded."""


@dataclass
class ListShape:
    """A list, and the shape of its items."""

    items: Shape = None


Shape: TypeAlias = "Kind | ListShape | dict[str, Shape] | None"
"""A type, or the shapes in a list or in an object; ``None`` if all values were missing."""


class Unreadable(Exception):
    """Values that have no common type in Arrow."""


def learn(shape: Shape, value: JSON) -> Shape:
    """Return the shape that holds a value too; shapes of objects and lists are changed in place.

    :raises Unreadable: No type holds both.

    >>> learn(learn(None, {"id": 1}), {"id": 2.5, "tags": []})
    {'id': <Kind.FLOAT: 'float64'>, 'tags': ListShape(items=None)}
    """
    if value is None:
        return shape
    if isinstance(value, dict) and (shape is None or isinstance(shape, dict)):
        shape = {} if shape is None else shape
        for name, part in value.items():
            shape[name] = learn(shape.get(name), part)
        return shape
    if isinstance(value, list) and (shape is None or isinstance(shape, ListShape)):
        shape = ListShape() if shape is None else shape
        for part in value:
            shape.items = learn(shape.items, part)
        return shape
    kind = _KINDS.get(type(value))
    if kind is None or (isinstance(value, int) and not -_LIMIT <= value < _LIMIT):
        raise Unreadable
    if shape is None or shape is kind:
        return kind
    if shape in _NUMBERS and kind in _NUMBERS:
        return Kind.FLOAT
    raise Unreadable


def arrow_schema(pa: Any, shape: dict[str, Shape]) -> Any:
    """Return the schema for objects of a shape."""
    return pa.schema([(name, _arrow_type(pa, each)) for name, each in shape.items()])


def _arrow_type(pa: Any, shape: Shape) -> Any:
    if isinstance(shape, dict):
        return pa.struct([(name, _arrow_type(pa, each)) for name, each in shape.items()])
    if isinstance(shape, ListShape):
        return pa.list_(_arrow_type(pa, shape.items))
    return {
        None: pa.null(),
        Kind.BOOL: pa.bool_(),
        Kind.INTEGER: pa.int64(),
        Kind.FLOAT: pa.float64(),
        Kind.STRING: pa.string(),
    }[shape]


def read_lines(pa: Any, json: Any, schema: Any, text: bytes) -> Any:
    """Return lines of JSON, an object each, as a struct array.

    :param pa: The package.
    :param json: Its module ``json``.
    :param schema: As :func:`arrow_schema` returns it.
    :raises Unreadable: The objects have another shape, or the lines are not an object each.
    """
    if not _is_utf8(text):
        raise Unreadable
    try:
        table = json.read_json(
            pa.BufferReader(text),
            json.ReadOptions(use_threads=False, block_size=BLOCK),
            json.ParseOptions(explicit_schema=schema, unexpected_field_behavior="error"),
        )
    except pa.ArrowException as error:
        raise Unreadable from error
    if len(table) != text.count(b"\n") + (not text.endswith(b"\n")):
        raise Unreadable
    (batch,) = table.combine_chunks().to_batches()
    return batch.to_struct_array()


def _is_utf8(text: bytes) -> bool:
    if text.isascii():
        return True
    try:
        text.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True
