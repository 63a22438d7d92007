"""What can be uploaded, and what to do about anything else."""

from __future__ import annotations

import csv
import io
import sqlite3
import subprocess
import sys
from collections import OrderedDict, UserDict, namedtuple
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType, SimpleNamespace
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from crowdflower.exceptions import InvalidInput
from crowdflower.rows.json_lines import json_lines
from crowdflower.rows.sources.row_sources import rows_in

if TYPE_CHECKING:
    from collections.abc import Iterator

    from conftest import SentRequest

    from crowdflower.job import Job


@dataclass
class Review:
    text: str = "Fine."


class Pair(NamedTuple):
    text: str
    stars: int


class Model:
    """A model of pydantic, as far as it matters here."""

    def model_dump(self) -> dict[str, Any]:
        return {"text": "Fine."}


class DataFrame:
    """Iterates over its columns, as data frames do."""

    def __iter__(self) -> Iterator[str]:
        return iter(["text", "stars"])


class Row(dict[str, Any]):
    """A dict of a library."""


# Rows


@pytest.mark.parametrize(
    "rows",
    [
        [{"text": "a"}],
        ({"text": "a"},),
        iter([{"text": "a"}]),
        ({"text": text} for text in "a"),
        {1: {"text": "a"}}.values(),
        csv.DictReader(["text", "a"]),
        [OrderedDict(text="a")],
        [UserDict(text="a")],
        [MappingProxyType({"text": "a"})],
        [Row(text="a")],
    ],
    ids=lambda rows: type(rows).__name__,
)
def test_any_iterable_of_mappings_holds_rows(rows: Any) -> None:
    assert b"".join(json_lines(rows)) == b'{"text":"a"}\n'


def test_rows_are_not_read_before_they_are_encoded() -> None:
    consumed = []

    def rows() -> Iterator[dict[str, int]]:
        consumed.append(1)
        yield {"n": 1}

    rows_in(rows())

    assert consumed == []


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ({"text": "a"}, "not a dict; put one row in a list$"),
        (
            {"text": ["a", "b"]},
            r"not a dict; .*make columns a data frame: pandas.Data",
        ),
        (b"text\na\n", r"not a bytes; .*pass io.BytesIO\(content\) to upload_file"),
        (io.StringIO("text\na\n"), "not a StringIO; to upload a file, call upload_file"),
        (io.BytesIO(b"text\na\n"), "not a BytesIO; to upload a file, call upload_file"),
        (DataFrame(), "not a DataFrame; make it a data frame of pandas or polars, or write it to"),
        (DataFrame, "not the class DataFrame; call it first"),
        (Path, "not the class Path; call it first"),
        (7, "not an int$"),
        (None, "not None$"),
        (SimpleNamespace(), "not a SimpleNamespace$"),
    ],
    ids=lambda value: type(value).__name__,
)
@pytest.mark.parametrize("key", [None, "text"])
def test_what_does_not_hold_rows_is_refused_with_advice(
    job: Job, sent: list[SentRequest], data: Any, said: str, key: Any
) -> None:
    with pytest.raises(InvalidInput, match=f"^rows must be a list or another iterable .*{said}"):
        job.upload(data, key=key)

    assert sent == []


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (Review(), r"a Review, .*; call dataclasses.asdict\(row\)"),
        (Pair("a", 5), r"a Pair, .*; call row._asdict\(\)"),
        (namedtuple("Point", "x y")(1, 2), r"a Point, .*; call row._asdict\(\)"),  # noqa: PYI024
        (Model(), r"a Model, .*; call row.model_dump\(\)"),
        (("a", 5), r"a tuple, .*; call dict\(zip\(columns, row\)\)"),
        (["a", 5], r"a list, .*; call dict\(zip\(columns, row\)\)"),
        (DataFrame(), "a DataFrame, .*; upload one table at a time, or join them first"),
        ("a", "a str, not a dict from column to value$"),
        (None, "None, not a dict from column to value$"),
    ],
    ids=lambda value: type(value).__name__,
)
@pytest.mark.parametrize("key", [None, "text"])
def test_an_item_that_is_not_a_row_is_refused_with_advice(row: Any, said: str, key: Any) -> None:
    with pytest.raises(InvalidInput, match=f"^row 2 is {said}") as caught:
        list(json_lines([{"text": "a"}, row]))

    assert caught.value.row == 2


