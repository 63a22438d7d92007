"""Data for the benchmarks: rows, files with rows, and databases with jobs."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from crowdflower.sandbox import Sandbox
from crowdflower.sandbox.rules.work import workers
from crowdflower.sandbox.store import tables
from crowdflower.states import ON_DEMAND
from tests.benchmarks.harness import scaled

if TYPE_CHECKING:
    from crowdflower import Job

ROWS = scaled(500_000)
JUDGED_ROWS = scaled(100_000)
"""Rows with ``JUDGMENTS_PER_ROW`` judgments each."""

SHARED_ROWS = scaled(6000)
"""Rows of a job on which several threads work."""

LIST_PAGE = 1000
"""Units on a page of a list."""

UNITS_PER_PAGE = 10
"""Units on a contributor's page."""

JUDGMENTS_PER_ROW = 3
BALANCE = 10_000_000
"""US cents."""

FORM = """
<cml:radios label="What is the sentiment?" name="sentiment" validates="required">
  <cml:radio label="Positive" value="positive"/>
  <cml:radio label="Neutral" value="neutral"/>
  <cml:radio label="Negative" value="negative"/>
</cml:radios>
"""


def rows(count: int) -> Iterator[dict[str, object]]:
    """Yield rows of five columns, about 180 characters of JSON each."""
    for number in range(count):
        yield {
            "product": f"product {number % 97}",
            "review": f"Row {number}: it arrived late, cost too much, and does what it should.",
            "sentiment": ("positive", "neutral", "negative")[number % 3],
            "country": "FIN",
            "price": number % 1000 / 10,
        }


def encoded_rows(count: int = ROWS) -> Iterator[str]:
    """Yield the rows as JSON, as the database stores them."""
    return (json.dumps(row, separators=(",", ":")) for row in rows(count))


def write_files(folder: Path) -> None:
    """Write the rows as JSON lines and as CSV."""
    with (folder / "rows.json").open("w") as file:
        file.writelines(f"{json.dumps(row)}\n" for row in rows(ROWS))
    with (folder / "rows.csv").open("w", newline="") as file:
        table = csv.DictWriter(file, next(rows(1)))
        table.writeheader()
        table.writerows(rows(ROWS))


def write_databases(folder: Path) -> None:
    """Create a database with all rows in one job, and two with judgments: all and a tenth."""
    with Sandbox(database=folder / "rows.db") as box:
        box.client().upload_job(rows(ROWS))
    for judged in (JUDGED_ROWS, JUDGED_ROWS // 10):
        with Sandbox(database=folder / f"judged{judged}.db", balance_cents=BALANCE) as box:
            job = launch(box, judged)
            box.crowd.add(200, truth={"sentiment": "sentiment"})
            box.crowd.run(job)


def launch(box: Sandbox, count: int) -> Job:
    """Launch a job with this many rows."""
    client = box.client()
    job = client.upload_job(rows(count))
    job.title, job.instructions, job.cml = "Sentiment", "Read the review.", FORM
    job.judgments_per_unit, job.units_per_assignment = JUDGMENTS_PER_ROW, UNITS_PER_PAGE
    job.update()
    job.launch(count, channels=[ON_DEMAND])
    return job


def add_workers(box: Sandbox, job: int, count: int) -> tuple[list[int], int]:
    """Add contributors, and an empty page, since each judgment refers to a page; return the ids."""
    with box.database.transaction() as tx:
        people = [workers.join(tx, channel=ON_DEMAND).id for _ in range(count)]
        page = {
            "job_id": job,
            "worker_id": people[0],
            "mode": "work",
            "state": "submitted",
            "form_token": "",
            "started_at": 0,
            "expires_at": 0,
        }
        return people, tx.add(tables.assignment, page)


def remove(path: Path) -> None:
    """Remove a database and the files beside it."""
    for file in path.parent.glob(f"{path.name}*"):
        file.unlink()


if __name__ == "__main__":
    write_files(Path(sys.argv[1]))
    write_databases(Path(sys.argv[1]))
