"""AMPCrowd's API: groups, batches, results, callbacks, access."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from html import unescape
from html.parser import HTMLParser
from typing import Any

import pytest
from requests import Response

from crowdflower.sandbox import Sandbox
from crowdflower.sandbox.ampcrowd import AccessPolicy
from crowdflower.sandbox.ampcrowd.batch_results import aggregate_votes
from crowdflower.sandbox.server.in_process import ORIGIN, session_for

Call = Callable[..., Response]
URL = "http://127.0.0.1:1/answers"
MISSING = object()
TWEETS = {"t1": "first", "t2": "second", "t3": "third"}
FIELDS = {"fields": ["price", "location"]}


@pytest.fixture
def box() -> Iterator[Sandbox]:
    with Sandbox(seed=5, ampcrowd=True) as box:
        yield box


@pytest.fixture
def call(box: Sandbox) -> Iterator[Call]:
    """Call the API."""
    with session_for(box.app) as session:
        yield lambda verb, path, **settings: session.request(verb, f"{ORIGIN}{path}", **settings)


def group(**changed: Any) -> dict[str, Any]:
    """Build a request; names with two underscores are keys of the configuration."""
    configuration = {
        "task_type": "sa",
        "task_batch_size": 2,
        "num_assignments": 2,
        "callback_url": URL,
        "internal": {},
    }
    data = {
        "configuration": configuration,
        "group_id": "G1",
        "group_context": {},
        "content": TWEETS,
    }
    for name, value in changed.items():
        where, _, inner = name.partition("__")
        place = configuration if inner else data
        place[inner or where] = value
        if value is MISSING:
            del place[inner or where]
    return data


def create(call: Call, crowd: str = "internal", **changed: Any) -> Any:
    data = json.dumps(group(**changed))
    answer = call("POST", f"/crowds/{crowd}/tasks/", data={"data": data})
    assert answer.status_code == 200, answer.text
    return answer.json()


def page(
    call: Call, worker: str, query: str = "", crowd: str = "internal"
) -> dict[str, Any] | None:
    """Open the page of a contributor, and return its hidden fields."""
    html = call("GET", f"/crowds/{crowd}/assignments/?worker_id={worker}{query}").text
    hidden = re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', html)
    points = [unescape(value) for name, value in hidden if name == "point"]
    return {**dict(hidden), "points": points} if hidden else None


def answer(call: Call, worker: str, value: float = 4.0, crowd: str = "internal") -> Response:
    """Answer a page with the same value everywhere."""
    shown = page(call, worker, crowd=crowd)
    assert shown is not None
    points = shown.pop("points")
    shown["answers"] = json.dumps(dict.fromkeys(points, value))
    return call("POST", f"/crowds/{crowd}/responses/", data=shown)


class Elements(HTMLParser):
    """The tags of a page, with the names of their attributes."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, list[str]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, [name for name, _ in attrs]))

    @classmethod
    def of(cls, html: str) -> list[tuple[str, list[str]]]:
        parser = cls()
        parser.feed(html)
        return parser.found


# Creating


def test_a_good_request_is_answered_ok(call: Call) -> None:
    assert create(call) == {"status": "ok"}


@pytest.mark.parametrize(
    ("changed", "detail"),
    [
        ({"configuration": MISSING}, "configuration is missing"),
        ({"group_id": None}, "group_id is missing"),
        ({"group_context": MISSING}, "group_context is missing"),
        ({"content": MISSING}, "content is missing"),
        ({"content": {}}, "content must have at least one point"),
        ({"content": ["first"]}, "content must be an object"),
        ({"configuration__task_type": MISSING}, "configuration.task_type is missing"),
        ({"configuration__task_batch_size": None}, "configuration.task_batch_size is missing"),
        ({"configuration__num_assignments": MISSING}, "configuration.num_assignments is missing"),
        ({"configuration__callback_url": MISSING}, "configuration.callback_url is missing"),
        ({"configuration__task_type": "xx"}, "configuration.task_type must be one of sa, er, ft"),
        ({"configuration__task_batch_size": "2"}, "must be an integer from 1"),
        ({"configuration__num_assignments": 0}, "must be an integer from 1"),
        ({"configuration__callback_url": "file:///etc/passwd"}, "begin with http"),
        ({"configuration__quality_control": "best"}, "one of mv, em"),
        ({"configuration__experimental": {"straggler_routing_policy": "x"}}, "random, oldest"),
        ({"content": {"t1": {}}}, "point t1: a point of type sa must be a string"),
        ({"content": {"t1": "\0"}}, "A string contains the character"),
        ({"group_context": {"instruction": 5}}, "group_context.instruction must be a string"),
        (
            {"configuration__task_type": "er", "content": {"p1": [["5"], ["6"]]}},
            "group_context.fields must be a list of names",
        ),
        (
            {
                "configuration__task_type": "er",
                "group_context": FIELDS,
                "content": {"p1": [["5", "LA"], ["6"]]},
            },
            "point p1: a record must be a list of 2 values",
        ),
        (
            {
                "configuration__task_type": "ft",
                "group_context": FIELDS,
                "content": {"p1": {"record": ["5", "LA"]}},
            },
            "point p1: a point of type ft must have a title and a record",
        ),
    ],
)
def test_an_invalid_group_is_answered_wrong_and_stores_nothing(
    call: Call, changed: dict[str, Any], detail: str
) -> None:
    said = create(call, **changed)

    assert (said["status"], said["reason"]) == ("wrong", "Invalid request data.")
    assert detail in said["detail"]
    assert create(call) == {"status": "ok"}


