"""Python to wire and back."""

from __future__ import annotations

import io
import json
import math
import re
from collections import OrderedDict
from collections.abc import Iterator
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from types import MappingProxyType
from typing import Any
from unittest import mock
from urllib.parse import parse_qsl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crowdflower import timestamp
from crowdflower.exceptions import InvalidInput
from crowdflower.http import encoding

# Bracketed names, read back by a parser that shares nothing with the writer


def read_back(pairs: list[tuple[str, str]]) -> dict[str, Any]:
    """Nest names as Rails does: ``a[b]=1`` is a dict, ``a[]=1`` a list."""
    tree: dict[str, Any] = {}
    for name, text in pairs:
        keys = re.findall(r"[^\[\]]+|\[\]", name)
        place: Any = tree
        for key, following in zip(keys, [*keys[1:], None], strict=True):
            if following is None and key == "[]":
                place.append(text)
            elif following is None:
                place[key] = text
            else:
                place = place.setdefault(key, [] if following == "[]" else {})
    return tree


def as_text(value: object) -> object:
    """Say what a value looks like when all that is left of it is text."""
    if isinstance(value, dict):
        return {key: as_text(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [as_text(inner) for inner in value]
    if isinstance(value, bool):
        return str(value).lower()
    return "" if value is None else str(value)


NAMES = st.text(min_size=1).filter(lambda name: not set("[]") & set(name))
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False).filter(math.isfinite)
    | st.text()
)
PARAMETERS = st.dictionaries(
    NAMES,
    st.recursive(
        SCALARS,
        lambda inner: (
            st.lists(SCALARS, min_size=1) | st.dictionaries(NAMES, inner, min_size=1, max_size=3)
        ),
        max_leaves=6,
    ),
    max_size=4,
)


@given(PARAMETERS)
def test_nested_parameters_survive_the_way_to_a_form_and_back(parameters: dict[str, Any]) -> None:
    sent = encoding.form(parameters).decode("ascii")

    assert read_back(parse_qsl(sent, keep_blank_values=True)) == as_text(parameters)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (True, "true"),
        (False, "false"),
        (None, ""),
        (12, "12"),
        (0.7, "0.7"),
        (Decimal("1.50"), "1.50"),
        ("Größe", "Größe"),
        (date(2015, 6, 24), "2015-06-24"),
        (datetime(2015, 6, 24, 12, 50, tzinfo=timezone.utc), "2015-06-24T12:50:00+00:00"),
    ],
)
def test_each_kind_of_value_has_one_spelling(value: object, text: str) -> None:
    assert encoding.bracketed({"job": {"x": value}}) == [("job[x]", text)]


@pytest.mark.parametrize("names", [["a", "b"], ("a", "b")])
def test_a_list_is_a_name_with_empty_brackets_an_item(names: Any) -> None:
    assert encoding.bracketed({"tags": names}) == [("tags[]", "a"), ("tags[]", "b")]


def test_an_empty_list_is_said_too_or_it_would_change_nothing() -> None:
    assert encoding.bracketed({"tags": []}) == [("tags[]", "")]


@pytest.mark.parametrize("mapping", [OrderedDict(a=1), MappingProxyType({"a": 1})])
def test_any_mapping_nests(mapping: Any) -> None:
    assert encoding.bracketed({"job": mapping}) == [("job[a]", "1")]


@pytest.mark.parametrize(
    "value", [b"bytes", object(), timedelta(1), math.nan, math.inf, Decimal("NaN"), 1j]
)
def test_a_value_that_would_have_to_be_guessed_is_refused_by_name(value: object) -> None:
    with pytest.raises(InvalidInput, match=r"job\[options\]\[x\]"):
        encoding.bracketed({"job": {"options": {"x": value}}})


@pytest.mark.parametrize("name", ["price [usd]", "a]b", "a[b]", "[", ""])
def test_a_nested_name_that_would_be_taken_apart_again_is_refused(name: str) -> None:
    with pytest.raises(InvalidInput, match=r"unit\[data\]"):
        encoding.bracketed({"unit": {"data": {name: "12"}}})


# Rows


