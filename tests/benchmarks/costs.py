"""Compares the cost of simulated jobs with their estimates.

::

    python -m tests.benchmarks costs

Three crowds work on the same job, each with twenty seeds, with a quiz and without one. The job has
400 rows and 40 test questions, pages of 5 with one test question, and 3 judgments per row. A limit
is missed if a job cost more than its estimate allows at most, or if the median of "at most" divided
by the cost is above 2.

A fourth crowd, of which nine in ten guess or are careless, is beyond the share of replaced
judgments that the estimate assumes, and has no limit.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import inf
from random import Random
from statistics import median
from typing import Any, NamedTuple

from crowdflower import Sandbox
from tests.benchmarks.harness import Line, is_missed, scaled

SEEDS = scaled(20)
ROWS, GOLDS, CONTRIBUTORS = scaled(400, least=100), 40, 60
ANSWERS = ("yes", "no", "maybe")
CML = """
<p>{{text}}</p>
<cml:radios label="What does it say?" name="says" validates="required" gold="true">
  <cml:radio label="yes"/><cml:radio label="no"/><cml:radio label="maybe"/>
</cml:radios>
"""
CROWDS = {
    "good": {"expert": 0.3, "normal": 0.7},
    "mixed": {
        "expert": 0.2,
        "normal": 0.5,
        "sloppy": 0.15,
        "random spammer": 0.1,
        "constant spammer": 0.05,
    },
    "bad": {
        "expert": 0.1,
        "normal": 0.4,
        "sloppy": 0.2,
        "random spammer": 0.2,
        "constant spammer": 0.1,
    },
}
HOSTILE = {"normal": 0.1, "sloppy": 0.2, "random spammer": 0.5, "constant spammer": 0.2}
MAX_RATIO = 2


class Measured(NamedTuple):
    """A job, what was estimated and what it cost, in cents."""

    expected: int
    at_most: int
    cost: int
    ended: str

    @property
    def ratio(self) -> float:
        """The estimate at most, divided by the cost."""
        return self.at_most / self.cost if self.cost else inf


def lines(_rounds: int) -> Iterator[Line]:
    """Yield a line per crowd, with a quiz and without one; the seeds are the rounds."""
    for has_quiz in (True, False):
        quiz = "with a quiz" if has_quiz else "no quiz"
        runs = []
        for name, mix in CROWDS.items():
            found = [measure(seed, mix, has_quiz=has_quiz) for seed in range(SEEDS)]
            yield _line(f"{name}, {quiz}", found)
            runs += found
        yield _line(f"all, {quiz}", runs, is_limited=True)
        hostile = [measure(seed, HOSTILE, has_quiz=has_quiz) for seed in range(SEEDS)]
        yield _line(f"hostile, {quiz}", hostile)


def _line(title: str, runs: list[Measured], *, is_limited: bool = False) -> Line:
    """Return what happened to the jobs of one crowd."""
    ratios = [each.ratio for each in runs]
    above_most = sum(each.cost > each.at_most for each in runs)
    return Line(
        title,
        {
            "runs": f"{len(runs)}",
            "unfinished": f"{sum(each.ended != 'finished' for each in runs)}",
            "above": f"{sum(each.cost > each.expected for each in runs)}",
            "above at most": f"{above_most}",
            "cost/expected": f"{median(each.cost / each.expected for each in runs):.2f}",
            "at most/cost": f"{median(ratios):.2f}",
            "least": f"{min(ratios):.2f}",
        },
        f"0 above at most, {MAX_RATIO} × at most/cost" if is_limited else "",
        is_limited and is_missed((0, above_most), (MAX_RATIO, median(ratios))),
    )


def measure(seed: int, mix: dict[str, float], *, has_quiz: bool) -> Measured:
    """Let a crowd work on a job, and return its cost and its estimate."""
    with Sandbox(seed=seed, balance_cents=10_000_000) as box:
        client = box.client()
        job = client.upload_job(rows())
        settings: dict[str, Any] = {
            "title": "What does it say?",
            "instructions": "Read it.",
            "cml": CML,
            "options": {"front_load": has_quiz},
        }
        job.absorb(client.update_job(job.id, settings))
        job.convert_test_questions()
        before = client.get_account()["balance"]
        estimate = job.estimate(ROWS)
        assert estimate.at_most_cents is not None
        job.launch(ROWS)
        box.crowd.add(CONTRIBUTORS, mix=mix, truth={"says": "truth"})
        summary = box.crowd.run(job)
        if job.state != "finished":
            job.cancel()  # returns what was not spent
        cost = before - client.get_account()["balance"]
        return Measured(
            estimate.expected_cents, estimate.at_most_cents, cost, summary.ended or "under way"
        )


def rows() -> list[dict[str, Any]]:
    """Generate rows with a right answer, and test questions."""
    chance = Random(0)  # noqa: S311 - no secret
    truths = [chance.choice(ANSWERS) for _ in range(ROWS + GOLDS)]
    return [
        {"text": f"text {place}", "truth": truth}
        | ({"_golden": "TRUE", "says_gold": truth} if place >= ROWS else {})
        for place, truth in enumerate(truths)
    ]