@pytest.mark.parametrize("form", [{}, {"data": "{"}, {"data": "[]"}, {"data": "[" * 100_000}])
def test_a_payload_that_is_not_a_json_object_is_answered_wrong(
    call: Call, form: dict[str, str]
) -> None:
    said = call("POST", "/crowds/internal/tasks/", data=form).json()

    assert (said["status"], said["reason"]) == ("wrong", "Invalid request data.")


def test_a_group_id_is_unique_within_a_crowd(call: Call) -> None:
    create(call)

    again = create(call)
    elsewhere = create(call, "amt", configuration__amt={"sandbox": True})

    assert again == {"status": "wrong", "reason": "Group id G1 is already in use."}
    assert elsewhere == {"status": "ok"}


def test_a_retainer_pool_is_refused_and_the_group_id_stays_in_use(call: Call) -> None:
    said = create(call, configuration__retainer_pool={"create_pool": True, "pool_id": "p1"})

    assert said == {"status": "wrong", "reason": "Crowd does not support retainer pools."}
    assert create(call)["reason"] == "Group id G1 is already in use."


def test_mechanical_turk_requires_the_sandbox_setting(call: Call) -> None:
    assert create(call, "amt")["detail"] == "configuration.amt.sandbox is missing"


def test_settings_without_effect_cause_a_warning(call: Call) -> None:
    data = group(configuration__amt={"sandbox": True, "reward": 0.03})

    made = call("POST", "/crowds/amt/tasks/", data={"data": json.dumps(data)})

    assert made.headers["X-Sandbox-Warning"].startswith("configuration.amt.reward is stored")


def test_an_unknown_crowd_is_not_found(call: Call) -> None:
    assert call("GET", "/crowds/nobody/purge_tasks/").status_code == 404


# A group is a job


def test_a_group_is_a_job_that_is_listed_only_if_asked_for(box: Sandbox, call: Call) -> None:
    create(call)
    client = box.client()

    hidden = list(client.get_jobs())
    shown = client.call("jobs.json", query={"ampcrowd": True})

    assert hidden == []
    assert [job["title"] for job in shown] == ["Sentiment: G1"]
    assert (shown[0]["state"], shown[0]["judgments_per_unit"]) == ("running", 2)
    assert client.call("account.json")["balance"] == 100_000
    units = client.get_job(shown[0]["id"]).units
    assert [unit.data["_amp_id"] for unit in units] == ["t1", "t2", "t3"]


def test_judgments_of_a_group_get_the_reports_of_every_job(box: Sandbox, call: Call) -> None:
    create(call, configuration__num_assignments=1)
    box.crowd.add(2, profile="perfect", truth={"sentiment": {"4": 1.0}})

    box.crowd.run(box.ampcrowd.job("G1"))

    client = box.client()
    report = client.get_report(client.get_job(box.ampcrowd.job("G1")), "full")
    assert [(row["_amp_id"], row["sentiment"]) for row in report] == [
        *[("t1", "4"), ("t2", "4"), ("t3", "4")]
    ]


def test_a_page_is_one_batch(box: Sandbox, call: Call) -> None:
    create(call, content={f"t{number}": "text" for number in range(7)})
    box.crowd.add(4)

    box.crowd.run(box.ampcrowd.job("G1"))

    with box.database.snapshot() as tx:
        pages = tx.driver.execute(
            "SELECT count(*), count(DISTINCT p.task_id) FROM judgment j"
            " JOIN amp_point p ON p.unit_id = j.unit_id GROUP BY j.assignment_id"
        ).fetchall()
    assert sorted(pages) == [(1, 1)] * 2 + [(2, 1)] * 6