ROWS = st.lists(
    st.dictionaries(
        st.text(),
        st.recursive(
            st.none()
            | st.booleans()
            | st.integers()
            | st.floats(allow_nan=False, allow_infinity=False)
            | st.text(),
            lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
            max_leaves=4,
        ),
        max_size=3,
    ),
    max_size=3,
)


@given(ROWS)
def test_rows_survive_the_way_to_json_lines_and_back(rows: list[dict[str, Any]]) -> None:
    lines = b"".join(encoding.json_lines(rows)).decode("utf-8").split("\n")

    assert [json.loads(line) for line in lines[:-1]] == rows
    assert lines[-1] == ""


@given(ROWS)
def test_our_own_lines_are_read_back(rows: list[dict[str, Any]]) -> None:
    body = io.BytesIO(b"".join(encoding.json_lines(rows)))

    assert list(encoding.decode_lines(body)) == rows


def test_a_line_is_short_and_keeps_its_letters() -> None:
    lines = b"".join(encoding.json_lines([{"text": "Grüße 💐", "stars": [4, None]}]))

    assert lines.decode() == '{"text":"Grüße 💐","stars":[4,null]}\n'


@pytest.mark.parametrize("count", [0, 1, 999, 1000, 1001, 2500])
def test_rows_are_encoded_in_blocks_and_none_is_lost(count: int) -> None:
    blocks = list(encoding.json_lines({"n": number} for number in range(count)))

    assert [json.loads(line)["n"] for block in blocks for line in block.splitlines()] == list(
        range(count)
    )
    assert len(blocks) == -(-count // 1000)


@pytest.mark.parametrize("kind", [dict, OrderedDict])
def test_rows_that_come_in_one_dict_are_each_what_they_were(kind: type[dict[str, Any]]) -> None:
    def rows() -> Iterator[dict[str, Any]]:
        row = kind()
        for number in range(3):
            row["id"] = number
            yield row

    assert b"".join(encoding.json_lines(rows())) == b'{"id":0}\n{"id":1}\n{"id":2}\n'


def test_rows_are_consumed_no_further_than_they_are_sent() -> None:
    consumed = []

    def rows() -> Iterator[dict[str, int]]:
        for number in range(5000):
            consumed.append(number)
            yield {"n": number}

    next(encoding.json_lines(rows()))

    assert len(consumed) == 1000


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (["a", "b"], "list"),
        ("text", "str"),
        (None, "None"),
        ({"a": math.nan}, "float"),
        ({"a": -math.inf}, "float"),
        ({"a": {"b": math.nan}}, "float"),
        ({"a": datetime(2015, 6, 24, tzinfo=timezone.utc)}, "datetime"),
        ({"a": b"bytes"}, "bytes"),
        ({"a": {1, 2}}, "set"),
        ({"a": "\ud800"}, "surrogates"),
        ({1: "a"}, "column name 1"),
        ({None: "a"}, "column name None"),
    ],
)
@pytest.mark.parametrize("number", [1, 3, 1500])
def test_a_row_that_is_no_json_is_named_by_its_number(row: Any, said: str, number: int) -> None:
    rows = [{"a": "good"}] * (number - 1) + [row, {"a": "good"}]

    with pytest.raises(InvalidInput, match=rf"row {number}\b.*{said}") as caught:
        list(encoding.json_lines(rows))

    assert caught.value.row == number


@pytest.mark.parametrize("value", [math.nan, b"bytes", "\ud800", {"deep": {1, 2}}])
def test_the_column_that_is_no_json_is_named(value: Any) -> None:
    with pytest.raises(InvalidInput, match=r"in column 'stars'$"):
        list(encoding.json_lines([{"text": "Fine.", "stars": value, "id": 7}]))


def test_a_row_that_holds_itself_is_refused() -> None:
    row: dict[str, Any] = {}
    row["me"] = row

    with pytest.raises(InvalidInput, match="row 1"):
        list(encoding.json_lines([row]))


def test_any_mapping_is_a_row() -> None:
    lines = encoding.json_lines([MappingProxyType({"a": 1}), OrderedDict(b=2)])

    assert b"".join(lines) == b'{"a":1}\n{"b":2}\n'


