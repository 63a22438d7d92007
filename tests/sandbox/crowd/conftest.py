"""Fixtures: a running job with a crowd, rows for it, and its judgments."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from random import Random
from typing import Any

import pytest
from sqlalchemy import select

from crowdflower.sandbox.clock import Clock
from crowdflower.sandbox.crowd import Crowd
from crowdflower.sandbox.rules import accounts
from crowdflower.sandbox.rules.jobs import jobs, orders
from crowdflower.sandbox.rules.units import gold, uploads
from crowdflower.sandbox.store import Database
from crowdflower.sandbox.store.tables import judgment, unit

SPAM = """
<p>{{ text }}</p>
<cml:radios label="Is it spam?" name="spam" validates="required">
  <cml:radio label="yes"/><cml:radio label="no"/><cml:radio label="maybe"/>
</cml:radios>
"""


@pytest.fixture
def launch() -> Iterator[Callable[..., tuple[Crowd, int]]]:
    """Launch a job and return an empty crowd and its id: ``launch(rows, seed=…, attribute=…)``."""
    databases = []

    def launch(
        data: Sequence[dict[str, Any]],
        *,
        seed: int = 1,
        virtual: bool = True,
        cml: str = SPAM,
        **attributes: Any,
    ) -> tuple[Crowd, int]:
        database = Database(clock=Clock(seed, virtual=virtual))
        databases.append(database)
        defaults = {"title": "Is it spam?", "instructions": "Read it, and say so.", "cml": cml}
        with database.transaction() as tx:
            owner = accounts.open_account(tx, key="k", balance_cents=10_000_000)
            job = jobs.create(tx, owner, {**defaults, **attributes})
            uploads.append(tx, job, data)
            gold.convert(tx, job)
            orders.place(tx, jobs.reload(tx, job), 0, ["on_demand"])
        return Crowd(database), job.id

    yield launch
    for database in databases:
        database.close()


@pytest.fixture
def texts() -> Callable[..., list[dict[str, Any]]]:
    """Rows with a truth column, and test questions: ``texts(20, golds=8)``."""

    def texts(number: int, golds: int = 0) -> list[dict[str, Any]]:
        random = Random(0)  # noqa: S311 - no secret
        labels = [random.choice(["yes", "no", "maybe"]) for _ in range(number + golds)]
        return [
            {
                "text": f"text {place}",
                "label": label,
                "_golden": True if place >= number else None,
                "spam_gold": label if place >= number else None,
            }
            for place, label in enumerate(labels)
        ]

    return texts


@pytest.fixture
def judged() -> Callable[[Crowd, int], list[Any]]:
    """All judgments of a job, each with its unit's data as ``row``: ``judged(crowd, job)``."""

    def judged(crowd: Crowd, job: int) -> list[Any]:
        query = select(judgment, unit.c.data.label("row"))
        query = query.join(unit, unit.c.id == judgment.c.unit_id)
        with crowd._database.snapshot() as tx:
            return tx.all(query.where(judgment.c.job_id == job).order_by(judgment.c.id))

    return judged
