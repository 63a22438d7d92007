"""Batches: pages for contributors, and responses of programs."""

from __future__ import annotations

import json
import re

import pytest
from ampcrowd_calls import FIELDS, PAGE, Call, Elements, answer, create, fill_in, page

from crowdflower.exceptions import ServiceWarning
from crowdflower.sandbox import Sandbox


def test_contributors_get_the_oldest_batch_and_each_batch_once(call: Call) -> None:
    create(call)

    batches = []
    while (shown := page(call, "ann")) is not None:
        batches.append(shown["points"])
        assert answer(call, "ann").text == "ok"

    assert [sorted(batch) for batch in batches] == [["t1", "t2"], ["t3"]]


def test_a_response_is_stored_once(call: Call) -> None:
    create(call)
    shown = page(call, "ann")
    assert shown is not None
    points = shown.pop("points")
    shown["answers"] = json.dumps(dict.fromkeys(points, 1.0))

    said = [call("POST", "/crowds/internal/responses/", data=shown).text for _ in range(2)]

    assert said == ["ok", "Duplicate!"]


def test_a_submitted_page_redirects_to_the_next(box: Sandbox, call: Call) -> None:
    create(call)
    first = call("GET", PAGE).text

    second = call("POST", PAGE, data=fill_in(first, "5"))
    end = call("POST", PAGE, data=fill_in(second.text, "5"))

    (turned,) = second.history
    assert turned.status_code == 303
    assert "Your page was submitted" in second.text
    assert "There are no tasks for you now." in end.text
    job = box.client().get_job(box.ampcrowd.job("G1"))
    assert job.ping()["all_judgments"] == 3


def test_an_incomplete_page_is_shown_again_with_errors_and_answers(call: Call) -> None:
    create(call)
    shown = page(call, "ann")

    again = call("POST", PAGE, data=fill_in(call("GET", PAGE).text, "5", count=1))

    assert again.status_code == 422
    assert "Please check 1 answer" in again.text
    assert again.text.count(" checked") == 1
    assert page(call, "ann") == shown
    data = fill_in(again.text, "5")
    assert call("POST", PAGE, data=data).history[0].status_code == 303


def test_blank_parameters_are_ignored(call: Call) -> None:
    create(call)

    address = "/crowds/internal/assignments/?worker_id=ann&task_type=&task_id="
    shown = call("GET", address).text

    assert "There are no tasks for you now" not in shown
    assert fill_in(shown, "5")


def test_a_page_that_is_given_up_goes_to_another_contributor(call: Call) -> None:
    create(call, configuration__num_assignments=1)
    shown = page(call, "ann")
    assert shown is not None

    call("POST", PAGE, data=[*fill_in(call("GET", PAGE).text, "5"), ("give_up", "yes")])

    other = page(call, "bob")
    assert other is not None
    assert sorted(other["points"]) == sorted(shown["points"])


def test_a_page_with_a_broken_form_can_be_given_up(box: Sandbox, call: Call) -> None:
    create(call, configuration__num_assignments=1)
    job = box.client().get_job(box.ampcrowd.job("G1"))
    job.cml = """<cml:select label="Which?" name="sentiment">
{% for each in names %}<cml:option label="{{ each }}"/>{% endfor %}</cml:select>"""
    with pytest.warns(ServiceWarning, match='No row has a column "names"'):
        job.update()
    stuck = call("GET", PAGE)
    assert "A row on your page cannot be shown" in stuck.text

    after = call("POST", PAGE, data=[*fill_in(stuck.text, "5"), ("give_up", "yes")])

    assert after.status_code == 200
    assert "You skipped this page" in after.text


@pytest.mark.parametrize(
    ("address", "changed", "status"),
    [
        (PAGE, {"task_id": "nothing"}, 404),
        (PAGE, {"assignment": "1"}, 404),
        (PAGE, {"token": "other"}, 409),
        (PAGE.replace("ann", "bob"), {}, 404),
        (PAGE.replace("ann", ""), {}, 400),
    ],
)
def test_the_page_of_another_contributor_cannot_be_submitted(
    box: Sandbox, call: Call, address: str, changed: dict[str, str], status: int
) -> None:
    create(call)
    fields = dict(fill_in(call("GET", PAGE).text, "5"))

    refused = call("POST", address, data={**fields, **changed})

    assert (refused.status_code, refused.headers["Content-Type"][:9]) == (status, "text/html")
    assert box.client().get_job(box.ampcrowd.job("G1")).ping()["all_judgments"] == 0


