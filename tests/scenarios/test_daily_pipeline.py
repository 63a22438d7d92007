"""The guide of the daily pipeline: its script, killed at random, on several days.

``tests/faults/test_pipeline_kills.py`` runs more days and kills.
"""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("pandas")
pytest.importorskip("pyarrow")

from daily_pipeline import pipeline


def test_the_script_of_the_guide_labels_each_row_once_whatever_is_killed(tmp_path: Path) -> None:
    folder, temporary = tmp_path / "reviews", tmp_path / "temporary"
    folder.mkdir()
    temporary.mkdir()

    with pipeline(folder, temporary, seed=1) as (days, process):
        days.run(process, 3)
        violations = days.violations()

    assert violations == []
    assert days.kills >= 6, "the test did not test"
    assert [*temporary.iterdir()] == []
