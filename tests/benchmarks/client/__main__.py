"""What the client costs over the least that could do the same work.

::

    pip install '.[dev]' && python tests/benchmarks/client

Every figure stands beside its floor, measured in the same run, the two in turn. A line that misses
its limit says so, and the exit code counts them.
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
REPORTED = 100_000


@dataclass(frozen=True)
class Work:
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
    """At most this peak of memory."""


WORKS = [
    Work("get_job × 1000, keep-alive", "get_job", "get_job", times=1.3),
    Work("get_job × 1000, TLS", "get_job", "get_job", tls=True, times=1.3),
    Work("list 100,000 units, 50 ms", "units", "units", 100_000, 0.05, times=1.5, requests=110),
    Work("the same, lookahead=16", "wide_units", "units", 100_000, 0.05, times=1.5, requests=110),
    Work("list 100,000 units, no latency", "units", "units_in_turn", 100_000, times=1.3),
    Work(
        "aggregates of 20,000 units, 50 ms",
        "aggregates",
        "aggregates",
        20_000,
        0.05,
        times=2,
        requests=210,
    ),
    Work("judgments of 500 units, 50 ms", "judgments", None, 500, 0.05, requests=510),
    Work("upload 500,000 rows", "upload", "upload", times=1.5, megabytes=80),
    Work("JSON report, 100,000 × 3", "report", "report", times=1.3, megabytes=120),
    Work("list 10,000 units, no latency", "units", "units_in_turn", 10_000),
    Work("list 1,000,000 units, no latency", "units", "units_in_turn", 1_000_000),
]


@contextmanager
def serving(folder: Path, *certificate: str) -> Iterator[str]:
    """Run the stub and yield its address."""
    port_file = folder / f"port{len(certificate)}"
    command = [sys.executable, HERE / "stub.py", port_file, folder / "report.zip", *certificate]
    with subprocess.Popen(command) as process:  # noqa: S603 - our own
        while not port_file.exists() or not port_file.read_text():
            sleep(0.01)
        scheme = "https" if certificate else "http"
        yield f"{scheme}://localhost:{port_file.read_text()}"
        process.kill()


def measured(work: Work, side: str, name: str, address: str, trust: str) -> dict[str, float]:
    """Run one side of a work once, in a process of its own."""
    told = requests.get(
        f"{address}/_set", {"latency": work.latency, "units": work.units}, verify=trust, timeout=60
    )
    told.raise_for_status()
    answer = subprocess.run(  # noqa: S603 - our own
        [sys.executable, HERE / "cases.py", name, side, f"{address}/v1"],
        check=True,
        capture_output=True,
        text=True,
        env={**os.environ, "REQUESTS_CA_BUNDLE": trust},
    )
    counted = requests.get(f"{address}/_count", verify=trust, timeout=60).json()
    return {**json.loads(answer.stdout), **counted}


def line(work: Work, address: str, trust: str) -> tuple[str, bool]:
    """Measure one work and say how it went."""
    ours, floor = [], []
    for _ in range(ROUNDS):
        ours.append(measured(work, "ours", work.ours, address, trust))
        if work.floor:
            floor.append(measured(work, "floor", work.floor, address, trust))
    seconds = median(run["seconds"] for run in ours)
    asked = max(run["requests"] for run in ours)
    peak = max(run["megabytes"] for run in ours)
    least = median(run["seconds"] for run in floor) if floor else None
    times = (
        median(one["seconds"] / other["seconds"] for one, other in zip(ours, floor, strict=False))
        if floor
        else None
    )
    kept = (
        (work.times is None or (times is not None and times <= work.times))
        and (work.requests is None or asked <= work.requests)
        and (work.megabytes is None or peak <= work.megabytes)
    )
    limits = [
        f"{work.times:g} ×" if work.times else "",
        f"{work.requests} requests" if work.requests else "",
        f"{work.megabytes:g} MB" if work.megabytes else "",
    ]
    text = (
        f"{work.title:36}{seconds:9.2f}{f'{least:.2f}' if least else '–':>9}"
        f"{f'{times:.2f}' if times else '–':>8}{asked:>10}{peak:>7.0f}"
        f"  {', '.join(filter(None, limits)) or '–':24}{'' if kept else 'MISSED'}"
    )
    return text.rstrip(), kept


def write_report(path: Path) -> None:
    """Write the report that the stub serves."""
    with (
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as zipped,
        zipped.open("job_7.json", "w") as member,
    ):
        for number in range(1, REPORTED + 1):
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
        with serving(folder) as plain, serving(folder, pem, pem) as secure:
            for work in WORKS:
                text, kept = line(work, secure if work.tls else plain, trust)
                print(text, flush=True)
                missed += not kept
    return missed


if __name__ == "__main__":
    sys.exit(main())
