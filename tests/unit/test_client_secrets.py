"""The key is sent in one header and shown nowhere else."""

from __future__ import annotations

import copy
import io
import json
import logging
import pickle
import traceback
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest
import requests

from crowdflower.ampcrowd import AMPCrowdClient
from crowdflower.client import ApiError, Client
from crowdflower.exceptions import ConfigError
from crowdflower.webhook import Webhook

if TYPE_CHECKING:
    from conftest import SentRequest
    from responses import RequestsMock

    from crowdflower.job import Job

API = "https://api.appen.com/v1"
KEY = "s3cret-0123456789abcdef"
ODD_KEY = "s3cret'\\+/%&=?"


# Valid keys


@pytest.mark.parametrize(
    "key", ["", " ", "s3cret key", "s3cret\n", "s3cret\0", "s3cr€t", 7, b"s3cret"]
)
def test_an_invalid_key_is_refused_without_showing_it(key: Any) -> None:
    with pytest.raises(ConfigError) as caught:
        Client(key)

    assert "s3cr" not in str(caught.value)


def test_a_missing_key_error_says_how_to_set_one() -> None:
    with pytest.raises(ConfigError, match="CROWDFLOWER_API_KEY"):
        Client()


PASSWORD = "p4ssw0rd-0123456789"


@pytest.mark.parametrize(
    "make",
    [
        lambda _: Client(timeout="soon"),
        lambda key: Client(key, timeout="soon"),
        lambda key: Client(key, retries=-1),
        lambda key: Client(key, lookahead=0),
        lambda key: Client(key, "ftp://example.com/v1"),
        lambda key: Client(key, max_requests_per_second=-1),
        lambda key: Client(f"{key}\n"),
        lambda key: Client(key.encode()),
        lambda key: Client(None, key),
        lambda key: Client(key, f"https://user:{PASSWORD}@example.com/v1"),
        lambda key: Client(key, f"https://user:{PASSWORD}@[example/v1"),
        lambda key: Client("other").webhook(f"{key}\n"),
        lambda key: Webhook(key, remembered=-1),
        lambda key: AMPCrowdClient("https://example.com", token=key, retries=-1),
        lambda key: AMPCrowdClient(f"https://user:{PASSWORD}@example.com", token=key),
    ],
)
def test_no_local_variable_of_a_configuration_error_shows_a_secret(
    monkeypatch: pytest.MonkeyPatch, make: Callable[[Any], object]
) -> None:
    monkeypatch.setenv("CROWDFLOWER_API_KEY", KEY)
    with pytest.raises(ConfigError) as caught:
        make(KEY)

    shown = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
    frames = [frame for frame in shown.stack if frame.filename != __file__]
    assert frames
    for frame in frames:
        assert KEY not in str(frame.locals), frame
        assert PASSWORD not in str(frame.locals), frame
    assert shown.__context__ is None


# The client itself


@pytest.mark.parametrize("shown", [repr, str, format, vars, lambda client: vars(client.transport)])
def test_no_representation_of_a_client_shows_its_key(
    client: Client, shown: Callable[[Client], object]
) -> None:
    assert KEY not in str(shown(client))


def test_a_client_cannot_be_pickled(client: Client) -> None:
    with pytest.raises(TypeError, match="create a new Client"):
        pickle.dumps(client)


def test_a_copy_of_a_client_works_for_the_same_account(
    api: RequestsMock, client: Client, sent: list[SentRequest]
) -> None:
    api.get(f"{API}/jobs/7.json", json={"id": 7})

    copy.copy(client).get_job(7)

    assert sent[0].headers["Authorization"] == f"Token token={KEY}"


# Errors


def refused(api: RequestsMock, client: Client) -> None:
    api.get(f"{API}/jobs/7.json", status=404)
    client.get_job(7)


def key_in_error_message(api: RequestsMock, client: Client) -> None:
    api.get(f"{API}/jobs/7.json", status=401, json={"error": f"There is no key {KEY}."})
    client.get_job(7)


def key_in_web_page(api: RequestsMock, client: Client) -> None:
    api.get(f"{API}/jobs/7.json", body=f"{'<p>' * 60}No key {KEY} here.")
    client.get_job(7)


