"""Who may use the desk: password, one-time link, session, token, origin."""

from __future__ import annotations

import re

import pytest

from crowdflower.client import Client
from crowdflower.job import Job
from crowdflower.sandbox import Sandbox
from crowdflower.sandbox.desk import access as access_module
from crowdflower.sandbox.desk.access import MAX_TRIES, MAX_TRIES_OF_ALL, Access
from crowdflower.sandbox.desk.desk_request import DeskPage
from crowdflower.sandbox.desk.routes import PAGES
from crowdflower.sandbox.errors import TooManyRequests
from tests.sandbox.desk_browser import PASSWORD, Browser

HERE = "127.0.0.1"


def path_of(url: str) -> str:
    return "/" + url.split("/", 3)[3]


def test_the_desk_is_off_unless_asked_for() -> None:
    with Sandbox() as box:
        http = box.app.test_client()

        assert http.get("/desk/").status_code == 404
        assert http.get("/").headers["Location"] == "/label/"
        with pytest.raises(RuntimeError, match="desk=True"):
            box.desk_url()


def test_the_address_of_the_server_leads_to_the_desk(stranger: Browser) -> None:
    assert stranger.get("/").headers["Location"] == "/desk/"


def address(page: DeskPage, job: Job) -> str:
    """Return the address of a page of this job."""
    return re.sub("<int:[a-z]+>", "1", page.path.replace("<int:number>", str(job.id)))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.path)
def test_without_a_session_every_page_leads_to_the_sign_in(
    client: Client, stranger: Browser, page: DeskPage
) -> None:
    path = address(page, client.create_job({"title": "A job"}))

    response = stranger.get(path, sort="newest")

    assert response.status_code == 303
    assert response.headers["Location"] == f"/desk/sign-in?next={path}%3Fsort%3Dnewest"
    if page.receive is not None:
        assert stranger.http.post(path).headers["Location"] == "/desk/sign-in"


@pytest.mark.parametrize("path", ["/desk/nothing", "/desk/jobs/x", f"/desk/jobs/{'9' * 40}"])
def test_an_address_without_a_page_is_a_page_not_json(stranger: Browser, path: str) -> None:
    response = stranger.get(path)

    assert response.status_code == 404
    assert "This page does not exist" in response.text


RECEIVING = [page for page in PAGES if page.receive is not None]


