"""The transport: statuses, redirects, connections, addresses."""

from __future__ import annotations

import pickle
from typing import TYPE_CHECKING, Any

import pytest
import requests
from requests import Session
from urllib3.connection import HTTPSConnection
from urllib3.exceptions import MaxRetryError, NameResolutionError, NewConnectionError

from crowdflower import exceptions
from crowdflower.client import Client
from crowdflower.exceptions import (
    ApiError,
    ConfigError,
    ConnectionLost,
    InvalidInput,
    NotFound,
    NotSentError,
    RequestTimeout,
    ServerError,
    TruncatedResponse,
    UnexpectedRedirect,
    UnexpectedStatus,
    UnitLimitReached,
    ValidationError,
)
from crowdflower.http import connections
from crowdflower.http.encoding import flatten
from crowdflower.http.transport import Transport
from crowdflower.job import Job
from crowdflower.unit import Unit

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import SentRequest
    from responses import RequestsMock

API = "https://api.appen.com/v1"
KEY = "s3cret-0123456789abcdef"
STORAGE = "https://storage.example.com/reports/7.zip"


# Refusals


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, "ValidationError"),
        (401, "AuthenticationError"),
        (402, "PaymentRequired"),
        (403, "PermissionDenied"),
        (404, "NotFound"),
        (405, "MethodNotAllowed"),
        (406, "NotAcceptable"),
        (408, "RequestTimeout"),
        (409, "Conflict"),
        (410, "NotFound"),
        (413, "PayloadTooLarge"),
        (415, "ValidationError"),
        (418, "RefusedError"),
        (422, "ValidationError"),
        (429, "RateLimited"),
        (500, "ServerError"),
        (501, "SandboxNotImplemented"),
        (502, "ServerError"),
        (503, "ServerError"),
        (504, "ServerError"),
    ],
)
def test_each_error_status_has_its_class_and_hides_the_key(
    api: RequestsMock, client: Client, status: int, error: str
) -> None:
    message = "We couldn't find what you were looking for."
    api.get(f"{API}/jobs/7.json", status=status, json={"error": {"message": message}})

    with pytest.raises(ApiError) as caught:
        client.get_job(7)

    assert type(caught.value) is getattr(exceptions, error)
    assert str(caught.value).startswith(f"GET /jobs/7.json: {status} ")
    assert str(caught.value).endswith(message)
    assert caught.value.response is not None
    assert caught.value.response.status_code == status
    assert caught.value.request is caught.value.response.request
    assert KEY not in str(caught.value)


@pytest.mark.parametrize(
    "body",
    [
        '{"error": "Invalid format of included_countries attribute"}',
        '{"error": {"message": "Invalid format of included_countries attribute"}}',
        '{"errors": ["Invalid format of included_countries attribute"]}',
        '{"message": {"error": "Invalid format of included_countries attribute"}}',
        '{"message": "Invalid format of included_countries attribute"}',
        "Invalid format of included_countries attribute",
        "<p>Invalid format of\n included_countries attribute</p>",
    ],
)
def test_the_error_contains_the_message_of_the_server_in_any_format(
    api: RequestsMock, client: Client, body: str
) -> None:
    api.put(f"{API}/jobs/7.json", status=422, body=body)

    with pytest.raises(ApiError, match="Invalid format of included_countries attribute"):
        client.update_job(7, {"included_countries": ["XX"]})


@pytest.mark.parametrize(
    "said",
    [
        "Unit limit reached (250,000)",
        "This job has reached the maximum number of units.",
        "You cannot upload more than 250,000 rows to a job",
        "Your upload exceeds the 250000 row limit",
        "Row 6 exceeds the maximum number of units of a job.",
        "Too many units",
        "No more rows can be added to this job",
        "The maximum is 250,000 units",
    ],
)
def test_too_many_rows_in_a_job_raise_unit_limit_reached(
    api: RequestsMock, client: Client, said: str
) -> None:
    api.put(f"{API}/jobs/7/upload.json", status=422, json={"error": {"message": said}})

    with pytest.raises(UnitLimitReached) as caught:
        client.upload_job([{"text": "hi"}], 7)

    assert str(caught.value).endswith(f"{said.rstrip('.')}; nothing was stored")


