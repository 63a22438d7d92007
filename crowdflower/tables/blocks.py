"""Runs of values of one type, packed: what a column consists of until it is exported.

A number takes eight bytes and a string the bytes of its text, where Python objects take five times
as much. A missing value has a zero in ``valid``, which is ``None`` if no value is missing.
"""

from __future__ import annotations

import json
from array import array
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum
from itertools import accumulate, chain, pairwise, repeat
from operator import is_not
from typing import Any, Final, TypeAlias

EXACT: Final = 1 << 53
"""Up to here, every integer is a float too."""


class Kind(Enum):
    """The type of a value, or of all values of a column."""

    NULL = "null"
    BOOL = "bool"
    INTEGER = "int64"
    FLOAT = "float64"
    STRING = "string"
    LIST = "list"
    MIXED = "mixed"
    """Values that no other type holds; they are kept as text."""
    TIME = "timestamp"
    """Microseconds since 1970, UTC."""
    CODE = "category"
    """Indexes of categories; -1 is a missing value."""


@dataclass
class Nulls:
    """Missing values only."""

    length: int
    kind = Kind.NULL

    def __len__(self) -> int:
        return self.length

    def to_list(self) -> list[Any]:
        """Return the values."""
        return [None] * self.length


@dataclass
class Numbers:
    """Integers, floats, booleans, times or codes."""

    kind: Kind
    values: array[Any]
    valid: bytearray | None = None

    def __len__(self) -> int:
        return len(self.values)

    @property
    def is_exact(self) -> bool:
        """Whether all values stay the same as floats."""
        return not self.values or (min(self.values) >= -EXACT and max(self.values) <= EXACT)

    def to_list(self) -> list[Any]:
        """Return the values."""
        values: Iterable[Any] = self.values
        if self.kind is Kind.BOOL:
            values = map(bool, values)
        return _with_nulls(values, self.valid)


@dataclass
class Strings:
    """Strings: their bytes in UTF-8, and where each begins and the last ends."""

    data: bytearray
    offsets: array[int]
    valid: bytearray | None = None
    kind: Kind = Kind.STRING

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def to_list(self) -> list[Any]:
        """Return the values."""
        if self.data.isascii():
            text = self.data.decode("ascii")
            parts = [text[start:end] for start, end in pairwise(self.offsets)]
        else:
            view = memoryview(self.data)
            parts = [str(view[start:end], "utf-8") for start, end in pairwise(self.offsets)]
        return _with_nulls(parts, self.valid)


@dataclass
class Lists:
    """Lists whose items have one type: all items, and where each list begins."""

    items: Block
    offsets: array[int]
    valid: bytearray | None = None
    kind = Kind.LIST

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def to_list(self) -> list[Any]:
        """Return the values."""
        items = self.items.to_list()
        return _with_nulls([items[start:end] for start, end in pairwise(self.offsets)], self.valid)


Block: TypeAlias = Nulls | Numbers | Strings | Lists

_TYPECODES: Final = {Kind.BOOL: "b", Kind.INTEGER: "q", Kind.FLOAT: "d"}
_TYPES: Final = {bool: Kind.BOOL, int: Kind.INTEGER, float: Kind.FLOAT, str: Kind.STRING}


def pack(values: Sequence[Any]) -> Block:
    """Pack decoded JSON, by the narrowest type that holds all values.

    Integers beside floats become floats, unless they are too large for that. Lists stay lists if
    all their items together have one type. What has no common type becomes text: strings as they
    are, the rest as JSON.

    >>> pack([1, None, 3]).kind, pack([1, 2.5]).to_list()
    (<Kind.INTEGER: 'int64'>, [1.0, 2.5])
    >>> pack(["a", 1, True, 2.0, {"x": None}]).to_list()
    ['a', '1', 'true', '2', '{"x":null}']
    """
    types = set(map(type, values))
    has_nulls = type(None) in types
    types.discard(type(None))
    if not types:
        return Nulls(len(values))
    valid = bytearray(map(is_not, values, repeat(None))) if has_nulls else None
    if types == {list}:
        return _pack_lists(values, valid)
    if len(types) == 1:
        kind = _TYPES.get(types.pop(), Kind.MIXED)
    else:
        kind = Kind.FLOAT if types == {int, float} and _are_exact(values) else Kind.MIXED
    if kind is Kind.STRING:
        return pack_strings(values, valid)
    if kind is not Kind.MIXED:
        numbers = [0 if value is None else value for value in values] if has_nulls else values
        with suppress(OverflowError):
            return Numbers(kind, array(_TYPECODES[kind], numbers), valid)
    return pack_strings(list(map(as_text, values)), valid, Kind.MIXED)


