"""Many people at work at the same time, and whether they get in each other's way."""

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
    """People at work at the same time, each page taken and handed in by itself."""

    def __init__(self, database: Database, job: int, threads: int, people: int) -> None:
        self.database = database
        self.worst = 0.0
        self.failed: list[BaseException] = []
        with database.transaction() as tx:
            self.job = tx.one(select(tables.job).where(tables.job.c.id == job))
            staff = [workers.join(tx, channel=ON_DEMAND) for _ in range(people)]
        self.threads = [
            threading.Thread(target=self._work, args=(staff[place::threads],))
            for place in range(threads)
        ]

    def run(self) -> None:
        """Let everybody work until there is nothing left to do."""
        for thread in self.threads:
            thread.start()
        for thread in self.threads:
            thread.join()
        assert not self.failed, self.failed

    def _work(self, people: list[Any]) -> None:
        try:
            while people:
                people = [who for who in people if self._page(who)]
        except BaseException as error:  # noqa: BLE001 - a thread's failure is everybody's
            self.failed.append(error)

    def _page(self, who: Any) -> bool:
        started = time.perf_counter()
        try:
            with self.database.transaction() as tx:
                page = take_page(tx, self.job, who)
        except NoPageAvailable:
            return False
        taken = time.perf_counter()
        answers = {unit.id: {"sentiment": unit.data["sentiment"]} for unit in page.units}
        with self.database.transaction() as tx:
            submit(tx, who, page.assignment_id, page.token, answers)
        self.worst = max(self.worst, taken - started, time.perf_counter() - taken)
        return True
