"""No text that a person wrote runs as a script, on any page of the desk or of a contributor."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest

from crowdflower.job import Job
from crowdflower.sandbox import Sandbox
from crowdflower.sandbox.desk.desk_rendering import DESK_TEMPLATES
from crowdflower.sandbox.desk.routes import PAGES
from tests.hostile_job import IS_ACTIVE, make_hostile_job
from tests.sandbox.desk_browser import Browser

pytestmark = pytest.mark.filterwarnings("ignore")  # of the client, about the strange job


@pytest.fixture
def job(box: Sandbox) -> Job:
    return make_hostile_job(box)


def addresses(job: Job) -> list[str]:
    """Return the address of every page of the desk, for this job and its first judged row."""
    unit = str(next(iter(job.judgments())).unit_id)
    known = {"number": str(job.id), "unit": unit}
    return [
        re.sub("<int:([a-z]+)>", lambda name: known.get(name[1], "1"), page.path) for page in PAGES
    ]


def active(page: str) -> list[str]:
    """Return what of the hostile text a browser would act on."""
    return IS_ACTIVE.findall(page)


def test_no_page_of_the_desk_has_anything_active(desk: Browser, job: Job) -> None:
    paths = [*addresses(job), "/desk/?q=%22%3E%3Cscript%3Ewindow.hacked%3D1%3C/script%3E"]

    pages = {path: desk.get(path) for path in paths}

    assert {path: active(page.text) for path, page in pages.items()} == {path: [] for path in paths}
    assert sum(page.status_code == 200 for page in pages.values()) > len(paths) / 2
    assert "&lt;script&gt;window.hacked" in pages["/desk"].text


def test_the_page_of_a_contributor_has_nothing_active(box: Sandbox, job: Job) -> None:
    url = urlsplit(box.work_url(job))
    browser = box.app.test_client()
    sign_in = browser.get(f"{url.path}?{url.query}").text
    browser.post(f"{url.path}?{url.query}", data={"name": "Eve <script>window.hacked=1</script>"})
    rows = browser.get(f"{url.path}?{url.query}").text
    home = browser.get("/label").text

    assert "mood]" in rows
    assert active(sign_in) == active(rows) == active(home) == []


@pytest.fixture
def unescaped(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Render the desk without its defence."""
    assert DESK_TEMPLATES.cache is not None
    with monkeypatch.context() as patch:
        DESK_TEMPLATES.cache.clear()
        patch.setattr(DESK_TEMPLATES, "autoescape", False)
        yield
    DESK_TEMPLATES.cache.clear()


@pytest.mark.usefixtures("unescaped")
def test_without_escaping_the_check_would_fail(desk: Browser, job: Job) -> None:
    assert active(desk.get("/desk").text)
    assert job.id
