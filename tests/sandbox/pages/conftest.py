"""A job with test questions, and contributors with browsers, in this process."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest

from crowdflower.sandbox import Sandbox

if TYPE_CHECKING:
    from flask.testing import FlaskClient

    from crowdflower.job import Job

CML = """
<p>{{ review }}</p>
<cml:radios label="What does it say?" name="says" validates="required">
  <cml:radio label="Good" value="good"/> <cml:radio label="Bad" value="bad"/>
</cml:radios>
<cml:textarea label="Why?" name="why"/>
"""


@pytest.fixture
def box() -> Iterator[Sandbox]:
    with Sandbox(seed=5) as box:
        yield box


@pytest.fixture
def launch(box: Sandbox) -> Callable[..., Job]:
    """Launch a job: ``launch(10, golds=5, options={"front_load": True})``."""

    def launch(rows: int = 10, *, golds: int = 0, **settings: Any) -> Job:
        data: list[dict[str, Any]] = [{"review": f"Review {place}"} for place in range(rows)]
        if golds:
            known = {"says_gold": "bad", "says_gold_reason": "It broke."}
            data = [row | dict.fromkeys(known, "") for row in data]
            data += [{"review": f"Test {place}", **known} for place in range(golds)]
        job = box.client().upload_job(data)
        settings = {"title": "Reviews", "instructions": "Read.", "cml": CML} | settings
        job.client.update_job(job.id, settings)
        if golds:
            job.mark_test_questions("says")
        job.launch(rows, channels=["cf_internal"])
        return job

    return launch


class Browser:
    """A browser with its own cookies."""

    def __init__(self, box: Sandbox) -> None:
        self.box = box
        self.client: FlaskClient = box.app.test_client()
        self.html = ""

    def path(self, job: Job) -> str:
        """Return the path of a job's page."""
        url = urlsplit(self.box.work_url(job))
        return f"{url.path}?{url.query}"

    def get(self, path: str) -> Any:
        """Load a page."""
        return self._seen(self.client.get(path, follow_redirects=True))

    def post(self, path: str, fields: dict[str, Any], **headers: str) -> Any:
        """Send a form, without following the redirect."""
        return self.client.post(path, data=fields, headers=headers)

    def send(self, path: str, **fields: Any) -> Any:
        """Send a form of the page that was loaded last, with its token; follow the redirect."""
        form = {"form_token": self.form_token, **fields}
        return self._seen(self.client.post(path, data=form, follow_redirects=True))

    def sign_in(self, job: Job, name: str = "Ada") -> None:
        """Enter a name at a job's page, and load the page."""
        self.post(self.path(job), {"name": name})
        self.get(self.path(job))

    @property
    def form_token(self) -> str:
        """The token of the forms on the page that was loaded last."""
        found = re.search(r'name="form_token" value="([^"]*)"', self.html)
        return found[1] if found else ""

    def fields(self, job: Job, **answers: str) -> dict[str, str]:
        """Load a job's page, and return a submission with the same answers for every row."""
        html = self.get(self.path(job)).text
        hidden = dict(re.findall(r'name="(assignment|token)" value="([^"]*)"', html))
        units = dict.fromkeys(re.findall(r'name="u(\d+)\[says\]', html))
        return hidden | {
            f"u{unit}[{name}]": value for unit in units for name, value in answers.items()
        }

    def submit(self, job: Job, **answers: str) -> Any:
        """Answer every row of a job's page, and load what comes next."""
        fields = self.fields(job, **answers)
        return self._seen(self.client.post(self.path(job), data=fields, follow_redirects=True))

    def _seen(self, response: Any) -> Any:
        self.html = response.text
        return response


@pytest.fixture
def new_browser(box: Sandbox) -> Callable[[], Browser]:
    """Open a browser without cookies."""
    return lambda: Browser(box)