def test_a_copy_names_the_job_that_may_be_missing(api: RequestsMock, client: Client) -> None:
    api.post(
        f"{API}/jobs/7/units/5/copy.json", status=404, json={"error": {"message": "Not here."}}
    )

    with pytest.raises(NotFound, match="no job 99, or no unit 5 in job 7: Not here"):
        client.copy_unit(Unit(Job(client, id=7), client).absorb({"id": 5}), 99)


@pytest.mark.parametrize("path", ["test_questions", "golds/fire_webhooks"])
def test_a_missing_job_is_named(api: RequestsMock, client: Client, path: str) -> None:
    api.get(f"{API}/jobs/99/{path}", status=404, json={"error": {"message": "Not here."}})

    with pytest.raises(NotFound, match="no job 99: Not here"):
        client.call(f"jobs/99/{path}")


def test_an_upload_to_a_url_without_the_path_of_the_api_says_so(api: RequestsMock) -> None:
    api.post("https://api.example/jobs/upload.json", status=404, body="<h1>Not Found</h1>")

    with pytest.raises(NotFound, match="the base URL may lack its path, such as /v1") as caught:
        Client(KEY, "https://api.example").upload_job([{"a": "1"}])

    assert "no job upload" not in str(caught.value)


@pytest.mark.parametrize(
    "said",
    [
        "Judgments per unit must be at most 200",
        "A page has to have at most 20 units per page",
        "Max judgments per unit is lower than judgments per unit",
        "units_per_assignment is more than the limit",
        "Each unit needs data",
        "Row 6 has no value",
        "The title is limited to 255 characters",
        "Unit 698757970: cml:text validates: min 9 is greater than max 0",
        "The test questions run out before the rows do: no more than 40 of the 400 rows",
        "Row 3 has too many columns: 5001 is more than the maximum of a row",
    ],
)
def test_other_limits_are_not_unit_limit_reached(
    api: RequestsMock, client: Client, said: str
) -> None:
    api.put(f"{API}/jobs/7.json", status=422, json={"error": said})

    with pytest.raises(ValidationError) as caught:
        client.update_job(7, {"title": "A"})

    assert type(caught.value) is ValidationError


@pytest.mark.parametrize(
    "body",
    [
        '{"error": "No.", "user": {"email": "owner@example.com", "ip": "203.0.113.9"}}',
        '{"_ip":"203.0.113.9","auth_key":"0wner@example.com","email" :"owner@example.com',
        '{"errors": [{"email": "owner@example.com", "_ip": "203.0.113.9"}]}',
        "<p>{'email': 'owner@example.com', 'password': '203.0.113.9\\' and more'}</p>",
        '{"email": "\\"owner@example.com", "ip": 203.0.113.9}',
    ],
)
def test_an_error_masks_private_fields(api: RequestsMock, client: Client, body: str) -> None:
    api.get(f"{API}/jobs/7.json", status=422, body=body)

    with pytest.raises(ValidationError) as caught:
        client.get_job(7)

    for shown in (str(caught.value), pickle.dumps(caught.value).decode("latin-1")):
        assert "wner@example.com" not in shown
        assert "203.0.113.9" not in shown


def test_a_masked_response_is_still_valid_json(api: RequestsMock, client: Client) -> None:
    said = {"error": "No.", "id": 7, "email": 'a "b"@example.com', "key": 12, "title": "ip: key"}
    api.get(f"{API}/jobs/7.json", status=422, json=said)

    with pytest.raises(ValidationError) as caught:
        client.get_job(7)

    assert caught.value.response is not None
    assert caught.value.response.json() == {**said, "email": "****", "key": "****"}


def test_a_refusal_with_an_empty_body_says_so(api: RequestsMock, client: Client) -> None:
    api.get(f"{API}/jobs/7.json", status=500)

    with pytest.raises(ServerError, match="500 Internal Server Error: an empty body"):
        client.get_job(7)


def test_a_long_error_page_is_truncated_in_the_message(api: RequestsMock, client: Client) -> None:
    api.get(f"{API}/jobs/7.json", status=502, body="<p>Bad gateway</p>" * 10_000)

    with pytest.raises(ServerError, match="Bad gateway") as caught:
        client.get_job(7)

    assert len(str(caught.value)) < 300


