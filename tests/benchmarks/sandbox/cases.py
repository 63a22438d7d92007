"""The benchmarks: each by the sandbox, and by its floor. One run is one process.

A case is given the folder with the files that :mod:`fixtures` has written, and a stopwatch.
"""

from __future__ import annotations

import csv
import io
import json
import sys
import time
import zipfile
from collections import Counter
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

from sqlalchemy import func, select

from crowdflower import Client
from crowdflower.sandbox import Sandbox
from crowdflower.sandbox.server.in_process import ORIGIN, session_for
from crowdflower.sandbox.store import Database, tables
from crowdflower.states import ON_DEMAND
from tests.benchmarks.harness import Stopwatch, run_module
from tests.benchmarks.sandbox import fixtures
from tests.benchmarks.sandbox.shift import Shift

CONTRIBUTORS = 200
THREADS = 8
REPETITIONS = 25

_INSERT_UNIT = """
INSERT INTO unit (job_id, seq, state, data, created_at, updated_at) VALUES (?, ?, 'new', ?, ?, ?)
"""
_INSERT_JUDGMENT = """
INSERT INTO judgment (job_id, unit_id, worker_id, assignment_id, data, trust, golden, tainted,
  channel, country, cost_mc, started_at, created_at)
VALUES (?, ?, ?, ?, ?, 1.0, 0, 0, ?, ?, ?, ?, ?)
"""
_FULL_REPORT = """
SELECT j.unit_id, j.created_at, j.golden, j.id, j.missed, j.started_at, j.tainted, j.channel,
  w.trust, j.worker_id, j.country, j.region, j.city, j.ip, j.data, u.data
FROM unit u JOIN judgment j ON j.unit_id = u.id
JOIN worker_job w ON w.job_id = j.job_id AND w.worker_id = j.worker_id
WHERE u.job_id = ? ORDER BY u.seq, j.id
"""


# Uploads.


def _upload(folder: Path, watch: Stopwatch, name: str, kind: str) -> None:
    """Send a file from another process to a sandbox in this one."""
    path = folder / "uploaded.db"
    with Sandbox(database=path) as box:
        with watch():
            seconds = run_module(__name__, box.url, box.key, str(folder / name), kind)
        watch.seconds = float(seconds)  # without the start of the other process
        (job,) = box.client().get_jobs()
        assert job.units_count == fixtures.ROWS
    fixtures.remove(path)


def send(url: str, key: str, path: str, kind: str) -> None:
    """Post a file, and print the seconds until the response was complete."""
    address = urlsplit(url)
    connection = HTTPConnection(address.hostname or "", address.port)
    headers = {"Authorization": f"Token token={key}", "Content-Type": kind}
    headers["Content-Length"] = str(Path(path).stat().st_size)
    started = time.perf_counter()
    with Path(path).open("rb") as file:
        connection.request("POST", f"{address.path}/jobs/upload.json", file, headers)
        response = connection.getresponse()
        body = response.read()
    print(time.perf_counter() - started)
    assert response.status == 200, body
    connection.close()


def upload_json_ours(folder: Path, watch: Stopwatch) -> None:
    """Upload JSON lines over a socket."""
    _upload(folder, watch, "rows.json", "application/json")


def upload_csv_ours(folder: Path, watch: Stopwatch) -> None:
    """Upload CSV over a socket."""
    _upload(folder, watch, "rows.csv", "text/csv")


def upload_floor(folder: Path, watch: Stopwatch) -> None:
    """Insert the same rows, already encoded, into the same table in the same kind of file."""
    path = folder / "inserted.db"
    with Sandbox(database=path) as box:
        job = box.client().create_job({"title": "Reviews"}).id
        now = box.clock.now()
        lines = [(job, seq, text, now, now) for seq, text in enumerate(fixtures.encoded_rows(), 1)]
        with watch(), box.database.transaction() as tx:
            tx.driver.executemany(_INSERT_UNIT, lines)
    fixtures.remove(path)


# Lists.


def _page(folder: Path, watch: Stopwatch, number: int) -> None:
    with Sandbox(database=folder / "rows.db") as box:
        (job,) = box.client().get_jobs()
        session, url = session_for(box.app), f"{ORIGIN}/v1/jobs/{job.id}/units.json"
        query: dict[str, str | int] = {"key": box.key, "page": number, "limit": fixtures.LIST_PAGE}
        with watch.median() as measure:
            for _ in range(REPETITIONS):
                with measure():
                    response = session.get(url, params=query)
                assert len(response.json()) == fixtures.LIST_PAGE


