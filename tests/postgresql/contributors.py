"""A job that many people work on, in as many sandboxes as there are on its database."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from crowdflower.sandbox.rules.jobs import jobs, orders
from crowdflower.sandbox.rules.units import uploads
from crowdflower.sandbox.rules.work import workers
from crowdflower.sandbox.rules.work.handout import NoPageAvailable, Page, take_page
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


def launched(box: Sandbox, units: int, channel: str = "on_demand", **settings: Any) -> int:
    """Make a job that runs, with so many rows; return its number."""

    def made(tx: Transaction) -> int:
        data = [{"text": f"row {number}"} for number in range(units)]
        number: int = uploads.create_job(tx, tx.one(account.select().limit(1)), data).id
        jobs.update(tx, jobs.load(tx, number), SETTINGS | settings)
        orders.place(tx, jobs.load(tx, number), 0, [channel])
        return number

    return box.database.write(made)


def joined(box: Sandbox, count: int, channel: str = "on_demand") -> list[Row[Any]]:
    """Let so many people in."""
    return box.database.write(
        lambda tx: [workers.join(tx, channel=channel, country="FIN") for _ in range(count)]
    )


def taken(tx: Transaction, job: int, who: Row[Any]) -> Page:
    """Hand out a page."""
    return take_page(tx, jobs.load(tx, job), who)


def handed_in(tx: Transaction, who: Row[Any], page: Page) -> None:
    """Hand it in."""
    answers = {unit.id: {"mark": "x"} for unit in page.units}
    submit(tx, who, page.assignment_id, page.token, answers)


def worked(box: Sandbox, job: int, who: Row[Any]) -> int:
    """Let somebody work until there is nothing left for them; return how many pages they did."""
    pages = 0
    while True:
        try:
            page = box.database.write(lambda tx: taken(tx, job, who))
        except NoPageAvailable:
            return pages
        box.database.write(lambda tx, page=page: handed_in(tx, who, page))  # type: ignore[misc]
        pages += 1