@pytest.mark.parametrize("status", [300, 304])
def test_an_unexpected_status_is_an_error(api: RequestsMock, client: Client, status: int) -> None:
    api.get(f"{API}/jobs/7.json", status=status)

    with pytest.raises(UnexpectedStatus, match=str(status)):
        client.get_job(7)


@pytest.mark.parametrize("status", [200, 201, 203])
def test_every_2xx_status_is_success(api: RequestsMock, client: Client, status: int) -> None:
    api.post(f"{API}/jobs/7/units.json", status=status, json={"id": 1})

    assert client.call("jobs/7/units.json", {"unit": {"data": {"a": "b"}}}) == {"id": 1}


# Warnings


def test_an_object_created_with_an_error_message_is_returned_with_a_warning(
    api: RequestsMock, client: Client
) -> None:
    said = "Unit was successfully created, but it could not be ordered"
    api.post(f"{API}/jobs/7/units.json", json={"id": 9, "message": {"error": said}})

    with pytest.warns(UserWarning, match=said):
        answer = client.jobs[7].units(data={"unit": {"data": {"text": "hi"}}})

    assert answer["id"] == 9


# Connections


def refused_connection(kind: type[NewConnectionError]) -> requests.ConnectionError:
    """The exception of requests for a refused connection, with its text."""
    pool = HTTPSConnection("api.appen.com")
    reason = (
        NameResolutionError("api.appen.com", pool, OSError(-2, "unknown"))  # type: ignore[arg-type]
        if kind is NameResolutionError
        else NewConnectionError(pool, "Connection refused")
    )
    return requests.ConnectionError(MaxRetryError(None, f"/v1/jobs?key={KEY}", reason))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("failure", "error", "python_error", "said"),
    [
        (
            refused_connection(NewConnectionError),
            NotSentError,
            ConnectionError,
            "cannot connect to",
        ),
        (
            refused_connection(NameResolutionError),
            NotSentError,
            ConnectionError,
            "host name .* not found",
        ),
        (requests.ConnectTimeout(KEY), NotSentError, ConnectionError, "within 5 s"),
        (requests.ReadTimeout(KEY), RequestTimeout, TimeoutError, "sent nothing for 30 s"),
        (requests.exceptions.SSLError(KEY), ConnectionLost, ConnectionError, "certificate"),
        (requests.ConnectionError(KEY), ConnectionLost, ConnectionError, "broke"),
        (requests.exceptions.ProxyError(KEY), ConnectionLost, ConnectionError, "broke"),
        (requests.exceptions.ChunkedEncodingError(KEY), ConnectionLost, ConnectionError, "broke"),
        (requests.exceptions.ContentDecodingError(KEY), ConnectionLost, ConnectionError, "broke"),
    ],
    ids=lambda value: getattr(value, "__name__", type(value).__name__),
)
def test_each_connection_failure_has_its_error_class(
    api: RequestsMock,
    client: Client,
    failure: Exception,
    error: type[ApiError],
    python_error: type[Exception],
    said: str,
) -> None:
    api.get(f"{API}/jobs/7.json", body=failure)

    with pytest.raises(error, match=said) as caught:
        client.get_job(7)

    assert isinstance(caught.value, python_error)
    assert str(caught.value).startswith("GET /jobs/7.json: ")
    assert "api.appen.com" in str(caught.value)
    assert KEY not in str(caught.value)
    assert caught.value.request is not None
    assert caught.value.response is None


def test_an_incomplete_response_is_truncated_response(api: RequestsMock, client: Client) -> None:
    api.get(f"{API}/jobs/7.json", body=b'{"id": 7}', headers={"Content-Length": "4000"})

    with pytest.raises(TruncatedResponse):
        client.get_job(7)


def test_an_error_has_no_cause_or_context_from_the_libraries(
    api: RequestsMock, client: Client
) -> None:
    api.get(f"{API}/jobs/7.json", body=requests.ConnectionError("gone"))

    with pytest.raises(ConnectionLost) as caught:
        client.get_job(7)

    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None


@pytest.mark.parametrize(("timeout", "used"), [(2.5, (2.5, 2.5)), ((1, 9), (1, 9))])
def test_timeout_sets_connect_and_read_timeout(
    api: RequestsMock, timeout: float | tuple[float, float], used: tuple[float, float]
) -> None:
    api.get(f"{API}/jobs/7.json", json={"id": 7})
    client = Client(KEY, timeout=timeout)

    client.get_job(7)

    assert api.calls[0].request.req_kwargs["timeout"] == used  # type: ignore[attr-defined]


