"""Find or create a job: one job, whatever the service keeps, and whatever is lost or killed."""

from __future__ import annotations

import json
import re
import threading
import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
import requests

from crowdflower.client import Client
from crowdflower.exceptions import (
    ApiError,
    ApplicationError,
    InvalidInput,
    JournalLocked,
    MalformedResponse,
    NotSentError,
    OutcomeUnknown,
    UnknownAttribute,
)
from crowdflower.payments.journal import Journal
from crowdflower.payments.recovery.creations import Creations

if TYPE_CHECKING:
    from conftest import Clock, SentRequest
    from requests import PreparedRequest
    from responses import RequestsMock

API = "https://api.appen.com/v1"
KEY = "s3cret-0123456789abcdef"
ATTRIBUTES: dict[str, Any] = {
    "title": "What does it say?",
    "instructions": "<p>Read.</p>",
    "payment_cents": 12,
}


class KilledError(BaseException):
    """The process ends here."""


@dataclass
class Service:
    """An account of a service, which keeps jobs.

    :param takes_alias: It takes an alias with a new job.
    :param takes_all: It takes any attribute with a new job.
    """

    takes_alias: bool = True
    takes_all: bool = True
    jobs: list[dict[str, Any]] = field(default_factory=list)
    before: Callable[[str], None] = lambda _: None
    after: Callable[[str], None] = lambda _: None

    def answer(self, request: PreparedRequest) -> Any:
        path = unquote(urlsplit(str(request.url)).path).removeprefix("/v1/").removesuffix(".json")
        line = f"{request.method} {path}"
        self.before(line)
        status, body = self._handle(
            line, path.rpartition("/")[2], str(request.body or b"", "ascii")
        )
        self.after(line)
        return status, {}, json.dumps(body)

    def _handle(self, line: str, name: str, body: str) -> tuple[int, Any]:
        form = {key[4:-1]: values[0] for key, values in parse_qs(body).items()}
        job = next((job for job in self.jobs if name in {job["alias"], str(job["id"])}), None)
        if line == "GET account":
            return 200, {"id": 1, "balance": 0}
        if line == "GET jobs":
            return 200, self.jobs[:-11:-1]
        if "alias" in form and form["alias"] in {
            each["alias"] for each in self.jobs if each is not job
        }:
            return 200, {"errors": ["Alias has already been taken"]}
        if line == "POST jobs":
            kept = form if self.takes_all else {"alias": form["alias"]}
            alias = kept["alias"] if self.takes_alias else None
            blank = {"title": None, "instructions": "", "payment_cents": 10, "units_count": 0}
            new = {
                "id": 100 + len(self.jobs),
                **blank,
                "state": "unordered",
                **kept,
                "alias": alias,
            }
            self.jobs.append(new)
            return 200, new
        if job is None:
            return 404, {"error": {"message": "Not found"}}
        job.update(form)
        return 200, job


@pytest.fixture
def service(api: RequestsMock) -> Service:
    service = Service()
    api.assert_all_requests_are_fired = False
    for method in ("GET", "POST", "PUT"):
        api.add_callback(method, re.compile(".*"), service.answer)
    return service


@pytest.fixture(params=["no file", "a file"])
def made(
    request: pytest.FixtureRequest, service: Service, clock: Clock, tmp_path: Path
) -> Callable[[], Client]:
    """Make clients of the account, with the same file or without one."""

    def make() -> Client:
        path = tmp_path / "a.journal" if request.param == "a file" else None
        client = Client(KEY, journal=path)
        client._clock = clock
        return client

    return make


@pytest.fixture
def with_file(service: Service, clock: Clock, tmp_path: Path) -> Callable[[], Client]:
    def make() -> Client:
        client = Client(KEY, journal=tmp_path / "a.journal")
        client._clock = clock
        return client

    return make


def changes(sent: list[SentRequest]) -> list[str]:
    return [each.line for each in sent if not each.line.startswith("GET")]


