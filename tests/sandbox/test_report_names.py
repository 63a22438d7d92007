"""Reports with the names of contributors, which a sandbox can be made to print."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from test_api_reports import unpack

from crowdflower.sandbox.store.tables import worker

if TYPE_CHECKING:
    from collections.abc import Callable

    from requests import Response

    from crowdflower.sandbox.store import Database

    Api = Callable[..., Response]

NAMES = {31883685: "Aino", 19596413: '=HYPERLINK("x")', 30222698: "Ana, Ltd."}
"""Names of the contributors who gave one."""


@pytest.fixture
def named_job(judged_job: int, database: Database) -> int:
    """The job whose contributors have names, in a sandbox that prints them."""
    database.limits = replace(database.limits, names_in_reports=True)
    with database.transaction() as tx:
        for number, name in NAMES.items():
            tx.run(worker.update().where(worker.c.id == number).values(display_name=name))
    return judged_job


def read(api: Api, job: int, kind: str) -> str:
    """Download a report."""
    return unpack(api("GET", f"/jobs/{job}.csv?type={kind}", allow_redirects=True).content)[1]


def rows(text: str) -> list[dict[str, str]]:
    """Parse a table."""
    return list(csv.DictReader(io.StringIO(text, newline="")))


def test_the_full_report_has_the_name_after_its_own_columns(api: Api, named_job: int) -> None:
    text = read(api, named_job, "full")

    assert "_ip,_worker_name,any_comments" in text
    assert [row["_worker_name"] for row in rows(text)] == [
        NAMES.get(int(row["_worker_id"]), "") for row in rows(text)
    ]


def test_the_report_on_contributors_ends_with_the_name(api: Api, named_job: int) -> None:
    found = rows(read(api, named_job, "workset"))

    assert [*found[0]][-1] == "_worker_name"
    assert [row["_worker_name"] for row in found] == [
        NAMES.get(int(row["worker_id"]), "") for row in found
    ]


def test_a_judgment_in_the_json_report_has_the_name(api: Api, named_job: int) -> None:
    units = [json.loads(line) for line in read(api, named_job, "json").splitlines()]

    judgments = [each for unit in units for each in unit["results"]["judgments"]]
    assert len(judgments) == 5
    for each in judgments:
        assert each["_worker_name"] == NAMES.get(each["worker_id"], "")


@pytest.mark.parametrize("kind", ["aggregated", "source", "gold_report"])
def test_reports_without_contributors_have_no_names(api: Api, named_job: int, kind: str) -> None:
    assert "_worker_name" not in read(api, named_job, kind)


@pytest.mark.parametrize("kind", ["full", "workset", "json"])
def test_without_the_option_reports_have_numbers_only(
    api: Api, named_job: int, database: Database, kind: str
) -> None:
    database.limits = replace(database.limits, names_in_reports=False)

    text = read(api, named_job, kind)

    assert "_worker_name" not in text
    assert "Aino" not in text
    assert "31883685" in text


def test_a_question_of_that_name_keeps_its_column(api: Api, named_job: int) -> None:
    form = '<cml:text label="_worker_name" name="_worker_name"/>'
    api("PUT", f"/jobs/{named_job}", json={"job": {"cml": form}})

    header = next(csv.reader(io.StringIO(read(api, named_job, "full"))))

    assert header.count("_worker_name") == 1
    assert header.count("orig__worker_name") == 1
    assert len(header) == len({*header})