# Redirects


def test_a_raw_read_sends_the_key_to_a_redirect_on_the_same_server(
    api: RequestsMock, client: Client, sent: list[SentRequest]
) -> None:
    api.get(f"{API}/jobs/7.csv", status=302, headers={"Location": "/v1/reports/7"})
    api.get(f"{API}/reports/7", body=b"zip")

    response = client.call("jobs/7.csv", as_json=False)

    assert response.content == b"zip"
    assert sent[1].headers["Authorization"] == f"Token token={KEY}"


def test_a_redirect_to_another_host_gets_no_key_cookie_or_custom_header(
    api: RequestsMock, client: Client, sent: list[SentRequest]
) -> None:
    headers = {"Location": f"{STORAGE}?signature=x%2By", "Set-Cookie": "session=1; Domain=.com"}
    api.get(f"{API}/jobs/7.csv", status=302, headers=headers)
    api.get(STORAGE, body=b"zip")

    response = client.call("jobs/7.csv", headers={"X-Account": "mine"}, as_json=False)

    assert response.content == b"zip"
    assert response.url == f"{STORAGE}?signature=x%2By"
    assert set(sent[1].headers).isdisjoint({"Authorization", "Cookie", "Referer", "X-Account"})
    assert KEY not in str(dict(sent[1].headers))


@pytest.mark.parametrize(
    ("status", "location"),
    [
        (302, "http://api.appen.com/v1/jobs/7.zip"),
        (302, "http://storage.example.com/7.zip"),
        (302, f"{STORAGE}?key={KEY}"),
        (307, f"https://storage.example.com/{KEY}/7.zip"),
        (302, "https://user:password@storage.example.com/7.zip"),
        (302, "file:///etc/passwd"),
        (302, "ftp://storage.example.com/7.zip"),
        (302, "https://[storage.example.com/7.zip"),
        (302, "https://storage.example.com:port/7.zip"),
        (302, None),
    ],
)
def test_unsafe_redirects_are_not_followed(
    api: RequestsMock, client: Client, sent: list[SentRequest], status: int, location: str | None
) -> None:
    headers = {} if location is None else {"Location": location}
    api.get(f"{API}/jobs/7.csv", status=status, headers=headers)

    with pytest.raises(UnexpectedRedirect, match=r"GET /jobs/7\.csv") as caught:
        client.call("jobs/7.csv", as_json=False)

    assert len(sent) == 1
    assert KEY not in str(caught.value)
    assert "password@" not in str(caught.value)


def test_at_most_three_redirects_are_followed(
    api: RequestsMock, client: Client, sent: list[SentRequest]
) -> None:
    for number in range(4):
        headers = {"Location": f"https://storage.example.com/{number + 1}"}
        url = f"https://storage.example.com/{number}" if number else f"{API}/jobs/7.csv"
        api.get(url, status=302, headers=headers)

    with pytest.raises(UnexpectedRedirect, match="more than 3"):
        client.call("jobs/7.csv", as_json=False)

    assert len(sent) == 4


def test_a_redirect_instead_of_json_is_an_error(
    api: RequestsMock, client: Client, sent: list[SentRequest]
) -> None:
    api.get(f"{API}/jobs/7.json", status=302, headers={"Location": "/login"})

    with pytest.raises(UnexpectedRedirect):
        client.get_job(7)

    assert len(sent) == 1


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_write_does_not_follow_redirects(
    api: RequestsMock, client: Client, sent: list[SentRequest], status: int
) -> None:
    api.post(f"{API}/jobs/7/regenerate", status=status, headers={"Location": STORAGE})

    response = client.call("jobs/7/regenerate", method="post", as_json=False)

    assert response.status_code == status
    assert len(sent) == 1


# Configuration for other programs


