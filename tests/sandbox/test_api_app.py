"""Rules of every endpoint: keys, formats, verbs, limits, errors."""

from __future__ import annotations

import logging
from concurrent.futures import ThreadPoolExecutor
from itertools import product
from typing import TYPE_CHECKING, Any

import pytest

from crowdflower.sandbox.api.routes import ROUTES
from crowdflower.sandbox.rules import accounts
from crowdflower.sandbox.rules.jobs import jobs
from crowdflower.sandbox.server.app import create_app
from crowdflower.sandbox.server.in_process import ORIGIN, SandboxAdapter, session_for

if TYPE_CHECKING:
    from collections.abc import Callable

    from requests import Response

    from crowdflower.sandbox.server.app import Application
    from crowdflower.sandbox.store import Database

    Api = Callable[..., Response]

KEY = "planted-key-7f3a90c1"
NOT_FOUND = b"""{"error": {"message":"We couldn't find what you were looking for."}}"""


def fill_in(path: str, job: int) -> str:
    """Return a path of the table with the id of the job, and unknown ids elsewhere."""
    for part, value in [("<job>", str(job)), ("<path:rest>", "a/b")]:
        path = path.replace(part, value)
    for name in ("unit", "judgment", "order", "worker"):
        path = path.replace(f"<int:{name}>", "7")
    return path


EVERY = [
    (verb, route.version, route.path)
    for route in ROUTES
    for verb in route.verbs.split() or ["GET", "POST", "PUT", "DELETE"]
]


@pytest.mark.parametrize("key", [None, "wrong", KEY[:-1], KEY + "x", "ü", "' OR 1=1 --"])
def test_a_missing_or_wrong_key_gets_the_same_401(api: Api, key: str | None) -> None:
    headers = {"Authorization": f"Token token={key}".encode()} if key else {}

    response = api("GET", "/jobs", key=None, headers=headers)

    assert response.status_code == 401
    assert response.json() == {"error": {"message": "Your API key is missing or not valid."}}


@pytest.mark.parametrize(
    "settings",
    [
        {"headers": {"Authorization": f"Token token={KEY}"}},
        {"headers": {"Authorization": f'Token token="{KEY}"'}},
        {"headers": {"Authorization": f"token token={KEY}"}},
        {"params": {"key": KEY}},
        {"data": {"key": KEY}},
        {"json": {"key": KEY}},
        {"params": {"key": KEY}, "data": {"key": "wrong"}},
        {"params": {"key": "wrong"}, "headers": {"Authorization": f"Token token={KEY}"}},
    ],
)
def test_the_key_may_be_in_header_query_or_body(api: Api, settings: dict[str, Any]) -> None:
    response = api("POST", "/jobs", key=None, **settings)

    assert response.status_code == 200


@pytest.mark.parametrize(("verb", "version", "path"), EVERY)
def test_every_endpoint_requires_a_key(api: Api, verb: str, version: str, path: str) -> None:
    response = api(verb, fill_in(path, 7), key=None, version=version)

    assert response.status_code == 401


@pytest.mark.parametrize(
    ("verb", "path"), [(verb, path) for verb, version, path in EVERY if "<job>" in path]
)
def test_a_job_of_another_account_is_not_found(
    database: Database, api: Api, verb: str, path: str
) -> None:
    with database.transaction() as tx:
        other = accounts.open_account(tx, key="somebody-else")
        other_job = jobs.create(tx, other, {}).id

    response = api(verb, fill_in(path, other_job), params={"type": "full"})
    missing = api(verb, fill_in(path, 999), params={"type": "full"})

    assert response.status_code == missing.status_code
    assert response.content.replace(b"%d" % other_job, b"999") == missing.content
    assert response.status_code in {400, 404, 415, 422, 501}


@pytest.mark.parametrize(("path", "suffix"), [*product(["/jobs", "/account"], ["", ".json", "/"])])
def test_a_json_suffix_or_trailing_slash_changes_nothing(api: Api, path: str, suffix: str) -> None:
    assert api("GET", path + suffix).status_code == 200
    assert api("GET", f"{path}.json/", params={"page": "1"}).status_code == 200


@pytest.mark.parametrize(
    "path", ["//jobs/{}", "/jobs//{}.json", "///jobs////{}//", "/jobs/{}.json//", "//jobs/{}/"]
)
def test_several_slashes_are_one(api: Api, job: int, path: str) -> None:
    """The vendor's Ruby gem puts two slashes behind the version in every call."""
    assert api("GET", path.format(job)).json()["id"] == job


def test_channels_have_no_json_suffix(api: Api, job: int) -> None:
    assert api("GET", f"/jobs/{job}/channels").status_code == 200
    assert api("GET", f"/jobs/{job}/channels.json").content == NOT_FOUND


