"""How much work test questions allow, and what will not work.

The rules and the first example are those of the vendor's article on quiz mode; the second example
is the article on best practices for test questions.
"""

from __future__ import annotations

import re
from typing import Any

import pytest

from crowdflower.quality.gold_limits import GoldLimits, describe_too_few_units


@pytest.mark.parametrize(
    ("golds", "page", "asked"),
    [(15, 10, True), (10, 10, False), (13, 10, True), (12, 10, False), (0, 10, False)],
)
def test_test_questions_are_asked_from_three_more_than_a_page_on(
    golds: int, page: int, *, asked: bool
) -> None:
    limits = GoldLimits(golds, page, has_quiz=True)

    assert limits.are_asked is asked
    assert (limits.per_page, limits.quiz_length) == ((1, page) if asked else (0, 0))


def test_a_contributor_can_do_as_many_pages_as_there_are_test_questions_after_the_quiz() -> None:
    limits = GoldLimits(15, 10, has_quiz=True)

    assert (limits.quiz_length, limits.pages_per_contributor) == (10, 5)
    assert limits.rows_per_contributor == 5 * 9, "50 judgments, 5 of them of test questions"
    assert GoldLimits(15, 10).pages_per_contributor == 15


@pytest.mark.parametrize(
    ("page", "per_page", "golds", "found"),
    [
        (19, None, 30, 1),
        (20, None, 30, 2),
        (10, 3, 30, 3),
        (10, 0, 30, 0),
        (3, 5, 30, 2),  # one unit is left for work
        (1, 1, 30, 0),
    ],
)
def test_a_page_has_one_test_question_or_two_unless_the_job_says_otherwise(
    page: int, per_page: int | None, golds: int, found: int
) -> None:
    assert GoldLimits(golds, page, per_page).per_page == found


@pytest.mark.parametrize(
    ("limits", "problem"),
    [
        (GoldLimits(4, 5), "no contributor will be tested: the job has 4 test questions, .* add 4"),
        (
            GoldLimits(0, 5, has_quiz=True),
            "no contributor will be tested: the job has no test questions",
        ),
        (GoldLimits(1, 5), "the job has 1 test question, "),
        (GoldLimits(20, 1), "no contributor will be tested: pages of work have no test question"),
        (
            GoldLimits(8, 5, after_gold=10),
            "no contributor will lose trust: .* options.after_gold 10",
        ),
        (
            GoldLimits(20, 5, has_quiz=True, quiz_size=30),
            "the quiz is longer than its test questions: it has 30, and 20 of the job's 20",
        ),
        (
            GoldLimits(20, 5, has_quiz=True, quiz_golds=0),
            "it has 5, and 0 of the job's 20 can be in it",
        ),
        (
            GoldLimits(5, 5, has_quiz=True, always=True),
            "no contributor can work: the quiz uses every test question",
        ),
    ],
)
def test_too_few_test_questions_are_a_problem(limits: GoldLimits, problem: str) -> None:
    (found,) = limits.problems(40, 3)

    assert re.search(problem, found), found


@pytest.mark.parametrize(
    ("limits", "rows", "quota", "found"),
    [
        # 10 in the quiz leave 5 pages of 9 rows, the example of the vendor
        (GoldLimits(15, 10, has_quiz=True), 100, None, "45 of the 100 rows.* 7 contributors"),
        (GoldLimits(15, 10, has_quiz=True), 45, None, None),
        (GoldLimits(15, 10, has_quiz=True), 100, 45, None),  # intended
        (GoldLimits(15, 10, has_quiz=True), 100, 46, "set max_judgments_per_worker to 45 or less"),
        (GoldLimits(8, 5), 200, None, "once, 1 per page, so after 8 pages of 4 rows"),
        # 35 pages of 4 rows are more than nearly all contributors of a real job did
        (GoldLimits(40, 5, has_quiz=True), 400, None, None),
        (GoldLimits(40, 5, has_quiz=True), 4000, None, "140 of the 4000 .* 86 contributors"),
        (GoldLimits(6, 5, always=True), 100, None, None),  # few test questions are intended
    ],
)
def test_test_questions_that_run_out_are_a_problem_if_contributors_feel_it(
    limits: GoldLimits, rows: int, quota: int | None, found: str | None
) -> None:
    problems = limits.problems(rows, 3, quota)

    if found is None:
        assert problems == []
    else:
        assert re.search(found, problems[0]), problems


@pytest.mark.parametrize(
    "limits", [GoldLimits(0, 5), GoldLimits(40, 5), GoldLimits(40, 5, has_quiz=True)]
)
def test_enough_test_questions_and_none_at_all_are_no_problem(limits: GoldLimits) -> None:
    assert limits.problems(100, 3) == []


@pytest.mark.parametrize(
    ("wanted", "available", "found"),
    [
        (100, 8, "the order has units_count 100, but only 8 units are left; they will be ordered"),
        (2, 1, "the order has units_count 2, but only 1 unit is left; they will be ordered"),
        (8, 8, None),
        (0, 8, None),  # all
        (5, 0, None),  # refused
    ],
)
def test_an_order_of_more_units_than_there_are_is_described(
    wanted: int, available: int, found: Any
) -> None:
    assert describe_too_few_units(wanted, available) == found
