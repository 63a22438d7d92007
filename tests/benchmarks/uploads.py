"""Benchmark: uploads that are killed and resumed, and the memory of a million rows up and down.

::

    python -m tests.benchmarks uploads

Rows are uploaded to a sandbox from a process that is killed at random moments and restarted, until
the upload is complete. Then the rows of the job are counted: none may be lost or duplicated.
"""

from __future__ import annotations

import json
import logging
import subprocess
import sys
import time
import zipfile
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count, islice
from multiprocessing import get_context
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import parse_qs, urlsplit

import requests

from crowdflower import Client
from crowdflower.rows import upload_plan
from crowdflower.sandbox import Sandbox
from tests.benchmarks.harness import ROOT, Benchmark, Figures, Line, compare, run_case, scaled

with suppress(ModuleNotFoundError):  # the floor that needs it is skipped
    import orjson

UPLOADS = scaled(25)
ROWS = 3000
MAX_KILLS = 4
MILLION, KEYED = scaled(1_000_000), scaled(300_000)
MAX_MEGABYTES = 200


class FastClock:
    """A clock whose sleeps return immediately."""

    monotonic = staticmethod(time.monotonic)

    def sleep(self, _: float) -> None:
        """Return immediately."""


def upload(address: str, key: str, job: str, plan: str) -> None:
    """Upload rows in small chunks, so that most kills hit an unfinished upload."""
    upload_plan.ROWS_PER_CHUNK = 100  # type: ignore[misc]
    with Client(key, address) as client:
        client._clock = FastClock()
        rows = ({"id": number, "text": f"row {number}"} for number in range(ROWS))
        print("started", flush=True)
        client.get_job(int(job)).upload(rows, key="id", resume=plan)


def upload_and_kill(random: Random, box: Sandbox, plan: Path) -> tuple[int, int]:
    """Upload until it is complete; return the numbers of kills and of wrong rows."""
    client = box.client()
    job = client.create_job({"title": "Uploaded in spite of kills"})
    command = [sys.executable, "-m", __name__, box.url, box.key, str(job.id), str(plan)]
    kills = 0
    while True:
        with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=ROOT) as process:  # noqa: S603 - our own
            assert process.stdout
            process.stdout.readline()
            try:
                code = process.wait(random.uniform(0, 0.6) if kills < MAX_KILLS else None)
            except subprocess.TimeoutExpired:
                process.kill()
                kills += 1
                continue
        assert code == 0, "an upload ended with an error"
        break
    stored = Counter(unit.data["id"] for unit in client.get_units(job.id))
    wrong = sum((stored - Counter(range(ROWS))).values()) + sum(
        (Counter(range(ROWS)) - stored).values()
    )
    return kills, wrong


class StubServer(BaseHTTPRequestHandler):
    """A server with one job, which counts its rows and does not store them."""

    protocol_version = "HTTP/1.1"
    count = 0
    archive = Path()

    def do_PUT(self) -> None:
        """Count the uploaded rows."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        type(self).count += body.count(b"\n")
        self._answer(b'{"id": 7}')

    def do_DELETE(self) -> None:
        """Start again, with no rows."""
        type(self).count = 0
        self._answer(b"{}")

    def do_GET(self) -> None:
        """Send units, the progress of the upload, the report, or the job."""
        url = urlsplit(self.path)
        if url.path.endswith("/units.json"):
            first = (int(parse_qs(url.query)["page"][0]) - 1) * 1000
            numbers = range(first, min(first + 1000, self.count))
            page = {str(number + 1): {"id": number, "text": "x" * 80} for number in numbers}
            self._answer(json.dumps(page).encode())
        elif url.path.endswith("/ping.json"):
            self._answer(json.dumps({"done": True, "count": self.count}).encode())
        elif url.path.endswith(".csv"):
            self._answer(self.archive.read_bytes(), "application/zip")
        else:
            job = {"id": 7, "state": "unordered", "units_count": self.count}
            self._answer(json.dumps(job).encode())

    def _answer(self, body: bytes, kind: str = "application/json") -> None:
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Log nothing."""


