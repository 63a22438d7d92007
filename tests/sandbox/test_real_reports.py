"""Real reports are reproduced: two full ones of 2016 and 2018, and all of one job of 2014.

The reports are not part of the project. They are looked for in the directory that
``CROWDFLOWER_TEST_REPORTS`` names, or else in ``shared``, beside the project.
"""

from __future__ import annotations

import csv
import io
import json
import os
import zipfile
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.sax.saxutils import quoteattr

import pytest
from sqlalchemy import insert

from crowdflower.quality import aggregate, agreement, option_confidence
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

DATA = Path(os.environ.get("CROWDFLOWER_TEST_REPORTS", Path(__file__).parents[3] / "shared"))

REMOVED = {"_region", "_city", "_ip"}
"""Columns that these reports lack, or that were removed before publication."""


def find_file(name: str) -> Path:
    """Find a file of real reports; skip the test if there is none."""
    found = next(DATA.rglob(name), None)
    if found is None:
        pytest.skip(f"{name} was not found: real reports are not part of the project")
    return found


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
    header, real_rows = read(find_file(name).read_text(encoding="utf-8"))
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


# A job of 2014: 1,200 units, 4,987 judgments, 187 contributors, one question with checkboxes


@pytest.fixture(scope="module")
def newsgroups() -> list[dict[str, Any]]:
    """The units of the job, with what the service made of them."""
    units: list[dict[str, Any]] = json.loads(find_file("newsgroups.json").read_text("utf-8"))
    return units


def options_of(units: list[dict[str, Any]]) -> list[str]:
    """Return the options of the question; the form had them in alphabetical order."""
    return sorted(
        {each for row in units for _, _, chosen, _, _ in row["judgments"] for each in chosen}
    )


def test_every_aggregated_answer_is_that_of_the_service(newsgroups: list[dict[str, Any]]) -> None:
    options = options_of(newsgroups)

    for row in newsgroups:
        trusted = [
            (chosen, trust) for _, trust, chosen, tainted, _ in row["judgments"] if not tainted
        ]
        found = aggregate("agg", trusted, options)
        assert found == {
            "agg": row["agg"],
            "confidence": pytest.approx(row["confidence"], abs=1e-6),
        }


def test_on_every_real_tie_the_last_option_wins(newsgroups: list[dict[str, Any]]) -> None:
    ties = 0
    for row in newsgroups:
        trusted = [
            (chosen, trust) for _, trust, chosen, tainted, _ in row["judgments"] if not tainted
        ]
        shares = option_confidence(trusted)
        best = [each for each, share in shares.items() if share > row["confidence"] - 1e-9]
        ties += len(best) > 1
        assert row["agg"] == max(best)

    assert ties == 141


def test_every_agreement_counts_all_contributors(newsgroups: list[dict[str, Any]]) -> None:
    agreed = [row for row in newsgroups if row["agreement"] is not None]

    for row in agreed:
        everyone = option_confidence([(chosen, 1.0) for _, _, chosen, _, _ in row["judgments"]])
        assert agreement([max(everyone.values())]) == pytest.approx(row["agreement"], abs=1e-6)
    states = Counter(row["state"] for row in agreed)
    assert states == {"finalized": 1000, "hidden_gold": 3}


