"""Uploaded files: valid rows are read, and errors name their row."""

from __future__ import annotations

import csv
import io
import json
import tracemalloc
from itertools import islice
from typing import IO, TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crowdflower.sandbox.api import csv_rows, json_rows
from crowdflower.sandbox.errors import Invalid, Refusal
from crowdflower.sandbox.rules.units.row_checks import MAX_COLUMNS, CheckedRows

if TYPE_CHECKING:
    from collections.abc import Iterator


def from_csv(content: bytes) -> list[dict[str, str | None]]:
    return list(csv_rows.read(io.BytesIO(content), str.lower))


def from_json(content: bytes) -> list[dict[str, Any]]:
    return list(json_rows.read(io.BytesIO(content)))


class GeneratedFile(io.RawIOBase):
    """A file of many equal lines, generated while it is read."""

    def __init__(self, line: bytes, lines: int) -> None:
        self._line, self._lines, self._rest = line, lines, b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int:
        while self._lines and len(self._rest) < len(buffer):
            self._rest += self._line
            self._lines -= 1
        size = min(len(buffer), len(self._rest))
        buffer[:size] = self._rest[:size]
        self._rest = self._rest[size:]
        return size


@pytest.mark.parametrize(
    ("content", "rows"),
    [
        (b"A,B\n1,2\n3,4\n", [{"a": "1", "b": "2"}, {"a": "3", "b": "4"}]),
        (b"a,b\n1,2", [{"a": "1", "b": "2"}]),
        (b"a,b\r\n1,2\r\n", [{"a": "1", "b": "2"}]),
        (b"a\r1\r2\n3\r\n4", [{"a": "1"}, {"a": "2"}, {"a": "3"}, {"a": "4"}]),
        (b"a,b\n\n1,\n\n", [{"a": "1", "b": None}]),
        (b'a\n"x ""y"", z\nw"\n', [{"a": 'x "y", z\nw'}]),
        (b"\xef\xbb\xbfa\n1\n", [{"a": "1"}]),
        ("a\nwürde 😀\n".encode(), [{"a": "würde 😀"}]),
        (b"a,b\n", []),
    ],
)
def test_csv_from_spreadsheets_is_read(content: bytes, rows: list[dict[str, str | None]]) -> None:
    assert from_csv(content) == rows


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "The file is empty"),
        (b"\n\n", "The file is empty"),
        (b"a,b\n1,2\n3\n", "Unable to parse row 3. It is 1 cells wide, and the header 2."),
        (b"a,b\n1,2,3\n", "Unable to parse row 2. It is 3 cells wide, and the header 2."),
        (b"a,A\n", "Unable to parse row 1. Columns 'a' and 'A' are both named 'a'."),
        (b"a,\n1,2\n", "Unable to parse row 1. The header '' gives no column name"),
        (b"a\nok\n\xe4\n", "Unable to parse row 3. Please be sure your file is UTF-8 encoded."),
        (b"a\n1\n2\n\xed\xa0\x80\n", "Unable to parse row 4. Please be sure your file is UTF-8"),
        ("a\n1\n".encode("utf-16"), "Unable to parse row 1. Please be sure your file is UTF-8"),
        (
            b"a\nx\0y\n",
            "Unable to parse row 2. Column 1 has the character NUL.",
        ),
        (b'a\n1\n"open\n2\n3\n', "Unable to parse row 3. It is not valid CSV"),
        (b'a\n"x"y\n', "Unable to parse row 2. It is not valid CSV"),
        (b",".join(b"c%d" % n for n in range(5001)), "Unable to parse row 1. It names 5001"),
        (
            b"a\n" + b"x" * (csv_rows.MAX_CELL + 1),
            "Unable to parse row 2. It is not valid CSV: field",
        ),
    ],
)
def test_invalid_csv_is_refused_with_the_row_number(content: bytes, message: str) -> None:
    with pytest.raises(Invalid) as caught:
        from_csv(content)

    assert message in caught.value.message


def test_the_57th_row_is_the_one_after_55_rows_and_a_header() -> None:
    rows = csv_rows.read(io.BytesIO(b"a\n" + b"fine\n" * 55 + b"\xff\n" + b"fine\n" * 9), str)
    before = list(islice(rows, 55))

    with pytest.raises(Invalid, match="Unable to parse row 57"):
        next(rows)

    assert len(before) == 55


