"""A sandbox as the account of the command, and a function that runs the command in this process."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Protocol

import pytest
from click.testing import CliRunner, Result

from crowdflower.cli.group import crowdflower
from crowdflower.sandbox import Sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from crowdflower.client import Client
    from crowdflower.job import Job

FORM = """<p>{{ text }}</p>
<cml:radios label="What does it say?" name="says" validates="required" gold="true">
  <cml:radio label="yes"/>
  <cml:radio label="no"/>
</cml:radios>"""


class Run(Protocol):
    """Runs the command with arguments, and text on standard input."""

    def __call__(self, *arguments: str, input: str | None = None) -> Result: ...  # noqa: A002


@pytest.fixture
def no_account(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An environment without key, address and journal."""
    for name in list(os.environ):
        if name.startswith("CROWDFLOWER_"):
            monkeypatch.delenv(name)
    monkeypatch.delenv("COLUMNS", raising=False)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


@pytest.fixture
def run(no_account: None) -> Run:
    """Runs the command, with standard output and standard error apart."""

    def run(*arguments: str, input: str | None = None) -> Result:  # noqa: A002
        return CliRunner().invoke(crowdflower, arguments, input=input)

    return run


@pytest.fixture
def box(no_account: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sandbox]:
    """The account of the command."""
    with Sandbox() as box:
        monkeypatch.setenv("CROWDFLOWER_API_URL", box.url)
        monkeypatch.setenv("CROWDFLOWER_API_KEY", box.key)
        yield box


@pytest.fixture
def client(box: Sandbox) -> Client:
    """A client of the account."""
    return box.client()


@pytest.fixture
def form_text() -> str:
    """The form of the job."""
    return FORM


@pytest.fixture
def job(client: Client) -> Job:
    """A job with a form, ten rows and five test questions."""
    job = client.create_job(
        {
            "title": "What does it say?",
            "instructions": "Read it.",
            "cml": FORM,
            "alias": "reviews",
            "judgments_per_unit": 2,
            "units_per_assignment": 2,
            "options": {"front_load": True},
        }
    )
    job.upload(
        {"text": f"row {n}", "_golden": n < 5, "says_gold": "yes" if n < 5 else None}
        for n in range(15)
    )
    job.convert_test_questions()
    return job.reload()
