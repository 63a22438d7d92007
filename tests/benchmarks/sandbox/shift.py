"""A load test: many contributors work in several threads."""

from __future__ import annotations

import threading
import time
from typing import Any

from sqlalchemy import select

from crowdflower.sandbox.rules.work import workers
from crowdflower.sandbox.rules.work.handout import NoPageAvailable, take_page
from crowdflower.sandbox.rules.work.submission import submit
from crowdflower.sandbox.store import Database, tables
from crowdflower.states import ON_DEMAND


class Shift:
    """Contributors in several threads; to take or submit a page is one transaction."""

    def __init__(self, database: Database, job: int, threads: int, people: int) -> None:
        self.database = database
        self.longest_wait = 0.0
        self.errors: list[BaseException] = []
        with database.transaction() as tx:
            self.job = tx.one(select(tables.job).where(tables.job.c.id == job))
            team = [workers.join(tx, channel=ON_DEMAND) for _ in range(people)]
        self.threads = [
            threading.Thread(target=self._work, args=(team[place::threads],))
            for place in range(threads)
        ]

    def run(self) -> None:
        """Let all contributors work until no pages are left."""
        for thread in self.threads:
            thread.start()
        for thread in self.threads:
            thread.join()
        assert not self.errors, self.errors

    def _work(self, people: list[Any]) -> None:
        try:
            while people:
                people = [worker for worker in people if self._judge_page(worker)]
        except BaseException as error:  # noqa: BLE001 - run() reports it
            self.errors.append(error)

    def _judge_page(self, worker: Any) -> bool:
        started = time.perf_counter()
        try:
            with self.database.transaction() as tx:
                page = take_page(tx, self.job, worker)
        except NoPageAvailable:
            return False
        received = time.perf_counter()
        answers = {unit.id: {"sentiment": unit.data["sentiment"]} for unit in page.units}
        with self.database.transaction() as tx:
            submit(tx, worker, page.assignment_id, page.token, answers)
        self.longest_wait = max(
            self.longest_wait, received - started, time.perf_counter() - received
        )
        return True
