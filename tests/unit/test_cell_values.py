"""What the values of cells are sent as."""

from __future__ import annotations

import json
import re
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from enum import Enum, IntEnum, StrEnum
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from crowdflower.exceptions import InvalidInput
from crowdflower.rows.json_lines import json_lines
from crowdflower.rows.sources.cell_values import convert, convert_column, convert_row

PAGE = Path(__file__).parents[2] / "docs" / "uploads.rst"
OPTIONAL = ("numpy", "pandas", "pyarrow")


def documented() -> list[tuple[str, str]]:
    """Return each example of the table in the documentation, and what it is sent as."""
    section = PAGE.read_text(encoding="utf-8").partition("What cells are sent as\n")[2]
    table = section.partition("Infinity, bytes")[0]
    found = []
    for row in table.split("   * - ")[2:]:
        _, examples, sent = row.split("\n     - ")
        [becomes] = re.findall("``(.+?)``", sent)[:1]
        found += [(example, becomes) for example in re.findall("``(.+?)``", examples, re.DOTALL)]
    return found


def evaluate(example: str) -> Any:
    """Return the value of an example."""
    names: dict[str, Any] = {
        "UTC": UTC,
        "date": date,
        "datetime": datetime,
        "time": time,
        "timedelta": timedelta,
        "Decimal": Decimal,
        "Enum": Enum,
        "UUID": UUID,
        **{name: pytest.importorskip(name) for name in OPTIONAL if f"{name}." in example},
    }
    return eval(" ".join(example.split()), names)  # noqa: S307 - the documentation's own text


def sent(value: Any) -> str:
    """Return a cell as it is sent."""
    line = b"".join(json_lines([{"cell": value}])).decode()
    return line.removeprefix('{"cell":').removesuffix("}\n")


def test_the_documentation_has_a_table_of_examples() -> None:
    assert len(documented()) >= 35


@pytest.mark.parametrize(("example", "becomes"), documented())
def test_a_cell_is_sent_as_documented(example: str, becomes: str) -> None:
    text = sent(evaluate(example))

    assert text == json.dumps(json.loads(becomes), ensure_ascii=False, separators=(",", ":"))


@pytest.mark.parametrize(
    ("value", "becomes"),
    [
        (Decimal("1E+5"), '"100000"'),
        (Decimal("0.000000001"), '"0.000000001"'),
        (Decimal("-0"), '"-0"'),
        (Decimal("1E+99999"), '"1E+99999"'),
        (Decimal("sNaN"), "null"),
        (Decimal("12345678901234567890.123456789"), '"12345678901234567890.123456789"'),
        (2**70, "1180591620717411303424"),
        (-(2**63), "-9223372036854775808"),
        (
            datetime(2026, 11, 30, 10, 0, 0, 500),  # noqa: DTZ001 - without a zone
            '"2026-11-30T10:00:00.000500"',
        ),
        (
            datetime(2026, 11, 30, tzinfo=timezone(timedelta(hours=-5))),
            '"2026-11-30T00:00:00-05:00"',
        ),
        (time(10, tzinfo=UTC), '"10:00:00+00:00"'),
        (timedelta(milliseconds=1500), "1.5"),
        (timedelta(days=-1), "-86400"),
        (IntEnum("Stars", {"FIVE": 5}).FIVE, "5"),  # type: ignore[attr-defined]
        (StrEnum("Size", {"SMALL": "S"}).SMALL, '"S"'),  # type: ignore[attr-defined]
        (Enum("Day", {"FIRST": date(2026, 11, 30)}).FIRST, '"2026-11-30"'),  # type: ignore[attr-defined]
        ({"a": [float("nan"), {"b": Decimal("1.0")}]}, '{"a":[null,{"b":"1.0"}]}'),
        ((1, (2.5, None)), "[1,[2.5,null]]"),
        ("NaN", '"NaN"'),
        ("", '""'),
    ],
    ids=repr,
)
def test_a_value_of_python_is_sent_exactly(value: Any, becomes: str) -> None:
    assert sent(value) == becomes


