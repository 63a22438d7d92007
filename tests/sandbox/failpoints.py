"""Crash a request before its first SQL statement, its second, and so on, and check the data.

Takes the name of a new file, and prints as JSON how many statements each request executes, and
which checks failed after a crash or after the request was resent.
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

from crashes import KEY, Workload, encode_body
from oracle import Write, find_violations
from sqlalchemy import event
from sqlalchemy.pool import Pool

from crowdflower.sandbox import Sandbox
from crowdflower.sandbox.rules.jobs import jobs
from crowdflower.sandbox.rules.units import row_checks, staging
from crowdflower.sandbox.rules.units.row_checks import BATCH_ROWS
from crowdflower.sandbox.rules.work import handout, submission, workers

CRASHED = 9
REFUSED = 400
RESEND_EVERY = 5
"""The request is resent after every fifth crash, and after the last."""


class Step(NamedTuple):
    """A request, and its expected effect."""

    write: Write | None
    verb: str
    path: str
    body: Any = None

    batch: int | None = None
    """Rows that one transaction stores; by default as many as usual."""

    def send(self, box: Sandbox) -> int:
        """Send the request; return the status."""
        key = self.write.key if self.write else "a key"
        headers = {"Authorization": f"Token token={KEY}", "Idempotency-Key": key}
        row_checks.BATCH_ROWS = staging.BATCH_ROWS = self.batch or BATCH_ROWS
        return (
            box.app.test_client()
            .open(
                f"/v1{self.path}",
                method=self.verb,
                headers=headers,
                data=encode_body(self.body),
                content_type="application/json",
            )
            .status_code
        )


class Page(NamedTuple):
    """The submission of a page, made idempotent by the page's token."""

    page: handout.Page
    worker: int

    def send(self, box: Sandbox) -> int:
        """Submit the page."""
        answers = {unit.id: {"mark": "submitted"} for unit in self.page.units}
        with box.database.transaction() as tx:
            worker = workers.find(tx, self.worker)
            submission.submit(tx, worker, self.page.assignment_id, self.page.token, answers)
        return 200


def steps(workload: Workload, other: int) -> dict[str, Step]:
    """Return the requests by name.

    :param other: A job that was not launched.
    """
    job = f"/jobs/{workload.job}"
    order = {"debit": {"units_count": 5}, "channels": ["on_demand"]}
    judgment = {
        "unit_id": workload.unit_ids[10],
        "worker_id": workload.worker_ids[0],
        "data": {"mark": "judged"},
    }
    data = [{"text": "a row", "mark": "sent"}] * 7
    large = [{"text": "a row", "mark": "large"}] * 7
    bonus = {"amount": 3, "reason": "given"}
    return {
        "order": Step(Write("order", str(other)), "POST", f"/jobs/{other}/orders", order),
        "judgment": Step(
            Write("judgment", "judged"), "POST", f"{job}/judgments", {"judgment": judgment}
        ),
        "bonus": Step(
            Write("bonus", "given"), "POST", f"{job}/workers/{workload.worker_ids[0]}/bonus", bonus
        ),
        "upload": Step(Write("upload", "sent", 7), "POST", "/jobs/upload", data),
        "large upload": Step(Write("upload", "large", 7), "POST", "/jobs/upload", large, batch=3),
        "large append": Step(
            Write("upload", "large", 7), "POST", f"/jobs/{other}/upload?force=true", large, batch=3
        ),
        "cancel": Step(None, "POST", f"{job}/cancel", {}),
    }


def crash_before(file: Path, step: Step | Page, statement: int) -> bool:
    """Send a request from a process that exits before the n-th statement.

    :returns: Whether the process crashed; otherwise the request has fewer statements.
    """
    process = os.fork()
    if not process:
        _send_and_crash(file, step, statement)
    return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]) == CRASHED


def _send_and_crash(file: Path, step: Step | Page, statement: int) -> None:
    countdown = count(statement, -1)
    sending = False

    def trace(_: str) -> None:
        if sending and next(countdown) == 1:
            os._exit(CRASHED)

    try:
        box = Sandbox(database=file, key=KEY)
        with box.database.snapshot() as tx:  # the only connection of the pool
            tx.driver.set_trace_callback(trace)  # type: ignore[attr-defined]
        sending = True
        os._exit(0 if step.send(box) < REFUSED else 1)
    except BaseException:  # noqa: BLE001 - the fork must not run the parent's code
        os._exit(2)


def crash_everywhere(base: Path, step: Step | Page) -> dict[str, Any]:
    """Crash before each statement of a request, and check the data each time."""
    write = getattr(step, "write", None)
    problems: list[str] = []
    copy = base.with_name("work.db")
    for statement in count(1):
        for old in base.parent.glob("work.db*"):
            old.unlink()
        shutil.copy(base, copy)
        has_crashed = crash_before(copy, step, statement)
        if getattr(step, "batch", None):
            Sandbox(database=copy, key=KEY).close()  # a restart removes what was stored
        violations = find_violations(copy, [write] if write else [])
        if statement % RESEND_EVERY == 0 or not has_crashed:
            violations += _check_resent(copy, step, write)
        problems += [f"statement {statement}: {each}" for each in violations]
        if not has_crashed:
            return {"statements": statement - 1, "problems": problems}
    raise AssertionError


def _check_resent(file: Path, step: Step | Page, write: Write | None) -> list[str]:
    with Sandbox(database=file, key=KEY) as box:
        status = step.send(box)
    if status >= REFUSED:
        return [f"the resent request got status {status}"]
    return find_violations(file, [replace(write, outcome="acknowledged")] if write else [])


def crash_while_creating(directory: Path) -> dict[str, Any]:
    """Crash before every tenth statement that creates a database, and reopen it."""
    problems: list[str] = []
    for statement in count(1, 10):
        file = directory / f"new{statement}.db"
        process = os.fork()
        if not process:
            _create_and_crash(file, statement)
        has_crashed = os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]) == CRASHED
        Sandbox(database=file).close()
        with Sandbox(database=file) as box:
            problems += [] if len(box.ledger()) == 1 else [f"{len(box.ledger())} opening balances"]
        problems += find_violations(file)
        if not has_crashed:
            return {"statements": statement, "problems": problems}
    raise AssertionError


def _create_and_crash(file: Path, statement: int) -> None:
    countdown = count(statement, -1)

    def trace(_: str) -> None:
        if next(countdown) == 1:
            os._exit(CRASHED)

    try:
        event.listen(Pool, "connect", lambda connection, _: connection.set_trace_callback(trace))
        Sandbox(database=file)
        os._exit(0)
    except BaseException:  # noqa: BLE001 - the fork must not run the parent's code
        os._exit(2)


def main() -> None:
    """Run all requests and print the results."""
    base = Path(sys.argv[1])
    workload = Workload.create(base, units=30)
    with Sandbox(database=base, key=KEY) as box, box.database.transaction() as tx:
        job = jobs.load(tx, workload.job)
        page = Page(
            handout.take_page(tx, job, workers.find(tx, workload.worker_ids[1])),
            workload.worker_ids[1],
        )
        other = jobs.copy(tx, job, all_units=True).id
    every = {**steps(workload, other), "page": page}
    results = {name: crash_everywhere(base, step) for name, step in every.items()}
    results["create"] = crash_while_creating(base.parent)
    print(json.dumps(results))  # noqa: T201 - read by the test


if __name__ == "__main__":
    main()
