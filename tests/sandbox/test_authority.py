"""Whose it is: nothing of another account can be seen, changed or told from what is not there."""

from __future__ import annotations

import csv
import io
import itertools
import re
import zipfile
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from sqlalchemy import inspect, select
from sqlalchemy.exc import DatabaseError

from crowdflower.sandbox import Sandbox
from crowdflower.sandbox.api.routes import ROUTES
from crowdflower.sandbox.rules import accounts
from crowdflower.sandbox.server.in_process import ORIGIN, session_for
from crowdflower.sandbox.store import Database
from crowdflower.sandbox.store.tables import account, assignment, metadata

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from requests import Response

    from crowdflower.sandbox.api.routes import Route

FORM = '<cml:text label="What is it like?" name="like" validates="required"/>'
ROWS = [{"text": f"Review {number}"} for number in range(6)]
PART = re.compile(r"<(?:\w+:)?(\w+)>")
MISSING = {"job": "7", "unit": "8", "judgment": "9", "order": "10", "worker": "11"}
REFUSED = b'{"error":{"message":"Your API key is missing or not valid."}}'
THERE = [(verb, route) for route in ROUTES if not route.unsupported for verb in route.verbs.split()]
SQL = ("' OR '1'='1", "x'; DROP TABLE job; --", "\"; ATTACH DATABASE 'pwned.db' AS pwned; --", "1)")


class Theirs(NamedTuple):
    """An account with a job that ran, as a path names it."""

    key: str
    parts: dict[str, str]


class House:
    """Two accounts in one sandbox, each with a job that ran."""

    def __init__(self) -> None:
        self.box = Sandbox()
        self.session = session_for(self.box.app)
        self.box.crowd.add(4)
        self.mine = self._moved_in(self.box.key)
        self.theirs = self._moved_in("the-key-of-somebody-else-1f0c")

    def ask(self, verb: str, path: str, **settings: Any) -> Response:
        key = settings.pop("key", self.box.key)
        headers = {"Authorization": f"Token token={key}", **settings.pop("headers", {})}
        settings.setdefault("allow_redirects", False)
        return self.session.request(verb, f"{ORIGIN}/v1{path}", headers=headers, **settings)

    def filled(self, verb: str, route: Route, parts: dict[str, str]) -> Response:
        """Send what makes the route do something, if it finds what the path names."""
        path = PART.sub(lambda part: parts[part[1]], route.path)
        if route.takes_file:
            kind = {"Content-Type": "text/csv"}
            return self.ask(verb, path, data=b"text\nx\n", headers=kind)
        asked = {
            "type": "full", "job[title]": "Somebody was here", "unit[state]": "canceled",
            "unit[data][text]": "Somebody was here", "nb_judgments": "1", "amount": "1",
            "message": "m", "notification[message]": "m", "flag": "f", "reason": "r",
            "manual": "true", "debit[units_count]": "1", "channels": "cf_internal",
            "channel_name": "on_demand", "tags": "a", "on": "text", "judgment[tainted]": "true",
            "judgment[unit_id]": parts["unit"], "judgment[worker_id]": parts["worker"],
        }  # fmt: skip
        return self.ask(verb, path, params=asked)

    def everything(self) -> dict[str, list[Any]]:
        with self.box.database.snapshot() as tx:
            return {table.name: tx.all(select(table)) for table in metadata.sorted_tables}

    def close(self) -> None:
        self.session.close()
        self.box.close()

    def _moved_in(self, key: str) -> Theirs:
        with self.box.database.transaction() as tx:
            if accounts.authenticate(tx, key) is None:
                accounts.open_account(tx, key=key, balance_cents=10_000)
        headers = {"Content-Type": "application/json"}
        rows = "\n".join(f'{{"text": "{row["text"]}"}}' for row in ROWS)
        job = self.ask("POST", "/jobs/upload", key=key, data=rows, headers=headers).json()["id"]
        settings = {"title": "What is it like?", "instructions": "Say it.", "cml": FORM}
        self.ask("PUT", f"/jobs/{job}", key=key, json={"job": settings})
        order = self.ask("POST", f"/jobs/{job}/orders", key=key, json={
            "debit": {"units_count": 6}, "channels": ["on_demand"]
        }).json()["id"]  # fmt: skip
        self.box.crowd.run(job, pages=2)
        unit = next(iter(self.ask("GET", f"/jobs/{job}/judgments", key=key).json()))
        judgment = self.ask("GET", f"/jobs/{job}/units/{unit}/judgments", key=key).json()[0]
        return Theirs(
            key,
            {
                "job": str(job),
                "unit": unit,
                "judgment": str(judgment["id"]),
                "order": str(order),
                "worker": str(judgment["worker_id"]),
            },
        )


