"""Launch a job, add contributors, and let them take and submit pages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from crowdflower.sandbox.rules.jobs import jobs, orders
from crowdflower.sandbox.rules.units import uploads
from crowdflower.sandbox.rules.work import handout, workers
from crowdflower.sandbox.rules.work.submission import submit
from crowdflower.sandbox.store.tables import account

if TYPE_CHECKING:
    from sqlalchemy import Row

    from crowdflower.sandbox import Sandbox
    from crowdflower.sandbox.store import Transaction

FORM = """
<p>{{text}}</p>
<cml:text label="What do you see?" name="mark" validates="required"/>
"""
SETTINGS = {
    "title": "What is it?",
    "instructions": "Look.",
    "cml": FORM,
    "judgments_per_unit": 2,
    "units_per_assignment": 5,
    "payment_cents": 2,
}


def launch(box: Sandbox, units: int, channel: str = "on_demand", **settings: Any) -> int:
    """Launch a job with this many units; return its id."""

    def create(tx: Transaction) -> int:
        data = [{"text": f"row {number}"} for number in range(units)]
        number: int = uploads.create_job(tx, tx.one(account.select().limit(1)), data).id
        jobs.update(tx, jobs.load(tx, number), SETTINGS | settings)
        orders.place(tx, jobs.load(tx, number), 0, [channel])
        return number

    return box.database.write(create)


def join(box: Sandbox, count: int, channel: str = "on_demand") -> list[Row[Any]]:
    """Add contributors, and return their records."""
    return box.database.write(
        lambda tx: [workers.join(tx, channel=channel, country="FIN") for _ in range(count)]
    )


def take_page(tx: Transaction, job: int, worker: Row[Any]) -> handout.Page:
    """Take a page for a contributor."""
    return handout.take_page(tx, jobs.load(tx, job), worker)


def submit_page(tx: Transaction, worker: Row[Any], page: handout.Page) -> None:
    """Submit a page."""
    answers = {unit.id: {"mark": "x"} for unit in page.units}
    submit(tx, worker, page.assignment_id, page.token, answers)


def work(box: Sandbox, job: int, worker: Row[Any]) -> int:
    """Submit pages of a contributor until none is left; return the number of pages."""
    pages = 0
    while True:
        try:
            page = box.database.write(lambda tx: take_page(tx, job, worker))
        except handout.NoPageAvailable:
            return pages
        box.database.write(lambda tx, page=page: submit_page(tx, worker, page))  # type: ignore[misc]
        pages += 1