def assert_created_once(service: Service) -> None:
    (job,) = [each for each in service.jobs if each["alias"] == "reviews"]
    assert job["title"] == ATTRIBUTES["title"]
    assert job["instructions"] == ATTRIBUTES["instructions"]
    assert int(job["payment_cents"]) == ATTRIBUTES["payment_cents"]


# Found


def test_a_second_run_sends_one_request_and_warns_of_nothing(
    made: Callable[[], Client], service: Service, sent: list[SentRequest]
) -> None:
    created = made().get_or_create_job("reviews", **ATTRIBUTES)
    before = len(sent)

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = made().get_or_create_job("reviews", **ATTRIBUTES)

    assert found.id == created.id
    assert [each.line for each in sent[before:]] == ["GET /jobs/reviews.json"]
    assert_created_once(service)


def test_differences_are_shown_in_a_warning_and_not_sent(
    made: Callable[[], Client], service: Service, sent: list[SentRequest]
) -> None:
    made().get_or_create_job("reviews", **ATTRIBUTES)
    before = len(sent)

    with pytest.warns(
        UserWarning, match="payment_cents: the service has '12', you have 15"
    ) as seen:
        found = made().get_or_create_job("reviews", **{**ATTRIBUTES, "payment_cents": 15})

    assert str(seen[0].message).startswith(f"job {found.id} 'reviews' differs from the arguments: ")
    assert str(seen[0].message).endswith("; pass update=True to send them")
    assert seen[0].filename == __file__
    assert changes(sent[before:]) == []


def test_only_differences_are_sent_with_update(
    made: Callable[[], Client], sent: list[SentRequest], recwarn: pytest.WarningsRecorder
) -> None:
    job = made().get_or_create_job("reviews", **ATTRIBUTES)
    before = len(sent)

    for _ in range(2):
        made().get_or_create_job("reviews", update=True, **{**ATTRIBUTES, "payment_cents": 15})

    (change,) = [each for each in sent[before:] if each.line.startswith("PUT")]
    assert change.line == f"PUT /jobs/{job.id}.json"
    assert change.form == [("job[payment_cents]", "15")]
    assert len(sent) == before + 3
    assert not recwarn.list


def test_a_value_that_the_service_does_not_keep_is_named(
    made: Callable[[], Client], service: Service
) -> None:
    def forget(line: str) -> None:
        if line.startswith("PUT"):
            service.jobs[-1]["payment_cents"] = 10

    made().get_or_create_job("reviews", **ATTRIBUTES)
    service.after = forget

    with pytest.warns(UserWarning, match=r"the service did not keep .* has 10, you have 15"):
        made().get_or_create_job("reviews", update=True, **{**ATTRIBUTES, "payment_cents": 15})


def test_another_job_in_the_answer_is_an_error(
    made: Callable[[], Client], service: Service, sent: list[SentRequest]
) -> None:
    made().get_or_create_job("reviews", **ATTRIBUTES)
    service.after = lambda _: service.jobs[0].update(alias="other")

    with pytest.raises(MalformedResponse, match="sent job 100, whose alias is 'other'"):
        made().get_or_create_job("reviews", **ATTRIBUTES)

    assert len(changes(sent)) == 1


# Refused before anything is sent


@pytest.mark.parametrize(
    ("alias", "problem"),
    [
        ("7", "is a number"),
        ("\u0667", "is a number"),
        (7, "must be a string"),
        (None, "must be a string"),
        (True, "must be a string"),
        ("", "is empty"),
        (" ", "is empty"),
        ("a b", "contains a space"),
        (" a", "contains a space"),
        ("a\n", "contains a space"),
        ("a/b", "changes a path"),
        ("..", "changes a path"),
        ("a?b", "changes a path"),
        ("a\0", "cannot be printed"),
        ("a\ud800", "cannot be printed"),
        ("upload", "is the path of another resource"),
        ("a" * 256, "more than 255 characters"),
    ],
)
def test_an_alias_that_cannot_be_one_is_refused(
    client: Client, sent: list[SentRequest], alias: Any, problem: str
) -> None:
    with pytest.raises(InvalidInput, match=problem):
        client.get_or_create_job(alias, title="A title")

    assert sent == []