@pytest.mark.parametrize("page", RECEIVING, ids=lambda page: page.path)
def test_nothing_is_done_without_the_token_or_from_another_site(
    client: Client, desk: Browser, page: DeskPage
) -> None:
    path = address(page, client.create_job({"title": "A job"}))
    fields = {"token": desk.token(), "do": "cancel"}

    for token in (None, "wrong"):
        response = desk.post(path, do="cancel", token=token)
        assert response.status_code == 403
        assert "This page was too old, or came from elsewhere." in response.text
    for header in ({"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}):
        response = desk.http.post(path, data=fields, headers=header)
        assert response.status_code == 403
        assert "A page of another site sent this." in response.text


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.path)
def test_a_job_that_is_not_there_is_a_page_not_json(desk: Browser, page: DeskPage) -> None:
    if "number" not in page.path:
        pytest.skip("a page of no job")

    response = desk.get(re.sub("<int:[a-z]+>", "1", page.path))

    assert response.status_code == 404
    assert "This page does not exist" in response.text


def test_the_password_signs_in_and_leads_on(stranger: Browser) -> None:
    fields = {"password": PASSWORD, "next": "/desk/?state=paused"}
    response = stranger.http.post("/desk/sign-in", data=fields)

    assert response.headers["Location"] == "/desk/?state=paused"
    cookie = response.headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Strict" in cookie
    assert "Path=/desk" in cookie
    assert stranger.get("/desk/").status_code == 200


@pytest.mark.parametrize(
    "wanted",
    [
        *("https://evil.example/", "//evil.example/", "/label/", ""),
        *("/desk/\r\nX-Evil: 1", "/desk/\n", "/desk/\r", "/desk\n", "/desk/\x00", "/desk/\x85"),
    ],
)
def test_signing_in_leads_to_the_desk_only(stranger: Browser, wanted: str) -> None:
    fields = {"password": PASSWORD, "next": wanted}

    response = stranger.http.post("/desk/sign-in", data=fields)
    signed_in = stranger.get("/desk/sign-in", next=wanted)

    for each in (response, signed_in):
        assert each.status_code == 303
        assert each.headers["Location"] == "/desk/"
        assert "X-Evil" not in each.headers


def test_signing_in_leads_to_any_address_that_can_be_written(stranger: Browser) -> None:
    fields = {"password": PASSWORD, "next": "/desk/people?find=é \ufffd"}

    response = stranger.http.post("/desk/sign-in", data=fields)

    assert response.headers["Location"] == "/desk/people?find=%C3%A9%20%EF%BF%BD"


def test_a_wrong_password_is_said(stranger: Browser) -> None:
    response = stranger.http.post("/desk/sign-in", data={"password": "wrong"})

    assert response.status_code == 403
    assert "This is not the password of the desk." in response.text
    assert stranger.get("/desk/").status_code == 303


def test_the_api_key_is_no_password(box: Sandbox, stranger: Browser) -> None:
    response = stranger.http.post("/desk/sign-in", data={"password": box.key})

    assert response.status_code == 403


def test_the_sixth_wrong_password_in_a_minute_has_to_wait(stranger: Browser) -> None:
    for _ in range(5):
        stranger.http.post("/desk/sign-in", data={"password": "wrong"})

    response = stranger.sign_in()

    assert response.status_code == 429
    assert "Too many wrong passwords. Try again in" in response.text


def test_a_minute_later_the_password_is_accepted() -> None:
    now = [0.0]
    access = Access(PASSWORD, lambda: now[0])
    for _ in range(MAX_TRIES):
        assert access.sign_in("wrong", HERE) is None
    with pytest.raises(TooManyRequests):
        access.sign_in(PASSWORD, HERE)

    now[0] = 60.0

    assert access.sign_in(PASSWORD, HERE) is not None


@pytest.mark.parametrize("theirs", ["192.0.2.66", "2001:db8:0:1::5"])
def test_wrong_passwords_of_others_lock_nobody_out(stranger: Browser, theirs: str) -> None:
    for _ in range(2 * MAX_TRIES):
        last = stranger.http.post(
            "/desk/sign-in", data={"password": "wrong"}, environ_base={"REMOTE_ADDR": theirs}
        )

    assert last.status_code == 429
    assert stranger.sign_in().status_code == 303


def test_forms_without_a_password_are_no_tries(stranger: Browser) -> None:
    for form in ({}, {"password": ""}) * MAX_TRIES:
        response = stranger.http.post("/desk/sign-in", data=form)
        assert response.status_code == 403

    assert stranger.sign_in().status_code == 303


def test_a_network_of_ipv6_counts_as_one_address() -> None:
    access = Access(PASSWORD, lambda: 0.0)
    for number in range(MAX_TRIES):
        access.sign_in("wrong", f"2001:db8:0:1::{number}")

    with pytest.raises(TooManyRequests):
        access.sign_in(PASSWORD, "2001:db8:0:1:ffff::1")
    assert access.sign_in(PASSWORD, "2001:db8:0:2::1") is not None


def test_many_addresses_together_have_a_limit_and_links_have_none() -> None:
    now = [0.0]
    access = Access(PASSWORD, lambda: now[0])
    link = access.new_link_token()
    for number in range(MAX_TRIES_OF_ALL):
        assert access.sign_in("wrong", f"192.0.2.{number}") is None

    for number in range(MAX_TRIES_OF_ALL):
        with pytest.raises(TooManyRequests, match="Try again in 60 seconds"):
            access.sign_in(PASSWORD, f"198.51.100.{number}")

    assert access.use_link(link) is not None
    now[0] = 60.0
    assert access.sign_in(PASSWORD, HERE) is not None


def test_a_link_signs_in_once_and_opening_it_alone_uses_nothing_up(box: Sandbox) -> None:
    path = path_of(box.desk_url())
    first, second = Browser(box), Browser(box)
    token = path.partition("link=")[2]
    for _ in range(2):
        assert "Open the desk" in first.get(path).text

    assert first.http.post("/desk/sign-in", data={"link": token}).status_code == 303
    assert first.get("/desk/").status_code == 200
    assert second.get(path).status_code == 410
    assert second.http.post("/desk/sign-in", data={"link": token}).status_code == 403
    assert second.get("/desk/").status_code == 303


def test_links_and_sessions_end() -> None:
    now = [0.0]
    access = Access(None, lambda: now[0])
    old, new = access.new_link_token(), access.new_link_token()
    cookie = access.use_link(new)
    assert cookie is not None
    assert access.session(cookie) is not None

    now[0] = access_module.LINK_SECONDS

    assert access.use_link(old) is None
    assert access.session(cookie) is None


def test_signing_out_ends_the_session(desk: Browser) -> None:
    assert desk.post("/desk/sign-out", token="wrong").status_code == 303
    assert desk.get("/desk/").status_code == 200

    desk.post("/desk/sign-out")

    assert desk.get("/desk/").status_code == 303


def test_a_short_password_is_refused() -> None:
    with pytest.raises(ValueError, match="needs at least 8 characters; it has 5"):
        Sandbox(desk="short")


def test_pages_have_the_headers_that_protect_them(desk: Browser) -> None:
    headers = desk.get("/desk/").headers

    assert headers["Cache-Control"] == "no-store"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]


def test_no_page_shows_the_api_key(box: Sandbox, desk: Browser) -> None:
    assert box.key not in desk.get("/desk/").text


def test_the_cookie_of_a_contributor_opens_nothing(box: Sandbox, stranger: Browser) -> None:
    job = box.client().create_job({"title": "A job"})
    path = path_of(box.work_url(job))
    stranger.http.post(path, data={"name": "Ada"})

    assert stranger.get("/desk/").status_code == 303


def test_parameters_that_mean_nothing_are_ignored(desk: Browser) -> None:
    response = desk.get("/desk/", page="x", state="none", sort="nothing")

    assert response.status_code == 200
