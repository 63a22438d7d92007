"""Injects every fault of the fault matrix, and then random faults, and counts the outcomes.

::

    python -m tests.benchmarks faults

At full size it runs ``tests/faults``, and counts the tests of each row of the matrix that ran and
passed. Then it makes ten thousand random calls with random faults, and compares each claim of the
client with the ledger of the server. Last it makes ten thousand operations with clients that are
killed at random, and compares claims, journal and ledger.
"""

from __future__ import annotations

import ssl
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import redirect_stdout
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import trustme

FAULTS = Path(__file__).parents[1] / "faults"
sys.path.insert(0, str(FAULTS))

from catalogue import ENDPOINTS, KEY  # noqa: E402 - needs the path above
from claims import run  # noqa: E402
from fast_clock import FastClock  # noqa: E402
from killed_clients import run as run_killed_clients  # noqa: E402

from crowdflower import Client  # noqa: E402
from tests.benchmarks.harness import SCALE, Line, scaled  # noqa: E402

CALLS = scaled(10_000)
SEED = 2015

MATRIX = {
    "N": ("network", 25),
    "H": ("HTTP", 23),
    "C": ("content", 16),
    "F": ("report files", 14),
    "U": ("input", 15),
    "P": ("processes", 14),
    "S": ("secrets", 12),
}

NOT_HERE = {
    "P14": "a million rows up and down: see tests/benchmarks/uploads.py",
    "U13": "crowdflower.cml checks forms: see tests/unit/test_cml_hostile.py",
    "U14": "the service checks it; for the sandbox see tests/sandbox/test_outbound.py",
}
"""Rows without a test in ``tests/faults``, and the reason."""


class RowCounter:
    """A pytest plugin that counts results by row of the matrix."""

    def __init__(self) -> None:
        self.tried: Counter[str] = Counter()
        self.passed: Counter[str] = Counter()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Count a test that ran, or whose setup failed."""
        if report.when == "call" or report.failed:
            rows = [value for name, value in report.user_properties if name == "row"]
            self.tried.update(rows)
            if report.passed:
                self.passed.update(rows)


def lines(_rounds: int) -> Iterator[Line]:
    """Yield a line per group of faults, and one per kind of random operations."""
    if SCALE == 1:
        yield from matrix_lines()
    yield call_line()
    for announces in (False, True):
        yield kill_line(CALLS // 2, announces=announces)


def matrix_lines() -> Iterator[Line]:
    """Run the tests of the matrix; yield a line per group of rows."""
    counter = RowCounter()
    with redirect_stdout(sys.stderr):
        pytest.main(["-q", "-n6", "--no-header", "-p", "no:cacheprovider", str(FAULTS)], [counter])
    for letter, (name, size) in MATRIX.items():
        rows = [f"{letter}{number}" for number in range(1, size + 1)]
        tried = [row for row in rows if counter.tried[row]]
        failed = [row for row in tried if counter.tried[row] > counter.passed[row]]
        others = [f"{row}: {NOT_HERE.get(row, 'NOT TRIED')}" for row in rows if row not in tried]
        yield Line(
            f"{name}, {size} faults",
            {"tried": f"{len(tried)}", "passed": f"{len(tried) - len(failed)}"},
            note="; ".join([*(f"{row} FAILED" for row in failed), *others]),
            failed=bool(failed) or any("NOT TRIED" in other for other in others),
        )


def call_line() -> Line:
    """Make random calls with random faults, and return what came of them."""
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    with TemporaryDirectory() as directory, pytest.MonkeyPatch.context() as environment:
        path = Path(directory) / "authority.pem"
        authority.cert_pem.write_to_path(str(path))
        environment.setenv("REQUESTS_CA_BUNDLE", str(path))

        def build(url: str) -> Client:
            client = Client(KEY, url, timeout=(5, 20), lookahead=1)
            client._clock = FastClock()
            return client

        result = run(CALLS, SEED, context, build)
    return Line(
        f"random calls of {len(ENDPOINTS)} endpoints, with faults",
        _cells(result.calls, len(result.violations), result.paid_twice, len(result.leaked)),
        "no violations",
        note="; ".join([*result.violations, *result.leaked]),
        failed=bool(result.violations or result.paid_twice or result.leaked),
    )


def kill_line(count: int, *, announces: bool) -> Line:
    """Return the outcomes of operations whose clients are killed."""
    with TemporaryDirectory() as directory:
        claims, violations = run_killed_clients(
            count, SEED + announces, Path(directory), announces=announces
        )
    found = Counter(finding for _, finding in claims.findings)
    twice = sum("made too often" in each for each in violations)
    return Line(
        f"operations, faults and kills, {'with' if announces else 'no'} idempotency keys",
        {
            **_cells(claims.operations, len(violations), twice, len(claims.leaked)),
            "clients killed": f"{claims.kills:,}",
            **{f"left {state}": f"{number:,}" for state, number in sorted(claims.left.items())},
            **{f"found {name}": f"{number:,}" for name, number in sorted(found.items())},
        },
        "no violations",
        note="; ".join([*violations, *claims.leaked]),
        failed=bool(violations or claims.leaked),
    )


def _cells(operations: int, violations: int, twice: int, leaked: int) -> dict[str, str]:
    return {
        "checked": f"{operations:,}",
        "violations": f"{violations}",
        "applied twice": f"{twice}",
        "keys leaked": f"{leaked}",
    }
