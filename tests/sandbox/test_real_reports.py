"""Two full reports of the service, from 2016 and 2018, are reproduced cell by cell."""

from __future__ import annotations

import csv
import io
import zipfile
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.sax.saxutils import quoteattr

import pytest
from sqlalchemy import insert

from crowdflower.sandbox.store.tables import (
    assignment,
    job_column,
    judgment,
    unit,
    worker,
    worker_job,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from requests import Response

    from crowdflower.sandbox.store import Database

    Api = Callable[..., Response]

DATA = Path(__file__).parents[3] / "shared" / "data"

REMOVED = {"_golden", "_missed", "_region", "_city", "_ip"}
"""Columns that these reports lack, or that were removed before publication."""

pytestmark = pytest.mark.skipif(
    not DATA.is_dir(), reason="real reports are not part of the project"
)


def read(text: str) -> tuple[list[str], dict[str, dict[str, str]]]:
    """Return the header of a full report, and its rows by judgment id."""
    lines = csv.DictReader(io.StringIO(text, newline=""))
    rows = {row["_id"]: row for row in lines}
    return list(lines.fieldnames or ()), rows


def parse_time(text: str) -> float:
    at = datetime.strptime(text, "%m/%d/%Y %H:%M:%S")  # noqa: DTZ007 - reports are in UTC
    return at.replace(tzinfo=UTC).timestamp()


def load(
    database: Database, job: int, rows: list[dict[str, str]], questions: dict[str, bool]
) -> None:
    """Insert the units, contributors and judgments of a report.

    :param questions: Name of a question to whether it accepts several answers.
    """
    columns = [name for name in rows[0] if name not in questions and not name.startswith("_")]
    units = {row["_unit_id"]: row for row in rows}
    people = {row["_worker_id"]: row for row in rows}
    with database.transaction() as tx:
        connection, now = tx.connection, tx.clock.now()
        common = {"job_id": job, "created_at": now, "updated_at": now}
        times = {"first_at": now, "last_at": now}
        connection.execute(
            insert(job_column),
            [{"job_id": job, "name": name, "ordinal": at} for at, name in enumerate(columns)],
        )
        for seq, (number, row) in enumerate(units.items(), 1):
            data = {name: row[name] or None for name in columns}
            columns_of_unit = {"seq": seq, "state": "finalized", "data": data}
            connection.execute(insert(unit), {"id": int(number), **columns_of_unit, **common})
        for number, row in people.items():
            origin = {"channel": row["_channel"], "country": row["_country"], "created_at": now}
            connection.execute(insert(worker), {"id": int(number), **origin})
            status = {"state": "working", "trust": float(row["_trust"]), **times}
            connection.execute(
                insert(worker_job), {"job_id": job, "worker_id": int(number), **status}
            )
            page = {"mode": "work", "state": "submitted", "form_token": "t"}
            times_of_page = {"started_at": now, "expires_at": now}
            ids = {"id": int(number), "job_id": job, "worker_id": int(number)}
            connection.execute(insert(assignment), {**ids, **page, **times_of_page})
        connection.execute(insert(judgment), [_judgment(job, row, questions) for row in rows])


def _judgment(job: int, row: dict[str, str], questions: dict[str, bool]) -> dict[str, Any]:
    return {
        "id": int(row["_id"]),
        "job_id": job,
        "unit_id": int(row["_unit_id"]),
        "worker_id": int(row["_worker_id"]),
        "assignment_id": int(row["_worker_id"]),
        "data": {
            name: row[name].split("\n") if several else row[name]
            for name, several in questions.items()
        },
        "trust": float(row["_trust"]),
        "tainted": row["_tainted"] == "true",
        "channel": row["_channel"],
        "country": row["_country"],
        "started_at": parse_time(row["_started_at"]),
        "created_at": parse_time(row["_created_at"]),
    }


def form(rows: list[dict[str, str]], questions: dict[str, bool]) -> str:
    """Return a form with these questions."""
    elements = []
    for name, several in questions.items():
        labels = sorted({each for row in rows for each in row[name].split("\n")} if several else ())
        boxes = "".join(f"<cml:checkbox label={quoteattr(each)}/>" for each in labels)
        kind = "checkboxes" if several else "text"
        elements.append(f'<cml:{kind} label="{name}" name="{name}">{boxes}</cml:{kind}>')
    return "".join(elements)


@pytest.mark.parametrize(
    ("name", "questions", "in_order"),
    [
        ("full_relex_multiple_choice.csv", {"relations": True}, False),
        ("full_events_in_text.csv", {"hiddeninput": False, "selected_events": False}, True),
    ],
)
def test_a_real_report_is_reproduced_cell_by_cell(
    database: Database, api: Api, name: str, questions: dict[str, bool], in_order: bool
) -> None:
    header, real_rows = read((DATA / name).read_text(encoding="utf-8"))
    rows = list(real_rows.values())
    settings = {"title": "A real job", "instructions": "Read.", "cml": form(rows, questions)}
    job = api("POST", "/jobs", json={"job": settings}).json()["id"]
    load(database, job, rows, questions)

    response = api("GET", f"/jobs/{job}.csv?type=full", allow_redirects=True)

    with zipfile.ZipFile(io.BytesIO(response.content)) as archive:
        our_header, our_rows = read(archive.read(f"f{job}.csv").decode("utf-8"))
    columns = [column for column in our_header if column not in REMOVED]
    assert set(columns) == set(header)
    assert not in_order or columns == header  # the columns of the other report were reordered
    assert our_rows.keys() == real_rows.keys()
    for number, row in real_rows.items():
        ours = {column: our_rows[number][column] for column in header}
        # The service wrote full trust both as 1.0 and as 1.
        assert float(ours.pop("_trust")) == float(row.pop("_trust"))
        assert ours == row
