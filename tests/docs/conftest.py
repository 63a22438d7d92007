"""The objects that examples use without defining them, created on first use."""

from __future__ import annotations

from contextlib import ExitStack
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import crowdflower
from crowdflower.sandbox import Sandbox

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from crowdflower.ampcrowd import AMPCrowdClient
    from crowdflower.client import Client
    from crowdflower.job import Job
    from crowdflower.judgment import Judgment, JudgmentAggregate
    from crowdflower.order import Order
    from crowdflower.unit import Unit
    from crowdflower.worker import Worker

SETTINGS = {
    "title": "Sentiment of reviews",
    "instructions": "<p>Read the review and say what its writer thinks.</p>",
    "cml": """
        <p>{{ review }}</p>
        <cml:radios name="sentiment" label="What does the review say?"
                    validates="required" gold="true">
          <cml:radio label="Good" value="positive"/>
          <cml:radio label="Bad" value="negative"/>
        </cml:radios>
    """,
    "judgments_per_unit": 3,
    "units_per_assignment": 4,
    "gold_per_assignment": 2,
    "options": {"gold_always": True},
}

TEST_QUESTIONS = {
    "Works as it should, every single day.": "positive",
    "Do not buy it, it is dangerous.": "negative",
}
JUDGED_ROWS = {
    "Broke on the second day.": "negative",
    "Exactly what I was looking for.": "positive",
}
UNJUDGED_ROWS = {
    "I gave one to my sister and one to my neighbour.": "positive",
    "The lid does not close.": "negative",
    "It does what it says on the box.": "positive",
    "Two weeks late, and in the wrong colour.": "negative",
    "I would have paid twice as much.": "positive",
    "Never again.": "negative",
}

MORE_ROWS = "review\nGood value.\nToo loud for the office.\n"
"""The file ``more.csv`` that examples upload."""


class World:
    """A sandbox with a running job.

    It has ten rows: two test questions and two units with three judgments each, and six units
    without judgments. Eight units are ordered.
    """

    def __init__(self, exit_stack: ExitStack, monkeypatch: pytest.MonkeyPatch) -> None:
        self._exit_stack = exit_stack
        self._monkeypatch = monkeypatch

    @cached_property
    def box(self) -> Sandbox:
        """The sandbox itself."""
        return self._exit_stack.enter_context(Sandbox(ampcrowd=True))

    @cached_property
    def client(self) -> Client:
        """A client of the account."""
        return self.box.client()

    @cached_property
    def ampcrowd(self) -> AMPCrowdClient:
        """A client of the AMPCrowd API."""
        return self._exit_stack.enter_context(self.box.ampcrowd_client())

    @cached_property
    def order(self) -> Order:
        """The order that launched the job."""
        return self._unlaunched_job.launch(8, channels=["cf_internal"])

    @cached_property
    def job(self) -> Job:
        """The job."""
        job = self._unlaunched_job
        assert self.order.nuggeted_units_count == 8
        job.channels = ["cf_internal", "on_demand"]
        votes = (TEST_QUESTIONS | JUDGED_ROWS).items()
        self.box.crowd.replay(
            [(review, name, label) for name in ("ann", "bob", "cleo") for review, label in votes],
            field="sentiment",
            key="review",
        )
        self.box.crowd.run(job)
        return job.reload()

    @cached_property
    def unit(self) -> Unit:
        """A test question with three judgments."""
        return self.client.get_unit(self.job, self.job.units[0].id)

    @cached_property
    def aggregate(self) -> JudgmentAggregate:
        """The aggregated answers to that test question."""
        return self.job.judgment_aggregates[0]

    @cached_property
    def judgment(self) -> Judgment:
        """A judgment of that test question."""
        return self.aggregate.judgments[0]

    @cached_property
    def worker(self) -> Worker:
        """The contributor of the judgment."""
        return self.judgment.worker

    def set_environment(self) -> None:
        """Set the environment variables for ``Client.from_env()``, over a socket."""
        self._monkeypatch.setenv("CROWDFLOWER_API_KEY", self.box.key)
        self._monkeypatch.setenv("CROWDFLOWER_API_URL", self.box.url)

    def namespace(self, names: Collection[str]) -> dict[str, Any]:
        """Return the objects for these names, from this class or from the package.

        With a client, the job is created too, since it must be in the account.
        """
        own = {name for name, member in vars(World).items() if isinstance(member, cached_property)}
        if "client" in names:
            _ = self.job
        return {
            **{name: getattr(crowdflower, name) for name in names if name in crowdflower.__all__},
            **{name: getattr(self, name) for name in sorted(own.intersection(names))},
        }

    @cached_property
    def _unlaunched_job(self) -> Job:
        """The job before its launch."""
        job = self.client.create_job(SETTINGS)
        job.upload(
            {"review": review, "_golden": golden, "sentiment_gold": label if golden else None}
            for rows, golden in (
                (TEST_QUESTIONS, True),
                (JUDGED_ROWS, False),
                (UNJUDGED_ROWS, False),
            )
            for review, label in rows.items()
        )
        job.convert_test_questions()
        return job


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """A new world for each example, in a folder with the file that examples upload."""
    monkeypatch.chdir(tmp_path)
    Path("more.csv").write_text(MORE_ROWS, encoding="utf-8")
    with ExitStack() as exit_stack:
        yield World(exit_stack, monkeypatch)
