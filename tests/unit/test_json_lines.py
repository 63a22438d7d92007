"""Rows to JSON lines, and back."""

from __future__ import annotations

import io
import json
import math
from collections import OrderedDict, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum, IntEnum, StrEnum
from types import MappingProxyType
from typing import Any, NamedTuple, Self
from unittest import mock
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crowdflower.exceptions import InvalidInput
from crowdflower.rows import json_lines as module
from crowdflower.rows.json_lines import decode_lines, json_lines

RELAXED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
ROWS = st.lists(
    st.dictionaries(
        TEXT,
        st.recursive(
            st.none()
            | st.booleans()
            | st.integers()
            | st.floats(allow_nan=False, allow_infinity=False)
            | TEXT,
            lambda inner: st.lists(inner) | st.dictionaries(TEXT, inner),
            max_leaves=4,
        ),
        max_size=3,
    ),
    max_size=3,
)


@RELAXED
@given(ROWS)
def test_rows_survive_encoding_to_json_lines(rows: list[dict[str, Any]]) -> None:
    lines = b"".join(json_lines(rows)).decode("utf-8").split("\n")

    assert [json.loads(line) for line in lines[:-1]] == rows
    assert lines[-1] == ""


@RELAXED
@given(ROWS)
def test_decode_lines_reads_what_json_lines_wrote(rows: list[dict[str, Any]]) -> None:
    body = io.BytesIO(b"".join(json_lines(rows)))

    assert list(decode_lines(body)) == rows


def test_a_line_is_compact_and_keeps_non_ascii_letters() -> None:
    lines = b"".join(json_lines([{"text": "Grüße 💐", "stars": [4, None]}]))

    assert lines.decode() == '{"text":"Grüße 💐","stars":[4,null]}\n'


@pytest.mark.parametrize("count", [0, 1, 999, 1000, 1001, 2500])
def test_rows_are_encoded_in_blocks_and_none_is_lost(count: int) -> None:
    blocks = list(json_lines({"n": number} for number in range(count)))

    assert [json.loads(line)["n"] for block in blocks for line in block.splitlines()] == list(
        range(count)
    )
    assert len(blocks) == -(-count // 1000)


@pytest.mark.parametrize("kind", [dict, OrderedDict])
def test_a_generator_may_reuse_one_dict_for_all_rows(kind: type[dict[str, Any]]) -> None:
    def rows() -> Iterator[dict[str, Any]]:
        row = kind()
        for number in range(3):
            row["id"] = number
            yield row

    assert b"".join(json_lines(rows())) == b'{"id":0}\n{"id":1}\n{"id":2}\n'


def test_rows_are_consumed_no_further_than_they_are_sent() -> None:
    consumed = []

    def rows() -> Iterator[dict[str, int]]:
        for number in range(5000):
            consumed.append(number)
            yield {"n": number}

    next(json_lines(rows()))

    assert len(consumed) == 1000


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (["a", "b"], "list"),
        ("text", "str"),
        (None, "None"),
        ({"a": -math.inf}, "float"),
        ({"a": {"b": math.inf}}, "float"),
        ({"a": b"bytes"}, "bytes"),
        ({"a": {1, 2}}, "set"),
        ({"a": "\ud800"}, "surrogate"),
        ({1: "a"}, "column name 1"),
        ({None: "a"}, "column name None"),
    ],
)
@pytest.mark.parametrize("number", [1, 3, 1500])
def test_a_row_that_is_not_json_is_named_by_its_number(row: Any, said: str, number: int) -> None:
    rows = [{"a": "good"}] * (number - 1) + [row, {"a": "good"}]

    with pytest.raises(InvalidInput, match=rf"row {number}\b.*{said}") as caught:
        list(json_lines(rows))

    assert caught.value.row == number


@pytest.mark.parametrize("value", [math.inf, b"bytes", "\ud800", {"deep": {1, 2}}])
def test_the_column_that_is_not_json_is_named(value: Any) -> None:
    with pytest.raises(InvalidInput, match=r"^row 1, column 'stars': "):
        list(json_lines([{"text": "Fine.", "stars": value, "id": 7}]))


def test_a_number_of_too_many_digits_is_refused_by_its_row() -> None:
    with pytest.raises(InvalidInput, match=r"^row 2, column 'id': the int has too many digits"):
        list(json_lines([{"id": 2**64}, {"id": 10**5000}]))


