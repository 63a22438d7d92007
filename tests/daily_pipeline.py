"""The script of the guide, run for several days and killed at random; then all days are checked."""

from __future__ import annotations

import csv
import os
import re
import signal
import subprocess
import sys
import textwrap
from collections import Counter
from contextlib import contextmanager
from json import dumps
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Final

import pandas as pd

from crowdflower.sandbox import Sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT: Final = Path(__file__).parents[1]
PAGE: Final = ROOT / "docs" / "daily-pipeline.rst"
FILES: Final = re.compile(
    r"^\.\. code-block:: \S+\n   :caption: (\S+)\n\n((?:   .*\n|\n)+)", re.MULTILINE
)
TOKEN: Final = "a-token-of-the-control-interface"
ROWS_A_DAY: Final = 12
ATTEMPTS: Final = 40
"""Starts of a day's script at most; it survives longer each time."""

PATHS: Final = ("/jobs", "/jobs/*", "/jobs/*/upload", "/jobs/*/units", "/jobs/*/orders")
"""Where a request or a response is lost."""


class Pipeline:
    """A folder with the files of the guide, and a sandbox.

    :param seed: Of the kills, the rows, and the sandbox.
    """

    def __init__(self, box: Sandbox, folder: Path, seed: int) -> None:
        self.box = box
        self.folder = folder
        self.chance = Random(seed)  # noqa: S311 - the same kills for the same seed
        self.kills = self.abandoned = 0
        self.rows: dict[str, str] = {}
        """All rows of all days: sku to review."""
        self.days: list[str] = []
        for name, text in FILES.findall(PAGE.read_text(encoding="utf-8")):
            (folder / name).write_text(textwrap.dedent(text), encoding="utf-8")

    def run(self, process: subprocess.Popen[str], days: int, *, abandons: float = 0.0) -> None:
        """Run the script for several days, each until it ends by itself.

        :param abandons: The probability that a day is abandoned after a kill. It is run again at
            the end.
        """
        abandoned = []
        for number in range(1, days + 1):
            day = f"2026-03-{number:02}"
            self._write_rows(day)
            if not self._run_day(process, day, abandons):
                abandoned.append(day)
            self.box.clock.advance(24 * 3600)
        self.chance.shuffle(abandoned)
        self.abandoned = len(abandoned)
        for day in abandoned:
            self._run_day(process, day, 0.0)

    def _run_day(self, process: subprocess.Popen[str], day: str, abandons: float) -> bool:
        """Start the script until it ends by itself; return whether it did."""
        for attempt in range(1, ATTEMPTS + 1):
            self._inject_fault()
            code = self._start(process, day, self.chance.randrange(1, 45 * attempt))
            if code == 0:
                break
            self.kills += code == -signal.SIGKILL
            if self.chance.random() < abandons:
                return False
            if self.chance.random() < 0.2:
                self.box.clock.advance(self.chance.randrange(4 * 3600))
        assert code == 0, (self.folder / "output.txt").read_text(encoding="utf-8")
        return True

    def _inject_fault(self) -> None:
        """Lose a request or a response now and then."""
        self.box.faults.clear()
        if self.chance.random() < 0.4:
            self.box.faults.next(
                drop=True, done=self.chance.random() < 0.6, path=self.chance.choice(PATHS)
            )

    def _write_rows(self, day: str) -> None:
        """Write the file of a day: new rows, and some of the days before."""
        earlier = self.chance.sample(sorted(self.rows), k=min(len(self.rows), 4))
        new = {f"{day} {number}": f"Review {number} of {day}." for number in range(ROWS_A_DAY)}
        rows = {sku: self.rows[sku] for sku in earlier} | new
        with (self.folder / f"reviews-{day}.csv").open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(["sku", "review"])
            writer.writerows(rows.items())
        self.rows |= new
        self.days.append(day)

    def _start(self, process: subprocess.Popen[str], day: str, left: int) -> int:
        """Run the script once, killed at an event; return its exit code."""
        assert process.stdin is not None
        assert process.stdout is not None
        run = {"folder": str(self.folder), "arguments": ["label.py", day], "left": left}
        process.stdin.write(dumps(run) + "\n")
        process.stdin.flush()
        return int(process.stdout.readline())

    def violations(self) -> list[str]:
        """Compare all days' files, the job and the ledger; return what is wrong."""
        labels = {day: pd.read_parquet(self.folder / f"labels-{day}.parquet") for day in self.days}
        found = Counter(sku for frame in labels.values() for sku in frame["sku"])
        client = self.box.client()
        jobs = list(client.get_jobs())
        units = list(client.get_units(jobs[0]))
        orders = {each["order_id"] for each in self.box.ledger() if each["kind"] == "reserve"}
        expected = dict.fromkeys(self.rows, 1)
        beside = {"label.py", "reviews.cml", "instructions.html", "reviews.journal", "output.txt"}
        files = {f"labels-{day}.parquet" for day in self.days}
        files |= {f"reviews-{day}.csv" for day in self.days} | beside
        checks = {
            "rows in the files": (found, expected),
            "rows in the job": (Counter(unit.data["sku"] for unit in units), expected),
            "jobs": (len(jobs), 1),
            "days without an order": (max(0, len(self.days) - len(orders) - self.abandoned), 0),
            "orders too many": (max(0, len(orders) - len(self.days)), 0),
            "rows that were ordered": (jobs[0].ping()["ordered_units"], len(self.rows)),
            "rows without a label": (sum(f["sentiment"].isna().sum() for f in labels.values()), 0),
            "files": ({each.name for each in self.folder.iterdir()}, files),
        }
        return [
            f"{name}: {value}, not {wanted}"
            for name, (value, wanted) in checks.items()
            if value != wanted
        ]


@contextmanager
def pipeline(
    folder: Path, temporary: Path, seed: int
) -> Iterator[tuple[Pipeline, subprocess.Popen[str]]]:
    """Start a sandbox with contributors, and the process that runs the script."""
    with Sandbox(seed, control=TOKEN, balance_cents=10_000_000) as box:
        box.crowd.add(30, profile="perfect")
        variables = {
            "CROWDFLOWER_API_URL": box.url,
            "CROWDFLOWER_API_KEY": box.key,
            "SANDBOX_TOKEN": TOKEN,
            "OPENBLAS_NUM_THREADS": "1",  # a process with threads should not fork
            "JE_ARROW_MALLOC_CONF": "background_thread:false",
            "TMPDIR": str(temporary),
            "SQLITE_TMPDIR": str(temporary),
            "PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path]),
        }
        with subprocess.Popen(  # noqa: S603 - our own program
            [sys.executable, str(Path(__file__).with_name("pipeline_process.py"))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, **variables},
        ) as process:
            try:
                yield Pipeline(box, folder, seed), process
            finally:
                process.kill()
