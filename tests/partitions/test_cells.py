"""Values of JSON as cells of a planned type: exact, or an error."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

pa = pytest.importorskip("pyarrow")

from crowdflower.tables.partitions.arrow_cells import (  # noqa: E402 - needs pyarrow
    UnfitCell,
    arrow_array,
)

TIME = datetime(2015, 6, 24, 12, 50, tzinfo=UTC)
LISTS = pa.large_list(pa.string())


@pytest.mark.parametrize(
    ("value", "kind", "cell"),
    [
        (7, pa.int64(), 7),
        (7.0, pa.int8(), 7),
        ("7", pa.int64(), 7),
        (" -7 ", pa.int64(), -7),
        (7, pa.float64(), 7.0),
        ("1e3", pa.float32(), 1000.0),
        (2**60, pa.string(), str(2**60)),
        (True, pa.bool_(), True),
        ("TRUE", pa.bool_(), True),
        (1.0, pa.large_string(), "1"),
        ([1, None], pa.string(), "[1,null]"),
        ({"a": 1}, pa.string(), '{"a":1}'),
        ("a\ud800ü", pa.string(), "a?ü"),
        ("a", pa.dictionary(pa.int32(), pa.string()), "a"),
        (["a", 1], LISTS, ["a", "1"]),
        ([], LISTS, []),
        (None, LISTS, None),
        ([1.5], pa.list_(pa.float64()), [1.5]),
        ("2015-06-24T12:50:00Z", pa.timestamp("us", "UTC"), TIME),
        ("2015-06-24T14:50:00+02:00", pa.timestamp("ms", "UTC"), TIME),
        ("2015-06-24T12:50:00Z", pa.timestamp("us"), TIME.replace(tzinfo=None)),
        ("2015-06-24", pa.date32(), date(2015, 6, 24)),
        ("1.10", pa.decimal128(5, 2), Decimal("1.10")),
        (1.5, pa.decimal128(5, 2), Decimal("1.50")),
        (None, pa.int64(), None),
        ("", pa.timestamp("us", "UTC"), None),
        (None, pa.null(), None),
        ({"a": 1}, pa.struct([("a", pa.int64())]), {"a": 1}),
    ],
)
def test_a_value_that_fits_is_exact(value: Any, kind: Any, cell: Any) -> None:
    array = arrow_array([value, None], kind)

    assert array.type == kind
    assert array.to_pylist() == [cell, None]


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (1.5, pa.int64()),
        ("007", pa.int64()),
        ("1.0", pa.int64()),
        ("", pa.int64()),
        ("n/a", pa.float64()),
        ("nan", pa.float64()),
        ("1_000", pa.float64()),
        (True, pa.int64()),
        (True, pa.float64()),
        (2**63, pa.int64()),
        (300, pa.int8()),
        (2**60 + 1, pa.float64()),
        (1, pa.bool_()),
        ("yes", pa.bool_()),
        ("abc", LISTS),
        ([1, "x"], pa.list_(pa.int64())),
        ("yesterday", pa.timestamp("us", "UTC")),
        ("2015-06-24T12:50:00.000001Z", pa.timestamp("s", "UTC")),
        ("2015-06-24T12:50:00Z", pa.date32()),
        (7, pa.timestamp("us", "UTC")),
        ("1.234", pa.decimal128(5, 2)),
        ("x", pa.decimal128(5, 2)),
        ("x", pa.null()),
    ],
)
def test_a_value_that_does_not_fit_is_named(value: Any, kind: Any) -> None:
    with pytest.raises(UnfitCell) as caught:
        arrow_array([None, value], kind)

    assert caught.value.position == 1
    assert repr(value) in str(caught.value)