def test_a_netrc_file_is_ignored(
    api: RequestsMock,
    client: Client,
    sent: list[SentRequest],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("default login somebody password else\n")
    monkeypatch.setenv("NETRC", str(netrc))
    api.get(f"{API}/jobs/7.csv", status=302, headers={"Location": STORAGE})
    api.get(STORAGE, body=b"zip")

    client.call("jobs/7.csv", as_json=False)

    assert sent[0].headers["Authorization"] == f"Token token={KEY}"
    assert "Authorization" not in sent[1].headers


def test_cookies_are_not_stored(api: RequestsMock, client: Client, sent: list[SentRequest]) -> None:
    api.get(f"{API}/jobs/7.json", json={"id": 7}, headers={"Set-Cookie": "session=1; Path=/"})

    client.get_job(7)
    client.get_job(7)

    assert "Cookie" not in sent[1].headers


# Sessions


def test_the_callers_session_is_used_and_stays_open(
    api: RequestsMock, sent: list[SentRequest]
) -> None:
    api.get(f"{API}/jobs/7.json", json={"id": 7})
    session = Session()
    session.headers["User-Agent"] = "pipeline/3"
    session.headers["Authorization"] = "Basic somebody else"
    closed = []
    session.mount("https://elsewhere.example", ObservableAdapter(closed))

    with Client(KEY, session=session) as client:
        client.get_job(7)

    assert sent[0].headers["User-Agent"] == "pipeline/3"
    assert sent[0].headers["Authorization"] == f"Token token={KEY}"
    assert closed == []


def test_the_clients_own_session_is_closed_and_reopens_when_used(api: RequestsMock) -> None:
    api.get(f"{API}/jobs/7.json", json={"id": 7})
    closed: list[str] = []
    client = Client(KEY)
    client.transport._session.mount("https://elsewhere.example", ObservableAdapter(closed))

    with client:
        client.get_job(7)

    assert closed == ["closed"]
    assert client.get_job(7).id == 7


class ObservableAdapter(requests.adapters.HTTPAdapter):
    """An adapter that records when it is closed."""

    def __init__(self, closed: list[str]) -> None:
        super().__init__()
        self.closed = closed

    def close(self) -> None:
        self.closed.append("closed")
        super().close()


# Addresses


@pytest.mark.parametrize(
    ("base_url", "shown"),
    [
        ("https://api.eu.appen.com/v1", "https://api.eu.appen.com/v1"),
        ("https://api.eu.appen.com/v1/", "https://api.eu.appen.com/v1"),
        ("http://localhost:8000/v1", "http://localhost:8000/v1"),
        ("http://127.0.0.1:8000/v1", "http://127.0.0.1:8000/v1"),
        ("http://[::1]:8000/v1", "http://[::1]:8000/v1"),
    ],
)
def test_a_safe_base_url_is_accepted(base_url: str, shown: str) -> None:
    client = Client(KEY, base_url)

    assert client.API_URL.format(path="jobs.json") == f"{shown}/jobs.json"
    assert repr(client) == f"<Client {shown}>"


@pytest.mark.parametrize(
    "base_url",
    [
        "api.appen.com/v1",
        "ftp://api.appen.com/v1",
        "https://",
        "https:///v1",
        "https://[api.appen.com/v1",
        "https://api.appen.com:port/v1",
        f"https://{KEY}@api.appen.com/v1",
        f"https://:{KEY}@api.appen.com/v1",
        f"ftp://me:{KEY}@api.appen.com/v1",
        f"https://api.appen.com/v1?key={KEY}",
        f"api.appen.com/v1?key={KEY}",
        "https://api.appen.com/v1#jobs",
        "http://api.appen.com/v1",
        "http://192.168.1.7:8000/v1",
        "http://localhost.example.com/v1",
    ],
)
def test_an_invalid_base_url_is_refused_without_showing_it(base_url: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Client(KEY, base_url)

    assert KEY not in str(caught.value)


def test_the_environment_permits_plain_http_to_another_machine(
    api: RequestsMock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CROWDFLOWER_ALLOW_INSECURE", "1")
    api.get("http://192.168.1.7:8000/v1/jobs/7.json", json={"id": 7})

    client = Client(KEY, "http://192.168.1.7:8000/v1")

    assert client.get_job(7).id == 7


def test_allow_insecure_permits_plain_http_to_another_machine(
    api: RequestsMock, sent: list[SentRequest]
) -> None:
    api.get("http://192.168.1.7:8000/v1/jobs/7.json", json={"id": 7})
    client = Client(KEY, "http://192.168.1.7:8000/v1", allow_insecure=True)

    client.get_job(7)

    assert sent[0].headers["Authorization"] == f"Token token={KEY}"


def test_a_plain_http_server_may_redirect_to_itself(
    api: RequestsMock, sent: list[SentRequest]
) -> None:
    here = "http://localhost:8000/v1"
    api.get(f"{here}/jobs/7.csv", status=302, headers={"Location": f"{here}/reports/7"})
    api.get(f"{here}/reports/7", body=b"zip")

    Client(KEY, here).call("jobs/7.csv", as_json=False)

    assert sent[1].headers["Authorization"] == f"Token token={KEY}"


def test_a_redirect_to_another_port_gets_no_key(api: RequestsMock, sent: list[SentRequest]) -> None:
    elsewhere = "http://localhost:9000/7.zip"
    api.get("http://localhost:8000/v1/7", status=302, headers={"Location": elsewhere})
    api.get(elsewhere, body=b"zip")

    Client(KEY, "http://localhost:8000/v1").call("7", as_json=False)

    assert "Authorization" not in sent[1].headers


# Preparing a request


@pytest.mark.parametrize(
    "base_url",
    [
        *("https://api.appen.com/v1", "HTTPS://API.Appen.com:443/v1/", "http://127.0.0.1:8000"),
        *("https://bücher.example/v1", "https://[::1]:8000/a/../v%7e1", "https://x.example/ü v"),
    ],
)
@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("jobs/7.json", {}),
        ("jobs.json", {"page": 2, "limit": 100}),
        ("jobs/7/units.json", {"page": 2}),
        ("jobs/a%20b/units", {"a": "x y", "b": "ü", "c": ["1", "2"], "d": {"e": True}}),
        ("jobs/../account.json", {"page": "1&limit=2", "": "x"}),
        ("jobs//7.json", {"page": None}),
        ("jobs/7.json?a=b", {"c": "%41~-_."}),
        ("jobs/.", {}),
        ("jobs/7.json#x", {"page": "é"}),
        ("jobs/\uff17.json", {"\uff50": "\uff11"}),
        ("", {}),
        ("~x/_-/y.json", {"state": "running"}),
    ],
)
def test_a_request_is_prepared_as_requests_would(
    base_url: str, path: str, query: dict[str, Any]
) -> None:
    transport = Transport(KEY, base_url, allow_insecure=True)
    whole = requests.Request(
        "GET",
        f"{base_url.rstrip('/')}/{path}",
        params=flatten(query),
        headers={**requests.Session().headers, "Accept": "application/json"},
    ).prepare()

    prepared = transport.prepare("GET", path, query=query, headers={"Accept": "application/json"})

    assert (prepared.method, prepared.url, prepared.body) == ("GET", whole.url, whole.body)
    assert dict(prepared.headers) == dict(whole.headers)
    assert prepared.copy().url == whole.url


@pytest.mark.parametrize("headers", [{"X-Bad": "a\nb"}, {"X-Bad": "\u0444"}])
def test_an_invalid_header_of_a_read_is_refused(headers: dict[str, str]) -> None:
    with pytest.raises(InvalidInput, match="cannot be sent"):
        Transport(KEY, API).prepare("GET", "jobs.json", headers=headers)


def test_the_headers_of_a_session_of_the_caller_are_sent(api: RequestsMock) -> None:
    api.get(f"{API}/jobs/7.json", json={"id": 7})
    session = Session()
    session.headers["X-Team"] = "blue"

    Client(KEY, session=session).get_job(7)

    assert api.calls[0].request.headers["X-Team"] == "blue"


def test_the_connections_of_a_server_are_looked_up_once_and_forgotten_when_closed() -> None:
    adapter = connections.Adapter()

    def pool(url: str, verify: bool = True, **settings: Any) -> Any:
        request = requests.Request("GET", url).prepare()
        return adapter.get_connection_with_tls_context(request, verify, **settings)

    first = pool("https://a.example/v1/jobs.json")
    same = pool("https://a.example/v1/account.json?a=1")
    others = [
        pool("https://a.example/", verify=False),
        pool("https://a.example:444/"),
        pool("http://a.example/"),
        pool("https://b.example/"),
        pool("https://b.example/", proxies={"https": "http://proxy.example:1"}),
    ]
    again = pool("https://a.example/")
    adapter.close()

    assert first is same is again
    assert len({first, *others}) == 6
    assert [each.host for each in others] == ["a.example"] * 3 + ["b.example"] * 2
    assert pool("https://a.example/") is not first
