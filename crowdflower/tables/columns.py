"""Columns: each collects the values of a table's column, and finds out the type that fits all."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import repeat
from operator import is_not, itemgetter
from typing import Any, Final

from crowdflower.exceptions import MalformedResponse
from crowdflower.tables.blocks import (
    Block,
    Kind,
    Lists,
    Nulls,
    Numbers,
    as_text,
    common_kind,
    convert,
    extend,
    pack,
)

VALUES_PER_BLOCK: Final = 1 << 13
"""Values that are packed together, or up to which blocks are merged: a table with thousands of
small chunks would be slow, and many objects would not stay in the cache of the processor."""

MAX_CACHED: Final = 1 << 16
"""Times that are remembered by their text: many judgments have the same."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)


@dataclass
class TypedColumn:
    """A column whose type is known.

    :param blocks: Blocks of this type, or of missing values.
    :param item_kind: The type of the items, if the values are lists.
    :param categories: The categories, if the values are codes.
    """

    kind: Kind
    blocks: list[Block]
    item_kind: Kind = Kind.STRING
    categories: Sequence[str] = ()

    def __len__(self) -> int:
        return sum(map(len, self.blocks))

    def values(self) -> Iterator[Any]:
        """Yield the values as Python has them: categories as strings, times as datetimes in UTC.

        >>> column = TypedColumn(Kind.TIME, [Numbers(Kind.TIME, array("q", [0]))])
        >>> [str(moment) for moment in column.values()]
        ['1970-01-01 00:00:00+00:00']
        """
        for block in self.blocks:
            for value in block.to_list():
                if value is None or (self.kind is Kind.CODE and value < 0):
                    yield None
                elif self.kind is Kind.CODE:
                    yield self.categories[value]
                elif self.kind is Kind.TIME:
                    yield _EPOCH + value * _MICROSECOND
                else:
                    yield value

    @property
    def has_nulls(self) -> bool:
        """Whether a value is missing."""
        return any(
            isinstance(block, Nulls) or block.valid is not None for block in self.blocks
        ) or (self.kind is Kind.CODE and any(-1 in block.values for block in self.numbers))

    @property
    def numbers(self) -> list[Numbers]:
        """The blocks of numbers."""
        return [block for block in self.blocks if isinstance(block, Numbers)]


class Column:
    """Collects values of JSON; the type is the narrowest that holds all of them.

    :param default: The type if there is no value; and of whole numbers, if it is ``FLOAT``.
    :param items: The same for the items of lists.

    >>> column = Column()
    >>> column.extend([1, None])
    >>> column.extend([2.5])
    >>> typed = column.finish()
    >>> typed.kind, [block.to_list() for block in typed.blocks]
    (<Kind.FLOAT: 'float64'>, [[1.0, None, 2.5]])
    """

    def __init__(self, default: Kind = Kind.STRING, items: Kind = Kind.STRING) -> None:
        self._default = default
        self._default_items = items
        self._pending: list[Any] = []
        """Values that are not packed yet."""
        self._blocks: list[Block] = []
        self._kinds: set[Kind] = set()
        self._item_kinds: set[Kind] = set()
        self._exact = True
        """Whether all integers that are not in blocks of their own stay the same as floats."""

    def extend(self, values: Sequence[Any]) -> None:
        """Append values."""
        self._pending += values
        if len(self._pending) >= VALUES_PER_BLOCK:
            self._pack_pending()

    def extend_packed(self, block: Block) -> None:
        """Append values that are packed, by the type that :func:`pack` would give them."""
        self._pack_pending()
        self._learn(block)
        if len(block) < VALUES_PER_BLOCK // 4:
            self._append(block)
        else:
            self._blocks.append(block)

    def observe(self, values: Sequence[Any]) -> None:
        """Take values into account for the type, and do not append them."""
        block = pack(values)
        self._learn(block)
        self._exact = self._exact and _are_exact(block)

    def skip(self, count: int) -> None:
        """Append missing values."""
        if count:
            self._pack_pending()
            self._append(Nulls(count))

    def finish(self) -> TypedColumn:
        """Return the column with its type, and forget the values."""
        self._pack_pending()
        kind = self._widen(self._kinds, self._default)
        items = self._widen(self._item_kinds, self._default_items)
        blocks, self._blocks = self._blocks, []
        if kind is Kind.LIST and items is Kind.MIXED:
            kind = Kind.MIXED
        return TypedColumn(
            Kind.STRING if kind is Kind.MIXED else kind,
            [convert(block, kind, items) for block in blocks],
            items,
        )

    def _widen(self, kinds: set[Kind], default: Kind) -> Kind:
        """Return the type for values of these types, or the default."""
        if default is Kind.FLOAT and kinds <= {Kind.NULL, Kind.INTEGER}:
            kinds = {Kind.FLOAT, *kinds}
        exact = (
            kinds >= {Kind.INTEGER, Kind.FLOAT}
            and self._exact
            and all(map(_are_exact, self._blocks))
        )
        kind = common_kind(kinds, exact=exact)
        return default if kind is Kind.NULL else kind

    def _pack_pending(self) -> None:
        if self._pending:
            values, self._pending = self._pending, []
            block = pack(values)
            self._learn(block)
            self._append(block)

    def _learn(self, block: Block) -> None:
        self._kinds.add(block.kind)
        if isinstance(block, Lists):
            self._item_kinds.add(block.items.kind)

    def _append(self, block: Block) -> None:
        if not len(block):
            return
        last = self._blocks[-1] if self._blocks else None
        if last is None or len(last) >= VALUES_PER_BLOCK or not extend(last, block):
            self._blocks.append(block)


