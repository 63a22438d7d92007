"""A process that ends in the middle of a request: before its first statement, its second, …

Run with the name of a file that is not there yet, it prints as JSON how many statements a request
has, and what did not hold after it ended before any of them or after it was sent again.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple

from crashes import KEY, Scene, as_text
from oracle import Write, find_violations
from sqlalchemy import event
from sqlalchemy.pool import Pool

from crowdflower.sandbox import Sandbox
from crowdflower.sandbox.rules.jobs import jobs
from crowdflower.sandbox.rules.work import handout, submission, workers

ENDED = 9
REFUSED = 400
SENT_AGAIN = 5
"""Every how many statements the request is sent again, beside after the last."""


class Step(NamedTuple):
    """A request, and what it leaves."""

    write: Write | None
    verb: str
    path: str
    body: Any = None

    def send(self, box: Sandbox) -> int:
        """Send it; return the status."""
        key = self.write.key if self.write else "a key"
        headers = {"Authorization": f"Token token={KEY}", "Idempotency-Key": key}
        return (
            box.app.test_client()
            .open(
                f"/v1{self.path}",
                method=self.verb,
                headers=headers,
                data=as_text(self.body),
                content_type="application/json",
            )
            .status_code
        )


class Page(NamedTuple):
    """A page that somebody hands in; its token is the key."""

    page: handout.Page
    worker: int

    def send(self, box: Sandbox) -> int:
        """Hand it in."""
        answers = {unit.id: {"mark": "handed in"} for unit in self.page.units}
        with box.database.transaction() as tx:
            who = workers.find(tx, self.worker)
            submission.submit(tx, who, self.page.assignment_id, self.page.token, answers)
        return 200


def steps(scene: Scene, other: int) -> dict[str, Step]:
    """Name the requests.

    :param other: A job that was not launched.
    """
    job = f"/jobs/{scene.job}"
    order = {"debit": {"units_count": 5}, "channels": ["on_demand"]}
    given = {"unit_id": scene.units[10], "worker_id": scene.people[0], "data": {"mark": "judged"}}
    data = [{"text": "a row", "mark": "sent"}] * 7
    bonus = {"amount": 3, "reason": "given"}
    return {
        "order": Step(Write("order", str(other)), "POST", f"/jobs/{other}/orders", order),
        "judgment": Step(
            Write("judgment", "judged"), "POST", f"{job}/judgments", {"judgment": given}
        ),
        "bonus": Step(
            Write("bonus", "given"), "POST", f"{job}/workers/{scene.people[0]}/bonus", bonus
        ),
        "upload": Step(Write("upload", "sent", 7), "POST", "/jobs/upload", data),
        "cancel": Step(None, "POST", f"{job}/cancel", {}),
    }


def ended_before(file: Path, step: Step | Page, statement: int) -> bool:
    """Send a request from a process of its own that ends before its n-th statement.

    :returns: Whether it did; else the request has fewer statements.
    """
    process = os.fork()
    if not process:
        _send_and_end(file, step, statement)
    return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]) == ENDED


def _send_and_end(file: Path, step: Step | Page, statement: int) -> None:
    left = count(statement, -1)
    sending = False

    def before(_: str) -> None:
        if sending and next(left) == 1:
            os._exit(ENDED)

    try:
        box = Sandbox(database=file, key=KEY)
        with box.database.snapshot() as tx:  # its connection is the one that there is
            tx.driver.set_trace_callback(before)  # type: ignore[attr-defined]
        sending = True
        os._exit(0 if step.send(box) < REFUSED else 1)
    except BaseException:  # noqa: BLE001 - nothing of the parent's may run here
        os._exit(2)


def ended_everywhere(base: Path, step: Step | Page) -> dict[str, Any]:
    """End before each statement of a request, and look each time."""
    write = getattr(step, "write", None)
    problems: list[str] = []
    work = base.with_name("work.db")
    for statement in count(1):
        for left in base.parent.glob("work.db*"):
            left.unlink()
        shutil.copy(base, work)
        ended = ended_before(work, step, statement)
        found = find_violations(work, [write] if write else [])
        if statement % SENT_AGAIN == 0 or not ended:
            found += _sent_again(work, step, write)
        problems += [f"statement {statement}: {each}" for each in found]
        if not ended:
            return {"statements": statement - 1, "problems": problems}
    raise AssertionError


def _sent_again(file: Path, step: Step | Page, write: Write | None) -> list[str]:
    with Sandbox(database=file, key=KEY) as box:
        status = step.send(box)
    if status >= REFUSED:
        return [f"sent again, it was answered with {status}"]
    return find_violations(file, [replace(write, outcome="acknowledged")] if write else [])


def begun_everywhere(directory: Path) -> dict[str, Any]:
    """End before every tenth statement that makes a new database, and begin again."""
    problems: list[str] = []
    for statement in count(1, 10):
        file = directory / f"new{statement}.db"
        process = os.fork()
        if not process:
            _begin_and_end(file, statement)
        ended = os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]) == ENDED
        Sandbox(database=file).close()
        with Sandbox(database=file) as box:
            problems += [] if len(box.ledger()) == 1 else [f"{len(box.ledger())} opening balances"]
        problems += find_violations(file)
        if not ended:
            return {"statements": statement, "problems": problems}
    raise AssertionError


def _begin_and_end(file: Path, statement: int) -> None:
    left = count(statement, -1)

    def before(_: str) -> None:
        if next(left) == 1:
            os._exit(ENDED)

    try:
        event.listen(Pool, "connect", lambda connection, _: connection.set_trace_callback(before))
        Sandbox(database=file)
        os._exit(0)
    except BaseException:  # noqa: BLE001 - nothing of the parent's may run here
        os._exit(2)


def main() -> None:
    """Print what was found."""
    base = Path(sys.argv[1])
    scene = Scene.prepared(base, units=30)
    with Sandbox(database=base, key=KEY) as box, box.database.transaction() as tx:
        job = jobs.load(tx, scene.job)
        page = Page(handout.take_page(tx, job, workers.find(tx, scene.people[1])), scene.people[1])
        other = jobs.copy(tx, job, all_units=True).id
    every = {**steps(scene, other), "page": page}
    found = {name: ended_everywhere(base, step) for name, step in every.items()}
    found["begin"] = begun_everywhere(base.parent)
    print(json.dumps(found))  # noqa: T201 - this is how it is told


if __name__ == "__main__":
    main()