def test_files_are_read(
    made: Callable[[], Client], sent: list[SentRequest], tmp_path: Path
) -> None:
    (tmp_path / "form.cml").write_bytes("\ufeff<p>Café</p>\r\n".encode())

    made().get_or_create_job("reviews", cml=tmp_path / "form.cml", css=tmp_path / "form.cml")

    (change,) = [each for each in sent if each.line == "POST /jobs.json"]
    assert ("job[cml]", "<p>Café</p>\n") in change.form


@pytest.mark.parametrize(
    ("attributes", "problem"),
    [
        ({"cml": Path("missing.cml")}, r"of cml, missing\.cml, cannot be read: No such file"),
        ({"css": Path()}, "cannot be read: Is a directory"),
        ({"js": Path("latin-1.js")}, r"latin-1\.js, cannot be read: it is not in UTF-8 \(byte 1\)"),
        ({"title": Path("title.txt")}, "title cannot be read from a file"),
        ({"title": object()}, r"job\[title\] is <object"),
    ],
)
def test_a_file_or_a_value_that_cannot_be_sent_is_refused(
    client: Client,
    sent: list[SentRequest],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    attributes: Any,
    problem: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("latin-1.js").write_bytes(b"\x40\xe9")

    with pytest.raises(InvalidInput, match=problem):
        client.get_or_create_job("reviews", **attributes)

    assert sent == []


@pytest.mark.parametrize(
    "attributes",
    [{"cml": "reviews.cml"}, {"css": "my styles/Style.CSS"}, {"js": "script.js\n"}],
)
def test_the_name_of_a_file_as_text_gives_a_warning(
    made: Callable[[], Client], attributes: Any
) -> None:
    ((name, text),) = attributes.items()
    client = made()

    with pytest.warns(UserWarning, match="to read a file, pass Path") as caught:
        client.get_or_create_job("reviews", **attributes)

    assert [str(each.message) for each in caught] == [
        f"{name} is the text {text!r}: to read a file, pass Path({text!r})"
    ]


@pytest.mark.parametrize(
    "attributes",
    [
        {"cml": "<p>reviews.cml"},
        {"cml": "{{ page }}.html"},
        {"js": "// see\napp.js"},
        {"instructions": "Look at page.html"},
        {"title": "reviews.cml"},
    ],
)
def test_a_text_that_ends_like_a_file_name_is_sent(
    made: Callable[[], Client], sent: list[SentRequest], attributes: Any
) -> None:
    ((name, text),) = attributes.items()

    made().get_or_create_job("reviews", **attributes)

    (change,) = [each for each in sent if each.line == "POST /jobs.json"]
    assert (f"job[{name}]", text) in change.form


def test_a_misspelled_name_is_refused(client: Client, sent: list[SentRequest]) -> None:
    with pytest.raises(UnknownAttribute, match="did you mean 'title'"):
        client.get_or_create_job("reviews", titel="A title")

    assert sent == []


# Created


@pytest.mark.parametrize("takes_all", [True, False])
@pytest.mark.parametrize("takes_alias", [True, False])
def test_what_a_service_does_not_take_with_a_new_job_is_sent_afterwards(
    made: Callable[[], Client],
    service: Service,
    sent: list[SentRequest],
    takes_alias: bool,
    takes_all: bool,
) -> None:
    service.takes_alias, service.takes_all = takes_alias, takes_all

    job = made().get_or_create_job("reviews", **ATTRIBUTES)

    assert_created_once(service)
    assert (job.alias, job.title) == ("reviews", ATTRIBUTES["title"])
    assert len(changes(sent)) == (1 if takes_alias and takes_all else 2)


def test_without_a_file_a_new_job_takes_two_requests(
    client: Client, service: Service, sent: list[SentRequest]
) -> None:
    client.get_or_create_job("reviews", **ATTRIBUTES)

    assert [each.line for each in sent] == ["GET /jobs/reviews.json", "POST /jobs.json"]


@pytest.mark.parametrize("applies", [True, False])
def test_a_lost_answer_is_looked_for(
    made: Callable[[], Client], service: Service, applies: bool
) -> None:
    def lose(line: str) -> None:
        if line == "POST jobs":
            service.before = service.after = lambda _: None
            raise requests.ConnectionError("reset")

    setattr(service, "after" if applies else "before", lose)
    if applies:
        made().get_or_create_job("reviews", **ATTRIBUTES)
    else:
        with pytest.raises(OutcomeUnknown):
            made().get_or_create_job("reviews", **ATTRIBUTES)

    made().get_or_create_job("reviews", **ATTRIBUTES)
    assert_created_once(service)
    assert len(service.jobs) == 1


def test_a_refusal_is_raised_and_leaves_nothing_behind(
    with_file: Callable[[], Client], service: Service, tmp_path: Path
) -> None:
    client = with_file()
    service.jobs.append({"id": 5, "alias": "other", "title": "Another account's"})
    job, service.jobs[0]["alias"] = service.jobs[0], "reviews"
    hidden = service._handle

    def handle(line: str, name: str, body: str) -> tuple[int, Any]:
        return (404, {}) if line == "GET jobs/reviews" else hidden(line, name, body)

    service._handle = handle  # type: ignore[method-assign]
    with pytest.raises(ApplicationError, match="already been taken"):
        client.get_or_create_job("reviews", **ATTRIBUTES)

    assert service.jobs == [job]
    creations = Creations(Journal(tmp_path / "a.journal"), client.operations.account.name())
    assert creations.find("reviews") is None


def test_a_request_that_was_not_sent_leaves_nothing_behind(
    with_file: Callable[[], Client],
    service: Service,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    client = with_file()
    request = client.request

    def fail(method: str, *rest: Any, **more: Any) -> Any:
        if method == "POST":
            raise NotSentError("refused")
        return request(method, *rest, **more)

    monkeypatch.setattr(client, "request", fail)
    with pytest.raises(NotSentError):
        client.get_or_create_job("reviews", **ATTRIBUTES)

    creations = Creations(Journal(tmp_path / "a.journal"), client.operations.account.name())
    assert creations.find("reviews") is None


# Interrupted


def kill_at(service: Service, number: int, moment: str) -> None:
    """End the process at a request, before it takes effect or before its answer is received."""
    seen = iter(range(10_000))

    def kill(_: str) -> None:
        if next(seen) == number:
            raise KilledError

    setattr(service, moment, kill)


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("takes_all", [True, False])
@pytest.mark.parametrize("takes_alias", [True, False])
def test_what_was_begun_is_finished_wherever_it_was_interrupted(
    with_file: Callable[[], Client],
    service: Service,
    tmp_path: Path,
    moment: str,
    takes_alias: bool,
    takes_all: bool,
) -> None:
    service.takes_alias, service.takes_all = takes_alias, takes_all
    service.jobs = [{"id": 5, "alias": None, "title": ATTRIBUTES["title"], "state": "unordered"}]
    killed = 0
    for number in range(20):
        service.jobs = service.jobs[:1]
        (tmp_path / "a.journal").unlink(missing_ok=True)
        kill_at(service, number, moment)
        try:
            with_file().get_or_create_job("reviews", **ATTRIBUTES)
        except KilledError:
            killed += 1
        setattr(service, moment, lambda _: None)

        with warnings.catch_warnings():
            warnings.simplefilter("error")
            job = with_file().get_or_create_job("reviews", **ATTRIBUTES)

        assert len(service.jobs) == 2
        assert job.id == service.jobs[1]["id"]
        assert_created_once(service)

    assert killed >= 5


@pytest.mark.parametrize("moment", ["before", "after"])
def test_without_a_file_an_alias_that_is_taken_at_once_is_enough(
    service: Service, clock: Clock, moment: str
) -> None:
    for number in range(4):
        service.jobs = []
        kill_at(service, number, moment)
        with pytest.raises(KilledError) if number < 2 else warnings.catch_warnings():
            Client(KEY, clock=clock).get_or_create_job("reviews", **ATTRIBUTES)
        setattr(service, moment, lambda _: None)

        Client(KEY, clock=clock).get_or_create_job("reviews", **ATTRIBUTES)

        assert len(service.jobs) == 1
        assert_created_once(service)


def test_a_creation_is_finished_with_what_it_was_begun_with(
    with_file: Callable[[], Client], service: Service
) -> None:
    service.takes_all = False
    kill_at(service, 4, "after")
    with pytest.raises(KilledError):
        with_file().get_or_create_job("reviews", **ATTRIBUTES)
    service.after = lambda _: None

    with_file().get_or_create_job("reviews", payment_cents=15)

    assert service.jobs[0]["title"] == ATTRIBUTES["title"]
    assert service.jobs[0]["payment_cents"] == "15"


def test_two_jobs_that_may_be_the_one_are_named(
    with_file: Callable[[], Client], service: Service
) -> None:
    service.takes_alias = False
    kill_at(service, 4, "after")
    with pytest.raises(KilledError):
        with_file().get_or_create_job("reviews", **ATTRIBUTES)
    service.after = lambda _: None
    service.jobs.append({**service.jobs[0], "id": 150})

    with pytest.raises(OutcomeUnknown, match="may have made one of the jobs 150 and 100"):
        with_file().get_or_create_job("reviews", **ATTRIBUTES)

    service.jobs[1]["alias"] = "reviews"
    assert with_file().get_or_create_job("reviews", **ATTRIBUTES).id == 150


def test_a_job_that_was_deleted_meanwhile_is_created_again(
    with_file: Callable[[], Client], service: Service
) -> None:
    service.takes_alias = False
    kill_at(service, 5, "before")  # the alias
    with pytest.raises(KilledError):
        with_file().get_or_create_job("reviews", **ATTRIBUTES)
    service.before = lambda _: None
    service.jobs[0]["id"] = 99

    job = with_file().get_or_create_job("reviews", **ATTRIBUTES)

    assert job.id == 101


# At once


def test_many_threads_create_one_job(
    made: Callable[[], Client], service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    together, lock = threading.Barrier(8), threading.Lock()
    handle = service._handle

    def one_by_one(*values: Any) -> Any:
        with lock:
            return handle(*values)

    monkeypatch.setattr(service, "_handle", one_by_one)

    def run(_: int) -> int:
        client = made()
        monkeypatch.setattr(client, "_clock", __import__("time"))
        together.wait(60)
        return client.get_or_create_job("reviews", **ATTRIBUTES).id

    with ThreadPoolExecutor(8) as pool:
        ids = {*pool.map(run, range(8))}

    assert len(ids) == len(service.jobs) == 1


def test_a_creation_of_a_live_process_is_left_to_it(
    with_file: Callable[[], Client], service: Service, sent: list[SentRequest], tmp_path: Path
) -> None:
    client = with_file()
    other = Creations(Journal(tmp_path / "a.journal"), client.operations.account.name())
    other.claim("reviews", ATTRIBUTES)

    with pytest.raises(JournalLocked, match="another process is creating the job 'reviews'"):
        client.get_or_create_job("reviews", **ATTRIBUTES)

    assert changes(sent) == []
    other.release("reviews")
    client.get_or_create_job("reviews", **ATTRIBUTES)
    assert_created_once(service)


def test_a_failed_read_is_raised_and_nothing_is_created(
    made: Callable[[], Client], service: Service, sent: list[SentRequest]
) -> None:
    def fail(line: str) -> None:
        if line == "GET jobs/reviews":
            raise requests.ConnectionError("reset")

    service.before = fail

    with pytest.raises(ApiError):
        made().get_or_create_job("reviews", **ATTRIBUTES)

    assert changes(sent) == []