def connection_error(api: RequestsMock, client: Client) -> None:
    api.get(f"{API}/jobs/7.json", body=requests.ConnectionError(f"/v1/jobs?key={KEY}"))
    client.get_job(7)


def read_timeout(api: RequestsMock, client: Client) -> None:
    api.get(f"{API}/jobs/7.json", body=requests.ReadTimeout(f"/v1/jobs?key={KEY}"))
    client.get_job(7)


def truncated(api: RequestsMock, client: Client) -> None:
    api.get(f"{API}/jobs/7.json", body=b"{", headers={"Content-Length": "4000"})
    client.get_job(7)


def redirected(api: RequestsMock, client: Client) -> None:
    api.get(f"{API}/jobs/7.json", status=302, headers={"Location": "/v1/jobs/8.json"})
    client.get_job(7)


def redirected_with_the_key(api: RequestsMock, client: Client) -> None:
    headers = {"Location": f"https://storage.example.com/7.zip?key={KEY}"}
    api.get(f"{API}/jobs/7.csv", status=302, headers=headers)
    client.get_report(7)


def upload_refused(api: RequestsMock, client: Client) -> None:
    api.put(f"{API}/jobs/7/upload.json", status=422, json={"error": "Too many rows."})
    client.upload_job([{"text": "hi"}], 7)


def stream_refused(api: RequestsMock, client: Client) -> None:
    api.put(f"{API}/jobs/7/upload.json", status=413)
    client.call("jobs/7/upload.json", (block for block in [b"{}"]), method="put")


def files_refused(api: RequestsMock, client: Client) -> None:
    api.post(f"{API}/jobs/7/taxonomy.json", status=415)
    client.call("jobs/7/taxonomy.json", files={"file": io.BytesIO(b"a,b\n")})


def malformed(api: RequestsMock, client: Client) -> None:
    api.get(f"{API}/jobs/7.json", json=[KEY])
    client.get_job(7)


def order_redirected(api: RequestsMock, client: Client) -> None:
    for place in ("jobs/7", "jobs/7/ping"):  # read before a payment is sent
        api.get(f"{API}/{place}.json", json={"id": 7, "ordered_units": 0})
    api.post(f"{API}/jobs/7/orders.json", status=302, headers={"Location": "/login"})
    client.debit_order(7, 5, ["on_demand"])


def broken_report(api: RequestsMock, client: Client) -> None:
    api.get(f"{API}/jobs/7.csv", status=200, body=f'{{"error": "No report for {KEY}."}}')
    client.get_report(7)


FAILURES = [
    refused,
    key_in_error_message,
    key_in_web_page,
    connection_error,
    read_timeout,
    truncated,
    redirected,
    redirected_with_the_key,
    upload_refused,
    stream_refused,
    files_refused,
    malformed,
    order_redirected,
    broken_report,
]

ECHOING = [
    key_in_error_message,
    key_in_web_page,
    redirected_with_the_key,
    malformed,
    broken_report,
]
"""Failures in which the response contains the key; what the client shows of it does not."""


def raised_error(
    fail: Callable[[RequestsMock, Client], None], api: RequestsMock, client: Client
) -> Any:
    """Return the error of a failing call."""
    try:
        fail(api, client)
    except ApiError as error:
        return error
    raise AssertionError(f"{fail.__name__} raised no ApiError")


@pytest.mark.parametrize("fail", FAILURES)
def test_no_error_shows_the_key(
    api: RequestsMock, client: Client, fail: Callable[[RequestsMock, Client], None]
) -> None:
    error = raised_error(fail, api, client)

    assert KEY not in f"{error} {error!r} {error.args} {vars(error)}"
    assert str(error)


@pytest.mark.parametrize("fail", FAILURES)
def test_the_request_of_an_error_does_not_contain_the_key(
    api: RequestsMock, client: Client, fail: Callable[[RequestsMock, Client], None]
) -> None:
    error = raised_error(fail, api, client)

    response = error.response
    requests_kept = [error.request]
    if response is not None:
        requests_kept += [response.request, response.next]
        requests_kept += [each.request for each in response.history]
    assert KEY not in str([dict(each.headers) for each in requests_kept if each is not None])