@pytest.mark.parametrize(
    ("path", "accept", "status"),
    [
        ("/jobs", "application/json", 200),
        ("/jobs", "text/html, application/json;q=0.1", 200),
        ("/jobs", "text/json", 200),
        ("/jobs", "*/*", 200),
        ("/jobs", "application/*", 200),
        ("/jobs", "text/html", 406),
        ("/jobs", "text/csv", 406),
        ("/jobs.json", "text/html", 200),
    ],
)
def test_a_request_that_does_not_accept_json_is_refused(
    api: Api, path: str, accept: str, status: int
) -> None:
    response = api("GET", path, headers={"Accept": accept})

    assert response.status_code == status
    assert response.headers["Content-Type"] == "application/json; charset=utf-8"


@pytest.mark.parametrize(
    ("verb", "path"),
    [
        ("GET", "/nothing"),
        ("GET", "/jobs/7/nothing"),
        ("GET", "/jobs/nobody"),
        ("GET", f"/jobs/{'9' * 40}"),
        ("GET", f"/jobs/700001/units/{'9' * 40}"),
        ("GET", "/jobs/700001/units/abc"),
        ("POST", "/jobs/700001"),
        ("PATCH", "/jobs/700001"),
        ("DELETE", "/jobs"),
        ("GET", "/jobs/7.json.json"),
        ("GET", "/../v1/jobs/x"),
    ],
)
def test_a_404_has_the_same_bytes_as_the_service(api: Api, verb: str, path: str) -> None:
    response = api(verb, path)

    assert response.status_code == 404
    assert response.content == NOT_FOUND


def test_a_wrong_verb_gets_a_404_with_the_allowed_verbs(api: Api, job: int) -> None:
    assert api("POST", f"/jobs/{job}").headers["Allow"] == "DELETE, GET, HEAD, PUT"


def test_options_lists_the_verbs_without_a_key(api: Api) -> None:
    response = api("OPTIONS", "/jobs", key=None)

    assert response.status_code == 204
    assert response.headers["Allow"] == "GET, HEAD, POST"
    assert response.content == b""


def test_head_is_get_without_a_body(api: Api, job: int) -> None:
    response = api("HEAD", f"/jobs/{job}")

    assert response.status_code == 200
    assert int(response.headers["Content-Length"]) > 1000
    assert response.content == b""


@pytest.mark.parametrize(
    "path", [route.path for route in ROUTES if route.writes and "GET" in route.verbs]
)
def test_head_never_changes_anything(api: Api, job: int, path: str) -> None:
    before = api("GET", "/jobs").json()

    response = api("HEAD", fill_in(path, job))

    assert response.status_code == 404
    assert api("GET", "/jobs").json() == before


def test_a_body_of_unknown_type_is_ignored(api: Api) -> None:
    response = api("POST", "/jobs", data=b"job[title]=Sentiment of reviews")

    assert response.status_code == 200
    assert response.json()["title"] is None


@pytest.mark.parametrize(
    "settings",
    [
        {"params": {"job[title]": "Sentiment of reviews"}},
        {"data": {"job[title]": "Sentiment of reviews"}},
        {"json": {"job": {"title": "Sentiment of reviews"}}},
        {"data": {"job": '{"title": "Sentiment of reviews"}'}},
        {"files": {"job[title]": (None, "Sentiment of reviews")}},
        {
            "data": '\ufeff{"job": {"title": "Sentiment of reviews"}}'.encode(),
            "headers": {"Content-Type": "text/json; charset=utf-8"},
        },
        {
            "params": {"job[title]": "Overruled by the body"},
            "json": {"job": {"title": "Sentiment of reviews"}},
        },
    ],
)
def test_parameters_may_come_in_any_encoding(api: Api, settings: dict[str, Any]) -> None:
    response = api("POST", "/jobs", **settings)

    assert response.json()["title"] == "Sentiment of reviews"


@pytest.mark.parametrize("body", [b"null", b" null\r\n", b"\xef\xbb\xbfnull", b"[]", b'""', b" "])
@pytest.mark.parametrize("kind", ["application/json", "text/json; charset=utf-8"])
def test_a_json_body_of_nothing_is_an_empty_body(api: Api, body: bytes, kind: str) -> None:
    """``null`` is the body of calls without parameters in the vendor's own test suite."""
    headers = {"Content-Type": kind}
    created = api("POST", "/jobs", data=body, headers=headers)
    job = created.json()["id"]

    assert created.json()["title"] is None
    assert "X-Sandbox-Warning" not in created.headers
    paused = api("PUT", f"/jobs/{job}/pause", data=body, headers=headers)
    assert paused.json() == {"error": "You can't pause a job that hasn't been launched."}
    empty = api("PUT", f"/jobs/{job}", data=body, headers=headers)
    assert (empty.status_code, empty.content) == (400, api("PUT", f"/jobs/{job}").content)
    titled = api("PUT", f"/jobs/{job}?job[title]=Sentiment", data=body, headers=headers)
    assert titled.json()["title"] == "Sentiment"