@pytest.mark.parametrize(
    ("example", "becomes"),
    [
        ("numpy.uint64(2**64 - 1)", "18446744073709551615"),
        ("numpy.int8(-1)", "-1"),
        ("numpy.float16(1.5)", "1.5"),
        ("numpy.longdouble(1.5)", "1.5"),
        ("numpy.float32('nan')", "null"),
        ("numpy.datetime64('2026-11')", '"2026-11"'),
        ("numpy.datetime64('2026-11-30T10', 'ns')", '"2026-11-30T10:00:00"'),
        ("numpy.datetime64(1, 'ns')", '"1970-01-01T00:00:00.000000001"'),
        ("numpy.datetime64('20000-01-01T00')", '"20000-01-01T00"'),
        ("numpy.timedelta64('NaT', 's')", "null"),
        ("numpy.timedelta64(1, 'ns')", "1e-09"),
        ("numpy.timedelta64(2, 'h')", "7200"),
        ("numpy.array(5)", "5"),
        ("numpy.array([[1, 2], [3, 4]])", "[[1,2],[3,4]]"),
        ("numpy.array([])", "[]"),
        ("numpy.array(['a', 'b'])", '["a","b"]'),
        ("numpy.array([True])", "[true]"),
        (
            "numpy.array(['2026-11-30', 'NaT'], dtype='datetime64[ns]')",
            '["2026-11-30T00:00:00",null]',
        ),
        ("numpy.array([None, 1, {'a': numpy.int8(1)}], dtype=object)", '[null,1,{"a":1}]'),
        ("numpy.ma.masked", "null"),
        ("numpy.ma.array([1, 2], mask=[False, True])", "[1,null]"),
        ("pandas.NaT", "null"),
        ("pandas.Timestamp(1, unit='ns')", '"1970-01-01T00:00:00.000000001"'),
        ("pandas.Timestamp('2026-07-01', tz='Europe/Berlin')", '"2026-07-01T00:00:00+02:00"'),
        ("pyarrow.scalar(None, pyarrow.int64())", "null"),
        ("pyarrow.scalar(Decimal('1.50'))", '"1.50"'),
    ],
)
def test_a_value_of_a_library_is_sent_exactly(example: str, becomes: str) -> None:
    assert sent(evaluate(example)) == becomes


@pytest.mark.parametrize(
    "example",
    [
        "float('inf')",
        "Decimal('-Infinity')",
        "b'bytes'",
        "{1, 2}",
        "1 + 2j",
        "object()",
        "[1, {'a': b'bytes'}]",
        "numpy.float32('inf')",
        "numpy.complex128(1)",
        "numpy.bytes_(b'a')",
        "numpy.timedelta64(1, 'M')",
        "numpy.array([(1, 2)], dtype='i4,i4')",
        "numpy.array([1.5, float('inf')])",
        "pandas.Series([1])",
    ],
)
def test_what_cannot_be_sent_is_refused_with_row_and_column(example: str) -> None:
    rows = [{"cell": 1}] * 1200 + [{"cell": evaluate(example)}]
    said = r"^row 1201, column 'cell': .*; (send|convert)"

    with pytest.raises(InvalidInput, match=said) as caught:
        list(json_lines(rows))

    assert caught.value.row == 1201


def test_a_value_that_contains_itself_is_left_for_the_error() -> None:
    loop: list[Any] = []
    loop.append(loop)

    with pytest.raises(InvalidInput, match="row 1, it contains itself, or is nested too deeply"):
        list(json_lines([{"cell": loop}]))


def test_plain_values_are_not_copied() -> None:
    values = ["a", 1, None, True]

    assert convert_column(values) is values
    assert convert(values[0]) is values[0]


def test_the_given_row_is_not_changed() -> None:
    scores = [float("nan")]
    row = {"scores": scores, "day": date(2026, 11, 30)}

    assert convert_row(row) == {"scores": [None], "day": "2026-11-30"}
    assert row == {"scores": scores, "day": date(2026, 11, 30)}
    assert scores != [None]
