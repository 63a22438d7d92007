"""Benchmark: the longest wait of a reader and of a writer beside a large upload.

Run it with a Python that has the package and its development tools installed::

    python tests/benchmarks/sandbox/waits.py [rows] [database]

It starts ``crowdflower serve`` on a new file, or on the database given. One client uploads a CSV of
4,000,000 rows, or as many as the first argument says. Meanwhile another reads the account and a
third creates jobs, each a request at a time on a connection of its own. The first line is measured
before the upload: what the machine and its load cost. The exit code is 1 if a wait beside the
upload exceeds a tenth of a second.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event, Thread
from time import perf_counter, sleep

import requests

ROWS = 4_000_000
LIMIT = 0.1
"""Seconds that a reader or a writer may wait at most."""

ALONE = 5.0
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

    def stop(self) -> str:
        """Stop; return how many requests there were, and their waits in milliseconds."""
        self._stopped.set()
        self.join()
        ordered = sorted(self.waits)
        median, late = (ordered[int(len(ordered) * share)] for share in (0.5, 0.99))
        return f"{len(ordered):8,}{1000 * median:9.1f}{1000 * late:9.1f}{1000 * ordered[-1]:9.1f}"


def measure(title: str, url: str, do: object) -> float:
    """Print the waits while a function runs; return the longest, in seconds."""
    clients = {
        "reader": Client("GET", f"{url}/account.json"),
        "writer": Client("POST", f"{url}/jobs.json", data={"job[title]": "Beside an upload"}),
    }
    for client in clients.values():
        client.start()
    started = perf_counter()
    assert callable(do)
    do()
    seconds = perf_counter() - started
    for name, client in clients.items():
        print(f"{title:24}{seconds:8.1f} s  {name:7}{client.stop()}", flush=True)
    return max(max(client.waits) for client in clients.values())


def upload(url: str, rows: int) -> None:
    """Upload a CSV of rows of two columns, and check the answer."""
    response = requests.post(
        f"{url}/jobs/upload.json",
        data=b"a,b\n" + b'1,"x"\n' * rows,
        headers={**HEADERS, "Content-Type": "text/csv"},
        timeout=3600,
    )
    assert response.json()["units_count"] == rows, response.text[:500]


def main() -> int:
    """Run the benchmark; return the exit code."""
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else ROWS
    with TemporaryDirectory() as folder:
        database = sys.argv[2] if len(sys.argv) > 2 else str(Path(folder) / "sandbox.db")
        server = subprocess.Popen(  # noqa: S603 - our own program
            [sys.executable, "-m", "crowdflower.cli", "serve", "--port=0", "--database", database],
            env={**os.environ, "CROWDFLOWER_SANDBOX_KEY": KEY, "PYTHONUNBUFFERED": "1"},
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            assert server.stdout is not None
            url = next(line.split()[1] for line in server.stdout if line.startswith("Address"))
            load = os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0
            print(
                f"{os.cpu_count()} cores under a load of {load:.1f}; waits in milliseconds\n"
                f"{'':36}{'requests':>17}{'median':>9}{'99 %':>9}{'longest':>9}"
            )
            measure("no upload", url, lambda: sleep(ALONE))
            longest = measure(f"upload {rows:,} rows", url, lambda: upload(url, rows))
        finally:
            server.terminate()
            server.wait()
    print(f"at most {1000 * LIMIT:g} ms: {'kept' if longest <= LIMIT else 'MISSED'}")
    return int(longest > LIMIT)


if __name__ == "__main__":
    sys.exit(main())