@pytest.mark.parametrize("sent", [None, [], "", "null", {}])
def test_empty_attributes_change_nothing(api: Api, job: int, sent: Any) -> None:
    before = api("GET", f"/jobs/{job}").json()

    changed = api("PUT", f"/jobs/{job}", json={"job": sent}).json()

    assert {**changed, "updated_at": None} == {**before, "updated_at": None}
    assert api("POST", "/jobs", json={"job": sent}).json()["title"] is None


@pytest.mark.parametrize("page", ["{1}", "1st", "", "abc", "0", "-1"])
def test_every_list_has_a_first_page_for_an_odd_page_number(
    api: Api, job: int, units: list[int], page: str
) -> None:
    """The braces are those of the requests guide, typed literally."""
    is_number = page in {"0", "-1"}
    for path in ("/jobs", f"/jobs/{job}/units", f"/jobs/{job}/judgments"):
        response = api("GET", path, params={"page": page})

        assert response.content == api("GET", path).content
        assert ("X-Sandbox-Warning" in response.headers) is not is_number
    assert len(units) == 6
    assert list(api("GET", f"/jobs/{job}/units?page={{2}}&limit={{5}}").json()) == [str(units[5])]


@pytest.mark.parametrize(
    ("verb", "path", "data", "status"),
    [
        ("POST", "/jobs/{}/orders", {"debit[units_count]": "5 units"}, 422),
        ("POST", "/jobs/{}/orders", {"debit[units_count]": "{5} units"}, 422),
        ("POST", "/jobs/{}/workers/7/bonus", {"amount": "5 cents"}, 422),
        (
            "POST",
            "/jobs/{}/judgments",
            {"judgment[unit_id]": "5x", "judgment[worker_id]": "1"},
            422,
        ),
        ("POST", "/jobs/{}/units/7/request_more_judgments", {"nb_judgments": "2 more"}, 422),
        ("GET", "/jobs/{}x", {}, 404),
        ("GET", "/jobs/{}/units/7x", {}, 404),
        ("GET", "/jobs/{}/workers/7x", {}, 404),
    ],
)
def test_text_behind_a_number_that_costs_money_or_names_something_is_refused(
    api: Api, job: int, verb: str, path: str, data: dict[str, str], status: int
) -> None:
    assert api(verb, path.format(job), data=data).status_code == status


def test_a_get_may_have_a_body_with_its_filters(api: Api, job: int) -> None:
    assert len(api("GET", "/jobs", json={"state": "unordered"}).json()) == 1
    assert api("GET", "/jobs", json={"state": "running"}).json() == []


@pytest.mark.parametrize(
    ("body", "kind", "message"),
    [
        (b'{"job": {"payment_cents": 1e400}}', "application/json", "line 1 column 27"),
        (b'{"job": {"payment_cents": NaN}}', "application/json", "line 1 column 27"),
        (b'{"job": ', "application/json", "line 1 column 9"),
        (b'{"job": {"title": "\\ud800"}}', "application/json", "a lone surrogate"),
        (b'{"job": "\xff"}', "application/json", "not UTF-8 at byte 9"),
        (b"[" * 100_000, "application/json", "nesting"),
        (b"job[title]=%00", "application/x-www-form-urlencoded", "NUL"),
        (b"job[title]=%ff", "application/x-www-form-urlencoded", "not UTF-8"),
        (b"a[b][c][d][e][f][g][h][i][j]=1", "application/x-www-form-urlencoded", "deeper"),
    ],
)
def test_an_unreadable_body_is_a_bad_request(
    api: Api, body: bytes, kind: str, message: str
) -> None:
    response = api("POST", "/jobs", data=body, headers={"Content-Type": kind})

    assert response.status_code == 400
    assert message in response.json()["error"]["message"]
    assert api("GET", "/jobs").json() == []


@pytest.mark.parametrize("number", [10**30, "99999999999999999999"])
def test_a_number_too_large_for_the_database_is_refused(api: Api, job: int, number: Any) -> None:
    response = api("PUT", f"/jobs/{job}", json={"job": {"judgments_per_unit": number}})

    assert response.status_code == 422
    assert api("GET", f"/jobs/{job}").json()["judgments_per_unit"] == 3