# Answers


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(VALUES, st.booleans(), st.booleans())
def test_json_is_read_as_it_was_written(value: object, escaped: bool, marked: bool) -> None:
    text = json.dumps(value, ensure_ascii=escaped)

    assert encoding.decode(text.encode("utf-8-sig" if marked else "utf-8")) == value


@given(st.integers())
@pytest.mark.parametrize("template", ["%d", "[%d]", '{"id": %d}', '{"id": -%d}', "0.%d"])
def test_no_digit_of_a_number_is_lost(template: str, number: int) -> None:
    text = template % abs(number)

    assert encoding.decode(text.encode()) == json.loads(text)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"NaN",
        b"[Infinity]",
        b'{"a": -Infinity}',
        b"1e400",
        b"[-1e400]",
        b'"\xff"',
        b"\xff\xfe{\x00}\x00",
        b"9" * 5000,
        b"[" * 100_000,
        b"{} {}",
    ],
)
def test_what_is_not_json_is_a_value_error(content: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        encoding.decode(content)


@pytest.mark.skipif(encoding.orjson is None, reason="compares orjson, which is not here")
@given(VALUES.map(json.dumps) | st.text(alphabet='0123456789.eE+-[],{}":ntrue', max_size=40))
def test_orjson_reads_what_the_standard_library_reads(text: str) -> None:
    def read() -> object:
        try:
            return encoding.decode(text.encode())
        except ValueError:
            return "no JSON"

    with mock.patch.object(encoding, "orjson", None):
        standard = read()

    assert repr(read()) == repr(standard)


@pytest.mark.skipif(encoding.orjson is None, reason="compares orjson, which is not here")
@given(ROWS)
def test_orjson_writes_what_the_standard_library_writes(rows: list[dict[str, Any]]) -> None:
    with mock.patch.object(encoding, "orjson", None):
        standard = list(encoding.json_lines(rows))

    assert list(encoding.json_lines(rows)) == standard


@given(st.binary())
def test_whatever_comes_is_json_or_a_value_error(content: bytes) -> None:
    try:
        value = encoding.decode(content)
    except ValueError:
        return
    assert value == json.loads(content.decode("utf-8-sig"))


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b""])
def test_lines_may_end_as_they_like_and_blank_ones_are_passed_over(end: bytes) -> None:
    lines = [b'{"id":1}' + end, b"\n", b"\r\n", b'{"id":2}' + end]

    assert list(encoding.decode_lines(lines)) == [{"id": 1}, {"id": 2}]


def test_a_bad_line_is_named_by_its_number_after_the_lines_before_it() -> None:
    lines = encoding.decode_lines([b'{"id":1}\n', b"\n", b"{oops\n"])

    first = next(lines)
    with pytest.raises(ValueError, match="line 3"):
        next(lines)

    assert first == {"id": 1}


# Points in time


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2015-06-24T12:50:00+00:00", datetime(2015, 6, 24, 12, 50, tzinfo=timezone.utc)),
        ("2015-06-24T12:50:00Z", datetime(2015, 6, 24, 12, 50, tzinfo=timezone.utc)),
        ("2015-06-24T12:50:00", datetime(2015, 6, 24, 12, 50, tzinfo=timezone.utc)),
        ("2011-06-24T05:50:00-07:00", datetime(2011, 6, 24, 12, 50, tzinfo=timezone.utc)),
        ("6/5/2015 09:04:03", datetime(2015, 6, 5, 9, 4, 3, tzinfo=timezone.utc)),
        ("12/31/2015 23:59:59", datetime(2015, 12, 31, 23, 59, 59, tzinfo=timezone.utc)),
    ],
)
def test_both_ways_to_write_a_time_are_read(text: str, moment: datetime) -> None:
    assert timestamp(text) == moment
    assert timestamp(text).tzinfo is not None


@pytest.mark.parametrize("text", ["", "yesterday", "24/13/2015 00:00:00", "2015-13-01T00:00:00"])
def test_what_is_no_time_is_a_value_error(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        timestamp(text)
