"""Reading the rows of a report archive."""

from __future__ import annotations

import io
import random
import zipfile
from tempfile import TemporaryFile
from typing import Any

import pytest

from crowdflower.exceptions import ReportCorrupt, ReportEmpty, ReportError
from crowdflower.rows import report_archive
from crowdflower.states import REPORT_TYPES, ReportType

AGGREGATED = """\
_unit_id,_golden,_unit_state,_trusted_judgments,sentiment,sentiment:confidence,topics,review_text
698757970,false,finalized,3,negative,0.6421,"price
delivery",Arrived late and cost too much
698757971,false,judgable,1,positive,1.0,,Love it – würde wieder kaufen
"""

UNITS = """\
{"id":698757970,"state":"finalized","results":{"judgments":[],"sentiment":{"agg":"negative"}}}
{"id":698757973,"state":"golden","results":{"judgments":[]}}
"""


def archive(*files: tuple[str, str | bytes], method: int = zipfile.ZIP_DEFLATED) -> io.BytesIO:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", method) as zipped:
        for name, content in files:
            zipped.writestr(name, content)
    packed.seek(0)
    return packed


def rows(content: str | bytes, type_: ReportType = "full") -> list[dict[str, Any]]:
    return list(report_archive.rows(archive(("f712034.csv", content)), type_))


@pytest.mark.parametrize("type_", sorted(set(REPORT_TYPES) - {"json"}))
def test_a_table_is_read_as_one_dict_a_row(type_: ReportType) -> None:
    first, second = rows(AGGREGATED, type_)

    assert list(first) == AGGREGATED.splitlines()[0].split(",")
    assert first["topics"] == "price\ndelivery"
    assert first["sentiment:confidence"] == "0.6421"
    assert (second["topics"], second["review_text"]) == ("", "Love it – würde wieder kaufen")


def test_the_json_report_is_read_as_one_object_a_line() -> None:
    packed = archive(("job_712034.json", UNITS))

    first, second = report_archive.rows(packed, "json")

    assert first["results"]["sentiment"] == {"agg": "negative"}
    assert second == {"id": 698757973, "state": "golden", "results": {"judgments": []}}


@pytest.mark.parametrize("content", [UNITS.rstrip(), UNITS.replace("\n", "\r\n"), f"\n{UNITS}\n\n"])
def test_line_ends_do_not_matter(content: str) -> None:
    assert [row["id"] for row in rows(content, "json")] == [698757970, 698757973]


def test_the_first_file_is_read_whatever_its_name() -> None:
    packed = archive(("reports/", b""), ("../../etc/passwd", UNITS), ("readme.txt", b"not me"))

    assert [row["id"] for row in report_archive.rows(packed, "json")] == [698757970, 698757973]


def test_a_file_may_be_stored_without_compression() -> None:
    packed = archive(("a.csv", "a,b\n1,2\n"), method=zipfile.ZIP_STORED)

    assert list(report_archive.rows(packed, "source")) == [{"a": "1", "b": "2"}]


def test_a_byte_order_mark_is_not_part_of_the_first_column() -> None:
    assert rows("\ufeffa,b\n1,2\n") == [{"a": "1", "b": "2"}]


def test_columns_with_equal_names_are_both_kept() -> None:
    assert rows("city,city,city_2,city\na,b,c,d\n") == [
        {"city": "a", "city_2": "b", "city_2_2": "c", "city_3": "d"}
    ]


def test_a_table_may_have_no_rows() -> None:
    assert rows("a,b\n") == []


def test_rows_are_read_lazily() -> None:
    lines = report_archive.rows(archive(("job_7.json", f"{UNITS}oops\n")), "json")

    assert next(lines)["id"] == 698757970
    assert next(lines)["id"] == 698757973
    with pytest.raises(ReportCorrupt, match="line 3"):
        next(lines)


@pytest.mark.parametrize(
    "packed",
    [
        archive(),
        archive(("reports/", b"")),
        archive(("job_7.json", b"")),
    ],
    ids=["no file", "a directory", "an empty file"],
)
@pytest.mark.parametrize("type_", ["json", "full"])
def test_an_archive_without_a_report_is_report_empty(packed: io.BytesIO, type_: ReportType) -> None:
    packed.seek(0)

    with pytest.raises(ReportEmpty):
        list(report_archive.rows(packed, type_))


@pytest.mark.parametrize(
    ("content", "type_", "said"),
    [
        ("[1, 2]\n", "json", "row 1 is a list"),
        ('{"id": 1}\n"text"\n', "json", "row 2 is a str"),
        ('{"id": 1}\n{"id":\n', "json", "line 2"),
        ('{"id": NaN}\n', "json", "NaN"),
        (b'{"id": "\xff"}\n', "json", "line 1"),
        ("a,b\n1,2\n1,2,3\n", "full", "line 3 has 3 of 2"),
        ("a,b\n1\n", "full", "line 2 has 1 of 2"),
        ('a,b\n1,"2\n', "full", "unexpected end"),
        (b"a,b\n1,\xff\n", "full", "utf-8"),
    ],
)
def test_content_that_does_not_fit_the_type_is_corrupt(
    content: str | bytes, type_: ReportType, said: str
) -> None:
    with pytest.raises(ReportCorrupt, match=said):
        rows(content, type_)


@pytest.mark.parametrize("content", [b"", b"<html>", b"PK\x03\x04", b'{"notice": "wait"}'])
def test_a_file_that_is_not_an_archive_is_corrupt(content: bytes) -> None:
    with pytest.raises(ReportCorrupt):
        list(report_archive.rows(io.BytesIO(content), "json"))


def test_an_encrypted_archive_is_corrupt() -> None:
    packed = bytearray(archive(("job_7.json", UNITS)).getvalue())
    for signature, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        packed[packed.index(signature) + flags] |= 1

    with pytest.raises(ReportCorrupt):
        list(report_archive.rows(io.BytesIO(packed), "json"))


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_an_unsupported_compression_method_is_corrupt(method: int) -> None:
    packed = archive(("job_7.json", UNITS), method=method)

    with pytest.raises(ReportCorrupt, match=str(method)):
        list(report_archive.rows(packed, "json"))


@pytest.mark.parametrize("length", range(0, 260, 7))
def test_a_truncated_archive_is_corrupt(length: int) -> None:
    whole = archive(("job_7.json", UNITS)).getvalue()

    with pytest.raises(ReportCorrupt):
        list(report_archive.rows(io.BytesIO(whole[: min(length, len(whole) - 1)]), "json"))


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("type_", ["json", "full"])
def test_a_flipped_bit_changes_no_row_without_an_error(seed: int, type_: ReportType) -> None:
    content = UNITS if type_ == "json" else AGGREGATED
    packed = archive(("report", content)).getvalue()
    good = rows(content, type_)
    chance = random.Random(seed)  # noqa: S311 - a test may be predictable

    for _ in range(250):
        damaged = bytearray(packed)
        damaged[chance.randrange(len(damaged))] ^= 1 << chance.randrange(8)
        with TemporaryFile() as file:
            file.write(damaged)
            try:
                found = list(report_archive.rows(file, type_))
            except ReportError:
                continue
        assert found == good
