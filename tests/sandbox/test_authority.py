"""Authorization: data of another account cannot be read, changed or detected."""

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
IMPLEMENTED = [
    (verb, route) for route in ROUTES if not route.unsupported for verb in route.verbs.split()
]
SQL = ("' OR '1'='1", "x'; DROP TABLE job; --", "\"; ATTACH DATABASE 'pwned.db' AS pwned; --", "1)")


class Owner(NamedTuple):
    """An account with a job that ran: its key and the ids for paths."""

    key: str
    parts: dict[str, str]


class TwoAccounts:
    """Two accounts in one sandbox, each with a job that ran."""

    def __init__(self) -> None:
        self.box = Sandbox()
        self.session = session_for(self.box.app)
        self.box.crowd.add(4)
        self.own = self._open_account(self.box.key)
        self.other = self._open_account("the-key-of-another-account-1f0c")

    def request(self, verb: str, path: str, **settings: Any) -> Response:
        """Send a request, with the key of the first account by default."""
        key = settings.pop("key", self.box.key)
        headers = {"Authorization": f"Token token={key}", **settings.pop("headers", {})}
        settings.setdefault("allow_redirects", False)
        return self.session.request(verb, f"{ORIGIN}/v1{path}", headers=headers, **settings)

    def call_route(self, verb: str, route: Route, parts: dict[str, str]) -> Response:
        """Call a route with valid parameters."""
        path = PART.sub(lambda part: parts[part[1]], route.path)
        if route.takes_file:
            headers = {"Content-Type": "text/csv"}
            return self.request(verb, path, data=b"text\nx\n", headers=headers)
        parameters = {
            "type": "full", "job[title]": "Changed", "unit[state]": "canceled",
            "unit[data][text]": "Changed", "nb_judgments": "1", "amount": "1",
            "message": "m", "notification[message]": "m", "flag": "f", "reason": "r",
            "manual": "true", "debit[units_count]": "1", "channels": "cf_internal",
            "channel_name": "on_demand", "tags": "a", "on": "text", "judgment[tainted]": "true",
            "judgment[unit_id]": parts["unit"], "judgment[worker_id]": parts["worker"],
        }  # fmt: skip
        return self.request(verb, path, params=parameters)

    def snapshot(self) -> dict[str, list[Any]]:
        """Return all rows of all tables."""
        with self.box.database.snapshot() as tx:
            return {table.name: tx.all(select(table)) for table in metadata.sorted_tables}

    def close(self) -> None:
        self.session.close()
        self.box.close()

    def _open_account(self, key: str) -> Owner:
        with self.box.database.transaction() as tx:
            if accounts.authenticate(tx, key) is None:
                accounts.open_account(tx, key=key, balance_cents=10_000)
        headers = {"Content-Type": "application/json"}
        rows = "\n".join(f'{{"text": "{row["text"]}"}}' for row in ROWS)
        job = self.request("POST", "/jobs/upload", key=key, data=rows, headers=headers).json()["id"]
        settings = {"title": "What is it like?", "instructions": "Say it.", "cml": FORM}
        self.request("PUT", f"/jobs/{job}", key=key, json={"job": settings})
        order = self.request("POST", f"/jobs/{job}/orders", key=key, json={
            "debit": {"units_count": 6}, "channels": ["on_demand"]
        }).json()["id"]  # fmt: skip
        self.box.crowd.run(job, pages=2)
        unit = next(iter(self.request("GET", f"/jobs/{job}/judgments", key=key).json()))
        judgment = self.request("GET", f"/jobs/{job}/units/{unit}/judgments", key=key).json()[0]
        return Owner(
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
def world() -> Iterator[TwoAccounts]:
    """Two accounts; the tests of this file share them."""
    world = TwoAccounts()
    yield world
    world.close()


def without_ids(response: Response, parts: dict[str, str]) -> tuple[int, str]:
    """Return status and text of a response, with the ids of the path replaced by their names."""
    text = response.text
    for name, number in parts.items():
        text = text.replace(number, name)
    return response.status_code, text


@pytest.mark.parametrize(
    ("verb", "route"),
    [(verb, route) for verb, route in IMPLEMENTED if "<job>" in route.path],
    ids=lambda part: part if isinstance(part, str) else part.path,
)
def test_objects_of_another_account_are_not_found(
    world: TwoAccounts, verb: str, route: Route
) -> None:
    before = world.snapshot()

    other = world.call_route(verb, route, world.other.parts)
    missing = world.call_route(verb, route, MISSING)

    assert without_ids(other, world.other.parts) == without_ids(missing, MISSING)
    assert other.status_code == 404
    assert world.snapshot() == before


@pytest.mark.parametrize(
    ("verb", "route"),
    [(verb, route) for verb, route in IMPLEMENTED if len(PART.findall(route.path)) > 1],
    ids=lambda part: part if isinstance(part, str) else part.path,
)
def test_objects_of_another_account_are_not_found_below_a_job_of_the_account(
    world: TwoAccounts, verb: str, route: Route
) -> None:
    before = world.snapshot()
    parts = {**world.other.parts, "job": world.own.parts["job"], "worker": "12"}

    other = world.call_route(verb, route, parts)
    missing = world.call_route(verb, route, {**MISSING, "job": world.own.parts["job"]})

    assert without_ids(other, parts) == without_ids(
        missing, {**MISSING, "job": world.own.parts["job"]}
    )
    assert other.status_code == 404
    assert world.snapshot() == before


def test_parameters_cannot_refer_to_another_account(world: TwoAccounts) -> None:
    before = world.snapshot()
    own, other = world.own.parts, world.other.parts
    copy_path = f"/jobs/{own['job']}/units/{own['unit']}/copy"
    judgment = {"judgment": {"unit_id": other["unit"], "worker_id": own["worker"]}}

    responses = [
        world.request("POST", copy_path, json={"unit": {"job_id": other["job"]}}),
        world.request("POST", f"/jobs/{own['job']}/judgments", json=judgment),
    ]

    assert [each.status_code for each in responses] == [404, 404]
    assert [each["id"] for each in world.request("GET", "/jobs").json()] == [int(own["job"])]
    assert world.snapshot() == before


def test_an_alias_belongs_to_one_account(world: TwoAccounts) -> None:
    path = f"/jobs/{world.other.parts['job']}"
    world.request("PUT", path, key=world.other.key, json={"job": {"alias": "reviews"}})

    assert world.request("GET", "/jobs/reviews", key=world.other.key).status_code == 200
    assert world.request("GET", "/jobs/reviews").status_code == 404


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
def test_every_wrong_key_gets_the_same_response(
    world: TwoAccounts, settings: dict[str, Any]
) -> None:
    def with_key(part: Any) -> Any:
        if isinstance(part, dict):
            return {name: with_key(each) for name, each in part.items()}
        if isinstance(part, (list, tuple)):
            return type(part)(map(with_key, part))
        return part.replace("RIGHT", world.box.key) if isinstance(part, str) else part

    response = world.session.post(f"{ORIGIN}/v1/jobs", **with_key(settings))

    assert response.status_code == 401
    assert response.content == REFUSED
    assert "Set-Cookie" not in response.headers


def test_secrets_of_contributors_are_not_keys(world: TwoAccounts) -> None:
    with world.box.database.snapshot() as tx:
        tokens = [page.form_token for page in tx.all(select(assignment))]
    secret = world.request("GET", f"/jobs/{world.own.parts['job']}").json()["secret"]

    for key in [secret, *tokens]:
        assert world.request("GET", "/jobs", key=key).content == REFUSED
        cookie = {"Cookie": f"session={key}; key={key}"}
        assert world.request("GET", "/jobs", key="wrong", headers=cookie).content == REFUSED


def test_a_generated_key_has_at_least_128_bits() -> None:
    with Sandbox(seed=1) as one, Sandbox(seed=2) as other:
        assert len(one.key) * 4 >= 128
        assert int(one.key, 16) != int(other.key, 16)


@pytest.mark.parametrize(
    ("verb", "route"), IMPLEMENTED, ids=lambda part: part if isinstance(part, str) else part.path
)
def test_no_parameter_is_executed_as_sql(world: TwoAccounts, verb: str, route: Route) -> None:
    path = PART.sub(lambda part: world.own.parts[part[1]], route.path)
    names = [*route.required, *route.optional, "key" if route.path == "/account" else "page"]
    inner = {"job": "custom_key", "unit": "data", "debit": "units_count", "judgment": "data"}
    with world.box.database.snapshot() as tx:
        tables = inspect(tx.connection).get_table_names()
        keys = [row.api_key for row in tx.all(select(account))]

    for name, text in itertools.product(names, SQL):
        value = {inner[name]: text} if name in inner else text
        response = world.request(verb, path, json={name: value})

        assert response.status_code < 500
        assert "sqlite" not in response.text.lower()

    with world.box.database.snapshot() as tx:
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
def test_no_statement_opens_another_file_or_changes_settings(
    tmp_path: Path, statement: str, in_file: bool
) -> None:
    database = Database(f"sqlite:///{tmp_path / 'sandbox.db'}" if in_file else "sqlite://")

    with database.transaction() as tx, pytest.raises(DatabaseError, match="not authorized"):
        tx.connection.exec_driver_sql(statement)

    database.close()


def test_a_formula_is_returned_unchanged(world: TwoAccounts) -> None:
    cells = ["=1+1", "+1", "-5", "@SUM(A1)", "\tx", "=cmd|' /C calc'!A0"]
    file = io.StringIO(newline="")
    csv.writer(file).writerows([["text"], *([cell] for cell in cells)])
    headers = {"Content-Type": "text/csv"}
    job = world.request("POST", "/jobs/upload", data=file.getvalue(), headers=headers).json()["id"]

    location = world.request("GET", f"/jobs/{job}.csv", params={"type": "source"}).headers[
        "Location"
    ]
    archive = zipfile.ZipFile(io.BytesIO(world.session.get(location).content))

    text = archive.read(archive.namelist()[0]).decode()
    assert [row["text"] for row in csv.DictReader(io.StringIO(text, newline=""))] == cells


def test_a_notification_does_not_contain_the_key(world: TwoAccounts) -> None:
    received: list[Any] = []
    world.box.receive_webhooks(received.append)
    headers = {"Content-Type": "text/csv"}
    job = world.request("POST", "/jobs/upload", data=b"text\nx\n", headers=headers).json()
    hook = {"job": {"webhook_uri": "https://example.com/hook"}}
    world.request("PUT", f"/jobs/{job['id']}", json=hook)
    world.request("POST", f"/jobs/{job['id']}/upload", data=b"text\ny\n", headers=headers)

    world.box.deliver_webhooks()

    assert received
    assert world.box.key not in repr(received)