def pack_strings(
    values: Sequence[str | None], valid: bytearray | None, kind: Kind = Kind.STRING
) -> Strings:
    """Pack strings; missing ones are empty, and marked in ``valid``."""
    texts = values if valid is None else [value or "" for value in values]
    joined = "".join(texts)  # type: ignore[arg-type] # without valid, none is missing
    if joined.isascii():
        return Strings(bytearray(joined, "ascii"), _offsets(map(len, texts)), valid, kind)  # type: ignore[arg-type]
    # A lone surrogate, which JSON can hold and UTF-8 cannot, becomes a question mark.
    encoded = [text.encode("utf-8", "replace") for text in texts]  # type: ignore[union-attr]
    return Strings(bytearray(b"".join(encoded)), _offsets(map(len, encoded)), valid, kind)


def common_kind(kinds: set[Kind], *, exact: bool = True) -> Kind:
    """Return the type that holds values of all these types.

    :param exact: Whether all integers stay the same as floats.

    >>> common_kind({Kind.NULL, Kind.INTEGER, Kind.FLOAT}), common_kind({Kind.BOOL, Kind.INTEGER})
    (<Kind.FLOAT: 'float64'>, <Kind.MIXED: 'mixed'>)
    """
    kinds = kinds - {Kind.NULL}
    if not kinds:
        return Kind.NULL
    if kinds == {Kind.INTEGER, Kind.FLOAT} and exact:
        return Kind.FLOAT
    return kinds.pop() if len(kinds) == 1 else Kind.MIXED


def convert(block: Block, kind: Kind, item_kind: Kind = Kind.STRING) -> Block:
    """Return the same values as a wider type, as :func:`common_kind` returns.

    :param item_kind: The type of the items of lists.
    """
    if isinstance(block, Lists) and kind is Kind.LIST:
        return Lists(convert(block.items, item_kind), block.offsets, block.valid)
    if block.kind in {kind, Kind.NULL}:
        return block
    if isinstance(block, Numbers) and kind is Kind.FLOAT:
        return Numbers(kind, array("d", block.values), block.valid)
    if isinstance(block, Strings):
        return Strings(block.data, block.offsets, block.valid, kind)
    valid = None if isinstance(block, Nulls) else block.valid
    return pack_strings(list(map(as_text, block.to_list())), valid, Kind.MIXED)


def extend(block: Block, other: Block) -> bool:
    """Append a block to another of the same type; return ``False`` if they do not fit together."""
    if isinstance(block, Numbers) and isinstance(other, Numbers) and block.kind is other.kind:
        block.valid = _join_valid(block, other)
        block.values.extend(other.values)
        return True
    if isinstance(block, Strings) and isinstance(other, Strings) and block.kind is other.kind:
        block.valid = _join_valid(block, other)
        start = len(block.data)
        block.data += other.data
        block.offsets.fromlist([start + offset for offset in other.offsets[1:]])
        return True
    if isinstance(block, Nulls) and isinstance(other, Nulls):
        block.length += other.length
        return True
    return False


def as_text(value: Any) -> str | None:
    """Return a value as text: a string as it is, everything else as JSON.

    The same number gives the same text, however it was stored: a float without fraction is written
    as an integer.

    >>> as_text("1"), as_text(1.0), as_text(0.5), as_text([1.0, None, "a"]), as_text(None)
    ('1', '1', '0.5', '[1,null,"a"]', None)
    """
    if value is None or isinstance(value, str):
        return value
    return json.dumps(_plain(value), ensure_ascii=False, separators=(",", ":"))


def _plain(value: Any) -> Any:
    if isinstance(value, float) and value.is_integer() and abs(value) <= EXACT:
        return int(value)
    if isinstance(value, list):
        return [_plain(each) for each in value]
    if isinstance(value, dict):
        return {name: _plain(each) for name, each in value.items()}
    return value


def _pack_lists(values: Sequence[Any], valid: bytearray | None) -> Block:
    lists = [value or () for value in values]
    items = pack(list(chain.from_iterable(lists)))
    if items.kind in {Kind.MIXED, Kind.LIST}:
        return pack_strings(list(map(as_text, values)), valid, Kind.MIXED)
    return Lists(items, _offsets(map(len, lists)), valid)


def _are_exact(values: Sequence[Any]) -> bool:
    return all(type(value) is not int or -EXACT <= value <= EXACT for value in values)


def _offsets(lengths: Iterable[int]) -> array[int]:
    return array("q", list(accumulate(lengths, initial=0)))


def _with_nulls(values: Iterable[Any], valid: bytearray | None) -> list[Any]:
    if valid is None:
        return list(values)
    return [value if present else None for value, present in zip(values, valid, strict=True)]


def _join_valid(block: Numbers | Strings, other: Numbers | Strings) -> bytearray | None:
    if block.valid is None and other.valid is None:
        return None
    first = bytearray(b"\1") * len(block) if block.valid is None else block.valid
    return first + (bytearray(b"\1") * len(other) if other.valid is None else other.valid)
