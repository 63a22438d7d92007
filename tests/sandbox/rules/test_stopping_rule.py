"""The stopping rule: when a unit is final, and when it is judged again. No database."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from crowdflower.sandbox.rules.completion.stopping_rule import is_final, next_state
from crowdflower.sandbox.rules.results.aggregation import WeightedAnswers


def make_job(**settings: Any) -> SimpleNamespace:
    defaults: dict[str, Any] = {
        "variable_judgments_mode": "auto_confidence",
        "max_judgments_per_unit": None,
        "min_unit_confidence": 0.8,
        "options": {},
        "confidence_fields": None,
        "fields": {"spam": "agg", "tone": "agg", "comment": "all"},
    }
    return SimpleNamespace(**{**defaults, **settings})


def make_judgments(*answers: str, tone: str = "calm") -> list[WeightedAnswers]:
    return [WeightedAnswers({"spam": answer, "tone": tone}, 1.0) for answer in answers]


FIXED = make_job(variable_judgments_mode="none")


@pytest.mark.parametrize(
    ("state", "needed", "trusted", "expected"),
    [
        ("judgable", 3, 2, ("judgable", 3)),
        ("judgable", 3, 3, ("finalized", 3)),
        ("judgable", 3, 4, ("finalized", 3)),
        ("finalized", 3, 3, ("finalized", 3)),
        ("finalized", 3, 2, ("finalized", 3)),
        ("golden", 0, 9, ("golden", 0)),
        ("new", 0, 1, ("new", 0)),
        ("canceled", 3, 3, ("canceled", 3)),
    ],
)
def test_a_fixed_number_of_judgments_finalizes_a_judgable_unit(
    state: str, needed: int, trusted: int, expected: tuple[str, int]
) -> None:
    assert next_state(FIXED, state, needed, trusted, ()) == expected


def test_a_finalized_unit_reopens_only_if_it_may_and_lacks_judgments() -> None:
    assert next_state(FIXED, "finalized", 3, 2, (), may_reopen=True) == ("judgable", 3)
    assert next_state(FIXED, "finalized", 3, 3, (), may_reopen=True) == ("finalized", 3)
    assert next_state(FIXED, "canceled", 3, 2, (), may_reopen=True) == ("canceled", 3)


def test_a_unit_without_enough_confidence_needs_one_more_judgment() -> None:
    split, agreed = make_judgments("yes", "yes", "no"), make_judgments("yes", "yes", "yes")

    assert next_state(make_job(), "judgable", 3, 3, split) == ("judgable", 4)
    assert next_state(make_job(), "judgable", 3, 3, agreed) == ("finalized", 3)


def test_max_judgments_per_unit_ends_the_collection() -> None:
    split = make_judgments("yes", "no", "yes", "no")

    assert not is_final(make_job(), split)
    assert not is_final(make_job(max_judgments_per_unit=5), split)
    assert is_final(make_job(max_judgments_per_unit=4), split)


def test_enough_matching_answers_make_a_unit_final_at_any_confidence() -> None:
    job = make_job(options={"dynamic_matching": 2}, min_unit_confidence=0.99)

    assert is_final(job, make_judgments("yes", "yes", "no"))
    assert not is_final(job, make_judgments("yes", "no"))


def test_only_deciding_questions_count() -> None:
    judgments = make_judgments("yes", "no")

    assert not is_final(make_job(), judgments)
    assert is_final(make_job(confidence_fields=["tone"]), judgments)


def test_a_question_without_a_confidence_does_not_hold_a_unit_open() -> None:
    unanswered = [WeightedAnswers({"tone": "calm"}, 1.0), WeightedAnswers({"tone": "calm"}, 1.0)]

    assert is_final(make_job(), unanswered)
    assert is_final(make_job(confidence_fields=["comment"]), make_judgments("yes", "no"))


def test_without_a_minimum_confidence_any_confidence_is_enough() -> None:
    assert is_final(make_job(min_unit_confidence=None), make_judgments("yes", "no"))
