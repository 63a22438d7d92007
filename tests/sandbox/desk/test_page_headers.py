"""Every page has the headers that protect it, and nothing inline that they would have to allow."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

from crowdflower.client import Client
from crowdflower.job import Job
from crowdflower.sandbox import Sandbox
from crowdflower.sandbox.desk.desk_request import DeskPage
from crowdflower.sandbox.desk.routes import PAGES
from tests.sandbox.desk_browser import Browser

if TYPE_CHECKING:
    from werkzeug.test import TestResponse

CML = """
<p style="color: red">{{ text }}</p>
<cml:radios label="Mood" name="mood" validates="required">
<cml:radio label="good"/><cml:radio label="bad"/></cml:radios>
"""
INLINE = re.compile(r"<style|<script(?![^>]* src=)|<[^>]* (?:style|on[a-z]+)=", re.IGNORECASE)


@pytest.fixture
def job(client: Client) -> Job:
    job = client.upload_job([{"text": f"row {number}"} for number in range(6)])
    client.update_job(job.id, {"title": "Moods", "instructions": "Read.", "cml": CML})
    job.launch(6, channels=["cf_internal"])
    return job


def directives(response: TestResponse) -> dict[str, str]:
    """Return the content security policy of a response, by directive."""
    policy = response.headers["Content-Security-Policy"]
    parts = (part.strip().partition(" ") for part in policy.split(";") if part.strip())
    return {name: rest for name, _, rest in parts}


def require_protection(response: TestResponse) -> None:
    """Check that a page loads and sends nothing elsewhere, and has nothing inline."""
    policy = directives(response)
    assert policy["default-src"] == "'none'"
    assert policy["base-uri"] == "'none'"
    assert "'unsafe" not in str(policy)
    assert "http:" not in policy["script-src"].replace("http://localhost", "").split()
    assert {"form-action", "frame-ancestors", "script-src", "style-src"} <= {*policy}
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert INLINE.findall(response.text) == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.path)
def test_a_page_of_the_desk_is_protected(desk: Browser, job: Job, page: DeskPage) -> None:
    unit = str(next(iter(job.units)).id)
    known = {"number": str(job.id), "unit": unit}
    path = re.sub("<int:([a-z]+)>", lambda name: known.get(name[1], "1"), page.path)

    response = desk.get(path)

    assert response.status_code in {200, 303, 404}
    if response.status_code != 303:
        assert response.headers["Cache-Control"] == "no-store"
        require_protection(response)


def test_pages_without_a_session_are_protected(stranger: Browser) -> None:
    for path in ("/desk/sign-in", "/desk/sign-in?link=used", "/label/", "/label/me/none"):
        require_protection(stranger.get(path))


def test_a_contributors_pages_are_protected(box: Sandbox, stranger: Browser, job: Job) -> None:
    url = urlsplit(box.work_url(job))
    path = f"{url.path}?{url.query}"

    require_protection(stranger.get(path))
    require_protection(stranger.get(f"{url.path}?secret=wrong"))
    stranger.http.post(path, data={"name": "Ada"})
    rows = stranger.get(path)
    require_protection(rows)
    assert "mood]" in rows.text
    require_protection(stranger.get("/label/"))


def test_the_check_finds_what_is_inline() -> None:
    found = INLINE.findall('<b style="x"><i onclick="y"><style></style><script>z</script>')

    assert len(found) == 4
    assert INLINE.findall('<script src="/desk.js" defer></script><p class="style=">') == []
