"""Rows to JSON lines, and back."""

from __future__ import annotations

import io
import json
import math
from collections import OrderedDict
from collections.abc import Iterator
from types import MappingProxyType
from typing import Any
from unittest import mock

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crowdflower.exceptions import InvalidInput
from crowdflower.rows import json_lines as module
from crowdflower.rows.json_lines import decode_lines, json_lines

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


@given(ROWS)
def test_rows_survive_encoding_to_json_lines(rows: list[dict[str, Any]]) -> None:
    lines = b"".join(json_lines(rows)).decode("utf-8").split("\n")

    assert [json.loads(line) for line in lines[:-1]] == rows
    assert lines[-1] == ""


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


def test_a_row_that_holds_itself_is_refused() -> None:
    row: dict[str, Any] = {}
    row["me"] = row

    with pytest.raises(InvalidInput, match="row 1"):
        list(json_lines([row]))


def test_any_mapping_is_a_row() -> None:
    lines = json_lines([MappingProxyType({"a": 1}), OrderedDict(b=2)])

    assert b"".join(lines) == b'{"a":1}\n{"b":2}\n'


@pytest.mark.skipif(module.orjson is None, reason="compares orjson, which is not here")
@given(ROWS)
def test_orjson_writes_what_the_standard_library_writes(rows: list[dict[str, Any]]) -> None:
    with mock.patch.object(module, "orjson", None):
        standard = list(json_lines(rows))

    assert list(json_lines(rows)) == standard


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
