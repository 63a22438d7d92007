"""How many of the faults that can happen were made to happen, and what came of them.

Run it with a Python that has the package and its development tools installed::

    python tests/benchmarks/faults.py

It runs ``tests/faults`` and counts what each row of the matrix was tried and passed. Then it makes
ten thousand random calls against random faults and holds each claim of the client against the
ledger of the server; and ten thousand operations of clients that are killed at random, of which it
holds claims, journal and ledger against each other. A number after the command changes how many.
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

from catalogue import ENDPOINTS, KEY  # noqa: E402 - found once the path says where
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

ELSEWHERE = {
    "P14": "a million rows each way: tests/benchmarks/uploads.py measures them",
    "U13": "a form is checked by crowdflower.cml: tests/unit/test_cml_hostile.py",
    "U14": "the service judges it; the sandbox does: tests/sandbox/test_outbound.py",
}
"""What does not run here, and why."""


class Count:
    """A plugin of pytest that counts results by row of the matrix."""

    def __init__(self) -> None:
        self.tried: Counter[str] = Counter()
        self.passed: Counter[str] = Counter()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Take note of a test that ran, or failed before it could."""
        if report.when == "call" or report.failed:
            rows = [value for name, value in report.user_properties if name == "row"]
            self.tried.update(rows)
            if report.passed:
                self.passed.update(rows)


def main() -> None:
    """Print the tables."""
    calls = int(sys.argv[1]) if len(sys.argv) > 1 else CALLS
    count = Count()
    pytest.main(["-q", "-n", "2", "--no-header", "-p", "no:cacheprovider", str(FAULTS)], [count])

    print(f"\n{'fault':8}{'tried':>8}{'passed':>8}")
    rows = [f"{letter}{number}" for letter in MATRIX for number in range(1, MATRIX[letter][1] + 1)]
    for row in rows:
        where = ELSEWHERE.get(row, "") if not count.tried[row] else ""
        note = f"  {where or 'NOT TRIED'}" if not count.tried[row] else ""
        print(f"{row:8}{count.tried[row]:8}{count.passed[row]:8}{note}")
    for letter, (name, size) in MATRIX.items():
        tried = [row for row in rows if row.startswith(letter) and count.tried[row]]
        good = [row for row in tried if count.tried[row] == count.passed[row]]
        print(f"{name:12}{size:4} faults, {len(tried)} tried here, {len(good)} passed")

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
        tally = run(calls, SEED, context, build)

    print(f"\nrandom calls of {len(ENDPOINTS)} endpoints against random faults, seed {SEED}")
    for name, number in tally.outcomes.most_common():
        print(f"  {name:24}{number:8}")
    print(f"{'operations checked':26}{tally.calls:8}   {perf_counter() - started:.0f} s")
    print(f"{'violations':26}{len(tally.violations):8}")
    print(f"{'money applied twice':26}{tally.paid_twice:8}")
    print(f"{'keys leaked':26}{len(tally.leaked):8}")
    for problem in [*tally.violations, *tally.leaked]:
        print(f"  {problem}")

    for announces in (False, True):
        kills(calls // 2, announces=announces)


def kills(count: int, *, announces: bool) -> None:
    """Print what came of operations whose clients are killed."""
    started = perf_counter()
    with TemporaryDirectory() as directory:
        claims, wrong = run_killed_clients(
            count, SEED + announces, Path(directory), announces=announces
        )
    how = "that honours keys" if announces else "that knows no keys"
    print(f"\nrandom operations, faults and kills, on a service {how}, seed {SEED + announces}")
    for name, number in claims.outcomes.most_common():
        print(f"  {name:24}{number:8}")
    print(f"{'operations checked':26}{claims.operations:8}   {perf_counter() - started:.0f} s")
    print(f"{'clients killed':26}{claims.kills:8}")
    print(
        "left open by them: " + ", ".join(f"{n} {state}" for state, n in claims.left.most_common())
    )
    found = Counter(finding for _, finding in claims.findings).most_common()
    print("found out afterwards: " + ", ".join(f"{n} {finding}" for finding, n in found))
    print(f"{'violations':26}{len(wrong):8}")
    print(f"{'applied too often':26}{sum('made too often' in each for each in wrong):8}")
    print(f"{'keys leaked':26}{len(claims.leaked):8}")
    for problem in [*wrong, *claims.leaked]:
        print(f"  {problem}")


if __name__ == "__main__":
    main()
