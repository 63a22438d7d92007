"""Test questions of a job: when they are asked, and how much work they allow a contributor.

A contributor gets each test question once: some in the quiz, then some on every page of work. So
the number of test questions limits how many rows one contributor can do.

Sources: Appen, `Test Question Enabling and Quiz Mode
<https://success.appen.com/hc/en-us/articles/211363686>`_; CrowdFlower, `Test Question Best
Practices <https://success.crowdflower.com/hc/en-us/articles/213078963>`_.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from typing import Final

from crowdflower._types import Message

EXTRA_GOLD: Final = 3
"""Test questions that a job needs beyond ``units_per_assignment`` before they are asked."""

LARGE_PAGE: Final = 20
"""Units on a page from which two are test questions, if the job does not say how many."""

FEW_ROWS: Final = 100
"""Rows below which a limit on what one contributor can do is felt. In a real job of 2014 with 187
contributors, 19 in 20 did 107 rows or fewer."""

MANY_PEOPLE: Final = 50
"""Contributors above which a job may not find as many as its test questions make it need."""


@dataclass(frozen=True)
class GoldLimits:
    """What the settings of a job make of its test questions.

    The example of the vendor: 15 test questions and pages of 10 rows. The quiz uses 10 of them, so
    a contributor can do 5 pages of work, each with 9 rows.

    >>> limits = GoldLimits(15, units_per_assignment=10, has_quiz=True)
    >>> limits.quiz_length, limits.pages_per_contributor, limits.rows_per_contributor
    (10, 5, 45)
    """

    golds_count: int

    units_per_assignment: int
    """Units on a page, test questions included."""

    gold_per_assignment: int | None = None
    """Test questions on a page of work; by default one, from 20 units on two."""

    has_quiz: bool = False
    """Whether contributors begin with a page of test questions (``options.front_load``)."""

    always: bool = False
    """Whether few test questions are asked as well (``options.gold_always``); few are intended
    then."""

    after_gold: int | None = None
    """Test questions answered before low trust removes a contributor."""

    quiz_size: int | None = None
    """Test questions in the quiz; by default one page."""

    quiz_golds: int | None = None
    """Test questions that may be in the quiz; by default all."""

    @property
    def needed(self) -> int:
        """Test questions that the job needs before any is asked."""
        return 1 if self.always else self.units_per_assignment + EXTRA_GOLD

    @property
    def are_asked(self) -> bool:
        """Whether the job has enough test questions to ask them."""
        return self.golds_count >= self.needed

    @property
    def per_page(self) -> int:
        """Test questions on a page of work; at least one unit is left for work."""
        if not self.are_asked:
            return 0
        count = self.gold_per_assignment
        if count is None:
            count = 1 if self.units_per_assignment < LARGE_PAGE else 2
        return min(count, max(0, self.units_per_assignment - 1))

    @property
    def units_per_page(self) -> int:
        """Units on a page of work that are not test questions."""
        return max(1, self.units_per_assignment - self.per_page)

    @property
    def quiz_length(self) -> int:
        """Test questions in the quiz; 0 without one."""
        if not self.has_quiz or not self.are_asked:
            return 0
        return min(self.quiz_size or self.units_per_assignment, self._quiz_golds)

    @property
    def pages_per_contributor(self) -> int | None:
        """Pages of work before a contributor has seen every test question; ``None``: no limit."""
        if not self.per_page:
            return None
        return ceil((self.golds_count - self.quiz_length) / self.per_page)

    @property
    def rows_per_contributor(self) -> int | None:
        """Rows that a contributor can do before they have seen every test question."""
        pages = self.pages_per_contributor
        return None if pages is None else pages * self.units_per_page

    @property
    def _quiz_golds(self) -> int:
        return self.golds_count if self.quiz_golds is None else self.quiz_golds

    def problems(
        self, units_count: int, judgments_per_unit: int, max_per_worker: int | None = None
    ) -> list[str]:
        """Return what will not work when units are ordered.

        Test questions run out before the rows do in most jobs. That is a problem if a contributor
        can do fewer than :data:`FEW_ROWS` rows, or if more than :data:`MANY_PEOPLE` contributors
        are needed.

        :param units_count: Units that are ordered.
        :param max_per_worker: The maximum of rows per contributor that the job sets; one that the
            test questions allow is no problem.

        >>> GoldLimits(15, units_per_assignment=10, has_quiz=True).problems(100, 3)
        ['the test questions run out before the rows do: each contributor gets a test question once,
        10 in the quiz and then 1 per page, so after 5 pages of 9 rows they can do no more than 45
        of the 100 rows, and 3 judgments per row need at least 7 contributors; add test questions,
        or set max_judgments_per_worker to 45 or less if this is intended']
        >>> GoldLimits(4, units_per_assignment=5).problems(100, 3)
        ['no contributor will be tested: the job has 4 test questions, and they are asked from 8 on
        (units_per_assignment 5, and 3 more); add 4']
        """
        problem = self._why_none_is_tested()
        if problem is None:
            problem = self._what_runs_out(units_count, judgments_per_unit, max_per_worker)
        return [] if problem is None else [problem]

    def _what_runs_out(
        self, units: int, judgments: int, max_per_worker: int | None
    ) -> Message | None:
        rows, pages = self.rows_per_contributor, self.pages_per_contributor
        if rows is None:
            return None
        if not rows:
            return Message(
                "no contributor can work: the quiz uses every test question, and each page of work"
                " needs another one; add test questions",
                "quiz_uses_all",
            )
        people = ceil(units * judgments / rows)
        is_scarce = not self.always and (rows < min(units, FEW_ROWS) or people > MANY_PEOPLE)
        if not is_scarce or (max_per_worker is not None and max_per_worker <= rows):
            return None
        quiz = f"{self.quiz_length} in the quiz and then " if self.quiz_length else ""
        return Message(
            "the test questions run out before the rows do: each contributor gets a test question"
            f" once, {quiz}{self.per_page} per page, so after {_plural(pages, 'page')} of"
            f" {_plural(self.units_per_page, 'row')} they can do no more than {rows} of the"
            f" {units} rows, and {_plural(judgments, 'judgment')} per row need at least"
            f" {_plural(people, 'contributor')}; add test questions, or set"
            f" max_judgments_per_worker to {rows} or less if this is intended",
            "gold_runs_out",
            in_quiz=self.quiz_length,
            per_page=self.per_page,
            pages=pages,
            rows=rows,
            units=units,
            people=people,
        )

    def _why_none_is_tested(self) -> Message | None:
        has = f"the job has {_plural(self.golds_count, 'test question')}"
        if not self.golds_count and not self.has_quiz:
            return None  # a job without test questions, as it was meant to be
        if not self.are_asked:
            return Message(
                f"no contributor will be tested: {has}, and they are asked from {self.needed} on"
                f" (units_per_assignment {self.units_per_assignment}, and {EXTRA_GOLD} more); add"
                f" {self.needed - self.golds_count}",
                "too_few_golds",
                has=self.golds_count,
                needed=self.needed,
                more=self.needed - self.golds_count,
            )
        return self._why_the_quiz_is_short() if self.has_quiz else self._why_none_loses_trust(has)

    def _why_the_quiz_is_short(self) -> Message | None:
        size = self.quiz_size or self.units_per_assignment
        if self._quiz_golds >= size:
            return None
        return Message(
            f"the quiz is longer than its test questions: it has {size}, and {self._quiz_golds} of"
            f" the job's {self.golds_count} can be in it (hidden ones cannot); add test questions",
            "short_quiz",
            size=size,
            has=self._quiz_golds,
        )

    def _why_none_loses_trust(self, has: str) -> Message | None:
        if not self.per_page:
            return Message(
                "no contributor will be tested: pages of work have no test question, and the job"
                " has no quiz; set options.front_load, or gold_per_assignment below"
                " units_per_assignment",
                "pages_without_gold",
            )
        if self.always or self.golds_count >= (self.after_gold or 0):
            return None
        return Message(
            f"no contributor will lose trust: {has}, and low trust removes a contributor after"
            f" options.after_gold {self.after_gold}; add test questions, or set options.front_load"
            " for a quiz",
            "nobody_removed",
            has=self.golds_count,
            needed=self.after_gold,
        )


def describe_too_few_units(wanted: int, available: int) -> str | None:
    """Return the problem of an order of more units than there are, if it is one.

    A service refuses an order when no units are left.

    >>> describe_too_few_units(100, 8)
    'the order has units_count 100, but only 8 units are left; they will be ordered'
    """
    if wanted <= available or not available:
        return None
    left = "1 unit is" if available == 1 else f"{available} units are"
    text = f"the order has units_count {wanted}, but only {left} left; they will be ordered"
    return Message(text, "few_units_left", wanted=wanted, available=available)


def _plural(count: int | None, noun: str) -> str:
    return f"{count or 'no'} {noun}" + "s" * (count != 1)