class CategoryColumn(Column):
    """Collects strings of which there are few different ones; an empty one is missing.

    :param categories: Those that are known, in their order; others are added as they come.

    >>> column = CategoryColumn(["yes", "no"])
    >>> column.extend(["no", None, "maybe", ""])
    >>> typed = column.finish()
    >>> typed.categories, typed.blocks[0].to_list()
    (['yes', 'no', 'maybe'], [1, -1, 2, -1])
    """

    def __init__(self, categories: Iterable[str] = ()) -> None:
        super().__init__()
        self._names = list(dict.fromkeys(categories))
        self._codes: dict[str | None, int] = {name: code for code, name in enumerate(self._names)}
        self._codes[None] = self._codes[""] = -1

    def extend(self, values: Sequence[Any]) -> None:
        """Append values; what is not a string becomes text."""
        super().extend(self.codes(values))

    def codes(self, values: Sequence[Any]) -> list[int]:
        """Return the codes of values, which become categories if they are new."""
        codes = self._codes
        try:
            return list(map(codes.__getitem__, values))
        except (KeyError, TypeError):  # a new text, or not a text
            texts = [as_text(value) for value in values]
        for text in dict.fromkeys(texts):
            if text is not None and text not in codes:
                # A lone surrogate, which JSON can hold and UTF-8 cannot, becomes a question mark.
                name = text.encode("utf-8", "replace").decode("utf-8")
                if name not in codes:
                    codes[name] = len(self._names)
                    self._names.append(name)
                codes[text] = codes[name]
        return list(map(codes.__getitem__, texts))

    def _pack_pending(self) -> None:
        if self._pending:
            self._append(Numbers(Kind.CODE, array("i", self._pending)))
            self._pending = []

    def finish(self) -> TypedColumn:
        """Return the column with its categories."""
        self._pack_pending()
        blocks, self._blocks = self._blocks, []
        return TypedColumn(Kind.CODE, blocks, categories=self._names)


class TimeColumn(Column):
    """Collects times as the service writes them, and keeps microseconds since 1970.

    >>> column = TimeColumn()
    >>> column.extend(["2015-06-24T12:50:00+00:00", None])
    >>> column.finish().blocks[0].to_list()
    [1435150200000000, None]
    """

    def __init__(self) -> None:
        super().__init__()
        self._known: dict[Any, int | None] = {None: None}

    def extend(self, values: Sequence[Any]) -> None:
        """Append times.

        :raises MalformedResponse: A value is not a time.
        """
        super().extend(self.times(values))

    def times(self, values: Sequence[Any]) -> list[int | None]:
        """Return times in microseconds since 1970.

        :raises MalformedResponse: A value is not a time.
        """
        known = self._known
        try:
            return list(map(known.__getitem__, values))
        except KeyError:
            if len(known) > MAX_CACHED:
                known.clear()
        for text in dict.fromkeys(values):
            if text not in known:
                known[text] = microseconds(text) if text else None
        return list(map(known.__getitem__, values))

    def _pack_pending(self) -> None:
        times, self._pending = self._pending, []
        valid = None
        if None in times:
            valid = bytearray(map(is_not, times, repeat(None)))
            times = [time or 0 for time in times]
        self._append(Numbers(Kind.TIME, array("q", times), valid))

    def finish(self) -> TypedColumn:
        """Return the column."""
        self._pack_pending()
        blocks, self._blocks = self._blocks, []
        return TypedColumn(Kind.TIME, blocks)


def _are_exact(block: Block) -> bool:
    """Return whether all integers in a block stay the same as floats."""
    values = block.items if isinstance(block, Lists) else block
    return not isinstance(values, Numbers) or values.kind is not Kind.INTEGER or values.is_exact


def columns_of(objects: Sequence[Mapping[str, Any]], keys: Sequence[str]) -> list[Sequence[Any]]:
    """Return the values of some keys in each object; ``None`` where one is absent.

    >>> columns_of([{"a": 1, "b": 2}, {"a": 3, "b": 4}], ["b", "a"])
    [(2, 4), (1, 3)]
    """
    try:
        found: list[Sequence[Any]] = list(zip(*map(itemgetter(*keys), objects), strict=True))
    except KeyError:
        found = []
    return found or [values_of(objects, key) for key in keys]


def values_of(objects: Sequence[Mapping[str, Any]], key: str) -> list[Any]:
    """Return the value of a key in each object; ``None`` where it is absent.

    >>> values_of([{"a": 1}, {}], "a")
    [1, None]
    """
    try:
        return list(map(itemgetter(key), objects))  # without a call of Python code for each
    except KeyError:
        return [each.get(key) for each in objects]


def microseconds(text: Any) -> int:
    """Return a time of the service in microseconds since 1970; without an offset it is UTC.

    :raises MalformedResponse: It is not a time.

    >>> microseconds("2015-06-24T12:50:00Z")
    1435150200000000
    """
    try:
        moment = datetime.fromisoformat(text)
    except (TypeError, ValueError):
        problem = f"expected a time such as 2015-06-24T12:50:00+00:00, got {text!r:.80}"
    else:
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        return (moment - _EPOCH) // _MICROSECOND
    raise MalformedResponse(problem)
