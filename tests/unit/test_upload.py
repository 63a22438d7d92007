"""The body of an upload: rows and files, checked to the end before they are sent."""

from __future__ import annotations

import io
import os
import tracemalloc
from pathlib import Path
from tempfile import SpooledTemporaryFile
from typing import TYPE_CHECKING, Any

import pytest

from crowdflower.exceptions import InvalidInput
from crowdflower.rows import csv_format
from crowdflower.rows.csv_format import BLOCK
from crowdflower.rows.upload_keys import of_file, of_rows
from crowdflower.rows.upload_source import CONTENT_TYPES, MAX_IN_MEMORY, open_file, spool_rows

if TYPE_CHECKING:
    from collections.abc import Iterator

CSV = 'review,stars\nGrüße,5\n"two\nlines",4\n'


def read(file: Any, type_: str | None = None) -> tuple[bytes, str]:
    with open_file(file, type_) as (body, content_type):
        return body.read(), content_type


# Rows


def test_spooled_rows_are_read_from_their_first_byte() -> None:
    with spool_rows([{"a": 1}, {"a": 2}]) as body:
        assert body.read() == b'{"a":1}\n{"a":2}\n'


def test_many_rows_are_spooled_to_a_file() -> None:
    row = {"text": "x" * 1000}

    with spool_rows(row for _ in range(2 * MAX_IN_MEMORY // 1000)) as body:
        assert isinstance(body.fileno(), int)
        assert os.fstat(body.fileno()).st_size > MAX_IN_MEMORY


def test_the_temporary_file_is_deleted_after_the_block() -> None:
    with spool_rows([{"a": 1}]) as body:
        pass

    assert body.closed


@pytest.mark.parametrize("rows", [[], (), iter([])])
def test_an_upload_without_rows_is_refused(rows: Any) -> None:
    with pytest.raises(InvalidInput, match="consumed before"), spool_rows(rows):
        pass


class DataFrame:
    """Iterates over its columns, as a DataFrame of pandas does."""

    def __iter__(self) -> Iterator[str]:
        return iter(["text", "stars"])


@pytest.mark.parametrize(
    ("rows", "advice"),
    [
        ({"text": "Fine."}, r"not a dict; put one row in a list$"),
        ("rows.csv", r"not a str; to upload a file, call upload_file"),
        (Path("rows.csv"), r"Path; to upload a file, call upload_file"),
        (DataFrame(), "not a DataFrame; make it a data frame of pandas or polars, or write it to"),
        (7, r"not an int$"),
        (None, r"not None$"),
    ],
)
def test_an_argument_that_cannot_be_rows_is_refused_with_advice(rows: Any, advice: str) -> None:
    said = f"^rows must be a list or another iterable of dicts, .*{advice}"

    with pytest.raises(InvalidInput, match=said), spool_rows(rows):
        pass
    with pytest.raises(InvalidInput, match=said):
        next(of_rows(rows, "text", force=False).rows)


def test_any_iterable_of_dicts_is_accepted() -> None:
    class Dataset(list[Any]):
        def to_dict(self) -> dict[str, Any]:
            raise NotImplementedError

    with spool_rows(Dataset([{"text": "Fine."}])) as body:
        assert body.read() == b'{"text":"Fine."}\n'


# Kinds of files


@pytest.mark.parametrize(
    ("name", "content_type"),
    [
        ("rows.csv", "text/csv"),
        ("ROWS.CSV", "text/csv"),
        ("rows.2015.csv", "text/csv"),
        ("rows.json", "application/json"),
        ("rows.jsonl", "application/json"),
        ("rows.ndjson", "application/json"),
        ("rows.tsv", "text/tab-separated-values"),
        ("rows.xls", "application/vnd.ms-excel"),
        ("rows.xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
        ("rows.ods", "application/vnd.oasis.opendocument.spreadsheet"),
    ],
)
@pytest.mark.parametrize("kind", [str, Path])
def test_the_content_type_follows_the_file_name_extension(
    tmp_path: Path, name: str, content_type: str, kind: Any
) -> None:
    path = tmp_path / name
    path.write_bytes(b'{"a": 1}\n{"a": 2}\n')

    assert read(kind(path)) == (b'{"a": 1}\n{"a": 2}\n', content_type)


@pytest.mark.parametrize(
    ("type_", "content_type"),
    [
        ("csv", "text/csv"),
        (".csv", "text/csv"),
        ("CSV", "text/csv"),
        ("json", "application/json"),
        ("text/csv", "text/csv"),
        ("text/csv; charset=utf-8", "text/csv; charset=utf-8"),
        ("application/rss+xml", "application/rss+xml"),
    ],
)
def test_an_explicit_type_overrides_the_name(tmp_path: Path, type_: str, content_type: str) -> None:
    path = tmp_path / "rows.tsv"
    path.write_text("a,b\n1,2\n")

    assert read(path, type_) == (b"a,b\n1,2\n", content_type)


def test_the_type_of_an_open_file_is_guessed_from_its_name(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text(CSV, encoding="utf-8")

    with path.open("rb") as file:
        body, content_type = read(file)

    assert (body.decode(), content_type) == (CSV, "text/csv")


@pytest.mark.parametrize("name", ["rows", "rows.txt", "rows.csv.gz", ".csv", ""])
def test_a_name_without_a_known_extension_is_refused_with_advice(name: str) -> None:
    with pytest.raises(ValueError, match=f"type_ as one of {', '.join(CONTENT_TYPES)}"):
        read(name)


@pytest.mark.parametrize("type_", ["", "excel", "comma"])
def test_an_unknown_type_is_refused(type_: str) -> None:
    with pytest.raises(ValueError, match="type_"):
        read("rows.csv", type_)


def test_a_file_without_a_name_needs_a_type() -> None:
    with pytest.raises(ValueError, match="type_"):
        read(io.BytesIO(b"a\n1\n"))


def test_a_missing_file_is_file_not_found_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read(tmp_path / "rows.csv")


@pytest.mark.parametrize(
    ("file", "advice"),
    [
        (None, "not None$"),
        (7, "not an int$"),
        (b"text\nhi\n", r"not a bytes; wrap the content in io.BytesIO"),
        (bytearray(b"text\nhi\n"), r"not a bytearray; wrap the content"),
        ([{"text": "hi"}], "not a list; to upload rows, call upload"),
        ({"text": "hi"}, "not a dict; to upload rows, call upload"),
        (DataFrame(), "not a DataFrame; to upload rows"),
    ],
    ids=lambda value: type(value).__name__,
)
@pytest.mark.parametrize("type_", [None, "csv"])
def test_what_is_not_a_file_is_refused_with_advice(
    file: Any, advice: str, type_: str | None
) -> None:
    with pytest.raises(InvalidInput, match=f"^file must be a path or an open file, {advice}"):
        read(file, type_)


# What is sent of a file


class Pipe(io.RawIOBase):
    """A file that can be read only once."""

    def __init__(self, content: bytes) -> None:
        super().__init__()
        self.rest = io.BytesIO(content)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        return self.rest.readinto(buffer)


@pytest.mark.parametrize(
    "file",
    [
        io.BytesIO(CSV.encode()),
        io.StringIO(CSV),
        io.TextIOWrapper(io.BytesIO(CSV.encode("latin-1")), encoding="latin-1", newline=""),
        Pipe(CSV.encode()),
        io.BufferedReader(Pipe(CSV.encode())),
    ],
    ids=["bytes", "text", "latin-1", "pipe", "buffered pipe"],
)
def test_any_open_file_is_sent_as_utf8(file: Any) -> None:
    body, content_type = read(file, "csv")

    assert (body.decode(), content_type) == (CSV, "text/csv")


@pytest.mark.parametrize("errors", ["strict", "surrogateescape"])
def test_a_file_opened_with_the_wrong_encoding_is_refused(errors: str) -> None:
    content = io.BytesIO(CSV.encode("latin-1"))
    file = io.TextIOWrapper(content, encoding="utf-8", errors=errors)

    with pytest.raises(InvalidInput, match="not in the encoding that it was opened with"):
        read(file, "csv")


def test_a_spooled_temporary_file_is_sent() -> None:
    with SpooledTemporaryFile() as file:
        file.write(CSV.encode())
        file.seek(0)

        assert read(file, "csv")[0].decode() == CSV


def test_a_file_is_sent_from_its_current_position() -> None:
    file = io.BytesIO(b"# a comment\nreview\ngood\n")
    file.readline()

    assert read(file, "csv")[0] == b"review\ngood\n"


def test_the_callers_file_stays_open() -> None:
    file = io.BytesIO(CSV.encode())

    read(file, "csv")

    assert not file.closed


def test_other_formats_are_sent_as_they_are() -> None:
    workbook = b"PK\x03\x04\xff\0"

    assert read(io.BytesIO(workbook), "xlsx")[0] == workbook


def test_json_lines_are_sent_as_they_are() -> None:
    lines = '\ufeff{"a": "ü"}\n\n{"a": [1]}'.encode()

    assert read(io.BytesIO(lines), "json")[0] == lines


ENDS = {
    "LF": b'id,text\n1,"two\nlines"\n2,bye\n',
    "CR": b'id,text\r1,"two\rlines"\r2,bye\r',
    "CRLF": b'id,text\r\n1,"two\r\nlines"\r\n2,bye\r\n',
    "mixed": b'id,text\r1,"two\r\nlines"\n2,bye\r\n',
    "no end": b'\xef\xbb\xbfid,text\r1,"two\nlines"\r2,bye',
    "blank": b'id,text\r\r1,"two\n\rlines"\r\r\r2,bye\r',
}
"""Spreadsheets on a Mac save lines that end in CR."""


@pytest.mark.parametrize("name", ENDS)
def test_a_csv_is_read_with_any_line_ends(name: str) -> None:
    content = ENDS[name]

    with open_file(io.BytesIO(content), "csv") as (body, content_type):
        assert body.read() == content
        body.seek(0)
        source = of_file(body, content_type, "id", force=False)
        rows = list(source.rows)

    assert source.header == b"id,text\r\n"
    assert [key for key, _ in rows] == ["1", "2"]
    assert rows[0][1].startswith(b'1,"two')
    assert rows[1][1] == b"2,bye\r\n"


@pytest.mark.parametrize("end", [b"\n", b"\r", b"\r\n"], ids=repr)
@pytest.mark.parametrize("length", range(BLOCK - 12, BLOCK + 2))
def test_a_line_end_may_fall_between_two_blocks(end: bytes, length: int) -> None:
    first = b"x" * length
    content = io.BytesIO(b"text" + end + first + end + b"last")

    assert list(csv_format.text_lines(content)) == [
        f"text{end.decode()}",
        f"{first.decode()}{end.decode()}",
        "last",
    ]


def test_a_quoted_name_of_a_column_may_have_two_lines() -> None:
    content = b'id,"what\ris it"\r1,a\r'

    with open_file(io.BytesIO(content), "csv") as (body, content_type):
        source = of_file(body, content_type, "what\ris it", force=False)
        assert [key for key, _ in source.rows] == ["a"]


# What is refused


@pytest.mark.parametrize("first", ["[", " \n[", "\ufeff[", '[{"a": 1}]'])
def test_a_json_array_is_refused(first: str) -> None:
    with pytest.raises(InvalidInput, match="one object a line"):
        read(io.BytesIO(first.encode()), "json")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "no header"),
        (b"\n1,2\n", "no header"),
        (b"\r\n1,2\r\n", "no header"),
        (b"\xef\xbb\xbf\n", "no header"),
        (b"a,,c\n1,2,3\n", "column 2"),
        (b"a, \n1,2\n", "column 2"),
        (b"\r1,2\r", "no header"),
    ],
)
def test_a_csv_without_column_names_is_refused(content: bytes, said: str) -> None:
    with pytest.raises(InvalidInput, match=said):
        read(io.BytesIO(content), "csv")


@pytest.mark.parametrize(
    ("content", "separator"),
    [
        (b"\xef\xbb\xbfsku;text\r\n1;Gut\r\n", "semicolons"),
        (b'"sku";"text"\n"1";"Gut, sehr"\n', "semicolons"),
        (b"sku;text\r1;Gut\r", "semicolons"),
        (b"sku;text", "semicolons"),
        (b"sku\ttext\n1\tGut\n", "tabs"),
    ],
)
def test_a_csv_with_another_separator_is_refused(content: bytes, separator: str) -> None:
    with pytest.raises(InvalidInput, match=f"separated by {separator}, .*: save it with commas"):
        read(io.BytesIO(content), "csv")


@pytest.mark.parametrize(
    "content",
    [
        b"text\nGut; sehr\n",
        b"\xef\xbb\xbfWie ist es?\r\nGut\r\n",
        b'"Gut; oder nicht?"\nja\n',
        b"text\t\nGut\n",
        b"sku,text; or note\n1,Gut\n",
        b"text,text\nGut,Gut\n",
    ],
)
def test_a_semicolon_or_a_tab_may_be_part_of_a_csv(content: bytes) -> None:
    assert read(io.BytesIO(content), "csv")[0] == content


@pytest.mark.parametrize(
    ("content", "row"),
    [
        (b"review\ngood\nb\xe4d\n", 2),
        (b'review\n"two\nlines"\n\xff\n', 2),
        (b'review\n"two\nlin\xffes"\n', 1),
        (b"review\ngood\nbad\xc3", 2),
        (b"review\ngood\nb\0d\n", 2),
        (b"gr\xf6\xdfe\ngood\n", None),
        ("review\ngood\n".encode("utf-16"), None),
        ("review\ngood\n".encode("utf-16-le"), None),
    ],
)
def test_a_csv_that_is_not_utf8_is_refused_with_its_row(content: bytes, row: int | None) -> None:
    with pytest.raises(InvalidInput, match="UTF-8") as caught:
        read(io.BytesIO(content), "csv")

    assert caught.value.row == row
    assert (f"row {row}" in str(caught.value)) == (row is not None)


def test_a_late_bad_row_has_its_exact_number() -> None:
    content = "review\n" + '"Grüße\n"\n' * 50_000

    with pytest.raises(InvalidInput) as caught:
        read(io.BytesIO(content.encode() + b"\xff\n"), "csv")

    assert caught.value.row == 50_001


@pytest.mark.parametrize(
    ("content", "row"), [(b'{"a": "\xff"}\n', 1), (b'{"a": 1}\n{"a": "\xff"}\n', 2)]
)
def test_json_that_is_not_utf8_is_refused_with_its_line(content: bytes, row: int) -> None:
    with pytest.raises(InvalidInput, match="UTF-8") as caught:
        read(io.BytesIO(content), "json")

    assert caught.value.row == row


@pytest.mark.parametrize("type_", ["csv", "json"])
@pytest.mark.parametrize("start", [b"", b"a\n1\n", b"\xff", b"\xff\n"])
def test_what_is_no_text_is_refused_in_little_memory(
    tmp_path: Path, type_: str, start: bytes
) -> None:
    """Such as the zeros of a sparse file, or /dev/zero, which has no end."""
    path = tmp_path / f"dump.{type_}"
    with path.open("wb") as file:
        file.write(start)
        file.truncate(200 << 20)

    tracemalloc.start()
    try:
        with pytest.raises(InvalidInput, match="UTF-8"), open_file(path, None):
            pass
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert peak < 50 << 20


def test_a_file_of_one_endless_line_is_refused_in_little_memory(tmp_path: Path) -> None:
    path = tmp_path / "line.csv"
    path.write_bytes(b"x" * (100 << 20))

    tracemalloc.start()
    try:
        with (
            pytest.raises(
                InvalidInput,
                match="header of the CSV cannot be read: line 1 is longer than 4,194,304",
            ),
            open_file(path, None),
        ):
            pass
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert peak < 50 << 20
