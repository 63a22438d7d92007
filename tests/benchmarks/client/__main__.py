"""Benchmarks of the client, each against the minimum of work that could do the same (its floor).

::

    python -m tests.benchmarks client

A stub in another process sends canned responses and counts requests.
"""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from time import sleep

import requests
import trustme

from tests.benchmarks.client import stub
from tests.benchmarks.harness import ROOT, Benchmark, Figures, Line, compare, run_case, scaled

UNITS, MANY_UNITS, FEW_UNITS = scaled(100_000), scaled(1_000_000), scaled(10_000)
AGGREGATES, JUDGED_UNITS = scaled(20_000), scaled(500)
REPORT_UNITS = scaled(333_333)
CALLS, ROWS, LIST_ROWS = scaled(1000), scaled(500_000), scaled(300_000)


@dataclass(frozen=True)
class Work(Benchmark):
    """A benchmark, and what the stub has."""

    units: int = 0
    latency: float = 0.0
    """Of each response, in seconds."""
    tls: bool = False


WORKS = [
    Work(f"get_job × {CALLS:,}, keep-alive", "get_job", "get_job", times=0.9),
    Work(f"get_job × {CALLS:,}, TLS", "get_job", "get_job", tls=True, times=0.9),
    Work(
        f"list {UNITS:,} units, 50 ms",
        "units",
        "units",
        UNITS,
        0.05,
        times=1.3,
        requests=110,
        clock="seconds",
    ),
    Work(
        "the same, lookahead=16",
        "wide_units",
        "units",
        UNITS,
        0.05,
        times=1.5,
        requests=110,
        clock="seconds",
    ),
    Work(f"list {UNITS:,} units, no latency", "units", "units_sequential", UNITS, times=1.3),
    Work(
        f"aggregates of {AGGREGATES:,} units, 50 ms",
        "aggregates",
        "aggregates",
        AGGREGATES,
        0.05,
        times=1.3,
        requests=210,
        clock="seconds",
    ),
    Work(
        f"judgments of {JUDGED_UNITS:,} units, 50 ms",
        "judgments",
        None,
        JUDGED_UNITS,
        0.05,
        requests=510,
        rounds=1,
    ),
    Work(
        f"upload {ROWS:,} rows of a generator, [fast]",
        "upload",
        "upload",
        times=1.8,
        megabytes=45,
        needs=["orjson"],
    ),
    Work(
        f"upload a list of {LIST_ROWS:,} rows, [fast]",
        "upload_list",
        "upload_list",
        times=1.8,
        needs=["orjson"],
    ),
    Work(
        f"upload {ROWS:,} rows without [fast]",
        "upload_plain",
        "upload_plain",
        times=1.1,
        megabytes=45,
    ),
    Work(
        f"upload a list of {LIST_ROWS:,} without [fast]",
        "upload_plain_list",
        "upload_plain_list",
        times=1.1,
    ),
    Work(
        f"upload a frame of {LIST_ROWS:,} rows, [fast]",
        "upload_frame",
        "upload_frame",
        times=0.9,
        more=10,
        needs=["orjson", "pandas"],
    ),
    Work(
        f"JSON report, {REPORT_UNITS:,} × 3",
        "report",
        "report",
        REPORT_UNITS,
        times=1.15,
        megabytes=100,
        rounds=2,
    ),
    Work(
        "the same by job.results()",
        "results",
        "report",
        REPORT_UNITS,
        times=1.15,
        megabytes=100,
        rounds=2,
    ),
    Work(
        "the same by job.judgments()",
        "report_judgments",
        "report",
        REPORT_UNITS,
        times=1.15,
        megabytes=100,
        rounds=2,
    ),
    Work(f"list {FEW_UNITS:,} units, no latency", "units", "units_sequential", FEW_UNITS),
    Work(
        f"list {MANY_UNITS:,} units, no latency",
        "units",
        "units_sequential",
        MANY_UNITS,
        times=1.3,
    ),
]


@contextmanager
def serve_stub(folder: Path, *certificate: str) -> Iterator[str]:
    """Run the stub and yield its address."""
    port_file = folder / f"port{len(certificate)}"
    command = [
        *(sys.executable, "-m", stub.__name__, port_file, folder / "report.zip"),
        *certificate,
    ]
    with subprocess.Popen(command, cwd=ROOT) as process:  # noqa: S603 - our own
        try:
            while not port_file.exists() or not port_file.read_text():
                assert process.poll() is None, "the stub did not start"
                sleep(0.01)
            scheme = "https" if certificate else "http"
            yield f"{scheme}://localhost:{port_file.read_text()}"
        finally:
            process.kill()


def measure(work: Work, case: str, address: str, trust: str) -> Figures:
    """Run one case, and count its requests."""
    settings = {"latency": work.latency, "units": work.units}
    requests.get(f"{address}/_set", settings, verify=trust, timeout=60).raise_for_status()
    figures = run_case(
        "tests.benchmarks.client.cases",
        case,
        f"{address}/v1",
        variables={"REQUESTS_CA_BUNDLE": trust},
    )
    counts: Figures = requests.get(f"{address}/_count", verify=trust, timeout=60).json()
    return {**figures, **counts}


def write_report(path: Path) -> None:
    """Write the report that the stub serves."""
    with (
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as zipped,
        zipped.open("job_7.json", "w") as member,
    ):
        for number in range(1, REPORT_UNITS + 1):
            member.write(json.dumps(stub.unit(number)).encode() + b"\n")


def lines(rounds: int) -> Iterator[Line]:
    """Yield a line per benchmark."""
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
            for work in WORKS:
                address = secure if work.tls else plain
                yield compare(
                    work,
                    lambda case, work=work, address=address: measure(work, case, address, trust),
                    rounds,
                )
