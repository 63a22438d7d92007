"""Benchmarks of the client, each against the minimum of work that could do the same (its floor).

::

    pip install '.[dev]' && python tests/benchmarks/client

Each benchmark and its floor are measured alternately in the same run. A line that misses its limit
says so, and the exit code is the number of misses.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import sleep

import requests
import stub
import trustme

HERE = Path(__file__).parent
ROUNDS = int(os.environ.get("ROUNDS", "5"))
REPORT_UNITS = 100_000


@dataclass(frozen=True)
class Benchmark:
    """One line of the table."""

    title: str
    ours: str
    floor: str | None
    units: int = 0
    latency: float = 0.0
    tls: bool = False
    times: float | None = None
    """At most this many times the floor."""
    requests: int | None = None
    """At most this many requests."""
    megabytes: float | None = None
    """At most this peak memory, in megabytes."""


WORKS = [
    Benchmark("get_job × 1000, keep-alive", "get_job", "get_job", times=1.3),
    Benchmark("get_job × 1000, TLS", "get_job", "get_job", tls=True, times=1.3),
    Benchmark(
        "list 100,000 units, 50 ms", "units", "units", 100_000, 0.05, times=1.5, requests=110
    ),
    Benchmark(
        "the same, lookahead=16", "wide_units", "units", 100_000, 0.05, times=1.5, requests=110
    ),
    Benchmark("list 100,000 units, no latency", "units", "units_sequential", 100_000, times=1.3),
    Benchmark(
        "aggregates of 20,000 units, 50 ms",
        "aggregates",
        "aggregates",
        20_000,
        0.05,
        times=2,
        requests=210,
    ),
    Benchmark("judgments of 500 units, 50 ms", "judgments", None, 500, 0.05, requests=510),
    Benchmark("upload 500,000 rows", "upload", "upload", times=1.5, megabytes=80),
    Benchmark(
        "upload a frame of 300,000 rows", "upload_frame", "upload_frame", times=1.6, megabytes=350
    ),
    Benchmark("JSON report, 100,000 × 3", "report", "report", times=1.3, megabytes=120),
    Benchmark("list 10,000 units, no latency", "units", "units_sequential", 10_000),
    Benchmark("list 1,000,000 units, no latency", "units", "units_sequential", 1_000_000),
]


@contextmanager
def serve_stub(folder: Path, *certificate: str) -> Iterator[str]:
    """Run the stub and yield its address."""
    port_file = folder / f"port{len(certificate)}"
    command = [sys.executable, HERE / "stub.py", port_file, folder / "report.zip", *certificate]
    with subprocess.Popen(command) as process:  # noqa: S603 - our own
        while not port_file.exists() or not port_file.read_text():
            sleep(0.01)
        scheme = "https" if certificate else "http"
        yield f"{scheme}://localhost:{port_file.read_text()}"
        process.kill()


def measure(
    benchmark: Benchmark, side: str, name: str, address: str, trust: str
) -> dict[str, float]:
    """Run one side of a benchmark once, in a separate process."""
    response = requests.get(
        f"{address}/_set",
        {"latency": benchmark.latency, "units": benchmark.units},
        verify=trust,
        timeout=60,
    )
    response.raise_for_status()
    process = subprocess.run(  # noqa: S603 - our own
        [sys.executable, HERE / "cases.py", name, side, f"{address}/v1"],
        check=True,
        capture_output=True,
        text=True,
        env={**os.environ, "REQUESTS_CA_BUNDLE": trust},
    )
    counts = requests.get(f"{address}/_count", verify=trust, timeout=60).json()
    return {**json.loads(process.stdout), **counts}


def line(benchmark: Benchmark, address: str, trust: str) -> tuple[str, bool]:
    """Measure one benchmark; return its line, and whether it kept its limits."""
    ours, floor = [], []
    for _ in range(ROUNDS):
        ours.append(measure(benchmark, "ours", benchmark.ours, address, trust))
        if benchmark.floor:
            floor.append(measure(benchmark, "floor", benchmark.floor, address, trust))
    seconds = median(run["seconds"] for run in ours)
    most_requests = max(run["requests"] for run in ours)
    peak = max(run["megabytes"] for run in ours)
    floor_seconds = median(run["seconds"] for run in floor) if floor else None
    times = (
        median(one["seconds"] / other["seconds"] for one, other in zip(ours, floor, strict=False))
        if floor
        else None
    )
    within_limits = (
        (benchmark.times is None or (times is not None and times <= benchmark.times))
        and (benchmark.requests is None or most_requests <= benchmark.requests)
        and (benchmark.megabytes is None or peak <= benchmark.megabytes)
    )
    limits = [
        f"{benchmark.times:g} ×" if benchmark.times else "",
        f"{benchmark.requests} requests" if benchmark.requests else "",
        f"{benchmark.megabytes:g} MB" if benchmark.megabytes else "",
    ]
    text = (
        f"{benchmark.title:36}{seconds:9.2f}{f'{floor_seconds:.2f}' if floor_seconds else '–':>9}"
        f"{f'{times:.2f}' if times else '–':>8}{most_requests:>10}{peak:>7.0f}"
        f"  {', '.join(filter(None, limits)) or '–':24}{'' if within_limits else 'MISSED'}"
    )
    return text.rstrip(), within_limits


def write_report(path: Path) -> None:
    """Write the report that the stub serves."""
    with (
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as zipped,
        zipped.open("job_7.json", "w") as member,
    ):
        for number in range(1, REPORT_UNITS + 1):
            member.write(json.dumps(stub.unit(number)).encode() + b"\n")


def main() -> int:
    """Print the table; return how many lines missed their limit."""
    print(f"Python {sys.version.split()[0]}, {os.cpu_count()} cores, median of {ROUNDS} rounds")
    print(f"{'':36}{'seconds':>9}{'floor':>9}{'ratio':>8}{'requests':>10}{'MB':>7}  at most")
    missed = 0
    authority = trustme.CA()
    certificate = authority.issue_cert("localhost")
    with TemporaryDirectory() as name:
        folder = Path(name)
        trust = str(folder / "trust.pem")
        authority.cert_pem.write_to_path(trust)
        certificate.private_key_and_cert_chain_pem.write_to_path(str(folder / "server.pem"))
        write_report(folder / "report.zip")
        pem = str(folder / "server.pem")
        with serve_stub(folder) as plain, serve_stub(folder, pem, pem) as secure:
            for benchmark in WORKS:
                text, within_limits = line(benchmark, secure if benchmark.tls else plain, trust)
                print(text, flush=True)
                missed += not within_limits
    return missed


if __name__ == "__main__":
    sys.exit(main())
