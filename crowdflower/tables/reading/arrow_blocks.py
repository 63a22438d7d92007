"""Arrow arrays as blocks: the same as packing their values would give."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Collection, Iterator
from functools import partial
from typing import Any, Final

from crowdflower.exceptions import MalformedResponse
from crowdflower.tables.answers import Question, as_numbers
from crowdflower.tables.blocks import EXACT, Block, Kind, Lists, Nulls, Numbers, Strings
from crowdflower.tables.columns import CategoryColumn, Column, TimeColumn
from crowdflower.tables.reading.json_shape import Unreadable

_TYPECODES: Final = {"int32": "i", "int64": "q", "double": "d", "int8": "b"}


class ArrowBlocks:
    """Makes blocks of arrays.

    :param pa: The package.
    :param compute: Its module ``compute``.
    """

    def __init__(self, pa: Any, compute: Any) -> None:
        self.pa = pa
        self.compute = compute

    def block(self, values: Any) -> Block:
        """Return an array as a block.

        :raises Unreadable: Its values have no type that a column can have, or may not be exact.
        """
        pa = self.pa
        kind = values.type
        if values.null_count == len(values):
            return Nulls(len(values))
        valid = self._valid(values)
        if pa.types.is_list(kind):
            return Lists(self._items(values.flatten()), self._offsets(values), valid)
        if pa.types.is_string(kind):
            return self._strings(values, valid)
        if pa.types.is_boolean(kind):
            flags = values.fill_null(False).cast(pa.int8())
            return Numbers(Kind.BOOL, numbers(flags), valid)
        if pa.types.is_int64(kind):
            return Numbers(Kind.INTEGER, numbers(values.fill_null(0)), valid)
        if pa.types.is_float64(kind):
            # Beyond, an integer in the text may have lost digits, or a number be infinite.
            if not self.compute.max(self.compute.abs(values)).as_py() < EXACT:
                raise Unreadable
            return Numbers(Kind.FLOAT, numbers(values.fill_null(0.0)), valid)
        raise Unreadable

    def field(self, objects: Any, name: str) -> Any:
        """Return a field of a struct array; missing values if it has none."""
        if self.pa.types.is_struct(objects.type) and objects.type.get_field_index(name) >= 0:
            return self.compute.struct_field(objects, name)
        return self.pa.nulls(len(objects))

    def check_names(self, objects: Any, known: Collection[str]) -> None:
        """Check that a struct array has no fields but those that are known.

        :raises Unreadable: It has others.
        """
        if self.pa.types.is_struct(objects.type):
            if not {field.name for field in objects.type} <= set(known):
                raise Unreadable
        elif not self.pa.types.is_null(objects.type):
            raise Unreadable

    def texts(self, values: Any) -> tuple[list[str], Any]:
        """Return the different strings of an array as they come, and the place of each value.

        :raises Unreadable: The values are not strings.
        """
        pa = self.pa
        if pa.types.is_null(values.type):
            return [], pa.nulls(len(values), pa.int32())
        if not pa.types.is_string(values.type):
            raise Unreadable
        encoded = values.dictionary_encode()
        return encoded.dictionary.to_pylist(), encoded.indices

    def prepare(self, column: Column, values: Any) -> Callable[[], None]:
        """Return a function that appends an array to a column, and that cannot fail.

        :raises Unreadable: The array cannot be appended without decoding its values.
        """
        if isinstance(column, CategoryColumn):
            texts, places = self.texts(values)
            return partial(self._append_codes, column, texts, places)
        if isinstance(column, TimeColumn):
            return partial(column.extend_packed, self._times(column, values))
        return partial(column.extend_packed, self.block(values))

    def flags(self, values: Any) -> Block:
        """Return booleans that are false where they are missing."""
        if self.pa.types.is_null(values.type):
            return Numbers(Kind.BOOL, array("b", bytes(len(values))))
        if not self.pa.types.is_boolean(values.type):
            raise Unreadable
        filled = values.fill_null(False)
        return Numbers(Kind.BOOL, numbers(filled.cast(self.pa.int8())))

    def where_equal(self, texts: Any, text: str, values: Any) -> Any:
        """Return values where a string is equal to another one; they are missing elsewhere."""
        pa = self.pa
        if not pa.types.is_string(texts.type):
            return pa.nulls(len(values))
        if pa.types.is_null(values.type):
            return values
        return self.compute.if_else(
            self.compute.equal(texts, text).fill_null(False),
            values,
            pa.nulls(len(values), values.type),
        )

    def answers(self, question: Question, values: Any) -> Any:
        """Return what :meth:`Question.answers` returns, of an array that is not lists."""
        pa = self.pa
        if question.is_listed and not pa.types.is_null(values.type):
            raise Unreadable
        if question.how != "avg" or pa.types.is_null(values.type):
            return values
        if pa.types.is_string(values.type):
            texts, places = self.texts(values)
            found = as_numbers(texts)
            if any(isinstance(each, str) for each in found):
                raise Unreadable
            return pa.array(found, pa.float64()).take(places)
        if pa.types.is_int64(values.type) or pa.types.is_float64(values.type):
            return values.cast(pa.float64(), safe=False)
        raise Unreadable

    def lists(self, question: Question, answers: Any) -> Block:
        """Return the answers to a question with several answers.

        :param answers: All answers of each judgment.
        """
        values = self.field(answers, question.name)
        block = self.block(values)
        if block.kind is not Kind.NULL and not isinstance(block, Lists):
            raise Unreadable
        if not values.null_count or question.missing_is_empty is False:
            return block
        valid = None
        if question.missing_is_empty is None:
            valid = self._valid(values) or bytearray()
            missing = answers.filter(values.is_null()).to_pylist()
            valid = _fill(valid, map(question.chose_none, missing))
        if isinstance(block, Lists):
            return Lists(block.items, block.offsets, valid)
        if valid is not None and not any(valid):
            return block
        return Lists(Nulls(0), array("q", bytes(8 * (len(values) + 1))), valid)

    def _append_codes(self, column: CategoryColumn, texts: list[str], places: Any) -> None:
        codes = self.pa.array(column.codes(texts), self.pa.int32()).take(places).fill_null(-1)
        column.extend_packed(Numbers(Kind.CODE, numbers(codes)))

    def _times(self, column: TimeColumn, values: Any) -> Block:
        texts, places = self.texts(values)
        try:
            times = column.times(texts)
        except MalformedResponse as error:
            raise Unreadable from error
        block = self.block(self.pa.array(times, self.pa.int64()).take(places))
        return (
            Numbers(Kind.TIME, block.values, block.valid) if isinstance(block, Numbers) else block
        )

    def _items(self, items: Any) -> Block:
        if self.pa.types.is_nested(items.type):
            raise Unreadable
        return self.block(items) if len(items) else Nulls(0)

    def _valid(self, values: Any) -> bytearray | None:
        if not values.null_count:
            return None
        return bytearray(numbers(values.is_valid().cast(self.pa.int8())))

    def _strings(self, values: Any, valid: bytearray | None) -> Strings:
        filled = values.fill_null("").cast(self.pa.large_string())
        _, offsets, data = filled.buffers()
        ends = array("q")
        ends.frombytes(offsets[8 * filled.offset : 8 * (filled.offset + len(filled) + 1)])
        start = ends[0]
        if start:
            ends = array("q", [end - start for end in ends])
        text = bytearray() if data is None else bytearray(data[start : start + ends[-1]])
        return Strings(text, ends, valid)

    def _offsets(self, values: Any) -> array[int]:
        lengths = self.compute.list_value_length(values).fill_null(0)
        ends = self.compute.cumulative_sum(lengths.cast(self.pa.int64()))
        return array("q", [0]) + numbers(ends)


def _fill(valid: bytearray, missing: Iterator[bool]) -> bytearray | None:
    """Return which values are valid, given whether each missing one is a value after all."""
    filled = bytearray(1 if each else next(missing) for each in valid)
    return None if all(filled) else filled


def numbers(values: Any) -> array[Any]:
    """Return an array of numbers, none of which is missing."""
    found = array(_TYPECODES[str(values.type)])
    size = found.itemsize
    _, data = values.buffers()
    if len(values):
        found.frombytes(data[size * values.offset : size * (values.offset + len(values))])
    return found
