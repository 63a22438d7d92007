"""Every endpoint of the API has a method, or a reason why it has none."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DESCRIPTION = ROOT.parent / "shared" / "openapi" / "adap-v1-condensed.json"

spec = importlib.util.spec_from_file_location("endpoint_table", ROOT / "docs/endpoint_table.py")
assert spec is not None
assert spec.loader is not None
table = importlib.util.module_from_spec(spec)
spec.loader.exec_module(table)


@pytest.mark.skipif(
    not DESCRIPTION.exists(), reason="the description of the service is not part of the project"
)
def test_every_endpoint_that_the_service_describes_has_a_method_or_a_reason() -> None:
    described = json.loads(DESCRIPTION.read_text(encoding="utf-8"))["v1"]
    endpoints = {
        table.endpoint(verb, path)
        for verbs, path in (name.split(" ") for name in described)
        for verb in verbs.split("|")
    }

    assert len(endpoints) > 30
    assert endpoints - table.methods().keys() - table.WITHOUT_A_METHOD.keys() == set()


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


def test_no_endpoint_has_both_a_method_and_a_reason_for_none() -> None:
    assert table.methods().keys() & table.WITHOUT_A_METHOD.keys() == set()
