"""Two full reports that the service wrote in 2016 and 2018: loaded, and written again."""

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

from crowdflower.sandbox.store.tables import assignment, job_column, judgment, unit, worker
from crowdflower.sandbox.store.tables import worker_job as standing

if TYPE_CHECKING:
    from collections.abc import Callable

    from requests import Response

    from crowdflower.sandbox.store import Database

    Api = Callable[..., Response]

DATA = Path(__file__).parents[3] / "shared" / "data"

REMOVED = {"_golden", "_missed", "_region", "_city", "_ip"}
"""Columns that were left out when these reports were written, or taken out when published."""

pytestmark = pytest.mark.skipif(
    not DATA.is_dir(), reason="real reports are not part of the project"
)


def read(text: str) -> tuple[list[str], dict[str, dict[str, str]]]:
    """Read a full report: its header, and its rows by the number of the judgment."""
    lines = csv.DictReader(io.StringIO(text, newline=""))
    rows = {row["_id"]: row for row in lines}
    return list(lines.fieldnames or ()), rows


def seconds(text: str) -> float:
    at = datetime.strptime(text, "%m/%d/%Y %H:%M:%S")  # noqa: DTZ007 - reports are in UTC
    return at.replace(tzinfo=UTC).timestamp()


def load(
    database: Database, job: int, rows: list[dict[str, str]], answers: dict[str, bool]
) -> None:
    """Put the judgments of a report where judgments are.

    :param answers: The questions, and whether each takes several answers.
    """
    columns = [name for name in rows[0] if name not in answers and not name.startswith("_")]
    units = {row["_unit_id"]: row for row in rows}
    people = {row["_worker_id"]: row for row in rows}
    with database.transaction() as tx:
        connection, now = tx.connection, tx.clock.now()
        made = {"job_id": job, "created_at": now, "updated_at": now}
        times = {"first_at": now, "last_at": now}
        connection.execute(
            insert(job_column),
            [{"job_id": job, "name": name, "ordinal": at} for at, name in enumerate(columns)],
        )
        for seq, (number, row) in enumerate(units.items(), 1):
            data = {name: row[name] or None for name in columns}
            about = {"seq": seq, "state": "finalized", "data": data}
            connection.execute(insert(unit), {"id": int(number), **about, **made})
        for number, row in people.items():
            who = {"channel": row["_channel"], "country": row["_country"], "created_at": now}
            connection.execute(insert(worker), {"id": int(number), **who})
            stands = {"state": "working", "trust": float(row["_trust"]), **times}
            connection.execute(
                insert(standing), {"job_id": job, "worker_id": int(number), **stands}
            )
            page = {"mode": "work", "state": "submitted", "form_token": "t"}
            when = {"started_at": now, "expires_at": now}
            by_them = {"id": int(number), "job_id": job, "worker_id": int(number)}
            connection.execute(insert(assignment), {**by_them, **page, **when})
        connection.execute(insert(judgment), [_judgment(job, row, answers) for row in rows])


def _judgment(job: int, row: dict[str, str], answers: dict[str, bool]) -> dict[str, Any]:
    return {
        "id": int(row["_id"]),
        "job_id": job,
        "unit_id": int(row["_unit_id"]),
        "worker_id": int(row["_worker_id"]),
        "assignment_id": int(row["_worker_id"]),
        "data": {
            name: row[name].split("\n") if several else row[name]
            for name, several in answers.items()
        },
        "trust": float(row["_trust"]),
        "tainted": row["_tainted"] == "true",
        "channel": row["_channel"],
        "country": row["_country"],
        "started_at": seconds(row["_started_at"]),
        "created_at": seconds(row["_created_at"]),
    }


def form(rows: list[dict[str, str]], answers: dict[str, bool]) -> str:
    """Write a form with these questions."""
    questions = []
    for name, several in answers.items():
        given = sorted({each for row in rows for each in row[name].split("\n")} if several else ())
        boxes = "".join(f"<cml:checkbox label={quoteattr(each)}/>" for each in given)
        kind = "checkboxes" if several else "text"
        questions.append(f'<cml:{kind} label="{name}" name="{name}">{boxes}</cml:{kind}>')
    return "".join(questions)


@pytest.mark.parametrize(
    ("name", "answers", "in_order"),
    [
        ("full_relex_multiple_choice.csv", {"relations": True}, False),
        ("full_events_in_text.csv", {"hiddeninput": False, "selected_events": False}, True),
    ],
)
def test_a_real_report_is_written_again_cell_by_cell(
    database: Database, api: Api, name: str, answers: dict[str, bool], in_order: bool
) -> None:
    header, real = read((DATA / name).read_text(encoding="utf-8"))
    rows = list(real.values())
    settings = {"title": "A real one", "instructions": "Read.", "cml": form(rows, answers)}
    job = api("POST", "/jobs", json={"job": settings}).json()["id"]
    load(database, job, rows, answers)

    answer = api("GET", f"/jobs/{job}.csv?type=full", allow_redirects=True)

    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        ours, written = read(archive.read(f"f{job}.csv").decode("utf-8"))
    kept = [column for column in ours if column not in REMOVED]
    assert set(kept) == set(header)
    assert not in_order or kept == header  # the columns of the other one were put in another order
    assert written.keys() == real.keys()
    for number, row in real.items():
        again = {column: written[number][column] for column in header}
        # The service has written the trust of somebody who made no mistake as 1.0 and as 1.
        assert float(again.pop("_trust")) == float(row.pop("_trust"))
        assert again == row
