"""Judgments as tables, beside pandas reading the same judgments from a zip of the service's CSV.

``pandas.read_json`` reads the zip of the JSON report itself, but leaves judgments in lists of
dicts, and needs more than 5 GB for a million.

::

    python tests/benchmarks/tables.py [JUDGMENTS]

prints, for 1,000,000 judgments by default, seconds of processor time, rows a second, and the peak
memory of a process that does nothing else. There is no download: the archives are files here.
"""

from __future__ import annotations

import csv
import io
import json
import os
import resource
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any

from crowdflower.cml import parse
from crowdflower.rows import report_archive
from crowdflower.tables.answers import Questions
from crowdflower.tables.report_tables import ReportSource, judgments_table

JUDGMENTS = 1_000_000
PER_UNIT = 3
ROUNDS = int(os.environ.get("ROUNDS", "3"))
CML = """
<cml:radios name="mood" label="Mood"><cml:radio label="Good"/><cml:radio label="Bad"/></cml:radios>
<cml:checkboxes name="topics" label="Topics">
  <cml:checkbox label="Price"/><cml:checkbox label="Delivery"/>
</cml:checkboxes>
<cml:text name="why" label="Why?"/>
"""
COLUMNS = ["id", "product", "text", "country", "price"]


def units(judgments: int) -> Iterator[dict[str, Any]]:
    """Yield units as the JSON report has them."""
    random = Random(1)  # noqa: S311 - reproducible
    for number in range(judgments // PER_UNIT):
        row = {
            "id": number,
            "product": f"product {number % 97}",
            "text": f"Row {number}: it arrived late, cost too much, and does what it should do.",
            "country": "FIN",
            "price": number % 1000 / 10,
        }
        day, hour, minute = 1 + number // 40_000 % 28, number // 2000 % 20, number // 40 % 50
        at = f"2015-06-{day:02}T{hour:02}:{minute:02}"
        found = [
            {
                "id": 1605619374 + number * PER_UNIT + ordinal,
                "created_at": f"{at}:{20 + ordinal}+00:00",
                "started_at": f"{at}:0{ordinal}+00:00",
                "external_type": "clixsense",
                "golden": False,
                "missed": None,
                "rejected": None,
                "tainted": False,
                "country": "FIN",
                "region": "13",
                "city": "Helsinki",
                "job_id": 7,
                "unit_id": 698757970 + number,
                "worker_id": 31883685 + random.randrange(500),
                "judgment": 1,
                "trust": 0.9444,
                "worker_trust": 0.9444,
                "unit_state": "finalized",
                "data": {
                    "mood": random.choice(["good", "bad"]),
                    "topics": random.choice([["price"], ["price", "delivery"]]),
                    "why": f"Because of {random.randrange(1000)}",
                },
                "unit_data": row,
            }
            for ordinal in range(PER_UNIT)
        ]
        yield {
            "id": 698757970 + number,
            "data": row,
            "judgments_count": PER_UNIT,
            "state": "finalized",
            "agreement": 0.6667,
            "created_at": f"{at}:00+00:00",
            "updated_at": f"{at}:22+00:00",
            "job_id": 7,
            "results": {
                "judgments": found,
                "mood": {"agg": "good", "confidence": 0.6667},
                "topics": {"agg": "price", "confidence": 1.0},
            },
        }


def write_archives(folder: Path, judgments: int) -> None:
    """Write the same judgments as the JSON report and as the full CSV report."""
    packed = zipfile.ZIP_DEFLATED
    with (
        zipfile.ZipFile(folder / "json.zip", "w", packed) as one,
        zipfile.ZipFile(folder / "csv.zip", "w", packed) as two,
        one.open("job.json", "w", force_zip64=True) as lines,
        two.open("f7.csv", "w", force_zip64=True) as binary,
        io.TextIOWrapper(binary, "utf-8", newline="") as text,
    ):
        table = csv.writer(text, lineterminator="\n")
        own = [
            "_unit_id",
            "_created_at",
            "_id",
            "_started_at",
            "_tainted",
            "_channel",
            "_trust",
        ]
        own += ["_worker_id", "_country", "_region", "_city"]
        table.writerow([*own, "mood", "topics", "why", *COLUMNS])
        for unit in units(judgments):
            lines.write(json.dumps(unit).encode() + b"\n")
            row = [unit["data"][name] for name in COLUMNS]
            for each in unit["results"]["judgments"]:
                table.writerow(
                    [
                        *(unit["id"], each["created_at"], each["id"], each["started_at"]),
                        *("false", each["external_type"], each["trust"], each["worker_id"]),
                        *(each["country"], each["region"], each["city"]),
                        each["data"]["mood"],
                        "\n".join(each["data"]["topics"]),
                        *(each["data"]["why"], *row),
                    ]
                )


def ours(folder: Path) -> Any:
    """Return the table, before it goes to a library."""
    form = parse(CML)
    with (folder / "json.zip").open("rb") as archive:
        source = ReportSource(
            Questions.of(form, form.aggregations()),
            units=lambda: report_archive.rows(archive, "json"),
            regenerate=lambda: None,
            read_job=dict,
            judgments_of=lambda _: [],
            clock=time,
        )
        return judgments_table(source, untrusted=False, row_columns=True)


def read_csv(folder: Path) -> Any:
    """Return the judgments as pandas reads them, with times but without lists."""
    import pandas as pd  # noqa: PLC0415 - its memory counts only here

    return pd.read_csv(folder / "csv.zip", parse_dates=["_created_at", "_started_at"])


WORKS: dict[str, Callable[[Path], Any]] = {
    "pandas.read_csv, full report": read_csv,
    "judgments().to_pandas()": lambda folder: ours(folder).to_pandas(),
    "judgments().to_polars()": lambda folder: ours(folder).to_polars(),
    "judgments().to_arrow()": lambda folder: ours(folder).to_arrow(),
}


def measure(name: str, folder: Path) -> dict[str, float]:
    """Run one work in a process of its own."""
    command = [sys.executable, __file__, "--run", name, str(folder)]
    process = subprocess.run(command, check=True, capture_output=True, text=True)  # noqa: S603
    found: dict[str, float] = json.loads(process.stdout)
    return found


def main(judgments: int) -> None:
    """Print the table."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        write_archives(folder, judgments)
        print(f"{judgments:,} judgments, fastest of {ROUNDS} rounds")
        print(f"{'':36}{'seconds':>9}{'rows/s':>12}{'ratio':>8}{'MB':>8}")
        floor = None
        for work in WORKS:
            runs = [measure(work, folder) for _ in range(ROUNDS)]
            seconds = min(run["seconds"] for run in runs)
            floor = floor or seconds
            peak = max(run["megabytes"] for run in runs)
            print(
                f"{work:36}{seconds:9.2f}{judgments / seconds:12,.0f}{seconds / floor:8.2f}"
                f"{peak:8.0f}",
                flush=True,
            )


if __name__ == "__main__":
    if sys.argv[1:2] == ["--run"]:
        work, folder = sys.argv[2:]
        began = time.process_time()
        kept = WORKS[work](Path(folder))
        seconds = time.process_time() - began
        megabytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(json.dumps({"seconds": seconds, "megabytes": megabytes}))
    else:
        main(int(sys.argv[1]) if len(sys.argv) > 1 else JUDGMENTS)