def test_a_form_of_a_megabyte_is_read_and_one_beyond_the_limit_refused(api: Api) -> None:
    passes = api("POST", "/jobs", data={"job[instructions]": "x" * 1_000_000})
    does_not = api("POST", "/jobs", data={"job[instructions]": "x" * 17_000_000})

    assert len(passes.json()["instructions"]) == 1_000_000
    assert does_not.status_code == 413


@pytest.mark.parametrize("path", ["/jobs", "/jobs/upload"])
def test_a_compressed_body_is_refused(api: Api, path: str) -> None:
    response = api("POST", path, data=b"\x1f\x8b", headers={"Content-Encoding": "gzip"})

    assert response.status_code == 415
    assert "Content-Encoding gzip is not supported" in response.json()["error"]["message"]


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_a_request_from_another_site_is_refused(api: Api, job: int, site: str) -> None:
    response = api("GET", f"/jobs/{job}/copy", headers={"Sec-Fetch-Site": site})

    assert response.status_code == 403
    assert len(api("GET", "/jobs").json()) == 1


@pytest.mark.parametrize(
    ("verb", "version", "path", "feature"),
    [
        ("GET", "v1", "/jobs/{job}/max_pay_for_crowd", "pay advice"),
        ("GET", "v1", "/jobs/{job}/archive", "archiving"),
        ("PUT", "v1", "/jobs/{job}/judgments/7/reject", "rejecting a judgment"),
        ("PUT", "v1", "/jobs/{job}/ontology.csv", "ontologies"),
        ("GET", "v1", "/users/teams", "teams"),
        ("POST", "v2", "/workflows/3/launch", "the second version of the API"),
        ("PUT", "v1", "/jobs/{job}?job[uri]=http://example.com/feed", "feeds"),
    ],
)
def test_an_unsupported_feature_answers_501_and_is_recorded(
    app: Application, api: Api, job: int, verb: str, version: str, path: str, feature: str
) -> None:
    response = api(verb, path.format(job=job), version=version)

    error = response.json()["error"]
    assert response.status_code == 501
    assert set(error) == {"message", "code", "feature", "see"}
    assert error["code"] == "sandbox_not_implemented"
    assert error["feature"] == response.headers["X-Sandbox-Not-Implemented"] == feature
    assert [each.feature for each in app.services.unimplemented] == [feature]


def test_a_warning_is_a_header_and_does_not_change_the_body(api: Api, job: int) -> None:
    response = api("PUT", f"/jobs/{job}", json={"job": {"colour": "blüe\nX-Evil: 1"}})

    assert "colour" in response.headers["X-Sandbox-Warning"]
    assert "X-Evil" not in response.headers
    assert not response.json().keys() & {"warning", "error", "errors"}


def break_down(_: object) -> None:
    raise LookupError(f"an unexpected failure with {KEY} and key={KEY}")


@pytest.fixture
def broken_app(database: Database, monkeypatch: pytest.MonkeyPatch) -> Application:
    """An application with a bug."""
    monkeypatch.setattr(jobs, "read_page", lambda *_, **__: break_down(None))
    return create_app(database)


def test_a_bug_is_raised_in_the_process_of_the_caller(broken_app: Application) -> None:
    session = session_for(broken_app)

    with pytest.raises(LookupError, match="an unexpected failure"):
        session.get(f"{ORIGIN}/v1/jobs", params={"key": KEY})


@pytest.mark.parametrize(
    "settings",
    [{"params": {"key": KEY}}, {"headers": {"Authorization": f"Token token={KEY}"}}],
)
def test_over_a_socket_a_bug_is_a_500_and_neither_response_nor_log_has_the_key(
    broken_app: Application, caplog: pytest.LogCaptureFixture, settings: dict[str, Any]
) -> None:
    session = session_for(broken_app)
    session.mount(ORIGIN, SandboxAdapter(broken_app, raise_errors=False))

    with caplog.at_level(logging.DEBUG):
        response = session.get(f"{ORIGIN}/v1/jobs", **settings)

    error = response.json()["error"]
    assert response.status_code == 500
    assert error["id"] in caplog.text
    assert "LookupError" in caplog.text
    assert "LookupError" not in response.text
    assert KEY not in caplog.text
    assert KEY not in response.text


def test_many_threads_share_one_application(app: Application) -> None:
    def create_job(number: int) -> int:
        with session_for(app) as session:
            response = session.post(
                f"{ORIGIN}/v1/jobs", params={"key": KEY, "job[title]": f"Number {number}"}
            )
        job_id: int = response.json()["id"]
        return job_id

    with ThreadPoolExecutor(8) as pool:
        numbers = list(pool.map(create_job, range(40)))

    assert len(set(numbers)) == 40