def test_a_cell_may_hold_an_image_and_the_limit_of_csv_is_unchanged() -> None:
    image, quoted = "x" * 3_000_000, '\r\n,"' * 200_000
    file = io.StringIO(newline="")
    csv.writer(file).writerows([["image", "quoted"], ["small", ""], [image, quoted], ["", "last"]])
    before = csv.field_size_limit()

    rows = from_csv(file.getvalue().encode())

    assert [tuple(row.values()) for row in rows] == [
        ("small", None),
        (image, quoted),
        (None, "last"),
    ]
    assert csv.field_size_limit() == before


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (b'"' + (b"x" * 99 + b"\n") * 170_000, "field larger than the limit (16777216)"),
        (b"x" * (csv_rows.MAX_ROW + 1), "it is longer than 33554432 characters"),
        (b"," * 2_000_000, "it has more than 5000 cells"),
        (b'"' + b"x" * 200_000 + b'"y', "',' expected after"),
        (b'"' + b"x" * 200_000, "unexpected end of data"),
    ],
)
def test_a_row_beyond_the_limit_is_refused(row: bytes, message: str) -> None:
    with pytest.raises(Invalid, match="Unable to parse row 2") as caught:
        from_csv(b"a\n" + row)

    assert message in caught.value.message


@given(st.text('a",;\r\n ', max_size=30), st.integers(0, 6), st.sampled_from(",;"))
def test_the_fast_splitter_gives_the_same_cells_as_the_csv_module(
    text: str, limit: int, separator: str
) -> None:
    def outcome(records: Iterator[list[str]]) -> list[object]:
        found: list[object] = []
        try:
            found.extend(records)
        except csv.Error as error:
            found.append(str(error))
        return found

    lines = io.StringIO(text, newline="")
    expected = outcome(csv.reader(lines, delimiter=separator, strict=True))
    before = csv.field_size_limit(limit)
    try:
        assert outcome(csv_rows._records(io.StringIO(text, newline=""), separator)) == expected
    finally:
        csv.field_size_limit(before)


@pytest.mark.parametrize(
    ("content", "rows"),
    [
        (b'{"a": 1}\n{"a": 2}\n', [{"a": 1}, {"a": 2}]),
        (b'{"a": 1}\r\n\r\n{"a": 2}', [{"a": 1}, {"a": 2}]),
        (b'{"a": 1}{"a": 2} {"a": 3}', [{"a": 1}, {"a": 2}, {"a": 3}]),
        (b'{\n "a": [\n  1,\n  {"b": "}\\""}\n ]\n}\n{\n}', [{"a": [1, {"b": '}"'}]}, {}]),
        (b'\xef\xbb\xbf{"a": "\xc3\xbc"}', [{"a": "ü"}]),
        (b'{"a": "\\ud83d\\ude00"}', [{"a": "😀"}]),
        (b"", []),
        (b" \n\n ", []),
    ],
)
def test_json_lines_and_concatenated_objects_are_read(
    content: bytes, rows: list[dict[str, Any]]
) -> None:
    assert from_json(content) == rows


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b'[{"a": 1}]', "Send newline-separated JSON: one object per line"),
        (b' \n[\n{"a": 1}]', "Send newline-separated JSON: one object per line"),
        (b'{"a": 1}\n{"a": }\n{"a": 2}', "Unable to parse row 2. Expecting value, at character 7"),
        (b'{"a": 1}\n{"a": "\n"}', "Unable to parse row 2. Invalid control character"),
        (b'{"a": 1}\n{"a": 2', "Unable to parse row 2. "),
        (b'{"a": "open', "Unable to parse row 1. Unterminated string"),
        (b'{"a": 1}\n7\n', "Unable to parse row 2. It is not a JSON object"),
        (b'{"a": 1}\n"text"\n', "Unable to parse row 2. It is not a JSON object"),
        (b'{"a": NaN}', "Unable to parse row 1. NaN is not a number that fits"),
        (b'{"a": 1e999}', "Unable to parse row 1. 1e999 is not a number that fits"),
        (b'{"a": "\\udead"}', "Unable to parse row 1. A string contains a lone surrogate"),
        (b'{"a": "\\u0000"}', "Unable to parse row 1. A string contains the character"),
        (b'{"a":' * 100 + b"1" + b"}" * 100, "Unable to parse row 1. More than 64 levels"),
        (b'{"a": 1}\n{"a": "\xff"}\n', "Unable to parse row 2. Please be sure your file is UTF-8"),
        (b'{"a": "\xc3', "Unable to parse row 1. Please be sure your file is UTF-8"),
        (b'{"a": "' + b"x" * (json_rows.MAX_ROW + 1), "Unable to parse row 1. It is longer than"),
    ],
)
def test_invalid_json_is_refused_with_the_row_number(content: bytes, message: str) -> None:
    with pytest.raises(Invalid) as caught:
        from_json(content)

    assert message in caught.value.message
    assert caught.value.status == 422


