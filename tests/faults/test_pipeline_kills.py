"""The script of the guide for more days, with more kills, and days that are finished later.

``tests/scenarios/test_daily_pipeline.py`` is the short version.
"""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("pandas")
pytest.importorskip("pyarrow")

from daily_pipeline import pipeline


@pytest.mark.parametrize("seed", range(10, 16))
@pytest.mark.parametrize("abandons", [0.0, 0.15])
def test_each_row_is_labelled_once_and_each_day_paid_once(
    seed: int, abandons: float, tmp_path: Path
) -> None:
    folder, temporary = tmp_path / "reviews", tmp_path / "temporary"
    folder.mkdir()
    temporary.mkdir()

    with pipeline(folder, temporary, seed) as (days, process):
        days.run(process, 5, abandons=abandons)
        violations = days.violations()

    assert violations == []
    assert days.kills >= 6, "the test did not test"
    assert [*temporary.iterdir()] == []