@pytest.mark.parametrize("fail", [fail for fail in FAILURES if fail not in ECHOING])
def test_no_local_variable_in_a_traceback_shows_the_key(
    api: RequestsMock, client: Client, fail: Callable[[RequestsMock, Client], None]
) -> None:
    error = raised_error(fail, api, client)

    shown = traceback.TracebackException.from_exception(error, capture_locals=True)
    frames = [frame for frame in shown.stack if "crowdflower" in frame.filename]

    assert len(frames) > 1
    for frame in shown.stack:
        if frame.name != fail.__name__:
            assert KEY not in str(frame.locals), frame
    assert shown.__cause__ is None
    assert shown.__context__ is None


@pytest.mark.parametrize("fail", FAILURES)
def test_an_error_is_pickled_without_the_key(
    api: RequestsMock, client: Client, fail: Callable[[RequestsMock, Client], None]
) -> None:
    error = raised_error(fail, api, client)

    pickled = pickle.dumps(error)
    revived = pickle.loads(pickled)  # noqa: S301 - ours

    assert type(revived) is type(error)
    assert str(revived) == str(error)
    assert (revived.response is None) == (error.response is None)
    assert fail in ECHOING or KEY.encode() not in pickled


def test_a_key_with_special_characters_is_masked_in_every_encoding(api: RequestsMock) -> None:
    said = f"No such key: {ODD_KEY}, or {requests.utils.quote(ODD_KEY, safe='')}"
    api.get(f"{API}/jobs/7.json", status=401, body=said)
    api.get(f"{API}/jobs/8.json", status=401, json={"error": said})
    client = Client(ODD_KEY)

    for number in (7, 8):
        with pytest.raises(ApiError, match=r"No such key: \*{4}, or \*{4}"):
            client.get_job(number)


def test_a_message_is_masked_before_it_is_truncated(api: RequestsMock, client: Client) -> None:
    api.get(f"{API}/jobs/7.json", status=500, body="." * 190 + KEY)

    with pytest.raises(ApiError) as caught:
        client.get_job(7)

    assert KEY[:8] not in str(caught.value)


def test_the_header_is_masked_even_while_the_request_is_sent(
    api: RequestsMock, client: Client
) -> None:
    """The traceback of an interrupt has frames of libraries, whose variables hold all headers."""
    shown: list[str] = []

    def interrupted(request: requests.PreparedRequest) -> Any:
        shown.append(repr(dict(request.headers)))
        shown.append(repr([request.headers["Authorization"]]))
        raise KeyboardInterrupt

    api.add_callback("GET", f"{API}/jobs/7.json", interrupted)

    with pytest.raises(KeyboardInterrupt):
        client.get_job(7)

    assert shown
    assert KEY not in str(shown)


# Other places


@pytest.mark.parametrize("status", [200, 302])
def test_a_raw_response_does_not_contain_the_key(
    api: RequestsMock, client: Client, sent: list[SentRequest], status: int
) -> None:
    api.put(f"{API}/jobs/7/pause", status=status, headers={"Location": f"{API}/jobs/7"})

    response = client.call("jobs/7/pause", method="put", as_json=False)

    assert sent[0].headers["Authorization"] == f"Token token={KEY}"
    assert KEY not in str(response.request.headers)
    assert response.next is None
    assert KEY.encode() not in pickle.dumps(response)


def test_logs_do_not_contain_the_key(
    api: RequestsMock, client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    api.get(f"{API}/jobs/7.json", json={"id": 7})
    client.get_job(7)

    raised_error(key_in_error_message, api, client)

    assert KEY not in caplog.text


def test_models_are_pickled_without_client_and_key(client: Client, job: Job) -> None:
    unit = client.unit_from_json({"id": 1, "job_id": 7})

    pickled = pickle.dumps([job, unit])
    revived_job, revived_unit = pickle.loads(pickled)  # noqa: S301 - ours

    assert KEY.encode() not in pickled
    assert revived_job.json == job.json
    assert revived_unit.json == unit.json
    with pytest.raises(RuntimeError, match="unpickled"):
        revived_job.pause()


def test_an_error_of_the_callers_generator_shows_no_key(api: RequestsMock, client: Client) -> None:
    def rows() -> Iterator[dict[str, str]]:
        yield {"text": "hi"}
        raise LookupError("the database went away")

    with pytest.raises(LookupError) as caught:
        client.upload_job(rows())

    shown = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
    assert KEY not in json.dumps([frame.locals for frame in shown.stack])
