"""Units become test questions and units again; several ways to grade answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from crowdflower.exceptions import ValidationError

if TYPE_CHECKING:
    from crowdflower.job import Job
    from tests.scenarios.conftest import Box

RADIOS = """
<p>{{text}}</p>
<cml:radios label="What does it say?" name="says" validates="required" gold="true">
  <cml:radio label="good"/><cml:radio label="fair"/><cml:radio label="bad"/>
</cml:radios>
"""
CHECKBOXES = """
<p>{{text}}</p>
<cml:checkboxes label="What is in it?" name="inside" validates="required"%s>
  <cml:checkbox label="cat"/><cml:checkbox label="dog"/><cml:checkbox label="bird"/>
  %s
</cml:checkboxes>
"""
TEXT = """
<p>{{text}}</p>
<cml:text label="Who wrote it?" name="writer" validates="required">
  <cml:gold regex="^(by )?{seed}$" flags="i"/>
</cml:text>
"""


def rows(number: int, **more: Any) -> list[dict[str, Any]]:
    return [{"text": f"text {place}", **more} for place in range(number)]


def test_units_marked_golden_become_test_questions(box: Box) -> None:
    marked = rows(2, _golden="TRUE", says_gold="good", says_gold_reason="It does.")
    job = box.job([*marked, *rows(6)], RADIOS)

    job.convert_test_questions()

    assert job.reload().golds_count == 2
    assert [unit.state for unit in job.units] == ["golden"] * 2 + ["new"] * 6
    assert job.gold == {"says": "says_gold"}
    questions = box.api("GET", f"/jobs/{job.id}/test_questions").json()
    assert [question["answers"]["says"]["accepted"] for question in questions] == [["good"]] * 2


def test_units_with_accepted_answers_become_test_questions_unless_too_many(
    box: Box,
) -> None:
    known = rows(3, truth="bad")
    job = box.job([*known, *rows(6, truth=None)], RADIOS)

    answer = job.mark_test_questions("says", "truth")

    assert answer == {"affected": 3, "populated": ["bad"]}
    assert (job.reload().golds_count, job.gold) == (3, {"says": "truth"})
    too_many = box.job([*known, *rows(5, truth=None)], RADIOS)
    with pytest.raises(ValidationError, match="over 1/3rd of them"):
        too_many.mark_test_questions("says", "truth")
    with pytest.raises(ValidationError, match="prepopulated gold"):
        too_many.mark_test_questions("says")
    assert too_many.reload().golds_count == 0


def test_test_questions_become_units_again(box: Box) -> None:
    job = box.job([*rows(3, truth="bad"), *rows(6, truth=None)], RADIOS)
    job.mark_test_questions("says", "truth")

    job.reset_test_questions()

    assert job.reload().golds_count == 0
    assert {unit.state for unit in job.units} == {"new"}
    assert job.gold == {}
    assert job.launch(9).nuggeted_units_count == 9


def is_missed_answer(box: Box, cml: str, answer: dict[str, Any], **right: Any) -> bool:
    """Return whether an answer to a test question is graded as wrong."""
    options = {"gold_always": "true", "reject_at": 0, "ignore_gold": False}
    job: Job = box.job(
        [*rows(5), *rows(1, _golden="TRUE", **right)], cml, options=options, judgments_per_unit=1
    )
    job.convert_test_questions()
    job.launch(5)
    worker = box.contributor()
    page = box.take(job, worker)
    box.submit(worker, page, answer)
    (judgment,) = (each for each in job.judgments() if each.golden)
    full = box.client.get_report(job, "full")
    assert [row["_missed"] for row in full if row["_golden"] == "true"] == [
        "true" if judgment.missed else ""
    ]
    return bool(judgment.missed)


@pytest.mark.parametrize(
    ("how", "given", "is_missed"),
    [
        ("", ["cat"], False),
        ("", ["cat", "bird"], False),
        ("", ["bird"], True),
        ("strict", ["cat"], False),
        ("strict", ["cat", "bird"], True),
        ("exact", ["cat", "dog", "bird"], True),
        ("exact", ["dog", "cat"], False),
    ],
)
def test_several_accepted_answers_are_graded_by_the_gold_mode(
    box: Box, how: str, given: list[str], is_missed: bool
) -> None:
    cml = CHECKBOXES % ("", f'<cml:gold {how}="true"/>' if how else "")

    assert is_missed_answer(box, cml, {"inside": given}, inside_gold="cat\ndog") is is_missed


@pytest.mark.parametrize(
    ("given", "is_missed"),
    [("by J. Doe (jr.)", False), ("j. doe (JR.)", False), ("by X. Doe", True), ("JxDoe", True)],
)
def test_a_text_answer_is_graded_with_a_pattern_around_the_accepted_one(
    box: Box, given: str, is_missed: bool
) -> None:
    assert is_missed_answer(box, TEXT, {"writer": given}, writer_gold="J. Doe (jr.)") is is_missed


def test_a_question_hidden_by_only_if_is_not_missed(box: Box) -> None:
    hidden = RADIOS + '<cml:text label="Why?" name="why" only-if="says:[bad]" gold="true"/>'

    assert not is_missed_answer(
        box, hidden, {"says": "good"}, says_gold="good\nbad", why_gold="It stinks"
    )
