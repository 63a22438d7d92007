"""Columns find the type that fits all values, and are the same in pandas, polars and Arrow."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crowdflower import MalformedResponse
from crowdflower.tables.blocks import EXACT, Kind
from crowdflower.tables.columns import CategoryColumn, Column, TimeColumn
from crowdflower.tables.typed_table import Table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from crowdflower.tables.columns import TypedColumn

pd = pytest.importorskip("pandas")
pl = pytest.importorskip("polars")
pa = pytest.importorskip("pyarrow")


def collect(column: Column, batches: Sequence[Sequence[Any]]) -> TypedColumn:
    for batch in batches:
        column.extend(list(batch))
    return column.finish()


def in_pandas(make: Any) -> list[Any]:
    series = Table({"column": make()}).to_pandas()["column"]
    return [plain(value) for value in series.tolist()]


def in_polars(make: Any) -> list[Any]:
    return [plain(value) for value in Table({"column": make()}).to_polars()["column"].to_list()]


def in_arrow(make: Any) -> list[Any]:
    return [plain(value) for value in Table({"column": make()}).to_arrow()["column"].to_pylist()]


def plain(value: Any) -> Any:
    """Return a missing value of any library as None, and a time as Python's own."""
    if isinstance(value, list):
        return [plain(each) for each in value]
    if value is None or value is pd.NA or value is pd.NaT:
        return None
    if isinstance(value, float) and math.isnan(value):
        return None
    return value.to_pydatetime() if isinstance(value, pd.Timestamp) else value


def as_text(value: Any) -> Any:
    if value is None or isinstance(value, str):
        return value
    return json.dumps(without_fraction(value), ensure_ascii=False, separators=(",", ":"))


def without_fraction(value: Any) -> Any:
    if isinstance(value, float) and value.is_integer() and abs(value) <= EXACT:
        return int(value)
    if isinstance(value, list):
        return [without_fraction(each) for each in value]
    if isinstance(value, dict):
        return {name: without_fraction(each) for name, each in value.items()}
    return value


def expected(values: list[Any]) -> list[Any]:
    """Return the values of a column as documented: by the types of all of them together."""
    present = [value for value in values if value is not None]
    types = set(map(type, present))
    if types == {list}:
        items = [item for value in present for item in value]
        if fits_one_type(items):
            floats = float in set(map(type, items))
            return [
                value and [float(each) if floats and each is not None else each for each in value]
                for value in values
            ]
        return list(map(as_text, values))
    if not fits_one_type(present):
        return list(map(as_text, values))
    if types == {int, float}:
        return [None if value is None else float(value) for value in values]
    return values


def fits_one_type(values: list[Any]) -> bool:
    present = [value for value in values if value is not None]
    types = set(map(type, present))
    if types <= {int}:
        return all(-(2**63) <= value < 2**63 for value in present)
    if types == {int, float}:
        return all(type(value) is float or abs(value) <= EXACT for value in present)
    return types <= {str} or types <= {bool} or types <= {float}


TEXTS = st.text(st.characters(exclude_categories=("Cs",)), max_size=6)
INTEGERS = st.integers(-(2**63) - 5, 2**63 + 5) | st.integers(-9, 9)
NUMBERS = st.floats(allow_nan=False, allow_infinity=False)
SCALARS = st.one_of(st.none(), st.booleans(), INTEGERS, NUMBERS, TEXTS)
LISTS = st.one_of(
    st.lists(TEXTS | st.none(), max_size=3),
    st.lists(INTEGERS | NUMBERS, max_size=3),
    st.lists(st.booleans(), max_size=3),
)
ANYTHING = st.one_of(SCALARS, LISTS, st.dictionaries(TEXTS, SCALARS, max_size=2))
BATCHES = st.one_of(
    *(
        st.lists(st.lists(each | st.none(), max_size=5), max_size=4)
        for each in (INTEGERS, NUMBERS, INTEGERS | NUMBERS, TEXTS, st.booleans(), LISTS, ANYTHING)
    )
)


@settings(max_examples=300, deadline=None)
@given(BATCHES)
def test_a_column_has_the_same_values_in_every_library_however_it_is_cut(
    batches: list[list[Any]],
) -> None:
    values = [value for batch in batches for value in batch]

    def make() -> TypedColumn:
        return collect(Column(), batches)

    wanted = expected(values)
    assert in_arrow(make) == wanted
    assert in_polars(make) == wanted
    assert in_pandas(make) == wanted


def test_a_late_value_of_another_type_changes_the_whole_column() -> None:
    batches = [[1, 2.0]] * 1000 + [["three"]]

    values = in_arrow(lambda: collect(Column(), batches))

    assert values == ["1", "2"] * 1000 + ["three"]


def test_blocks_are_merged_and_large_ones_are_not_copied_again() -> None:
    typed = collect(Column(), [[n] * 1000 for n in range(20)])

    assert [len(block) for block in typed.blocks] == [9_000, 9_000, 2_000]


