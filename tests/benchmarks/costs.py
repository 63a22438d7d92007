"""Compares the cost of simulated jobs with their estimates.

Run it with a Python that has the package and its development tools installed::

    python tests/benchmarks/costs.py

Three crowds work on the same job, each with twenty seeds, with a quiz and without one. The job has
400 rows and 40 test questions, pages of 5 with one test question, and 3 judgments per row. The exit
status is 1 if a job cost more than its estimate allows at most, or if the median of "at most"
divided by the cost is above 2. The first argument is the number of seeds.

A fourth crowd, of which nine in ten guess or are careless, is beyond the share of replaced
judgments that the estimate assumes. It is printed, and does not count for the exit status.
"""

from __future__ import annotations

import sys
from math import inf
from random import Random
from statistics import median
from typing import Any, NamedTuple

from crowdflower import Sandbox

SEEDS = 20
ROWS, GOLDS, CONTRIBUTORS = 400, 40, 60
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


def main() -> None:
    """Print one table with a quiz and one without."""
    seeds = int(sys.argv[1]) if len(sys.argv) > 1 else SEEDS
    failed = False
    for has_quiz in (True, False):
        print(
            f"\n{'with a quiz' if has_quiz else 'without a quiz':16}runs  unfinished  above", end=""
        )
        print("  above at most  cost/expected  at most/cost, median and least")
        runs = []
        for name, mix in CROWDS.items():
            found = [measure(seed, mix, has_quiz=has_quiz) for seed in range(seeds)]
            print_row(name, found)
            runs += found
        print_row("all", runs)
        is_above = any(each.cost > each.at_most for each in runs)
        failed |= is_above or median(each.ratio for each in runs) > MAX_RATIO
        print_row("hostile", [measure(seed, HOSTILE, has_quiz=has_quiz) for seed in range(seeds)])
    sys.exit(failed)


def print_row(name: str, runs: list[Measured]) -> None:
    """Print what happened to the jobs of one crowd."""
    ratios = [each.ratio for each in runs]
    print(
        f"{name:16}{len(runs):4}{sum(each.ended != 'finished' for each in runs):12}"
        f"{sum(each.cost > each.expected for each in runs):7}"
        f"{sum(each.cost > each.at_most for each in runs):15}"
        f"{median(each.cost / each.expected for each in runs):15.2f}"
        f"{median(ratios):14.2f}{min(ratios):6.2f}",
        flush=True,
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


if __name__ == "__main__":
    main()