def serve(archive: Path, sender: Any) -> None:
    """Run the server, in a process whose memory is not measured."""
    StubServer.archive = archive
    server = ThreadingHTTPServer(("127.0.0.1", 0), StubServer)
    sender.send(f"http://127.0.0.1:{server.server_port}/v1")
    server.serve_forever()


def _rows(count: int) -> Iterator[dict[str, object]]:
    return ({"id": number, "text": "x" * 80} for number in range(count))


def million_up_ours(address: str) -> None:
    """Upload a million rows."""
    with Client("benchmark-key", address) as client:
        assert client.get_job(7).upload(_rows(MILLION), key="id").rows == MILLION


def keyed_ours(address: str) -> None:
    """Upload rows exactly once."""
    with Client("benchmark-key", address) as client:
        assert client.get_job(7).upload(_rows(KEYED), key="id").rows == KEYED


def keyed_floor(address: str) -> None:
    """Send the rows in chunks, then count the keys that have arrived."""
    sent, arrived = set(), set()
    with requests.Session() as session:
        rows = _rows(KEYED)
        while chunk := list(islice(rows, upload_plan.ROWS_PER_CHUNK)):
            body = bytearray()
            for row in chunk:
                sent.add(row["id"])
                body += orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE)
            session.put(f"{address}/jobs/7/upload.json", bytes(body)).raise_for_status()
        for page in count(1):
            content = session.get(f"{address}/jobs/7/units.json?page={page}").content
            units = orjson.loads(content)
            if not units:
                break
            arrived.update(unit["id"] for unit in units.values())
    assert sent == arrived


def million_down_ours(address: str) -> None:
    """Read a report of a million judgments."""
    with Client("benchmark-key", address) as client:
        judgments = sum(len(unit.results["judgments"]) for unit in client.stream_report(7))
    assert judgments == MILLION // 10 * 10


def write_report(path: Path) -> None:
    """Write a report of a million judgments, ten per unit."""
    with (
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as zipped,
        zipped.open("r", "w") as member,
    ):
        for number in range(1, MILLION // 10 + 1):
            judgments = [
                {"id": number * 10 + place, "worker_id": place, "data": {"a": f"{number % 97}"}}
                for place in range(10)
            ]
            unit = {"id": number, "judgments_count": 10, "results": {"judgments": judgments}}
            member.write(json.dumps(unit).encode() + b"\n")


WORKS = [
    Benchmark(f"upload {MILLION:,} rows", "million_up", megabytes=MAX_MEGABYTES, count=MILLION),
    Benchmark(
        f"upload {KEYED:,} rows with a key, [fast]",
        "keyed",
        "keyed",
        times=4,
        megabytes=MAX_MEGABYTES,
        needs=["orjson"],
    ),
    Benchmark(
        f"read a report of {MILLION:,}", "million_down", megabytes=MAX_MEGABYTES, count=MILLION
    ),
]


def measure(case: str, address: str) -> Figures:
    """Run one case, for a job without rows."""
    requests.delete(address, timeout=60).raise_for_status()
    return run_case(__name__, case, address)


def lines(rounds: int) -> Iterator[Line]:
    """Yield a line for the killed uploads, and one for each direction of many rows."""
    logging.getLogger("waitress").setLevel(logging.ERROR)
    random = Random(0)  # noqa: S311 - the same kills every time
    with TemporaryDirectory() as directory, Sandbox() as box:
        folder = Path(directory)
        runs = [
            upload_and_kill(random, box, folder / f"{number}.upload") for number in range(UPLOADS)
        ]
        kills, wrong = (sum(column) for column in zip(*runs, strict=True))
        yield Line(
            f"{UPLOADS} uploads of {ROWS:,} rows, killed",
            {"kills": f"{kills}", "rows lost or duplicated": f"{wrong}"},
            "none",
            failed=wrong > 0,
        )
        write_report(folder / "report.zip")
        context = get_context("spawn")
        receiver, sender = context.Pipe()
        service = context.Process(target=serve, args=(folder / "report.zip", sender), daemon=True)
        service.start()
        address = receiver.recv()
        try:
            for work in WORKS:
                yield compare(work, lambda case: measure(case, address), min(rounds, 2))
        finally:
            service.kill()
            service.join()


if __name__ == "__main__":
    upload(*sys.argv[1:])
