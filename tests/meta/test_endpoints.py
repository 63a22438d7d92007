"""Every endpoint of the API has a method, or a documented reason for having none."""

from __future__ import annotations

import importlib.util
import inspect
import json
import re
from pathlib import Path

import pytest

from crowdflower.models.fields import Field

ROOT = Path(__file__).parents[2]
DESCRIPTION = ROOT.parent / "shared" / "openapi" / "adap-v1-condensed.json"

spec = importlib.util.spec_from_file_location("endpoint_table", ROOT / "docs/endpoint_table.py")
assert spec is not None
assert spec.loader is not None
table = importlib.util.module_from_spec(spec)
spec.loader.exec_module(table)


@pytest.mark.skipif(
    not DESCRIPTION.exists(),
    reason="the API description of the service is not available on this machine",
)
def test_every_endpoint_in_the_api_description_has_a_method_or_a_reason() -> None:
    description = json.loads(DESCRIPTION.read_text(encoding="utf-8"))["v1"]
    endpoints = {
        table.endpoint(verb, path)
        for verbs, path in (name.split(" ") for name in description)
        for verb in verbs.split("|")
    }

    assert len(endpoints) > 30
    assert endpoints - table.methods().keys() - table.WITHOUT_A_METHOD.keys() == set()


IN_OLDER_SOURCES = """
    GET /jobs/{id}/legend
    GET /jobs/{id}/max_pay_for_crowd  GET /jobs/{id}/units/split
    GET /jobs/{id}/golds/fire_webhooks
    PUT /jobs/{id}/channels           DELETE /jobs/{id}/tags
    POST /jobs/{id}/units/{id}/copy   POST /jobs/{id}/units/{id}/request_more_judgments
    GET /jobs/{id}/orders/{id}        GET /jobs/{id}/judgments/{id}
    POST /jobs/{id}/judgments         PUT /jobs/{id}/judgments/{id}
    DELETE /jobs/{id}/judgments/{id}  PUT /jobs/{id}/judgments/{id}/reject
    PUT /jobs/{id}/workers/{id}/flag  PUT /jobs/{id}/workers/{id}/deflag
    GET /jobs/{id}/workers            GET /jobs/{id}/workers/{id}
    POST /jobs/{id}/workers/{id}/notifications
    GET /jobs/{id}.csv                GET /users/teams
"""
"""Endpoints that are older than the API description or missing in it, with the verb in use."""


@pytest.mark.parametrize("endpoint", re.split(r"\s{2,}", IN_OLDER_SOURCES.strip()))
def test_every_endpoint_of_older_sources_has_a_method_or_a_reason(endpoint: str) -> None:
    assert endpoint in table.methods().keys() | table.WITHOUT_A_METHOD.keys()


SENDS_NOTHING = {
    *("absorb", "client", "clock", "close", "from_env", "json", "jobs", "unit_from_json"),
    *("webhook", "estimate", "get_worker", "get_aggregate", "get_confidence", "get_fields"),
    *("get_results", "expire", "operations", "max_requests_per_second", "with_rate_limit"),
}
SENDS_ANY_REQUEST = {"call", "paged_call", "request", "API_URL"}


@pytest.mark.parametrize("noun", table.NOUNS, ids=lambda noun: noun.__name__)
def test_every_method_that_sends_a_request_has_its_endpoint_in_the_docstring(noun: type) -> None:
    members = {
        name
        for name, member in inspect.getmembers(noun)
        if name[:1] != "_" and member.__doc__ and not isinstance(member, Field)
    }
    named = {
        name.partition(".")[2]
        for names in table.methods().values()
        for name in names
        if name.startswith(f"{noun.__name__}.")
    }

    assert members - named - SENDS_NOTHING - SENDS_ANY_REQUEST == set()
    assert named & SENDS_NOTHING == set()


@pytest.mark.parametrize(
    ("endpoint", "method"),
    [
        ("GET /jobs/{id}/pause", "Job.pause"),
        ("POST /jobs/{id}/orders", "Job.launch"),
        ("PUT /jobs/{id}/workers/{id}", "Worker.flag"),
        ("GET /jobs/{id}/units/{id}/judgments", "Unit.get_judgments"),
        ("GET /account", "Client.get_account"),
    ],
)
def test_the_table_names_the_method_of_an_endpoint(endpoint: str, method: str) -> None:
    assert method in table.methods()[endpoint]


def test_no_endpoint_has_both_a_method_and_a_reason_for_having_none() -> None:
    assert table.methods().keys() & table.WITHOUT_A_METHOD.keys() == set()