@pytest.fixture(scope="module")
def house() -> Iterator[House]:
    house = House()
    yield house
    house.close()


def shape(answer: Response, parts: dict[str, str]) -> tuple[int, str]:
    """A refusal, without the numbers that were in the path."""
    text = answer.text
    for name, number in parts.items():
        text = text.replace(number, name)
    return answer.status_code, text


@pytest.mark.parametrize(
    ("verb", "route"),
    [(verb, route) for verb, route in THERE if "<job>" in route.path],
    ids=lambda part: part if isinstance(part, str) else part.path,
)
def test_what_belongs_to_somebody_else_is_not_there(house: House, verb: str, route: Route) -> None:
    before = house.everything()

    theirs = house.filled(verb, route, house.theirs.parts)
    missing = house.filled(verb, route, MISSING)

    assert shape(theirs, house.theirs.parts) == shape(missing, MISSING)
    assert theirs.status_code == 404
    assert house.everything() == before


@pytest.mark.parametrize(
    ("verb", "route"),
    [(verb, route) for verb, route in THERE if len(PART.findall(route.path)) > 1],
    ids=lambda part: part if isinstance(part, str) else part.path,
)
def test_a_job_of_one_s_own_is_no_way_to_what_somebody_else_has(
    house: House, verb: str, route: Route
) -> None:
    before = house.everything()
    parts = {**house.theirs.parts, "job": house.mine.parts["job"], "worker": "12"}

    theirs = house.filled(verb, route, parts)
    missing = house.filled(verb, route, {**MISSING, "job": house.mine.parts["job"]})

    assert shape(theirs, parts) == shape(missing, {**MISSING, "job": house.mine.parts["job"]})
    assert theirs.status_code == 404
    assert house.everything() == before


def test_no_parameter_leads_there_either(house: House) -> None:
    before = house.everything()
    mine, theirs = house.mine.parts, house.theirs.parts
    copied = f"/jobs/{mine['job']}/units/{mine['unit']}/copy"
    judged = {"judgment": {"unit_id": theirs["unit"], "worker_id": mine["worker"]}}

    answers = [
        house.ask("POST", copied, json={"unit": {"job_id": theirs["job"]}}),
        house.ask("POST", f"/jobs/{mine['job']}/judgments", json=judged),
    ]

    assert [each.status_code for each in answers] == [404, 404]
    assert [each["id"] for each in house.ask("GET", "/jobs").json()] == [int(mine["job"])]
    assert house.everything() == before


def test_an_alias_is_the_account_s_own(house: House) -> None:
    path = f"/jobs/{house.theirs.parts['job']}"
    house.ask("PUT", path, key=house.theirs.key, json={"job": {"alias": "reviews"}})

    assert house.ask("GET", "/jobs/reviews", key=house.theirs.key).status_code == 200
    assert house.ask("GET", "/jobs/reviews").status_code == 404


@pytest.mark.parametrize(
    "settings",
    [
        {"headers": {"Authorization": ""}},
        {"headers": {"Authorization": "Token"}},
        {"headers": {"Authorization": "Token token="}},
        {"headers": {"Authorization": 'Token token=""'}},
        {"headers": {"Authorization": "Token token=wrong"}, "params": {"key": "RIGHT"}},
        {"headers": {"Authorization": "Bearer RIGHT"}},
        {"headers": {"Authorization": "Token token=right"}},
        {"headers": {"Authorization": "Basic UklHSFQ6"}},
        {"headers": {"Cookie": "key=RIGHT; token=RIGHT; session=RIGHT"}},
        {"params": {"key[]": "RIGHT"}},
        {"params": {"key[a]": "RIGHT"}},
        {"params": [("key", "RIGHT"), ("key", "wrong")]},
        {"params": {"key": "RIGHT "}},
        {"json": {"key": ["RIGHT"]}},
        {"json": {"key": {"$ne": ""}}},
        {"json": {"key": True}},
        {"params": {"key": "' OR '1'='1"}},
        {"params": {"key": "%"}},
        {"params": {"key": "x" * 100_000}},
    ],
)
def test_every_wrong_key_is_wrong_in_the_same_words(house: House, settings: dict[str, Any]) -> None:
    def meant(part: Any) -> Any:
        if isinstance(part, dict):
            return {name: meant(each) for name, each in part.items()}
        if isinstance(part, (list, tuple)):
            return type(part)(map(meant, part))
        return part.replace("RIGHT", house.box.key) if isinstance(part, str) else part

    answer = house.session.post(f"{ORIGIN}/v1/jobs", **meant(settings))

    assert answer.status_code == 401
    assert answer.content == REFUSED
    assert "Set-Cookie" not in answer.headers