def test_a_value_that_a_record_lacks_is_left_empty(call: Call) -> None:
    create(
        call,
        group_context=FIELDS,
        content={"p1": [["5", "LA"], ["6", None]]},
        configuration__task_type="er",
    )

    html = call("GET", "/crowds/internal/assignments/?worker_id=ann").text

    assert "<td>LA</td>" in html
    assert "None" not in html


def test_a_row_from_the_other_api_is_not_a_point_of_the_group(box: Sandbox, call: Call) -> None:
    create(call, content={"t1": "first"}, configuration__task_batch_size=1)
    box.client().get_job(box.ampcrowd.job("G1")).upload([{"text": "more"}], force=True)
    answer(call, "ann")

    assert page(call, "ann") is None


@pytest.mark.parametrize(
    ("changed", "status"),
    [
        ({"assignment_id": ""}, 400),
        ({"task_id": ""}, 400),
        ({"answers": ""}, 400),
        ({"answers": "["}, 400),
        ({"answers": "[1]"}, 400),
        ({"answers": "{}"}, 422),
        ({"answers": '{"t1": 1.0}'}, 422),
        ({"answers": '{"t1": 9.0, "t2": 1.0}'}, 422),
        ({"answers": '{"t1": [], "t2": null}'}, 422),
        ({"answers": '{"t1": 1.0, "t2": 1.0, "t3": 1.0}'}, 422),
        ({"worker_id": "bob"}, 404),
        ({"task_id": "nothing"}, 404),
        ({"assignment_id": "1-2"}, 404),
        ({"assignment_id": "x"}, 404),
        ({"assignment_id": "9" * 40}, 404),
    ],
)
def test_an_invalid_response_stores_nothing(
    box: Sandbox, call: Call, changed: dict[str, str], status: int
) -> None:
    create(call)
    shown = page(call, "ann")
    assert shown is not None
    points = shown.pop("points")
    shown["answers"] = json.dumps(dict.fromkeys(points, 1.0))

    said = call("POST", "/crowds/internal/responses/", data={**shown, **changed})

    assert said.status_code == status, said.text
    job = box.client().get_job(box.ampcrowd.job("G1"))
    assert job.ping()["all_judgments"] == 0


def test_an_assignment_id_authorizes_a_response(call: Call) -> None:
    create(call)
    shown = page(call, "ann")
    assert shown is not None
    points = shown.pop("points")
    number, _, _ = shown["assignment_id"].partition("-")
    shown |= {
        "assignment_id": f"{number}-{'0' * 32}",
        "answers": json.dumps(dict.fromkeys(points, 1.0)),
    }

    assert call("POST", "/crowds/internal/responses/", data=shown).status_code == 409


def test_a_type_of_task_or_a_batch_can_be_requested(call: Call) -> None:
    create(call)
    pairs = {"p1": [["5", "LA"], ["6", "Berkeley"]]}
    create(
        call,
        group_id="G2",
        group_context=FIELDS,
        content=pairs,
        configuration__task_type="er",
    )

    by_type = page(call, "ann", "&task_type=er")
    assert by_type is not None
    again = call("GET", f"/crowds/internal/assignments/worker/bob/task/{by_type['task_id']}").text

    assert by_type["points"] == ["p1"]
    assert 'name="point" value="p1"' in again
    assert page(call, "ann", "&task_id=nothing") is None


def test_a_page_escapes_or_sanitizes_html_of_requesters(call: Call) -> None:
    evil = '"><script>steal()</script><img src=x onerror=steal()>'
    instruction = f'<p onclick="steal()">Read <b>well</b>.</p>{evil}<form action=x><svg onload=x>'
    create(
        call,
        group_context={"fields": [evil], "instruction": instruction},
        content={evil: {"title": evil, "record": [evil]}},
        configuration__task_type="ft",
    )

    shown = call("GET", "/crowds/internal/assignments/?worker_id=" + "%22%3E%3Cscript%3E")

    assert "<p>Read <b>well</b>.</p>" in shown.text
    ours = r'<svg class="ico[^"]*".*?</svg>|<span class="brand">.*?</span>|<script src="/desk.js\?'
    elements = Elements.of(re.sub(ours, "", shown.text))
    assert not {name for name, _ in elements} & {"script", "svg", "style", "iframe", "base"}
    assert [name for name, _ in elements].count("form") == 1
    assert not [key for _, keys in elements for key in keys if key.startswith("on")]
    assert "default-src 'none'" in shown.headers["Content-Security-Policy"]