def test_a_row_that_holds_itself_is_refused() -> None:
    row: dict[str, Any] = {}
    row["me"] = row

    with pytest.raises(InvalidInput, match="row 1"):
        list(json_lines([row]))


def test_any_mapping_is_a_row() -> None:
    lines = json_lines([MappingProxyType({"a": 1}), OrderedDict(b=2)])

    assert b"".join(lines) == b'{"a":1}\n{"b":2}\n'


class Text(str):
    """A string that is not exactly one."""

    __slots__ = ()


class Count(int):
    """An integer that is not exactly one."""


class Score(float):
    """A float that is not exactly one."""


class Color(StrEnum):
    """Its members are strings."""

    RED = "red"


class Level(IntEnum):
    """Its members are integers."""

    HIGH = 3


class Limit(Enum):
    """Its members are values."""

    NONE = math.inf
    TINY = 1e-9
    WORDS = ("a", "b")


class Stars(Text, Enum):
    """Its members are strings other than their values."""

    ONE = ("one", 1e300)

    def __new__(cls, text: str, value: float) -> Self:
        member = str.__new__(cls, text)
        member._value_ = value
        return member

    def __repr__(self) -> str:
        return self.name


class Point(NamedTuple):
    """A tuple that is not exactly one."""

    x: int
    y: float


@dataclass
class Answer:
    """A class that orjson writes as an object."""

    text: str = "yes"


ANY_TEXT = st.text() | st.sampled_from(
    ["\0", "\x1f", "\ud800", "\u2028", "\x7f", "\\u0000", '"', "},{"]
)
ODD = st.sampled_from(
    [
        *(
            Text("text"),
            Text("\0"),
            Count(5),
            Score(0.5),
            Score("inf"),
            Point(1, 0.5),
            Answer(),
            Answer,
        ),
        *(Color.RED, Level.HIGH, Limit.NONE, Limit.TINY, Limit.WORDS, Stars.ONE),
        *(1 << 63, 1 << 64, -(1 << 63) - 1, 1e16, 9999999999999998.0, 1e-4, 9.9e-5, -0.0),
        *(1e22, 5e-324, -1e-5, 10.00001, math.nan, math.inf, -math.inf),
        *(
            date(2015, 6, 24),
            time(10, 30),
            datetime(2015, 6, 24, tzinfo=UTC),
            timedelta(seconds=90),
        ),
        *(UUID(int=7), Decimal("19.90"), Decimal("nan"), b"bytes", {1, 2}, object(), len),
        *(
            OrderedDict(a=1),
            MappingProxyType({"a": 1}),
            defaultdict(list),
            {1: "a"},
            {Text("a"): 1},
        ),
        *([module.orjson.Fragment(b"7")] if hasattr(module.orjson, "Fragment") else []),
    ]
)
ANY_VALUE = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | ANY_TEXT | ODD,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(ANY_TEXT, inner, max_size=3)
        | st.tuples(inner)
    ),
    max_leaves=5,
)
ANY_NAME = ANY_TEXT | st.sampled_from([1, None, 0.5, True, (1,), Text("name"), Color.RED])
ANY_ROW = st.dictionaries(ANY_NAME, ANY_VALUE, max_size=3) | ODD


def _outcome(rows: list[Any]) -> tuple[bytes, str, int | None]:
    lines = b""
    try:
        for block in json_lines(rows):
            lines += block
    except InvalidInput as error:
        return lines, str(error), error.row
    return lines, "", None


def _outcome_without_orjson(rows: list[Any]) -> tuple[bytes, str, int | None]:
    with mock.patch.object(module, "orjson", None):
        return _outcome(rows)


needs_orjson = pytest.mark.skipif(module.orjson is None, reason="compares orjson, which is missing")


@needs_orjson
@RELAXED
@given(ROWS)
def test_orjson_writes_what_the_standard_library_writes(rows: list[dict[str, Any]]) -> None:
    assert _outcome(rows) == _outcome_without_orjson(rows)


@needs_orjson
@RELAXED
@given(st.lists(ANY_ROW, max_size=3))
def test_orjson_changes_no_line_and_no_error(rows: list[Any]) -> None:
    assert _outcome(rows) == _outcome_without_orjson(rows)