@pytest.fixture
def newsgroups_job(database: Database, api: Api, newsgroups: list[dict[str, Any]]) -> int:
    """The job in the sandbox, with all its judgments."""
    boxes = "".join(f'<cml:checkbox label="{each}"/>' for each in options_of(newsgroups))
    cml = f'<cml:checkboxes label="Category" name="category">{boxes}</cml:checkboxes>'
    settings = {"title": "Newsgroups", "instructions": "Read.", "cml": cml}
    job: int = api("POST", "/jobs", json={"job": settings}).json()["id"]
    people = {who: trust for row in newsgroups for who, trust, *_ in row["judgments"]}
    columns = ["_golden", "category_gold"]
    with database.transaction() as tx:
        run, now = tx.connection.execute, tx.clock.now()
        common = {"job_id": job, "created_at": now, "updated_at": now}
        names = [{"job_id": job, "name": name, "ordinal": at} for at, name in enumerate(columns)]
        run(insert(job_column), names)
        run(
            insert(unit),
            [
                {
                    "id": row["unit"],
                    "seq": seq,
                    "state": row["state"],
                    "judgments_count": sum(not each[3] for each in row["judgments"]),
                    "tainted_count": sum(each[3] for each in row["judgments"]),
                    "missed_count": row["missed_count"],
                    "data": {name: row.get("gold", {}).get(name) for name in columns},
                    **common,
                }
                for seq, row in enumerate(newsgroups, 1)
            ],
        )
        run(
            insert(worker),
            [{"id": who, "channel": "neodev", "created_at": now} for who in people],
        )
        in_job = {"job_id": job, "state": "working", "first_at": now, "last_at": now}
        run(
            insert(worker_job),
            [{"worker_id": who, "trust": trust, **in_job} for who, trust in people.items()],
        )
        page = {"mode": "work", "state": "submitted", "form_token": "t", "job_id": job}
        times = {"started_at": now, "expires_at": now}
        run(
            insert(assignment),
            [{"id": who, "worker_id": who, **page, **times} for who in people],
        )
        run(
            insert(judgment),
            [
                {
                    "job_id": job,
                    "unit_id": row["unit"],
                    "worker_id": who,
                    "assignment_id": who,
                    "data": {"category": chosen},
                    "trust": 1.0,
                    "tainted": tainted,
                    "channel": "neodev",
                    "started_at": now,
                    "created_at": now,
                }
                for row in newsgroups
                for who, _, chosen, tainted, _ in row["judgments"]
            ],
        )
    return job


def download(api: Api, job: int, kind: str) -> str:
    """Return the text of a report."""
    response = api("GET", f"/jobs/{job}.csv?type={kind}", allow_redirects=True)
    with zipfile.ZipFile(io.BytesIO(response.content)) as archive:
        return archive.read(archive.namelist()[0]).decode("utf-8")


def test_the_json_report_of_a_real_job(
    api: Api, newsgroups_job: int, newsgroups: list[dict[str, Any]]
) -> None:
    units = [json.loads(line) for line in download(api, newsgroups_job, "json").splitlines()]

    for ours, real in zip(units, newsgroups, strict=True):
        trusted = [each for each in real["judgments"] if not each[3]]
        listed = ours["results"]["judgments"]
        exact = [real["confidence"], *(trust for _, trust, *_ in trusted)]
        rounded = [round(number, 4) for number in exact]
        assert (ours["id"], ours["state"]) == (real["unit"], real["state"])
        assert ours["judgments_count"] == real["judgments_count"]
        assert ours["missed_count"] == real["missed_count"]
        assert ours["agreement"] == (real["agreement"] and round(real["agreement"], 4))
        assert ours["results"]["category"] == {"agg": real["agg"], "confidence": rounded[0]}
        assert [each["worker_id"] for each in listed] == [who for who, *_ in trusted]
        assert [each["trust"] for each in listed] == rounded[1:]
    assert sum(len(each["results"]["judgments"]) for each in units) == 4326


def test_the_aggregated_report_of_a_real_job(
    api: Api, newsgroups_job: int, newsgroups: list[dict[str, Any]]
) -> None:
    lines = list(csv.DictReader(io.StringIO(download(api, newsgroups_job, "aggregated"))))

    for ours, real in zip(lines, newsgroups, strict=True):
        assert ours["_unit_id"] == str(real["unit"])
        assert ours["_unit_state"] == real["csv_state"]
        assert ours["_golden"] == real["csv_golden"]
        assert ours["_trusted_judgments"] == str(real["csv_trusted"])
        assert bool(ours["_last_judgment_at"]) == (real["state"] != "golden")
        assert ours["category"] == real["agg"]
        assert float(ours["category:confidence"]) == round(real["confidence"], 4)


def test_the_report_on_test_questions_of_a_real_job(
    api: Api, newsgroups_job: int, newsgroups: list[dict[str, Any]]
) -> None:
    lines = list(csv.DictReader(io.StringIO(download(api, newsgroups_job, "gold_report"))))

    real = [row["gold"] for row in newsgroups if "gold" in row]
    contested = {"_pct_contested"}  # the contests themselves are not published
    assert len(lines) == len(real) == 200
    for ours, theirs in zip(lines, real, strict=True):
        assert {name: ours[name] for name in theirs.keys() - contested} == {
            name: theirs[name] for name in theirs.keys() - contested
        }