def test_a_bad_line_is_reported_with_its_own_number() -> None:
    lines = [b'{"a": %d}' % number for number in range(1, 50_001)] + [b'{"a": }', b'{"a": 1}']

    with pytest.raises(Invalid, match="Unable to parse row 50001"):
        from_json(b"\n".join(lines))


def test_a_job_has_so_many_columns_at_most_whatever_the_file() -> None:
    wide = [{f"c{number}": 1 for number in range(MAX_COLUMNS)}]

    with CheckedRows(wide) as rows:
        assert rows.count == 1
    with pytest.raises(Invalid, match="With row 2 the job has 5001 columns; 5000 is the limit"):
        CheckedRows([*wide, {"one_more": 1}], force=True)
    with pytest.raises(Invalid, match="With row 1 the job has 5001 columns"):
        CheckedRows([{"one_more": 1}], [*wide[0]], force=True)


def test_an_object_of_many_lines_is_read_in_linear_time() -> None:
    value = {"numbers": list(range(200_000))}

    assert from_json(json.dumps(value, indent=1).encode()) == [value]


@pytest.mark.parametrize(
    ("read", "header", "line"),
    [
        (json_rows.read, b"", b'{"id": 1, "text": "some text that is about as long as any"}\n'),
        (json_rows.read, b"", b'{"id": 1, "text": "some text that is about as long as any"} '),
        (
            lambda file: csv_rows.read(file, str),
            b"id,text\n",
            b"1,some text that is about as long as any\n",
        ),
    ],
)
def test_memory_does_not_grow_with_the_file(read: Any, header: bytes, line: bytes) -> None:
    file: IO[bytes] = io.BufferedReader(GeneratedFile(line * 100, 500))
    rows: Iterator[Any] = read(io.BufferedReader(_Chained(header, file)) if header else file)
    next(rows)
    tracemalloc.start()

    count = 1 + sum(1 for _ in rows)

    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert count == 50_000
    assert peak < 5_000_000


class _Chained(io.RawIOBase):
    def __init__(self, head: bytes, tail: IO[bytes]) -> None:
        self._head, self._tail = head, tail

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int:
        block = self._head or self._tail.read(len(buffer))
        self._head = b""
        buffer[: len(block)] = block
        return len(block)


@given(st.binary(max_size=300))
def test_any_file_is_read_or_refused(content: bytes) -> None:
    for read in (from_csv, from_json):
        try:
            rows = read(content)
        except Refusal:
            continue
        assert all(isinstance(row, dict) for row in rows)


@pytest.mark.parametrize(
    ("row", "name"),
    [
        (b'{"t": "first", "t": "second"}', "t"),
        (b'{"t": {"a": [{"b": 1, "b": 2}]}}', "b"),
        (b'{"t": 1,\n "t": 1}', "t"),
        (b'{"t": "a: b", "t": "c"}', "t"),
    ],
)
def test_a_row_with_the_same_name_twice_is_refused(row: bytes, name: str) -> None:
    """JSON leaves open which value counts, so one would be lost without notice."""
    with pytest.raises(Invalid, match=f"Unable to parse row 2. It has '{name}' twice."):
        list(json_rows.read(io.BytesIO(b'{"t": "x: y"}\n' + row)))