# Batches


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


PAGE = "/crowds/internal/assignments/?worker_id=ann&task_type=sa"


def fill_in(html: str, value: str, count: int = 9) -> list[tuple[str, str]]:
    """Return a submission that gives the first questions of a page the same answer."""
    hidden = re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', html)
    questions = [*dict.fromkeys(re.findall(r'type="radio" name="([^"]*)"', html))]
    return [*hidden, *((name, value) for name in questions[:count])]


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
    assert "Please correct 1 answer" in again.text
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
    job.update()
    stuck = call("GET", PAGE)
    assert "A row on your page cannot be shown" in stuck.text

    after = call("POST", PAGE, data=[*fill_in(stuck.text, "5"), ("give_up", "yes")])

    assert after.status_code == 200
    assert "You gave up this page" in after.text


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
    elements = Elements.of(shown.text)
    assert not {name for name, _ in elements} & {"script", "svg", "style", "iframe", "base"}
    assert [name for name, _ in elements].count("form") == 1
    assert not [key for _, keys in elements for key in keys if key.startswith("on")]
    assert "default-src 'none'" in shown.headers["Content-Security-Policy"]


# Pools, purging


def test_pool_endpoints_answer_like_a_server_without_pools(box: Sandbox, call: Call) -> None:
    status = call("GET", "/crowds/internal/assignments/retainer/?task_id=1&worker_id=1")
    finish = call("POST", "/crowds/internal/retainer/finish", data={"pool_id": "p1"})
    ping = call("POST", "/crowds/internal/retainer/ping/")
    understood = call("POST", "/crowds/internal/workers/1/understands_retainer")

    assert status.json() == {"start": False, "pool_status": "finished"}
    assert finish.json() == {"error": "Invalid pool id"}
    assert (ping.status_code, understood.status_code) == (501, 501)
    assert [each.feature for each in box.unimplemented] == ["ampcrowd:retainer"] * 2


def test_a_purge_cancels_the_jobs_of_one_crowd_and_drops_due_results(
    box: Sandbox, call: Call
) -> None:
    create(call, configuration__num_assignments=1)
    create(call, "amt", configuration__amt={"sandbox": False})
    answer(call, "ann")
    assert [each.problem for each in box.ampcrowd.deliver()] == ["the connection was refused"]

    purged = call("GET", "/crowds/internal/purge_tasks/")
    box.clock.advance(hours=1)

    assert purged.json() == {"status": "ok"}
    assert box.ampcrowd.deliver() == []
    client = box.client()
    assert client.get_job(box.ampcrowd.job("G1")).state == "canceled"
    assert client.get_job(box.ampcrowd.job("G1", "amt")).state == "running"
    assert create(call)["reason"] == "Group id G1 is already in use."


# Quality


VOTES = [
    (f"t{task}", worker, label)
    for task, labels in enumerate(["aaab", "bbaa", "aabb", "bbba", "abab"], 1)
    for worker, label in enumerate(labels, 1)
]


def numbered(votes: list[tuple[str, int, str]]) -> list[tuple[str, int, str]]:
    return [(task, worker, {"a": "1", "b": "0"}[label]) for task, worker, label in votes]


def test_expectation_maximization_gives_the_results_of_the_original() -> None:
    found = aggregate_votes("em", numbered(VOTES))

    assert found == {"t1": 1.0, "t2": 0.0, "t3": 1.0, "t4": 0.0, "t5": 1.0}


def test_the_majority_wins_and_in_a_tie_the_first_answer() -> None:
    found = aggregate_votes("mv", numbered(VOTES))

    assert found == {"t1": 1.0, "t2": 0.0, "t3": 1.0, "t4": 0.0, "t5": 1.0}
    assert aggregate_votes("mv", [("t", 1, "2"), ("t", 2, "5"), ("t", 3, "5")]) == {"t": 5.0}


@pytest.mark.parametrize("method", ["mv", "em"])
def test_unanimous_answers_are_the_result(method: str) -> None:
    assert aggregate_votes(method, [("t1", 1, "3"), ("t2", 2, "3")]) == {"t1": 3.0, "t2": 3.0}


