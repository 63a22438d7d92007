"""Judgments as tables, beside pandas reading the same judgments from a zip of the service's CSV.

``pandas.read_json`` reads the zip of the JSON report itself, but leaves judgments in lists of
dicts, and needs more than 5 GB for a million.

::

    python -m tests.benchmarks tables

There is no download: the archives are files here.
"""

from __future__ import annotations

import csv
import io
import json
import sys
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any

from crowdflower.cml import parse
from crowdflower.rows import report_archive
from crowdflower.tables.answers import Questions
from crowdflower.tables.report_tables import ReportSource, judgments_table
from tests.benchmarks.harness import Benchmark, Line, compare, run_case, run_module, scaled

JUDGMENTS = scaled(1_000_000)
PER_UNIT = 3
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
            texts=lambda _: report_archive.texts(archive),
        )
        return judgments_table(source, untrusted=False, row_columns=True)


def read_csv_floor(folder: Path) -> None:
    """Let pandas read the judgments, with times but without lists."""
    import pandas as pd  # noqa: PLC0415 - its memory counts only here

    pd.read_csv(folder / "csv.zip", parse_dates=["_created_at", "_started_at"])


def pandas_ours(folder: Path) -> None:
    """Make a data frame of pandas."""
    ours(folder).to_pandas()


def polars_ours(folder: Path) -> None:
    """Make a data frame of polars."""
    ours(folder).to_polars()


def arrow_ours(folder: Path) -> None:
    """Make a table of Arrow."""
    ours(folder).to_arrow()


def _work(library: str, package: str, **limits: Any) -> Benchmark:
    return Benchmark(
        f"judgments().to_{library}()",
        library,
        "read_csv",
        needs=[package],
        floor_needs=["pandas"],
        count=JUDGMENTS,
        **limits,
    )


WORKS = [
    _work("arrow", "pyarrow", times=1, clock="seconds"),
    _work("pandas", "pandas"),
    _work("polars", "polars"),
]
"""The floor of each is ``pandas.read_csv`` of the full report."""


def lines(rounds: int) -> Iterator[Line]:
    """Yield a line per library."""
    with TemporaryDirectory() as folder:
        run_module(__name__, folder)
        for work in WORKS:
            yield compare(work, lambda case: run_case(__name__, case, folder), rounds)


if __name__ == "__main__":
    write_archives(Path(sys.argv[1]), JUDGMENTS)
