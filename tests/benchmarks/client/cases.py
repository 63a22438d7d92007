"""The benchmarks of the client: each by this library, and by its floor. One run is one process.

A case is given the address of the stub.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from tempfile import TemporaryFile
from typing import Any
from unittest import mock

import requests

from crowdflower import Client
from crowdflower.rows import json_lines
from tests.benchmarks.client import stub
from tests.benchmarks.harness import Stopwatch, scaled

try:
    import orjson
except ModuleNotFoundError:
    loads: Callable[[bytes], Any] = json.loads
else:
    loads = orjson.loads

UPLOAD_ROWS = scaled(500_000)
LIST_ROWS = scaled(300_000)
BLOCK = 1 << 16
CALLS = scaled(1000)
PAGES, AGGREGATE_PAGES = scaled(100), scaled(200)
THREADS = 16
KEY = "benchmark-key"
HEADERS = {"Authorization": f"Token token={KEY}"}


def client(address: str, **settings: Any) -> Client:
    """Return a client; ``REQUESTS_CA_BUNDLE`` names the certificate of the stub."""
    return Client(KEY, address, **settings)


def get_job_ours(address: str) -> None:
    """Read a job a thousand times."""
    account = client(address)
    for _ in range(CALLS):
        account.get_job(7)


def get_job_floor(address: str) -> None:
    """Read a job a thousand times with requests only."""
    session = requests.Session()
    for _ in range(CALLS):
        session.get(f"{address}/jobs/7.json", headers=HEADERS).json()


def units_ours(address: str, **settings: Any) -> None:
    """List all units of a job."""
    account = client(address, **settings)
    job = account.get_job(7)
    assert sum(1 for _ in account.get_units(job)) == job.units_count


def wide_units_ours(address: str) -> None:
    """List all units of a job, with as many pages ahead as the floor has threads."""
    units_ours(address, lookahead=THREADS)


def units_sequential_floor(address: str) -> None:
    """Read and decode the same pages in a loop."""
    session = requests.Session()
    for page in count(1):
        url = f"{address}/jobs/7/units.json?page={page}"
        if not loads(session.get(url, headers=HEADERS).content):
            break


def _read_in_threads(address: str, kind: str, pages: int) -> None:
    session = requests.Session()
    session.mount("http://", requests.adapters.HTTPAdapter(pool_maxsize=THREADS))

    def read(page: int) -> int:
        url = f"{address}/jobs/7/{kind}.json?page={page}"
        return len(loads(session.get(url, headers=HEADERS).content))

    with ThreadPoolExecutor(THREADS) as pool:
        assert sum(pool.map(read, range(1, pages + 1)))


def units_floor(address: str) -> None:
    """Read the pages of 100,000 units in threads; the number of pages is known."""
    _read_in_threads(address, "units", PAGES)


def aggregates_ours(address: str) -> None:
    """List all aggregates of a job."""
    account = client(address)
    assert sum(1 for _ in account.get_judgmentaggregates(account.get_job(7)))


def aggregates_floor(address: str) -> None:
    """Read the pages of 20,000 aggregates in threads; the number of pages is known."""
    _read_in_threads(address, "judgments", AGGREGATE_PAGES)


def judgments_ours(address: str) -> None:
    """Read every judgment of every unit."""
    account = client(address)
    job = account.get_job(7)
    total = sum(len(aggregate.judgments) for aggregate in account.get_judgmentaggregates(job))
    assert total == 3 * job.units_count


def _rows(count: int = UPLOAD_ROWS) -> Iterator[dict[str, object]]:
    return map(stub.row, range(count))


def _send(address: str, rows: Iterable[object], dumps: Callable[[object], bytes]) -> None:
    """Append the rows to one buffer, and send it in blocks of 64 KB."""
    body = bytearray()
    for row in rows:
        body += dumps(row)
    with memoryview(body) as view:
        blocks = (view[start : start + BLOCK] for start in range(0, len(view), BLOCK))
        requests.put(f"{address}/jobs/7/upload.json", blocks, headers=HEADERS)


def _orjson_line(row: object) -> bytes:
    return orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE)


def _json_line(row: object) -> bytes:
    return json.dumps(row).encode() + b"\n"


def upload_ours(address: str) -> None:
    """Upload rows from a generator."""
    client(address).upload_job(_rows(), 7)


def upload_floor(address: str) -> None:
    """Encode the rows with orjson."""
    _send(address, _rows(), _orjson_line)


def upload_list_ours(address: str, watch: Stopwatch) -> None:
    """Upload a list of rows."""
    rows = list(_rows(LIST_ROWS))
    with watch():
        client(address).upload_job(rows, 7)


def upload_list_floor(address: str, watch: Stopwatch) -> None:
    """Encode the rows of a list with orjson."""
    rows = list(_rows(LIST_ROWS))
    with watch():
        _send(address, rows, _orjson_line)


def upload_plain_ours(address: str) -> None:
    """Upload rows from a generator, without orjson."""
    with mock.patch.object(json_lines, "orjson", None):
        upload_ours(address)


def upload_plain_floor(address: str) -> None:
    """Encode the rows with the standard library."""
    _send(address, _rows(), _json_line)


def upload_plain_list_ours(address: str, watch: Stopwatch) -> None:
    """Upload a list of rows, without orjson."""
    with mock.patch.object(json_lines, "orjson", None):
        upload_list_ours(address, watch)


def upload_plain_list_floor(address: str, watch: Stopwatch) -> None:
    """Encode the rows of a list with the standard library."""
    rows = list(_rows(LIST_ROWS))
    with watch():
        _send(address, rows, _json_line)


def _frame() -> Any:
    import pandas as pd  # noqa: PLC0415 - one benchmark needs it

    return pd.DataFrame.from_records(list(_rows(LIST_ROWS)))


def upload_frame_ours(address: str, watch: Stopwatch) -> None:
    """Upload a data frame of pandas."""
    frame = _frame()
    with watch():
        client(address).upload_job(frame, 7)


def upload_frame_floor(address: str, watch: Stopwatch) -> None:
    """Make dicts of the same data frame, and encode them with orjson."""
    frame = _frame()
    with watch():
        _send(address, frame.to_dict("records"), _orjson_line)


def report_ours(address: str) -> None:
    """Read the JSON report, a unit at a time."""
    assert sum(len(unit.results["judgments"]) for unit in client(address).stream_report(7))


def results_ours(address: str) -> None:
    """Read the results of a job, a unit at a time."""
    job = client(address).get_job(7)
    assert sum(len(unit.results["judgments"]) for unit in job.results())


def report_judgments_ours(address: str) -> None:
    """Read the judgments of a job, one at a time."""
    job = client(address).get_job(7)
    assert sum(judgment.tainted is False for judgment in job.judgments())


def report_floor(address: str) -> None:
    """Download the archive, open it, decode every line."""
    with TemporaryFile() as archive:
        response = requests.get(f"{address}/jobs/7.csv", headers=HEADERS, stream=True)
        archive.writelines(response.iter_content(1 << 16))
        with zipfile.ZipFile(archive) as zipped, zipped.open(zipped.namelist()[0]) as member:
            assert sum(len(loads(line)["results"]["judgments"]) for line in member)