@pytest.mark.parametrize(("method", "of_t5"), [("mv", 0.0), ("em", 1.0)])
def test_each_group_gets_the_quality_control_it_asked_for(
    box: Sandbox, call: Call, method: str, of_t5: float
) -> None:
    records = {name: [["x"], ["y"]] for name in ("t1", "t2", "t3", "t4", "t5", "t6", "t7")}
    create(
        call,
        group_context={"fields": ["f"]},
        content=records,
        configuration__task_type="er",
        configuration__task_batch_size=7,
        configuration__num_assignments=5,
        configuration__quality_control=method,
    )
    liars = {
        "ann": "1100110",
        "bob": "1100110",
        "eve": "0011001",
        "mal": "0011001",
        "joe": "1010010",
    }

    for who, given in liars.items():
        shown = page(call, who)
        assert shown is not None
        points = sorted(shown.pop("points"))
        shown["answers"] = json.dumps(dict(zip(points, map(float, given), strict=True)))
        assert call("POST", "/crowds/internal/responses/", data=shown).text == "ok"
    (delivery,) = box.ampcrowd.deliver()

    answers = {each["identifier"]: each["value"] for each in delivery.data["answers"]}
    assert answers["t5"] == of_t5


# Callbacks


@pytest.mark.parametrize(
    "form",
    [
        '<cml:text label="Why?" name="why"/>',
        '<cml:radios label="How?" name="sentiment"><cml:radio label="Well"/></cml:radios>',
        '<cml:checkboxes label="How?" name="sentiment"><cml:checkbox label="4"/></cml:checkboxes>',
    ],
)
def test_a_group_with_a_changed_form_is_given_up_and_blocks_no_other(
    box: Sandbox, call: Call, form: str
) -> None:
    create(call, configuration__num_assignments=1, content={"t1": "first"})
    create(call, configuration__num_assignments=1, group_id="G2")
    changed = box.client().get_job(box.ampcrowd.job("G1"))
    changed.cml = form
    changed.update()
    box.crowd.add(3)
    box.crowd.run(changed.id)
    box.crowd.run(box.ampcrowd.job("G2"))
    box.clock.advance(seconds=1)

    attempts = box.ampcrowd.deliver()

    assert {each.group_id for each in attempts} == {"G2"}


def test_a_point_whose_judgments_were_rejected_is_left_out(box: Sandbox, call: Call) -> None:
    create(call, configuration__num_assignments=1)
    job = box.client().get_job(box.ampcrowd.job("G1"))
    job.units_per_assignment = 1
    job.update()
    for who in ("ann", "bob", "eve"):
        answer(call, who)
    (thrown_away,) = next(iter(job.units)).get_judgments()
    job.get_worker(thrown_away.worker_id).reject("careless")

    delivered = [name for each in box.ampcrowd.deliver() for name in each.data["answers"]]

    assert [each["identifier"] for each in delivered] == ["t2"]


def test_a_batch_is_posted_when_all_of_it_is_answered(box: Sandbox, call: Call) -> None:
    create(call)
    answer(call, "ann")
    assert box.ampcrowd.deliver() == []

    answer(call, "bob")
    (delivery,) = box.ampcrowd.deliver()

    assert delivery.data == {
        "group_id": "G1",
        "group_start_time": "2015-06-24T12:24:11.000000+00:00",
        "answers": [{"identifier": "t1", "value": 4.0}, {"identifier": "t2", "value": 4.0}],
    }


def test_the_delay_between_attempts_grows_and_attempts_end(box: Sandbox, call: Call) -> None:
    create(call, content={"t1": "text"}, configuration__num_assignments=1)
    answer(call, "ann")

    waits: list[float | None] = []
    while not waits or waits[-1] is not None:
        (delivery,) = box.ampcrowd.deliver()
        assert box.ampcrowd.deliver() == []
        waits.append(delivery.retry_in)
        box.clock.advance(delivery.retry_in or 100_000)

    assert waits[:5] == [1, 2, 4, 8, 16]
    assert waits[-2:] == [3600, None]
    assert len(waits) == 30
    assert box.ampcrowd.deliver() == []


def test_a_failing_receiver_is_called_once_a_round(box: Sandbox, call: Call) -> None:
    create(call, configuration__task_batch_size=1, configuration__num_assignments=1)
    create(call, group_id="G2", configuration__callback_url="http://127.0.0.1:2/",
           content={"x": "text"}, configuration__num_assignments=1)  # fmt: skip
    for _ in range(4):
        answer(call, "ann")

    attempts = [(each.group_id, each.url) for each in box.ampcrowd.deliver()]

    assert sorted(attempts) == [("G1", URL), ("G2", "http://127.0.0.1:2/")]


