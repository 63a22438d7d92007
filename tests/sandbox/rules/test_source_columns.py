"""A form that prints a column which no row has: a warning when saved, a refusal when launched.

The rule is ours: the service shows contributors a blank, and they are paid for it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from requests import Response

    Api = Callable[..., Response]

QUESTION = "<cml:text name='why' label='Why?' validates='required'/>"
MISSING = (
    'No row has a column "text", which the form prints; did you mean "Text"? The columns are: '
    "Text, x."
)


@pytest.fixture
def job(api: Api) -> int:
    """A job with five rows of two columns, without a form."""
    rows = "".join(f'{{"Text": "Row {number}", "x": 1}}\n' for number in range(5))
    created = api("POST", "/jobs/upload", data=rows.encode(), headers={"Content-Type": "text/json"})
    number: int = created.json()["id"]
    return number


def save(api: Api, job: int, cml: str) -> str:
    """Save a form; return the warnings in the answer."""
    settings = {"title": "A long title", "instructions": "Read.", "cml": cml + QUESTION}
    response = api("PUT", f"/jobs/{job}", json={"job": settings})
    assert response.status_code == 200
    return response.headers.get("X-Sandbox-Warning", "")


def launch(api: Api, job: int) -> Response:
    order = {"debit": {"units_count": 5}, "channels": ["cf_internal"]}
    return api("POST", f"/jobs/{job}/orders", json=order)


def test_a_column_that_no_row_has_is_a_warning_when_saved(api: Api, job: int) -> None:
    assert f"line 1, column 6: {MISSING}" in save(api, job, "<p>{{text}}</p>")
    assert save(api, job, "<p>{{Text}} {{x}}</p>") == ""


@pytest.mark.parametrize(
    "cml",
    [
        "<p>{{text}}</p>",
        "<cml:text name='code' only-if='{{text}}'/>",
        "<cml:text name='code' validates='regex' data-validates-regex='{{text}}'/>",
        "{% for word in text %}{{word}}{% endfor %}",
    ],
)
def test_a_job_that_prints_it_cannot_be_launched(api: Api, job: int, cml: str) -> None:
    save(api, job, cml)

    refused = launch(api, job)

    assert refused.status_code == 422
    assert MISSING in refused.text.replace('\\"', '"')
    assert api("GET", f"/jobs/{job}").json()["state"] == "unordered"


@pytest.mark.parametrize(
    "cml",
    [
        "{% if text %}{{text}}{% endif %}",
        "{{text | default: 'none'}}",
        "{% assign text = Text %}{{text}}",
        "<!-- {{text}} -->",
    ],
)
def test_a_form_that_knows_that_rows_may_lack_a_column_can_be_launched(
    api: Api, job: int, cml: str
) -> None:
    assert save(api, job, cml) == ""
    assert launch(api, job).status_code == 200


def test_rows_may_come_after_the_form(api: Api) -> None:
    job = api("POST", "/jobs").json()["id"]
    before = save(api, job, "<p>{{text}}</p>")
    json_lines = {"Content-Type": "text/json"}

    for _ in range(5):
        api("POST", f"/jobs/{job}/units", json={"unit": {"data": {"Text": "a", "x": 1}}})
    refused = launch(api, job)
    row = b'{"text": "b"}\n'
    api("POST", f"/jobs/{job}/upload?force=true", data=row, headers=json_lines)

    assert before == ""
    assert refused.status_code == 422
    assert launch(api, job).status_code == 200


def test_a_column_that_only_a_deleted_row_had_is_absent(api: Api, job: int) -> None:
    row = {"unit": {"data": {"Text": "a", "text": "b"}}}
    unit = api("POST", f"/jobs/{job}/units", json=row).json()["id"]
    before = save(api, job, "<p>{{text}} {{Text}}</p>")

    api("DELETE", f"/jobs/{job}/units/{unit}")
    refused = launch(api, job)

    assert before == ""
    assert refused.status_code == 422
    assert MISSING in refused.text.replace('\\"', '"')


def test_a_column_that_is_blank_in_every_row_is_there(api: Api) -> None:
    rows = b"title,text\n" + b"a,\n" * 5
    headers = {"Content-Type": "text/csv"}
    job = api("POST", "/jobs/upload", data=rows, headers=headers).json()["id"]

    assert save(api, job, "<p>{{text}}</p>") == ""
    assert launch(api, job).status_code == 200


def test_units_are_not_ordered_automatically_either(api: Api, job: int) -> None:
    save(api, job, "<p>{{text}}</p>")
    api("POST", f"/jobs/{job}/channels", json={"channels": ["cf_internal"]})
    api("PUT", f"/jobs/{job}", json={"job": {"auto_order": True}})

    answer = api("POST", f"/jobs/{job}/units", json={"unit": {"data": {"Text": "a", "x": 1}}})

    assert "not ordered: Line 1, column 6: No row has" in answer.headers["X-Sandbox-Warning"]
    assert answer.json()["state"] == "new"