def page_ours(folder: Path, watch: Stopwatch) -> None:
    """List the last page of all units."""
    _page(folder, watch, fixtures.ROWS // fixtures.LIST_PAGE)


def first_page_floor(folder: Path, watch: Stopwatch) -> None:
    """List the first page."""
    _page(folder, watch, 1)


# Judgments.


def _crowd(watch: Stopwatch, path: Path | None) -> None:
    with Sandbox(database=path, balance_cents=fixtures.BALANCE) as box:
        job = fixtures.launch(box, fixtures.JUDGED_ROWS)
        box.crowd.add(CONTRIBUTORS, truth={"sentiment": "sentiment"})
        with watch():
            summary = box.crowd.run(job)
        assert summary.ended == "finished", summary
        assert summary.judgments == fixtures.JUDGED_ROWS * fixtures.JUDGMENTS_PER_ROW, summary


def _judgments(watch: Stopwatch, path: Path | None) -> None:
    """Insert the same number of judgments per transaction, without any rules."""
    with Sandbox(database=path, balance_cents=fixtures.BALANCE) as box:
        job = fixtures.launch(box, fixtures.JUDGED_ROWS)
        people, page = fixtures.add_workers(box, job.id, CONTRIBUTORS)
        with box.database.snapshot() as tx:
            units = [row.id for row in tx.all(select(tables.unit.c.id))]
        now = box.clock.now()
        rest = (page, '{"sentiment":"positive"}', ON_DEMAND, "USA", 1200, now, now)
        lines = [
            (job.id, unit, people[(place + round_number) % CONTRIBUTORS], *rest)
            for round_number in range(fixtures.JUDGMENTS_PER_ROW)
            for place, unit in enumerate(units)
        ]
        batch = 50 * fixtures.UNITS_PER_PAGE
        with watch():
            for begin in range(0, len(lines), batch):
                with box.database.transaction() as tx:
                    tx.driver.executemany(_INSERT_JUDGMENT, lines[begin : begin + batch])


def crowd_memory_ours(_folder: Path, watch: Stopwatch) -> None:
    """Let a crowd judge all units, in memory."""
    _crowd(watch, None)


def memory_floor(_folder: Path, watch: Stopwatch) -> None:
    """Insert the same number of judgments, in memory."""
    _judgments(watch, None)


def crowd_file_ours(folder: Path, watch: Stopwatch) -> None:
    """Let a crowd judge all units, in a file."""
    _crowd(watch, folder / "crowd.db")
    fixtures.remove(folder / "crowd.db")


def file_floor(folder: Path, watch: Stopwatch) -> None:
    """Insert the same number of judgments, in a file."""
    _judgments(watch, folder / "judgments.db")
    fixtures.remove(folder / "judgments.db")


# Reports.


def _report(folder: Path, watch: Stopwatch, judged: int) -> None:
    with Sandbox(database=folder / f"judged{judged}.db") as box:
        (job,) = box.client().get_jobs()
        session, url = session_for(box.app), f"{ORIGIN}/v1/jobs/{job.id}.csv"
        with watch():
            query = {"key": box.key, "type": "full"}
            with session.get(url, params=query, stream=True) as response:
                size = sum(map(len, response.iter_content(1 << 16)))
        assert size > judged


def report_ours(folder: Path, watch: Stopwatch) -> None:
    """Download the full report of all judgments."""
    _report(folder, watch, fixtures.JUDGED_ROWS)


def small_report_floor(folder: Path, watch: Stopwatch) -> None:
    """Download the full report of a tenth of the judgments."""
    _report(folder, watch, fixtures.JUDGED_ROWS // 10)


def report_floor(folder: Path, watch: Stopwatch) -> None:
    """Write the cells as the database returns them, with JSON decoded."""
    database = Database(f"sqlite:///{folder / f'judged{fixtures.JUDGED_ROWS}.db'}")
    with database.snapshot() as tx, watch():
        job = tx.one(select(tables.job.c.id)).id
        with (
            zipfile.ZipFile(folder / "floor.zip", "w", zipfile.ZIP_DEFLATED) as archive,
            archive.open("f.csv", "w", force_zip64=True) as binary,
            io.TextIOWrapper(binary, "utf-8", newline="") as text,
        ):
            table = csv.writer(text)
            for row in tx.driver.execute(_FULL_REPORT, (job,)):
                answers, data = json.loads(row[-2]), json.loads(row[-1])
                table.writerow([*row[:-2], answers["sentiment"], *data.values()])
    database.close()
    assert (folder / "floor.zip").stat().st_size > fixtures.JUDGED_ROWS


# Threads.


def _run_shift(folder: Path, watch: Stopwatch, threads: int) -> None:
    path = folder / f"shift{threads}.db"
    with Sandbox(database=path, balance_cents=fixtures.BALANCE) as box:
        job = fixtures.launch(box, fixtures.SHARED_ROWS)
        shift = Shift(box.database, job.id, threads, people=5 * THREADS)
        with watch():
            shift.run()
        with box.database.snapshot() as tx:
            judgment = tables.judgment.c
            each = select(judgment.unit_id, func.count(judgment.worker_id.distinct()).label("n"))
            numbers = Counter(row.n for row in tx.all(each.group_by(judgment.unit_id)))
            assert numbers == {fixtures.JUDGMENTS_PER_ROW: fixtures.SHARED_ROWS}, (
                f"wrong numbers: {numbers}"
            )
    fixtures.remove(path)
    print(f"{threads} threads: longest wait {1000 * shift.longest_wait:.0f} ms", file=sys.stderr)


def threads_ours(folder: Path, watch: Stopwatch) -> None:
    """Take and submit pages from several threads, in a file, with a transaction each."""
    _run_shift(folder, watch, THREADS)


def threads_floor(folder: Path, watch: Stopwatch) -> None:
    """Do the same from one thread."""
    _run_shift(folder, watch, 1)


# Start.


def first_ours(_folder: Path, watch: Stopwatch) -> None:
    """Create the first sandbox of a process, after the import, and a client for it."""
    Client("key").close()  # imports its modules
    with watch():
        box = Sandbox()
        box.client()
    box.close()


def next_ours(_folder: Path, watch: Stopwatch) -> None:
    """Create another sandbox."""
    Sandbox().close()
    with watch.median() as measure:
        for _ in range(REPETITIONS):
            with measure():
                box = Sandbox()
                box.client()
            box.close()


def reset_ours(_folder: Path, watch: Stopwatch) -> None:
    """Reset a sandbox with a job of a thousand rows."""
    with Sandbox(balance_cents=fixtures.BALANCE) as box, watch.median() as measure:
        for _ in range(REPETITIONS):
            fixtures.launch(box, 1000)
            with measure():
                box.reset()


if __name__ == "__main__":
    send(*sys.argv[1:])
