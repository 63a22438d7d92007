"""Benchmark: the longest wait of a reader and of a writer beside a large upload.

::

    python -m tests.benchmarks waits

It starts ``crowdflower serve`` on a new file. One client uploads a large CSV. Meanwhile another
reads the account and a third creates jobs, each a request at a time on a connection of its own. The
first lines are measured before the upload: what the machine and its load cost.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event, Thread
from time import perf_counter, sleep

import requests

from tests.benchmarks.harness import ROOT, Line, is_missed, scaled

ROWS = scaled(1_000_000)
LIMIT = 0.1
"""Seconds that a reader or a writer may wait at most."""

ALONE = scaled(500, least=50) / 100
"""Seconds of the measurement before the upload."""

PAUSE = 0.005
"""Seconds between two requests of a client: it measures waits, and is no load of its own."""

KEY = "benchmark-key"
HEADERS = {"Authorization": f"Token token={KEY}"}


class Client(Thread):
    """Sends one request after the other until it is stopped."""

    def __init__(self, verb: str, url: str, **settings: object) -> None:
        super().__init__()
        self.waits: list[float] = []
        self._request = (verb, url, settings)
        self._stopped = Event()

    def run(self) -> None:
        verb, url, settings = self._request
        with requests.Session() as session:
            while not self._stopped.wait(PAUSE):
                started = perf_counter()
                response = session.request(verb, url, headers=HEADERS, timeout=600, **settings)  # type: ignore[arg-type]
                self.waits.append(perf_counter() - started)
                response.raise_for_status()

    def stop(self) -> list[float]:
        """Stop; return the waits in milliseconds, in order."""
        self._stopped.set()
        self.join()
        return sorted(1000 * wait for wait in self.waits)


def measure(title: str, url: str, do: Callable[[], None], limit: float | None) -> Iterator[Line]:
    """Yield the waits of two clients while a function runs."""
    clients = {
        "reader": Client("GET", f"{url}/account.json"),
        "writer": Client("POST", f"{url}/jobs.json", data={"job[title]": "Beside an upload"}),
    }
    for client in clients.values():
        client.start()
    started = perf_counter()
    do()
    seconds = perf_counter() - started
    for name, client in clients.items():
        waits = client.stop()
        yield Line(
            f"{title}, {name}",
            {
                "seconds": f"{seconds:.1f}",
                "requests": f"{len(waits):,}",
                "median ms": f"{waits[len(waits) // 2]:.1f}",
                "99 % ms": f"{waits[len(waits) * 99 // 100]:.1f}",
                "longest ms": f"{waits[-1]:.1f}",
            },
            "" if limit is None else f"{1000 * limit:g} ms",
            limit is not None and is_missed((1000 * limit, waits[-1])),
        )


def upload(url: str, rows: int) -> None:
    """Upload a CSV of rows of two columns, and check the answer."""
    response = requests.post(
        f"{url}/jobs/upload.json",
        data=b"a,b\n" + b'1,"x"\n' * rows,
        headers={**HEADERS, "Content-Type": "text/csv"},
        timeout=3600,
    )
    assert response.json()["units_count"] == rows, response.text[:500]


def lines(_rounds: int) -> Iterator[Line]:
    """Yield a line per client, without an upload and beside one."""
    with TemporaryDirectory() as folder:
        database = str(Path(folder) / "sandbox.db")
        server = subprocess.Popen(  # noqa: S603 - our own program
            [sys.executable, "-m", "crowdflower.cli", "serve", "--port=0", "--database", database],
            cwd=ROOT,
            env={**os.environ, "CROWDFLOWER_SANDBOX_KEY": KEY, "PYTHONUNBUFFERED": "1"},
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            assert server.stdout is not None
            url = next(line.split()[1] for line in server.stdout if line.startswith("Address"))
            yield from measure("no upload", url, lambda: sleep(ALONE), None)
            yield from measure(f"upload {ROWS:,} rows", url, lambda: upload(url, ROWS), LIMIT)
        finally:
            server.terminate()
            server.wait()