@needs_orjson
@RELAXED
@given(st.lists(st.floats(-1, 1), min_size=1), st.sampled_from([1.0, 1e4, 1e-4, 1e16]))
def test_orjson_writes_the_digits_of_python(numbers: list[float], scale: float) -> None:
    rows = [{"number": number, "scaled": number * scale} for number in numbers]

    assert _outcome(rows) == _outcome_without_orjson(rows)


@pytest.mark.parametrize("value", [Color.RED, Limit.WORDS, Stars.ONE, UUID(int=7), 1e-5, math.nan])
def test_a_value_is_sent_the_same_way_in_any_row(value: Any) -> None:
    rows = [{"text": "Fine.", "value": 7.5}] * 2 + [{}, {"text": "Fine.", "value": [value]}]

    lines = b"".join(json_lines(rows)).splitlines()

    sent = {math.nan: None, Limit.WORDS: ["a", "b"], Stars.ONE: "one"}.get(value, value)
    expected = str(sent) if isinstance(sent, (UUID, Color)) else sent
    assert json.loads(lines[3]) == {"text": "Fine.", "value": [expected]}


@pytest.mark.parametrize("with_orjson", [True, False])
@pytest.mark.parametrize("value", ["\0", ["a", "\0", "b"], {"a": "\0"}, {"\0": 1}, "before\0after"])
def test_a_row_with_nul_is_refused_by_its_number(value: Any, with_orjson: bool) -> None:
    rows = [{"text": "a"}, {"text": "b", "bad": value, "more": 1}, {"text": "c"}]
    used = module.orjson if with_orjson else None

    with (
        mock.patch.object(module, "orjson", used),
        pytest.raises(InvalidInput, match=r"^row 2, column 'bad': .*NUL"),
    ):
        list(json_lines(rows))


@pytest.mark.parametrize("with_orjson", [True, False])
@pytest.mark.parametrize("innermost", [1, [], {}, (), {"a": "b"}])
@pytest.mark.parametrize("levels", [64, 65, 300])
def test_a_row_may_have_64_levels(levels: int, innermost: Any, with_orjson: bool) -> None:
    value = innermost
    for _ in range(levels - 1 - isinstance(innermost, (list, dict, tuple))):
        value = [value]
    used = module.orjson if with_orjson else None

    with mock.patch.object(module, "orjson", used):
        lines, problem, row = _outcome([{"a": 1}, {"a": value}])

    if levels == 64:
        assert [json.loads(line) for line in lines.splitlines()] == [
            {"a": 1},
            json.loads(json.dumps({"a": value})),
        ]
    else:
        assert (lines, row) == (b"", 2)
        assert "nested too deeply" in problem


@pytest.mark.parametrize("with_orjson", [True, False])
def test_characters_that_separate_rows_may_be_in_them(with_orjson: bool) -> None:
    rows = [{"text": text} for text in ('},{"', '","\\u0000","', "\n", "\x01", "\\u0000")]
    used = module.orjson if with_orjson else None

    with mock.patch.object(module, "orjson", used):
        lines = b"".join(json_lines(rows)).splitlines()

    assert [json.loads(line) for line in lines] == rows


def test_rows_may_have_different_columns_or_none() -> None:
    rows: list[dict[str, Any]] = [{}, {"a": 1, "b": 0.5}, {"c": ["d", {"e": None}]}, {}]

    assert b"".join(json_lines(rows)).decode().splitlines() == [
        "{}",
        '{"a":1,"b":0.5}',
        '{"c":["d",{"e":null}]}',
        "{}",
    ]


def test_blocks_of_long_rows_have_fewer_rows() -> None:
    consumed = []

    def rows() -> Iterator[dict[str, str]]:
        for number in range(3000):
            consumed.append(number)
            yield {"text": "x" * 5000}

    blocks = json_lines(rows())
    next(blocks)
    next(blocks)

    assert len(consumed) < 1300


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b""])
def test_lines_may_end_in_any_way_and_blank_lines_are_skipped(end: bytes) -> None:
    lines = [b'{"id":1}' + end, b"\n", b"\r\n", b'{"id":2}' + end]

    assert list(decode_lines(lines)) == [{"id": 1}, {"id": 2}]


def test_a_bad_line_is_named_by_its_number_after_the_lines_before_it() -> None:
    lines = decode_lines([b'{"id":1}\n', b"\n", b"{oops\n"])

    first = next(lines)
    with pytest.raises(ValueError, match="line 3"):
        next(lines)

    assert first == {"id": 1}
