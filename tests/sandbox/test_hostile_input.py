"""Hostile and malformed input: refused with its position, and without partial changes."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Any, ClassVar

import pytest

from crowdflower.sandbox.rules.work import workers
from crowdflower.sandbox.server.in_process import ORIGIN
from crowdflower.sandbox.server.requests import MAX_HEADER

if TYPE_CHECKING:
    from collections.abc import Callable

    from requests import Response

    from crowdflower.sandbox.store import Database

    Api = Callable[..., Response]

NUL = "\0"
DEEP = "[" * 100_000
CSV = {"Content-Type": "text/csv"}
LINES = {"Content-Type": "application/json"}
INVALID_FORMS = [
    ("<!DOCTYPE a [<!ENTITY b SYSTEM 'file:///etc/passwd'>]><cml:text name='q' label='&b;'/>", ""),
    ("<!DOCTYPE a [<!ENTITY a0 'a'>" + "".join(
        f"<!ENTITY a{n} '&a{n - 1};&a{n - 1};'>" for n in range(1, 60)
    ) + "]><cml:text name='q' label='&a59;'/>", ""),
    ("<xi:include href='file:///etc/passwd'/><cml:text name='q' label='Q'/>", ""),
    ("<div>" * 10_000 + "<cml:text name='q' label='Q'/>", "line 1, column"),
    ("<cml:text name='q' label='Q'/><cml:text name='q' label='Q'/>", "line 1, column"),
    ("<cml:text name='q' label=", "line 1, column"),
    ("<cml:nothing/>", "line 1, column"),
    ("{% for a in (1..100000000) %}{% for b in (1..100000000) %}x{% endfor %}{% endfor %}", ""),
    ("<p>{{ ''.__class__.__mro__ }}</p><cml:text name='q' label='Q'/>", ""),
]  # fmt: skip


class AuditRecorder:
    """Records each file, process and connection that is opened within the block."""

    EVENTS = ("open", "socket.connect", "socket.getaddrinfo", "subprocess.Popen", "os.system")
    _active: ClassVar[list[AuditRecorder]] = []

    def __init__(self) -> None:
        self.events: list[str] = []

    def __enter__(self) -> list[str]:
        AuditRecorder._active.append(self)
        return self.events

    def __exit__(self, *_: object) -> None:
        AuditRecorder._active.remove(self)

    @classmethod
    def record(cls, event: str, arguments: tuple[Any, ...]) -> None:
        if cls._active and event in cls.EVENTS:
            path = str(arguments[0])
            if not path.endswith((".py", ".pyc")):  # Python may import modules at any time
                for recorder in cls._active:
                    recorder.events.append(f"{event} {path}")


sys.addaudithook(AuditRecorder.record)  # audit hooks cannot be removed


def error_message(response: Response) -> str:
    """Return the message of a refusal; the service has two formats for it."""
    body = response.json()
    error = body["errors"][0] if "errors" in body else body["error"]
    return str(error["message"] if isinstance(error, dict) else error)


@pytest.mark.parametrize(
    ("content", "kind", "message"),
    [
        (b'{"a": 1}\n' * 50_000 + b'{"a": }\n', LINES, "Unable to parse row 50001. Expecting"),
        (b"review_id\n" + b"x\n" * 50_000 + b"x,y\n", CSV, "Unable to parse row 50002. It is 2"),
        (b"a\nx\0y\n", CSV, "Unable to parse row 2. Column 1 has the character NUL."),
        (b'a\n"open', CSV, "Unable to parse row 2. It is not valid CSV"),
        ("a\nx\n".encode("utf-16"), CSV, "Please be sure your file is UTF-8"),
        (b",".join(b"c%d" % n for n in range(10_000)), CSV, "It names 10000 columns"),
        (b"a\n" + b"x" * 17_000_000, CSV, "parse row 2. It is not valid CSV: field larger"),
        (b"a\rb\r\nc,d\n", CSV, "Unable to parse row 3. It is 2 cells wide, and the header 1."),
        (b'{"a": 1}{"a": "\\ud800"}', LINES, "Unable to parse row 2. A string contains a lone"),
        (b'{"a": 1} {"a": 1' + b"0" * 400 + b"}", LINES, "Unable to parse row 2. 10000"),
        (b'{"a":' + DEEP.encode(), LINES, "Unable to parse row 1. More than 64 levels"),
        (b"\x80\x04cposix\nsystem\n.", {"Content-Type": "application/x-pickle"}, "cannot read"),
        (b"!!python/name:os.system", {"Content-Type": "application/yaml"}, "cannot read"),
        (b"PK\x03\x04", {"Content-Type": "application/zip"}, "cannot read application/zip"),
        (b"PK\x03\x04\n\xff\n", CSV, "Unable to parse row 2"),
    ],
)  # fmt: skip
def test_a_file_with_one_mistake_is_refused_entirely(
    api: Api, job: int, content: bytes, kind: dict[str, str], message: str
) -> None:
    before = api("GET", f"/jobs/{job}/units").content

    created = api("POST", "/jobs/upload", data=content, headers=kind)
    added = api("POST", f"/jobs/{job}/upload", params={"force": "true"}, data=content, headers=kind)

    assert created.status_code == added.status_code
    assert created.status_code in {415, 422}
    assert message in error_message(created)
    assert message in error_message(added)
    assert [each["id"] for each in api("GET", "/jobs").json()] == [job]
    assert api("GET", f"/jobs/{job}/units").content == before


@pytest.mark.parametrize(
    ("attributes", "message"),
    [
        ({"options": '{"a": NaN}'}, "Options must be an object"),
        ({"options": '{"a": 1e400}'}, "Options must be an object"),
        ({"options": '{"a": ' + DEEP}, "Options must be an object"),
        ({"options": r'{"a": "\u0000"}'}, "Options must be an object"),
        ({"options": r'{"a": "\ud800"}'}, "Options must be an object"),
        ({"fields": '{"a": ' + DEEP}, "Fields must be an object"),
        ({"included_countries": DEEP}, "Invalid format of included_countries"),
        ({"included_countries": {"9" * 5000: "US"}}, "Invalid format of included_countries"),
        ({"included_countries": ["US"] * 1000}, "Invalid format of included_countries"),
        ({"payment_cents": "NaN"}, "Payment cents must be an amount"),
        ({"payment_cents": "1e400"}, "Payment cents must be an amount"),
        ({"payment_cents": "1e999999999999999999"}, "Payment cents must be an amount"),
        ({"payment_cents": "9" * 400}, "is too large"),
        ({"payment_cents": 10**300}, "is too large"),
        ({"judgments_per_unit": "sNaN"}, "Judgments per unit must be a whole number"),
        ({"judgments_per_unit": -1}, "Judgments per unit must be a whole number"),
        ({"min_unit_confidence": "Infinity"}, "Min unit confidence must be a number"),
        ({"execution_mode": ["a"]}, "Execution mode must be text"),
        ({"title": "x" * 1_000_000}, "Title is too long"),
        ({"title": {"a": "b"}}, "Title must be text"),
        ({"cml": "x" * 1_000_000}, "larger than 256 KB"),
        ({"alias": "../../etc/passwd"}, "Alias must have 255 characters"),
        ({"alias": "x" * 256}, "Alias must have 255 characters"),
        ({"alias": "7"}, "Alias must not be a number"),
        ({"webhook_uri": "file:///etc/passwd"}, "Webhook uri cannot be notified"),
        ({"webhook_uri": "http://[::1"}, "Webhook uri cannot be notified"),
    ],
)  # fmt: skip
def test_an_invalid_attribute_changes_nothing(
    api: Api, job: int, attributes: dict[str, Any], message: str
) -> None:
    before = api("GET", f"/jobs/{job}").content

    response = api("PUT", f"/jobs/{job}", json={"job": {"custom_key": "new", **attributes}})

    assert message in error_message(response)
    assert response.status_code in {200, 422}
    assert api("GET", f"/jobs/{job}").content == before


@pytest.mark.parametrize(("cml", "message"), INVALID_FORMS)
def test_a_form_cannot_open_files_or_run_forever(
    api: Api, job: int, cml: str, message: str
) -> None:
    started = time.process_time()
    with AuditRecorder() as events:
        response = api("PUT", f"/jobs/{job}", json={"job": {"cml": cml}})

    assert not events
    assert time.process_time() - started < 10
    assert response.status_code in {200, 501}
    assert "root:" not in response.text
    if message:
        assert message in error_message(response)


def test_a_regular_expression_cannot_backtrack_forever(
    api: Api, job: int, units: list[int], database: Database
) -> None:
    with database.transaction() as tx:
        worker = workers.join(tx, channel="cf_internal", country="FIN").id
    cml = """<cml:text name="q" label="Q" validates="required regex:^(a+)+$"/>"""
    saved = api("PUT", f"/jobs/{job}", json={"job": {"cml": cml}})
    debit = {"debit": {"units_count": 6}, "channels": ["cf_internal"]}
    api("POST", f"/jobs/{job}/orders", json=debit)
    answers = {"unit_id": units[0], "worker_id": worker, "data": {"q": "a" * 5000 + "!"}}
    started = time.process_time()

    response = api("POST", f"/jobs/{job}/judgments", json={"judgment": answers})

    assert saved.json()["cml"] == cml
    assert response.status_code == 422
    assert time.process_time() - started < 5


@pytest.mark.parametrize(
    ("name", "text", "status"),
    [
        ("bidirectional", "\u202eevil\u2066", 200),
        ("composed", "\u00e9", 200),
        ("decomposed", "e\u0301", 200),
        ("four bytes", "😀🏳️‍🌈", 200),
        ("noncharacter", "\ufffe\uffff", 200),
        ("control", "\x01\x1b[31m\x7f\u2028", 200),
        ("nul", NUL, 400),
    ],
)
def test_a_string_is_stored_unchanged_or_refused(
    api: Api, name: str, text: str, status: int
) -> None:
    response = api("POST", "/jobs", json={"job": {"title": f"Title {text}", "instructions": text}})

    assert response.status_code == status, name
    if status == 200:
        stored = api("GET", f"/jobs/{response.json()['id']}").json()
        assert (stored["title"], stored["instructions"]) == (f"Title {text}", text)


@pytest.mark.parametrize("where", ["path", "query", "form", "multipart", "column", "row", "tag"])
def test_nul_is_refused_in_every_part_of_a_request(api: Api, job: int, where: str) -> None:
    response = {
        "path": lambda: api("GET", "/jobs/a%00b"),
        "query": lambda: api("GET", "/jobs?tags=a%00b"),
        "form": lambda: api("PUT", f"/jobs/{job}", data={"job[title]": f"title{NUL}"}),
        "multipart": lambda: api("POST", "/jobs", files={"job[title]": (None, f"title{NUL}")}),
        "column": lambda: api("POST", f"/jobs/{job}/units", json={"unit": {"data": {NUL: 1}}}),
        "row": lambda: api("POST", f"/jobs/{job}/units", json={"unit": {"data": {"a": [NUL]}}}),
        "tag": lambda: api("POST", f"/jobs/{job}/tags", json={"tags": [NUL]}),
    }[where]()

    assert response.status_code in {400, 404}


@pytest.mark.parametrize("day", ["0000-01-01", "10000-01-01", "2015-02-30", "1e9", "NaN", NUL])
def test_an_invalid_date_is_refused(api: Api, day: str) -> None:
    response = api("GET", "/jobs", json={"created_at_greater_equal": day})

    assert response.status_code in {400, 422}


@pytest.mark.parametrize("day", ["0001-01-01", "9999-12-31"])
def test_the_first_and_the_last_date_are_valid(api: Api, day: str) -> None:
    limits = {"created_at_greater_equal": day, "created_at_less_equal": day}

    assert api("GET", "/jobs", params=limits).json() == []


@pytest.mark.parametrize(
    ("settings", "status"),
    [
        ({"files": [(f"a{n}", (None, "1")) for n in range(6000)]}, 413),
        ({"files": [("a", (None, "x" * 17_000_000))]}, 413),
        ({"data": b"--", "headers": {"Content-Type": "multipart/form-data"}}, 400),
        ({"data": b"\r" * 100_000, "headers": {"Content-Type": "multipart/form-data; boundary=x"}},
         400),
        ({"data": "&".join(f"a{n}=1" for n in range(100_000)),
          "headers": {"Content-Type": "application/x-www-form-urlencoded"}}, 400),
        ({"data": "a" + "[b]" * 1000 + "=1",
          "headers": {"Content-Type": "application/x-www-form-urlencoded"}}, 400),
        ({"data": b'{"a":' * 1000, "headers": LINES}, 400),
        ({"data": b'{"a": 1} trailing', "headers": LINES}, 400),
        ({"data": '{"a": 1}'.encode("utf-16"), "headers": LINES}, 400),
        ({"data": b"x", "headers": {"Content-Encoding": "gzip, gzip"}}, 415),
        ({"data": b"x", "headers": {"Content-Encoding": "br"}}, 415),
        ({"params": {"tags": ",".join(map(str, range(4000)))}}, 200),
    ],
)  # fmt: skip
def test_an_oversized_or_malformed_body_creates_no_job(
    api: Api, settings: dict[str, Any], status: int
) -> None:
    response = api("POST", "/jobs", **settings)

    assert response.status_code == status
    assert bool(api("GET", "/jobs").json()) == (status == 200)


def test_a_filter_by_thousands_of_tags_is_refused(api: Api, job: int) -> None:
    api("POST", f"/jobs/{job}/tags", json={"tags": ["a", "b"]})

    both = api("GET", "/jobs", params={"tags": "b,a,b"}).json()
    more = api("GET", "/jobs", params={"tags": "a,b,c"}).json()
    refused = api("GET", "/jobs", params={"tags": ",".join(map(str, range(4000)))})

    assert [each["id"] for each in both] == [job]
    assert more == []
    assert "at most 100 tags, not 4000" in error_message(refused)


def test_an_alias_may_have_more_digits_than_an_id(api: Api, job: int) -> None:
    alias = "sentiment-of-reviews-of-2015"
    api("PUT", f"/jobs/{job}", json={"job": {"alias": alias}})

    assert api("GET", f"/jobs/{alias}").json()["id"] == job
    assert api("GET", f"/jobs/{'9' * 19}").status_code == 404


NAMELESS = b"--b\r\nContent-Disposition: form-data\r\n\r\nx\r\n"
TITLE = b'--b\r\nContent-Disposition: form-data; name="job[title]"\r\n\r\nShoes\r\n--b--\r\n'


def test_a_part_of_a_form_without_a_name_is_left_out(api: Api) -> None:
    headers = {"Content-Type": "multipart/form-data; boundary=b"}

    response = api("POST", "/jobs", data=NAMELESS + TITLE, headers=headers)

    assert response.json()["title"] == "Shoes"


def test_a_warning_cannot_inject_a_header(api: Api, job: int) -> None:
    ignored = {"A\r\nSet-Cookie: a=b": 1, "y" * 1_000_000: 1, **{f"u{n}": 1 for n in range(3000)}}

    response = api("PUT", f"/jobs/{job}", json={"job": ignored})

    warning = response.headers["X-Sandbox-Warning"]
    assert response.status_code == 200
    assert "Set-Cookie" not in response.headers
    assert "A Set-Cookie: a=b" in warning
    assert len(warning) <= MAX_HEADER


@pytest.mark.parametrize(
    "name",
    ["evil%0d%0aSet-Cookie:a=b", "a%22;b", "%2e%2e%2f%2e%2e%2fetc%2fpasswd", "%00", "ü" * 99],
)
def test_the_file_name_of_a_download_cannot_inject_a_header_or_a_path(
    api: Api, job: int, name: str
) -> None:
    location = api("GET", f"/jobs/{job}.csv", params={"type": "source"}).headers["Location"]
    path = location.removeprefix(ORIGIN).rpartition("/")[0]

    response = api("GET", f"/../{path}/{name}")

    assert response.status_code in {200, 404}
    assert "Set-Cookie" not in response.headers
    if response.status_code == 200:
        assert response.content.startswith(b"PK")
        assert "\n" not in response.headers["Content-Disposition"]


@pytest.mark.parametrize(
    "path", ["/reports/%2e%2e/x", "/reports/../../etc/passwd", "/reports/%00/x", "/reports//x"]
)
def test_only_reports_can_be_downloaded(api: Api, path: str) -> None:
    response = api("GET", f"/..{path}")

    assert response.status_code == 404
    assert response.json()["error"]["message"] == "We couldn't find what you were looking for."
