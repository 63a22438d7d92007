"""Units of a JSON report: exact numbers, and results that nobody else holds."""

from __future__ import annotations

import copy
import io
import json
import pickle
import zipfile
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crowdflower.rows import report_archive

if TYPE_CHECKING:
    from responses import RequestsMock

    from crowdflower.job import Job
    from crowdflower.unit import Unit

REPORT = "https://api.appen.com/v1/jobs/712034.csv"
RESULTS = {
    "judgments": [{"id": 1, "worker_id": 5, "data": {"topics": ["price"]}}],
    "sentiment": {"agg": "negative", "confidence": 0.6421},
}
UNIT = {"id": 7, "state": "finalized", "judgments_count": 1, "data": {"text": "Late."}}


def packed(lines: list[str]) -> io.BytesIO:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as zipped:
        zipped.writestr("job_712034.json", "\n".join(lines))
    return archive


@pytest.fixture
def unit(api: RequestsMock, job: Job) -> Unit:
    api.get(REPORT, body=packed([json.dumps({**UNIT, "results": RESULTS})]).getvalue())
    return next(job.results())


NUMBERS = st.one_of(
    st.integers(-(10**25), 10**25),
    st.integers(10**17, 10**21),
    st.integers(-9, 10**10),
    st.floats(allow_nan=False, allow_infinity=False),
)
UNITS = st.lists(st.fixed_dictionaries({"pad": st.text("ax9 ", max_size=60), "n": NUMBERS}))


@settings(max_examples=200, deadline=None)
@given(UNITS, st.integers(report_archive.OVERLAP, 90))
def test_numbers_of_any_length_are_exact_wherever_a_chunk_ends(
    units: list[dict[str, Any]], chunk: int
) -> None:
    lines = list(map(json.dumps, units))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(report_archive, "CHUNK", chunk)
        found = list(report_archive.units(packed(["", "", *lines])))

    assert [(unit, repr(unit["n"])) for unit, _ in found] == [
        (unit, repr(unit["n"])) for unit in map(json.loads, lines)
    ]
    assert [json.loads(line) for _, line in found] == units


def test_results_are_the_callers_own_each_time_they_are_read(unit: Unit) -> None:
    first = unit.results
    first["judgments"].clear()
    first["sentiment"]["agg"] = "changed"

    assert unit.results == unit.results == unit.json["results"] == RESULTS
    assert unit.results is not unit.results


def test_what_was_read_before_does_not_change_the_unit(unit: Unit) -> None:
    unit.results.clear()

    assert unit.get_aggregate("sentiment") == "negative"
    assert unit.get_confidence("sentiment") == 0.6421
    assert unit.json == {**UNIT, "results": RESULTS}
    assert "results" in unit._repr_html_()
    assert "results" in unit._ipython_key_completions_()


@pytest.mark.parametrize(
    "duplicate",
    [copy.copy, copy.deepcopy, lambda unit: pickle.loads(pickle.dumps(unit))],  # noqa: S301 - ours
)
def test_a_copy_has_the_results_that_were_read_before(unit: Unit, duplicate: Any) -> None:
    unit.results.clear()

    assert duplicate(unit).results == unit.results == RESULTS


def test_changes_in_place_and_newer_results_are_kept(unit: Unit) -> None:
    unit.data["text"] = "Later."
    unit.results.clear()

    assert unit.data == {"text": "Later."}
    unit.absorb({**UNIT, "results": {"judgments": []}})
    unit.results.clear()
    assert unit.results == {"judgments": []}
    assert unit.data == {"text": "Late."}


def test_a_unit_may_have_no_results(api: RequestsMock, job: Job) -> None:
    archives = [json.dumps(UNIT), json.dumps({**UNIT, "results": None})]
    api.get(REPORT, body=packed(archives).getvalue())

    assert [unit.results for unit in job.results(untrusted=False)] == [None, None]