def test_a_stopped_round_leaves_the_rest_for_the_next(box: Sandbox, call: Call) -> None:
    for number in (1, 2, 3):
        create(call, group_id=f"G{number}", configuration__callback_url=f"{URL}/{number}",
               content={"t1": "text"}, configuration__num_assignments=1)  # fmt: skip
        answer(call, "ann")
    asked = iter([False, True])

    first = box.ampcrowd.deliver(lambda: next(asked))
    rest = box.ampcrowd.deliver()

    assert [[each.group_id for each in attempts] for attempts in (first, rest)] == [
        ["G1"],
        ["G2", "G3"],
    ]


def test_a_forbidden_receiver_is_not_called(call: Call, box: Sandbox) -> None:
    create(
        call,
        content={"t1": "text"},
        configuration__num_assignments=1,
        configuration__callback_url="http://169.254.169.254/latest/meta-data",
    )
    answer(call, "ann")

    (delivery,) = box.ampcrowd.deliver()

    assert delivery.problem is not None
    assert "not a public address" in delivery.problem


def test_a_reset_deletes_the_groups(box: Sandbox, call: Call) -> None:
    create(call)

    box.reset()

    assert box.ampcrowd.running_jobs() == []
    assert create(call) == {"status": "ok"}


def test_groups_outlive_the_process(tmp_path: Any) -> None:
    file = tmp_path / "crowd.db"
    with Sandbox(database=file, ampcrowd=True) as box, session_for(box.app) as session:

        def call(verb: str, path: str, **settings: Any) -> Response:
            return session.request(verb, f"{ORIGIN}{path}", **settings)

        create(call, content={"t1": "text"}, configuration__num_assignments=1)
        answer(call, "ann")

    with Sandbox(database=file, ampcrowd=True) as box:
        (delivery,) = box.ampcrowd.deliver()

        assert delivery.data["answers"] == [{"identifier": "t1", "value": 4.0}]


# Access


def test_the_api_is_off_by_default() -> None:
    with Sandbox() as box, session_for(box.app) as session:
        answer = session.get(f"{ORIGIN}/crowds/internal/purge_tasks/")

        assert answer.status_code == 404
        with pytest.raises(RuntimeError, match="ampcrowd=True"):
            box.ampcrowd.running_jobs()


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Mode": "navigate"},
        {"Sec-Fetch-Mode": "no-cors"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
    ],
)
def test_a_request_from_a_web_page_of_another_site_is_refused(
    box: Sandbox, call: Call, headers: dict[str, str]
) -> None:
    create(call)

    refused = call("GET", "/crowds/internal/purge_tasks/", headers=headers)

    assert refused.status_code == 403
    assert box.ampcrowd.running_jobs() == [box.ampcrowd.job("G1")]


def test_without_a_token_only_this_machine_may_call(box: Sandbox) -> None:
    client = box.app.test_client()
    path = "/crowds/internal/purge_tasks"

    statuses = [
        client.get(path, environ_overrides={"REMOTE_ADDR": address}).status_code
        for address in ("127.0.0.1", "::1", "192.168.1.7", "")
    ]

    assert statuses == [200, 200, 403, 403]


def test_with_a_token_callers_need_it() -> None:
    with Sandbox(ampcrowd=AccessPolicy(token="t0ken", loopback=False)) as box:
        client = box.app.test_client()
        path = "/crowds/internal/purge_tasks"
        far = {"REMOTE_ADDR": "192.168.1.7"}
        header = {"Authorization": "Token token=t0ken"}

        statuses = [
            client.get(f"{path}?token=t0ken", environ_overrides=far).status_code,
            client.get(path, headers=header, environ_overrides=far).status_code,
            client.get(f"{path}?token=other", environ_overrides=far).status_code,
            client.get(path).status_code,
        ]
        box.ampcrowd_client().purge_tasks("internal")

        assert statuses == [200, 200, 403, 403]
        assert "t0ken" not in repr(box.ampcrowd.access)


def test_without_loopback_no_callback_goes_to_this_machine() -> None:
    with (
        Sandbox(ampcrowd=AccessPolicy(token="t0ken", loopback=False)) as box,
        session_for(box.app) as session,
    ):

        def call(verb: str, path: str, **settings: Any) -> Response:
            header = {"Authorization": "Token token=t0ken"}
            return session.request(verb, f"{ORIGIN}{path}", headers=header, **settings)

        create(call, content={"t1": "text"}, configuration__num_assignments=1)
        answer(call, "ann")

        (delivery,) = box.ampcrowd.deliver()

        assert delivery.problem == "127.0.0.1 resolves to 127.0.0.1, which is not a public address"
