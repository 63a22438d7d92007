"""Encoding and decoding of parameters, JSON and times."""

from __future__ import annotations

import json
import math
import re
from collections import OrderedDict
from datetime import UTC, date, datetime, timedelta
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

# Bracketed names, parsed by an independent parser


def read_back(pairs: list[tuple[str, str]]) -> dict[str, Any]:
    """Parse bracketed names as Rails does: ``a[b]=1`` is a dict, ``a[]=1`` a list."""
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
    """Return a value as it looks after a form, where everything is text."""
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
def test_nested_parameters_round_trip_through_a_form(parameters: dict[str, Any]) -> None:
    sent = encoding.encode_form(parameters).decode("ascii")

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
        (datetime(2015, 6, 24, 12, 50, tzinfo=UTC), "2015-06-24T12:50:00+00:00"),
    ],
)
def test_each_type_of_value_has_one_string_form(value: object, text: str) -> None:
    assert encoding.flatten({"job": {"x": value}}) == [("job[x]", text)]


@pytest.mark.parametrize("names", [["a", "b"], ("a", "b")])
def test_each_item_of_a_list_has_a_name_with_empty_brackets(names: Any) -> None:
    assert encoding.flatten({"tags": names}) == [("tags[]", "a"), ("tags[]", "b")]


def test_an_empty_list_is_sent_as_one_empty_string() -> None:
    assert encoding.flatten({"tags": []}) == [("tags[]", "")]


@pytest.mark.parametrize("mapping", [OrderedDict(a=1), MappingProxyType({"a": 1})])
def test_every_mapping_type_is_nested(mapping: Any) -> None:
    assert encoding.flatten({"job": mapping}) == [("job[a]", "1")]


@pytest.mark.parametrize(
    "value", [b"bytes", object(), timedelta(1), math.nan, math.inf, Decimal("NaN"), 1j]
)
def test_an_ambiguous_value_is_refused_with_its_name(value: object) -> None:
    with pytest.raises(InvalidInput, match=r"job\[options\]\[x\]"):
        encoding.flatten({"job": {"options": {"x": value}}})


@pytest.mark.parametrize("name", ["price [usd]", "a]b", "a[b]", "[", ""])
def test_a_nested_name_with_brackets_is_refused(name: str) -> None:
    with pytest.raises(InvalidInput, match=r"unit\[data\]"):
        encoding.flatten({"unit": {"data": {name: "12"}}})


def test_a_form_that_contains_itself_is_refused() -> None:
    options: dict[str, Any] = {}
    options["again"] = [options]

    with pytest.raises(InvalidInput, match=r"job\[again\]\[\].* contains itself"):
        encoding.flatten({"job": options})


# JSON


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(VALUES, st.booleans(), st.booleans())
def test_json_round_trips(value: object, escaped: bool, marked: bool) -> None:
    text = json.dumps(value, ensure_ascii=escaped)

    assert encoding.decode_json(text.encode("utf-8-sig" if marked else "utf-8")) == value


@given(st.integers())
@pytest.mark.parametrize("template", ["%d", "[%d]", '{"id": %d}', '{"id": -%d}', "0.%d"])
def test_integers_of_any_length_keep_all_digits(template: str, number: int) -> None:
    text = template % abs(number)

    assert encoding.decode_json(text.encode()) == json.loads(text)


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
def test_invalid_json_is_a_value_error(content: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        encoding.decode_json(content)


@pytest.mark.skipif(encoding.orjson is None, reason="compares orjson, which is not here")
@given(VALUES.map(json.dumps) | st.text(alphabet='0123456789.eE+-[],{}":ntrue', max_size=40))
def test_orjson_and_the_standard_library_decode_alike(text: str) -> None:
    def read() -> object:
        try:
            return encoding.decode_json(text.encode())
        except ValueError:
            return "no JSON"

    with mock.patch.object(encoding, "orjson", None):
        standard = read()

    assert repr(read()) == repr(standard)


@given(st.binary())
def test_any_bytes_are_json_or_a_value_error(content: bytes) -> None:
    try:
        value = encoding.decode_json(content)
    except ValueError:
        return
    assert value == json.loads(content.decode("utf-8-sig"))


# Times


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2015-06-24T12:50:00+00:00", datetime(2015, 6, 24, 12, 50, tzinfo=UTC)),
        ("2015-06-24T12:50:00Z", datetime(2015, 6, 24, 12, 50, tzinfo=UTC)),
        ("2015-06-24T12:50:00", datetime(2015, 6, 24, 12, 50, tzinfo=UTC)),
        ("2011-06-24T05:50:00-07:00", datetime(2011, 6, 24, 12, 50, tzinfo=UTC)),
        ("6/5/2015 09:04:03", datetime(2015, 6, 5, 9, 4, 3, tzinfo=UTC)),
        ("12/31/2015 23:59:59", datetime(2015, 12, 31, 23, 59, 59, tzinfo=UTC)),
    ],
)
def test_both_timestamp_formats_are_parsed(text: str, moment: datetime) -> None:
    assert timestamp(text) == moment
    assert timestamp(text).tzinfo is not None


@pytest.mark.parametrize("text", ["", "yesterday", "24/13/2015 00:00:00", "2015-13-01T00:00:00"])
def test_an_invalid_timestamp_is_a_value_error(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        timestamp(text)
