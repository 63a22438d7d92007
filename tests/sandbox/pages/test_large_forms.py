"""Forms that are larger than any page needs: refused before they are parsed, with a page."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

from crowdflower.sandbox import Sandbox
from crowdflower.sandbox.api.request_parsing import MAX_BODY
from crowdflower.sandbox.server.form_limits import MAX_ANSWERS, MAX_FIELDS, MAX_SIGN_IN
from tests.sandbox.desk_browser import PASSWORD, Browser

if TYPE_CHECKING:
    from werkzeug.test import TestResponse

FORM = "application/x-www-form-urlencoded"
SECONDS = 1.0
"""Parsing the forms below took three to seven."""


@pytest.fixture
def box() -> Iterator[Sandbox]:
    with Sandbox(seed=5, desk=PASSWORD) as box:
        yield box


@pytest.fixture
def browser(box: Sandbox) -> Browser:
    return Browser(box)


@pytest.fixture
def page(box: Sandbox) -> str:
    """The page of a job."""
    job = box.client().upload_job([{"word": str(number)} for number in range(5)])
    cml = '<cml:textarea label="What?" name="what" validates="required"/>'
    needed = {"title": "What is it?", "instructions": "Look.", "cml": cml}
    job.client.update_job(job.id, needed)
    job.launch(5, channels=["cf_internal"])
    url = urlsplit(box.work_url(job))
    return f"{url.path}?{url.query}"


def post(browser: Browser, path: str, body: bytes) -> TestResponse:
    return browser.http.post(path, data=body, content_type=FORM)


MANY = b"a&" * (MAX_BODY // 2)


@pytest.mark.parametrize("path", ["/desk/sign-in", "/label/", "/label/1?secret=x"])
def test_a_form_of_a_stranger_is_refused_before_it_is_parsed(browser: Browser, path: str) -> None:
    began = time.perf_counter()

    response = post(browser, path, MANY)

    assert time.perf_counter() - began < SECONDS
    assert response.status_code == 413
    assert response.content_type == "text/html; charset=utf-8"
    assert "too large for this server. Nothing was stored." in response.text


def test_many_fields_of_a_contributor_are_refused(browser: Browser, page: str) -> None:
    browser.http.post(page, data={"name": "Ada"})
    few = b"&".join(b"u%d[a]=b" % number for number in range(MAX_FIELDS))
    began = time.perf_counter()

    many = post(browser, page, few + b"&u[a]=b")
    frame = post(browser, page.replace("?", "/frame?"), few + b"&u[a]=b")

    assert time.perf_counter() - began < SECONDS
    assert (many.status_code, frame.status_code) == (413, 413)
    assert "Go back and shorten your answers" in many.text
    assert post(browser, page, few).status_code == 404, "read: it has no number of a page"


def test_a_large_answer_fits_and_a_larger_one_does_not(browser: Browser, page: str) -> None:
    browser.http.post(page, data={"name": "Ada"})
    large = b"u1[what]=" + b"x" * (MAX_ANSWERS - 9)

    assert post(browser, page, large).status_code == 404, "read: it has no number of a page"
    assert post(browser, page, large + b"x").status_code == 413
    head = b'--b\r\nContent-Disposition: form-data; name="u1[what]"\r\n\r\n'
    parts = browser.http.post(
        page, data=head + large + b"\r\n--b--", content_type="multipart/form-data; boundary=b"
    )
    assert parts.status_code == 413


def test_forms_of_the_desk_have_larger_limits(browser: Browser) -> None:
    browser.sign_in()
    token = b"token=" + browser.token().encode()

    sent = {
        path: post(browser, path, token + body).status_code
        for path, body in (
            ("/desk/money", b"&a=" + b"x" * 2 * MAX_ANSWERS),
            ("/desk/new", b"&a" * MAX_FIELDS),
            ("/desk/sign-out", b"&a=" + b"x" * MAX_SIGN_IN),
        )
    }

    assert sent["/desk/money"] != 413
    assert sent["/desk/new"] == sent["/desk/sign-out"] == 413
    assert browser.get("/desk/").status_code == 200, "a form that was refused signs nobody out"


def test_the_api_keeps_its_own_limits(box: Sandbox) -> None:
    job = box.client().create_job({"title": "What is it?"})

    job.client.update_job(job.id, {"instructions": "x" * 2 * MAX_ANSWERS})

    assert len(job.reload().instructions) == 2 * MAX_ANSWERS