def test_a_row_of_sqlite_is_refused_with_advice() -> None:
    connection = sqlite3.connect(":memory:")
    connection.row_factory = sqlite3.Row
    rows = connection.execute("SELECT 'a' AS text")

    with pytest.raises(InvalidInput, match=r"row 1 is a Row, .*; call dict\(row\)"):
        list(json_lines(rows))

    connection.close()


@pytest.mark.parametrize("attributes", [{"__attrs_attrs__": ()}])
def test_an_object_of_attrs_is_refused_with_advice(attributes: dict[str, Any]) -> None:
    row = type("Review", (), attributes)()

    with pytest.raises(InvalidInput, match=r"a Review, .*; call attrs.asdict\(row\)"):
        list(json_lines([row]))


@pytest.mark.parametrize(
    ("make", "said"),
    [
        ("pandas.Series(['a'])", r"a Series; make it a frame with to_frame\(\)"),
        ("polars.Series(['a'])", r"a Series; make it a frame with to_frame\(\)"),
        ("numpy.zeros((2, 2))", r"a numpy.ndarray; name its columns: pandas.DataFrame\(array"),
        ("pyarrow.array(['a'])", r"a StringArray; name it: pyarrow.table\({'text': array}\)"),
        ("pandas.read_csv(file, chunksize=1)", "a TextFileReader; upload its file by its path"),
    ],
)
def test_what_is_not_a_table_of_its_library_is_refused_with_advice(make: str, said: str) -> None:
    library = pytest.importorskip(make.partition(".")[0])
    names = {library.__name__: library, "file": io.StringIO("a\n1\n")}

    with pytest.raises(InvalidInput, match=said):
        list(json_lines(eval(make, names)))  # noqa: S307 - our own


# Libraries that are needed


def test_dicts_load_no_library_of_data_frames() -> None:
    _run("""
        with Sandbox() as box:
            box.client().upload_job([{"n": 1, "day": date(2026, 11, 30), "x": float("nan")}])
        assert not {"numpy", "pandas", "polars", "pyarrow", "duckdb"} & sys.modules.keys()
    """)


@pytest.mark.parametrize(
    ("library", "make"),
    [
        ("pandas", "pandas.DataFrame({'n': [1, 2], 'text': ['a', None]})"),
        ("polars", "polars.DataFrame({'n': [1, 2], 'text': ['a', None]})"),
        ("duckdb", "duckdb.sql(\"FROM (VALUES (1, 'a'), (2, NULL)) AS v(n, text)\")"),
    ],
)
def test_a_frame_needs_no_other_library(library: str, make: str) -> None:
    pytest.importorskip(library)
    others = {"pandas", "polars", "pyarrow", "duckdb"} - {library}

    _run(f"""
        for name in {others!r}:
            sys.modules[name] = None  # as if it were not installed
        import {library}

        with Sandbox() as box:
            job = box.client().upload_job({make})
            rows = [unit.data for unit in job.units]
        assert rows == [{{"n": 1, "text": "a"}}, {{"n": 2, "text": None}}], rows
    """)


def _run(code: str) -> None:
    """Run code in a new process."""
    lines = [line.removeprefix("        ") for line in code.splitlines()]
    head = "import sys\nfrom datetime import date\nfrom crowdflower.sandbox import Sandbox\n"
    command = [sys.executable, "-W", "ignore", "-c", head + "\n".join(lines)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    assert done.returncode == 0, done.stderr


class Capsule:
    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        raise NotImplementedError


@pytest.mark.parametrize(
    ("data", "said"), [(Capsule(), "an Arrow table"), (Path("rows.parquet"), "a Parquet file")]
)
@pytest.mark.parametrize("key", [None, "sku"])
def test_the_extra_is_named_where_pyarrow_is_missing(
    job: Job, monkeypatch: pytest.MonkeyPatch, data: Any, said: str, key: Any
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)

    with pytest.raises(
        ImportError,
        match=rf"^to read {said} needs pyarrow, which is not installed:"
        r" pip install 'crowdflower-client\[arrow\]'$",
    ):
        job.upload(data, key=key)
