"""One call: the request for each kind of data, and the result."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from itertools import islice
from typing import TYPE_CHECKING, Any

import pytest
from responses import matchers

from crowdflower.exceptions import (
    ApplicationError,
    InvalidInput,
    MalformedResponse,
    PageLoop,
    ServerError,
    UnexpectedContentType,
)

if TYPE_CHECKING:
    from conftest import SentRequest
    from responses import RequestsMock

    from crowdflower.client import Client

API = "https://api.appen.com/v1"
FORM = "application/x-www-form-urlencoded"
JSON = "application/json"


def test_a_call_sends_the_key_in_a_header_and_decodes_json(
    api: RequestsMock, client: Client, sent: list[SentRequest]
) -> None:
    api.get(f"{API}/jobs/7.json", json={"id": 7, "title": "Größe"})

    answer = client.call("jobs/7.json")

    assert answer == {"id": 7, "title": "Größe"}
    assert sent[0].line == "GET /jobs/7.json"
    assert sent[0].headers["Authorization"] == "Token token=s3cret-0123456789abcdef"
    assert sent[0].headers["Accept"] == JSON
    assert sent[0].body == b""


def test_a_path_may_be_written_as_in_the_api_documentation(
    api: RequestsMock, client: Client, sent: list[SentRequest]
) -> None:
    api.get(f"{API}/jobs/7.json", status=502)
    api.get(f"{API}/jobs/7.json", json={"id": 7})

    client.call("/jobs/7.json")

    assert [request.line for request in sent] == ["GET /jobs/7.json"] * 2


@pytest.mark.parametrize(
    ("data", "body", "content_type"),
    [
        ('{"text":"Grüße"}', '{"text":"Grüße"}'.encode(), JSON),
        (b'{"text":"hi"}', b'{"text":"hi"}', JSON),
        ({"tags": "spring"}, b"tags=spring", FORM),
        ([b'{"a":1}\n', b'{"a":2}\n'], b'{"a":1}\n{"a":2}\n', JSON),
        ((b"{", b"}"), b"{}", JSON),
        (io.BytesIO(b'{"a":1}'), b'{"a":1}', JSON),
    ],
    ids=["text", "bytes", "form", "list", "tuple", "file"],
)
def test_a_body_is_sent_with_its_content_type(
    api: RequestsMock,
    client: Client,
    sent: list[SentRequest],
    data: Any,
    body: bytes,
    content_type: str,
) -> None:
    api.put(f"{API}/jobs/7/upload.json", json={"id": 7})

    client.call("jobs/7/upload.json", data, method="put")

    assert sent[0].body == body
    assert sent[0].headers["Content-Type"] == content_type


def test_an_iterable_of_bytes_is_streamed_and_consumed_once(
    api: RequestsMock, client: Client, sent: list[SentRequest]
) -> None:
    consumed = []

    def blocks() -> Iterator[bytes]:
        for number in range(3):
            consumed.append(number)
            yield b'{"n":%d}\n' % number

    api.post(f"{API}/jobs/upload.json", json={"id": 7})

    client.call("jobs/upload.json", blocks(), method="post")

    assert sent[0].body == b'{"n":0}\n{"n":1}\n{"n":2}\n'
    assert sent[0].headers["Transfer-Encoding"] == "chunked"
    assert "Content-Length" not in sent[0].headers
    assert consumed == [0, 1, 2]


def test_a_file_is_sent_with_its_length(
    api: RequestsMock, client: Client, sent: list[SentRequest]
) -> None:
    api.post(f"{API}/jobs/upload.json", json={"id": 7})

    client.call("jobs/upload.json", io.BytesIO(b'{"n":1}'), method="post")

    assert sent[0].headers["Content-Length"] == "7"


def test_nested_data_becomes_bracketed_names(
    api: RequestsMock, client: Client, sent: list[SentRequest]
) -> None:
    api.put(f"{API}/jobs/7.json", json={"id": 7})
    options = {"front_load": True, "after_gold": 4, "keywords": None}

    client.call(
        "jobs/7.json",
        {"job": {"title": "Größe & Co", "options": options, "included_countries": ["FI", "US"]}},
        method="put",
    )

    assert sent[0].form == [
        ("job[title]", "Größe & Co"),
        ("job[options][front_load]", "true"),
        ("job[options][after_gold]", "4"),
        ("job[options][keywords]", ""),
        ("job[included_countries][]", "FI"),
        ("job[included_countries][]", "US"),
    ]


def test_bracketed_names_are_sent_unchanged(
    api: RequestsMock, client: Client, sent: list[SentRequest]
) -> None:
    api.put(f"{API}/jobs/7.json", json={"id": 7})

    client.call("jobs/7.json", {"job[title]": "Sentiment"}, method="put")

    assert sent[0].form == [("job[title]", "Sentiment")]


def test_a_query_is_encoded_like_a_form(
    api: RequestsMock, client: Client, sent: list[SentRequest]
) -> None:
    api.get(f"{API}/jobs.json", json=[])

    client.call("jobs.json", query={"state": "running", "tags": ["a b", "c"], "gold": False})

    assert sent[0].line == "GET /jobs.json?state=running&tags[]=a b&tags[]=c&gold=false"


def test_get_with_data_becomes_post(
    api: RequestsMock, client: Client, sent: list[SentRequest]
) -> None:
    api.post(f"{API}/jobs.json", json={"id": 7})

    client.call("jobs.json", {"job": {"title": "Sentiment"}})

    assert sent[0].line == "POST /jobs.json"


def test_get_with_files_becomes_a_multipart_post(
    api: RequestsMock, client: Client, sent: list[SentRequest]
) -> None:
    api.post(f"{API}/jobs/7/taxonomy.json", json={"id": 7})
    rows = ("animals.csv", io.BytesIO(b"name\ncat\n"), "text/csv")

    client.call("jobs/7/taxonomy.json", {"tree": {"name": "animals"}}, files={"file": rows})

    assert sent[0].line == "POST /jobs/7/taxonomy.json"
    assert sent[0].headers["Content-Type"].startswith("multipart/form-data; boundary=")
    assert b'name="tree[name]"\r\n\r\nanimals\r\n' in sent[0].body
    assert b'name="file"; filename="animals.csv"' in sent[0].body
    assert b"Content-Type: text/csv\r\n\r\nname\ncat\n\r\n" in sent[0].body


@pytest.mark.parametrize("method", ["put", "PUT", "delete", "post"])
def test_an_explicit_method_is_used(
    api: RequestsMock, client: Client, sent: list[SentRequest], method: str
) -> None:
    api.add(method.upper(), f"{API}/jobs/7.json", json={})

    client.call("jobs/7.json", method=method)

    assert sent[0].line == f"{method.upper()} /jobs/7.json"


@pytest.mark.parametrize("method", ["post", "put"])
def test_a_write_without_a_body_has_content_length_zero(
    api: RequestsMock, client: Client, sent: list[SentRequest], method: str
) -> None:
    api.add(method.upper(), f"{API}/jobs/7/gold.json", json={})

    client.call("jobs/7/gold.json", method=method)

    assert sent[0].headers["Content-Length"] == "0"


@pytest.mark.parametrize("name", ["Content-Type", "content-type"])
def test_headers_of_the_caller_override_defaults(
    api: RequestsMock, client: Client, sent: list[SentRequest], name: str
) -> None:
    api.put(f"{API}/jobs/7/upload.json", json={"id": 7})

    client.call("jobs/7/upload.json", b"a,b\n", {name: "text/csv", "X-Run": "9"}, method="put")

    assert sent[0].headers["Content-Type"] == "text/csv"
    assert sent[0].headers["X-Run"] == "9"


def test_arguments_of_the_caller_are_not_modified(api: RequestsMock, client: Client) -> None:
    api.get(f"{API}/jobs.json", json=[])
    headers, query = {"X-Run": "9"}, {"state": "running"}

    client.call("jobs.json", headers=headers, query=query)

    assert headers == {"X-Run": "9"}
    assert query == {"state": "running"}


def test_a_raw_response_is_not_decoded(
    api: RequestsMock, client: Client, sent: list[SentRequest]
) -> None:
    api.post(f"{API}/jobs/7/regenerate", body="OK", content_type="text/plain")

    response = client.call("jobs/7/regenerate", method="post", as_json=False)

    assert (response.status_code, response.text) == (200, "OK")
    assert sent[0].headers["Accept"] == "*/*"


def test_an_empty_response_is_none(api: RequestsMock, client: Client) -> None:
    api.delete(f"{API}/jobs/7.json", status=204)

    assert client.call("jobs/7.json", method="delete") is None


@pytest.mark.parametrize(
    "body", [b"", b"{", b'{"id": NaN}', b'{"id": 1e400}', b'"\xff"', b"[" * 100_000, b"9" * 5000]
)
def test_invalid_json_is_a_malformed_response(
    api: RequestsMock, client: Client, body: bytes
) -> None:
    api.get(f"{API}/jobs/7.json", body=body, content_type=JSON)

    with pytest.raises(MalformedResponse, match=r"GET /jobs/7\.json"):
        client.call("jobs/7.json")


def test_an_html_page_instead_of_json_is_quoted_in_the_error(
    api: RequestsMock, client: Client
) -> None:
    api.get(f"{API}/jobs/7.json", body="<html>Please sign in</html>", content_type="text/html")

    with pytest.raises(UnexpectedContentType, match=r"text/html.*Please sign in"):
        client.call("jobs/7.json")


def test_a_response_without_content_type_is_quoted_too(api: RequestsMock, client: Client) -> None:
    api.get(f"{API}/jobs/7.json", body="OK", content_type=None)

    with pytest.raises(UnexpectedContentType, match=r"no content type: 'OK'"):
        client.call("jobs/7.json")


def test_json_with_a_byte_order_mark_is_decoded(api: RequestsMock, client: Client) -> None:
    api.get(f"{API}/jobs/7.json", body=b'\xef\xbb\xbf{"id": 7}', content_type=JSON)

    assert client.call("jobs/7.json") == {"id": 7}


@pytest.mark.parametrize("content_type", [JSON, "text/html", "text/plain; charset=utf-8", None])
@pytest.mark.parametrize("as_json", [True, False])
def test_an_error_with_status_200_raises_in_every_spelling(
    api: RequestsMock, client: Client, content_type: str | None, as_json: bool
) -> None:
    body = '{"error": "You can\'t pause a job that hasn\'t been launched."}'
    api.get(f"{API}/jobs/7/pause.json", body=body, content_type=content_type)

    with pytest.raises(ApplicationError, match="hasn't been launched"):
        client.call("jobs/7/pause.json", as_json=as_json)


@pytest.mark.parametrize(
    "arguments",
    [
        {"headers": {"X-Note": "two\r\nlines"}},
        {"headers": {"X-Note": "日本"}},
        {"method": "po st"},
        {"method": "p\nst"},
        {"method": ""},
        {"data": "text beside a file", "files": {"file": io.BytesIO(b"")}},
        {"data": {"job": {"title": object()}}},
        {"data": {"job": {"title": "\ud800"}}},
        {"query": {"title": "\ud800"}},
        {"data": 7},
    ],
    ids=[
        "header",
        "header beyond Latin",
        "verbs",
        "verb of two lines",
        "no verb",
        "text and files",
        "object",
        "half a character",
        "in the query",
        "number",
    ],
)
def test_invalid_data_is_refused_before_any_request(
    client: Client, arguments: dict[str, Any]
) -> None:
    with pytest.raises(InvalidInput):
        client.call("jobs.json", **{"method": "post", **arguments})


def test_an_error_of_the_generator_of_rows_is_propagated(api: RequestsMock, client: Client) -> None:
    def blocks() -> Iterator[bytes]:
        yield b"{}"
        raise LookupError("the database went away")

    api.post(
        f"{API}/jobs/upload.json",
        match=[lambda request: (bool(b"".join(request.body)), "")],
        json={},
    )
    api.assert_all_requests_are_fired = False

    with pytest.raises(LookupError, match="the database went away"):
        client.call("jobs/upload.json", blocks(), method="post")


# Pages


def respond_pages(api: RequestsMock, pages: list[Any]) -> None:
    """Serve pages by number; after the last one, repeat it."""
    for number, page in enumerate(pages, 1):
        match = [matchers.query_param_matcher({"page": str(number)}, strict_match=False)]
        api.get(f"{API}/jobs/7/units.json", json=page, match=match)


@pytest.mark.parametrize("nothing", [[], {}])
def test_pages_end_at_the_first_empty_one(
    api: RequestsMock, client: Client, sent: list[SentRequest], nothing: object
) -> None:
    respond_pages(api, [{"1": {}, "2": {}}, {"3": {}}, nothing])

    pages = list(client.paged_call("jobs/7/units.json"))

    assert pages == [{"1": {}, "2": {}}, {"3": {}}]
    assert [request.line for request in sent] == [
        "GET /jobs/7/units.json?page=1&limit=100",
        "GET /jobs/7/units.json?page=2&limit=100",
        "GET /jobs/7/units.json?page=3&limit=100",
    ]


def test_a_list_without_limit_is_not_asked_for_the_default_one(
    api: RequestsMock, client: Client, sent: list[SentRequest]
) -> None:
    api.get(f"{API}/jobs.json", json=[])

    assert list(client.paged_call("jobs.json")) == []
    assert [request.line for request in sent] == ["GET /jobs.json?page=1"]


def test_pages_start_at_the_given_page_and_keep_the_other_arguments(
    api: RequestsMock, client: Client, sent: list[SentRequest]
) -> None:
    api.get(f"{API}/jobs.json", json=[])
    query = {"state": "running"}

    pages = client.paged_call("jobs.json", None, {"X-Run": "9"}, query=query, page=4, limit=25)

    assert list(pages) == []
    assert sent[0].line == "GET /jobs.json?state=running&page=4&limit=25"
    assert sent[0].headers["X-Run"] == "9"
    assert query == {"state": "running"}


def is_last(page: dict[str, Any]) -> bool:
    return "3" in page


@pytest.mark.parametrize("sentinel", [{"3": {}}, is_last], ids=["value", "function"])
def test_a_sentinel_ends_the_pages(
    api: RequestsMock, client: Client, sentinel: object | Callable[[Any], bool]
) -> None:
    respond_pages(api, [{"1": {}}, {"2": {}}, {"3": {}}])

    pages = list(client.paged_call("jobs/7/units.json", sentinel=sentinel))

    assert pages == [{"1": {}}, {"2": {}}]


def test_pages_are_fetched_lazily(
    api: RequestsMock, client: Client, sent: list[SentRequest]
) -> None:
    api.get(f"{API}/jobs/7/units.json", json={"1": {}})

    pages = client.paged_call("jobs/7/units.json")
    before = len(sent)
    first = list(islice(pages, 1))

    assert (before, first, len(sent)) == (0, [{"1": {}}], 1)


def test_a_server_that_ignores_the_page_number_is_detected_at_the_second_page(
    api: RequestsMock, client: Client, sent: list[SentRequest]
) -> None:
    api.get(f"{API}/jobs/7/units.json", json={"1": {}})

    with pytest.raises(PageLoop) as caught:
        list(client.paged_call("jobs/7/units.json"))

    assert caught.value.page == 2
    assert len(sent) == 2


@pytest.mark.parametrize(
    "bad", [{"page": 0}, {"page": -1}, {"limit": 0}, {"page": "2"}, {"page": 1.5}, {"limit": True}]
)
def test_page_and_limit_must_be_positive_integers(client: Client, bad: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput, match="must be a positive integer"):
        client.paged_call("jobs/7/units.json", **bad)


@pytest.mark.parametrize(("name", "most"), [("units", 1000), ("judgments", 100)])
def test_a_limit_above_the_maximum_page_size_is_refused_before_any_request(
    client: Client, name: str, most: int
) -> None:
    for call in (
        lambda limit: client.paged_call(f"jobs/7/{name}.json", limit=limit),
        lambda limit: client.paged_call(path=f"jobs/7/{name}", limit=limit),
        lambda limit: client.jobs[7][name].pages(limit=limit),
    ):
        with pytest.raises(InvalidInput, match=f"/jobs/7/{name}.* has at most {most} items"):
            call(most + 1)
        call(most)


def test_an_error_on_a_later_page_is_raised_after_the_pages_before_it(
    api: RequestsMock, client: Client
) -> None:
    one, two = ([matchers.query_param_matcher({"page": n}, strict_match=False)] for n in "12")
    api.get(f"{API}/jobs/7/units.json", json={"1": {}}, match=one)
    api.get(f"{API}/jobs/7/units.json", status=503, match=two)
    pages = client.paged_call("jobs/7/units.json")

    first = next(pages)
    with pytest.raises(ServerError):
        next(pages)

    assert first == {"1": {}}