@pytest.mark.parametrize(
    ("values", "pandas_type", "polars_type", "arrow_type"),
    [
        ([1, 2], "int64", pl.Int64, pa.int64()),
        ([1, None], "Int64", pl.Int64, pa.int64()),
        ([True, False], "bool", pl.Boolean, pa.bool_()),
        ([True, None], "boolean", pl.Boolean, pa.bool_()),
        ([1, 2.5], "float64", pl.Float64, pa.float64()),
        (["a", None], str(pd.Series(["a"]).dtype), pl.String, pa.large_string()),
        ([["a"], None, []], "object", pl.List(pl.String), pa.large_list(pa.large_string())),
        ([[1], []], "object", pl.List(pl.Int64), pa.large_list(pa.int64())),
        ([], str(pd.Series(["a"]).dtype), pl.String, pa.large_string()),
    ],
)
def test_each_type_has_its_own_in_each_library(
    values: list[Any], pandas_type: str, polars_type: Any, arrow_type: Any
) -> None:
    def table() -> Table:
        return Table({"column": collect(Column(), [values])})

    assert str(table().to_pandas()["column"].dtype) == pandas_type
    assert table().to_polars()["column"].dtype == polars_type
    assert table().to_arrow()["column"].type == arrow_type


def test_categories_are_in_the_order_of_the_form_then_as_they_come() -> None:
    batches = [["no", None, ""], ["maybe", 7, ["no"]], ["\ud800", "?"]]

    def make() -> TypedColumn:
        return collect(CategoryColumn(["yes", "no"]), batches)

    wanted = ["no", None, None, "maybe", "7", '["no"]', "?", "?"]
    assert in_arrow(make) == in_polars(make) == in_pandas(make) == wanted
    assert Table({"c": make()}).to_pandas()["c"].cat.categories.tolist() == [
        *("yes", "no", "maybe", "7", '["no"]', "?")
    ]
    assert Table({"c": make()}).to_polars()["c"].dtype == pl.Categorical
    assert pa.types.is_dictionary(Table({"c": make()}).to_arrow()["c"].type)


def test_times_are_utc_in_every_library() -> None:
    texts = ["2015-06-24T12:50:00+00:00", None, "2015-06-24T14:50:00+02:00", "2015-06-24T12:50:00Z"]

    def make() -> TypedColumn:
        return collect(TimeColumn(), [texts])

    moment = datetime(2015, 6, 24, 12, 50, tzinfo=UTC)
    assert in_arrow(make) == in_polars(make) == in_pandas(make) == [moment, None, moment, moment]
    assert str(Table({"c": make()}).to_pandas()["c"].dtype) == "datetime64[us, UTC]"
    assert Table({"c": make()}).to_polars()["c"].dtype == pl.Datetime("us", "UTC")
    assert Table({"c": make()}).to_arrow()["c"].type == pa.timestamp("us", "UTC")


def test_a_time_that_cannot_be_read_is_an_error_that_shows_it() -> None:
    with pytest.raises(MalformedResponse, match="got 'yesterday'"):
        TimeColumn().extend(["yesterday"])


@pytest.mark.parametrize("default", [Kind.INTEGER, Kind.FLOAT, Kind.BOOL, Kind.LIST, Kind.STRING])
def test_a_column_without_values_has_its_default_type(default: Kind) -> None:
    without_rows = Column(default)
    with_missing = Column(default)
    with_missing.extend([None, None])

    first, second = without_rows.finish(), with_missing.finish()

    assert first.kind is second.kind is default
    for make in (first, second):
        table = Table({"column": make}).to_arrow()
        assert table["column"].null_count == len(table)


WITHOUT_OTHERS = """
import sys
for name in {blocked!r}:
    sys.modules[name] = None
from crowdflower.tables.columns import CategoryColumn, Column, TimeColumn
from crowdflower.tables.typed_table import Table

columns = {{
    "text": Column(), "list": Column(), "number": Column(), "flag": Column(),
    "kind": CategoryColumn(), "at": TimeColumn(),
}}
rows = {{
    "text": ["ä", None], "list": [["a"], []], "number": [1, None], "flag": [True, None],
    "kind": ["x", None], "at": ["2015-06-24T12:50:00Z", None],
}}
for name, column in columns.items():
    column.extend(rows[name])
frame = Table({{name: column.finish() for name, column in columns.items()}}).{method}()
print(frame["text"][0], frame["list"][0][0], frame["number"][0], frame["kind"][0], len(frame))
"""


@pytest.mark.parametrize(
    ("method", "blocked"),
    [("to_pandas", ["pyarrow", "polars"]), ("to_polars", ["pyarrow", "numpy", "pandas"])],
)
def test_one_library_does_not_need_the_others(method: str, blocked: list[str]) -> None:
    program = WITHOUT_OTHERS.format(blocked=blocked, method=method)

    run = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-X", "utf8", "-c", program],
        capture_output=True,
        encoding="utf-8",
        check=False,
    )

    assert run.stdout.split() == ["ä", "a", "1", "x", "2"], run.stderr


@pytest.mark.parametrize(
    ("method", "package", "extra"),
    [
        ("to_pandas", "pandas", "pandas"),
        ("to_polars", "polars", "polars"),
        ("to_arrow", "pyarrow", "arrow"),
    ],
)
def test_a_missing_package_names_its_extra(
    monkeypatch: pytest.MonkeyPatch, method: str, package: str, extra: str
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    table = Table({"column": Column().finish()})

    with pytest.raises(ImportError) as caught:
        getattr(table, method)()

    assert str(caught.value) == (
        f"{method} needs {package}, which is not installed: pip install"
        f" 'crowdflower-client[{extra}]'"
    )
