"""Injects every fault of the fault matrix, and then random faults, and counts the outcomes.

Run it with a Python that has the package and its development tools installed::

    python tests/benchmarks/faults.py

It runs ``tests/faults`` and counts the tests of each row of the matrix that ran and passed. Then it
makes ten thousand random calls with random faults, and compares each claim of the client with the
ledger of the server. Last it makes ten thousand operations with clients that are killed at random,
and compares claims, journal and ledger. The first argument is the number of calls and operations.
"""

from __future__ import annotations

import ssl
import sys
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

import pytest
import trustme

FAULTS = Path(__file__).parents[1] / "faults"
sys.path.insert(0, str(FAULTS))

from catalogue import ENDPOINTS, KEY  # noqa: E402 - needs the path above
from claims import run  # noqa: E402
from fast_clock import FastClock  # noqa: E402
from killed_clients import run as run_killed_clients  # noqa: E402

from crowdflower import Client  # noqa: E402

CALLS = 10_000
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


def main() -> None:
    """Print the tables."""
    calls = int(sys.argv[1]) if len(sys.argv) > 1 else CALLS
    counter = RowCounter()
    pytest.main(["-q", "-n", "2", "--no-header", "-p", "no:cacheprovider", str(FAULTS)], [counter])

    print(f"\n{'fault':8}{'tried':>8}{'passed':>8}")
    rows = [f"{letter}{number}" for letter in MATRIX for number in range(1, MATRIX[letter][1] + 1)]
    for row in rows:
        reason = NOT_HERE.get(row, "") if not counter.tried[row] else ""
        note = f"  {reason or 'NOT TRIED'}" if not counter.tried[row] else ""
        print(f"{row:8}{counter.tried[row]:8}{counter.passed[row]:8}{note}")
    for letter, (name, size) in MATRIX.items():
        tried = [row for row in rows if row.startswith(letter) and counter.tried[row]]
        passed = [row for row in tried if counter.tried[row] == counter.passed[row]]
        print(f"{name:12}{size:4} faults, {len(tried)} tried here, {len(passed)} passed")

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

        started = perf_counter()
        result = run(calls, SEED, context, build)

    print(f"\nrandom calls of {len(ENDPOINTS)} endpoints against random faults, seed {SEED}")
    for name, number in result.outcomes.most_common():
        print(f"  {name:24}{number:8}")
    print(f"{'operations checked':26}{result.calls:8}   {perf_counter() - started:.0f} s")
    print(f"{'violations':26}{len(result.violations):8}")
    print(f"{'money applied twice':26}{result.paid_twice:8}")
    print(f"{'keys leaked':26}{len(result.leaked):8}")
    for problem in [*result.violations, *result.leaked]:
        print(f"  {problem}")

    for announces in (False, True):
        run_and_kill(calls // 2, announces=announces)


def run_and_kill(count: int, *, announces: bool) -> None:
    """Print the outcomes of operations whose clients are killed."""
    started = perf_counter()
    with TemporaryDirectory() as directory:
        claims, violations = run_killed_clients(
            count, SEED + announces, Path(directory), announces=announces
        )
    service = "with" if announces else "without"
    print(
        f"\nrandom operations, faults and kills, on a service {service} idempotency keys, "
        f"seed {SEED + announces}"
    )
    for name, number in claims.outcomes.most_common():
        print(f"  {name:24}{number:8}")
    print(f"{'operations checked':26}{claims.operations:8}   {perf_counter() - started:.0f} s")
    print(f"{'clients killed':26}{claims.kills:8}")
    print(
        "left open by killed clients: "
        + ", ".join(f"{n} {state}" for state, n in claims.left.most_common())
    )
    findings = Counter(finding for _, finding in claims.findings).most_common()
    print("resolved afterwards: " + ", ".join(f"{n} {finding}" for finding, n in findings))
    print(f"{'violations':26}{len(violations):8}")
    print(f"{'applied too often':26}{sum('made too often' in each for each in violations):8}")
    print(f"{'keys leaked':26}{len(claims.leaked):8}")
    for problem in [*violations, *claims.leaked]:
        print(f"  {problem}")


if __name__ == "__main__":
    main()