def test_what_contributors_have_opens_nothing(house: House) -> None:
    with house.box.database.snapshot() as tx:
        tokens = [page.form_token for page in tx.all(select(assignment))]
    secret = house.ask("GET", f"/jobs/{house.mine.parts['job']}").json()["secret"]

    for key in [secret, *tokens]:
        assert house.ask("GET", "/jobs", key=key).content == REFUSED
        cookie = {"Cookie": f"session={key}; key={key}"}
        assert house.ask("GET", "/jobs", key="wrong", headers=cookie).content == REFUSED


def test_a_key_that_is_made_here_has_at_least_128_bits() -> None:
    with Sandbox(seed=1) as one, Sandbox(seed=2) as other:
        assert len(one.key) * 4 >= 128
        assert int(one.key, 16) != int(other.key, 16)


@pytest.mark.parametrize(
    ("verb", "route"), THERE, ids=lambda part: part if isinstance(part, str) else part.path
)
def test_no_parameter_is_sql(house: House, verb: str, route: Route) -> None:
    path = PART.sub(lambda part: house.mine.parts[part[1]], route.path)
    names = [*route.required, *route.optional, "key" if route.path == "/account" else "page"]
    inner = {"job": "custom_key", "unit": "data", "debit": "units_count", "judgment": "data"}
    with house.box.database.snapshot() as tx:
        tables = inspect(tx.connection).get_table_names()
        keys = [row.api_key for row in tx.all(select(account))]

    for name, text in itertools.product(names, SQL):
        value = {inner[name]: text} if name in inner else text
        answer = house.ask(verb, path, json={name: value})

        assert answer.status_code < 500
        assert "sqlite" not in answer.text.lower()

    with house.box.database.snapshot() as tx:
        assert inspect(tx.connection).get_table_names() == tables
        assert [row.api_key for row in tx.all(select(account))] == keys


@pytest.mark.parametrize("in_file", [False, True])
@pytest.mark.parametrize(
    "statement",
    [
        "ATTACH DATABASE ':memory:' AS other",
        "DETACH DATABASE main",
        "PRAGMA foreign_keys = OFF",
        "PRAGMA writable_schema = ON",
        "PRAGMA user_version = 7",
    ],
)
def test_no_statement_opens_another_file_or_changes_how_this_one_is_kept(
    tmp_path: Path, statement: str, in_file: bool
) -> None:
    database = Database(f"sqlite:///{tmp_path / 'sandbox.db'}" if in_file else "sqlite://")

    with database.transaction() as tx, pytest.raises(DatabaseError, match="not authorized"):
        tx.connection.exec_driver_sql(statement)

    database.close()


def test_a_formula_comes_out_as_it_went_in(house: House) -> None:
    cells = ["=1+1", "+1", "-5", "@SUM(A1)", "\tx", "=cmd|' /C calc'!A0"]
    file = io.StringIO(newline="")
    csv.writer(file).writerows([["text"], *([cell] for cell in cells)])
    kind = {"Content-Type": "text/csv"}
    job = house.ask("POST", "/jobs/upload", data=file.getvalue(), headers=kind).json()["id"]

    place = house.ask("GET", f"/jobs/{job}.csv", params={"type": "source"}).headers["Location"]
    archive = zipfile.ZipFile(io.BytesIO(house.session.get(place).content))

    text = archive.read(archive.namelist()[0]).decode()
    assert [row["text"] for row in csv.DictReader(io.StringIO(text, newline=""))] == cells


def test_a_notification_does_not_hold_the_key(house: House) -> None:
    told: list[Any] = []
    house.box.receive_webhooks(told.append)
    kind = {"Content-Type": "text/csv"}
    job = house.ask("POST", "/jobs/upload", data=b"text\nx\n", headers=kind).json()
    hook = {"job": {"webhook_uri": "https://example.com/hook"}}
    house.ask("PUT", f"/jobs/{job['id']}", json=hook)
    house.ask("POST", f"/jobs/{job['id']}/upload", data=b"text\ny\n", headers=kind)

    house.box.deliver_webhooks()

    assert told
    assert house.box.key not in repr(told)
