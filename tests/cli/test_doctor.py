"""``crowdflower doctor``."""

from __future__ import annotations

import json
import re
import runpy
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from crowdflower.cli.local import doctor
from crowdflower.payments.journal import Journal
from crowdflower.payments.records import Operation

if TYPE_CHECKING:
    from conftest import Run

    from crowdflower.sandbox import Sandbox

SETUP = Path(__file__).parents[2] / "setup.py"
VARIABLES = [*doctor.PROXIES, *map(str.lower, doctor.PROXIES), *doctor.CERTIFICATES]


@pytest.fixture(autouse=True)
def _no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)


def checks(run: Run, *arguments: str) -> dict[str, dict[str, Any]]:
    """Return the checks by their names."""
    return {each["name"]: each for each in json.loads(run("doctor", "--json", *arguments).stdout)}


def test_a_machine_without_problems(run: Run, box: Sandbox) -> None:
    result = run("doctor")

    found = checks(run)
    assert (result.exit_code, result.stderr) == (0, "No problems.\n"), result.stdout
    assert re.match(r"status +name +text\nok +python +CPython 3", result.stdout)
    assert found["service"]["text"] == f"{box.url}, owner@example.com, balance $1,000.00"
    assert found["clock"] == {"name": "clock", "status": "ok", "text": "agrees with the service"}
    assert found["key"]["text"] == f"**** ({len(box.key)} characters), from CROWDFLOWER_API_KEY"
    assert found["journal"]["text"].endswith("created by the first payment")
    assert box.key not in result.output


def test_without_a_key_the_service_is_not_asked(run: Run) -> None:
    result = run("doctor")

    assert (result.exit_code, result.stderr) == (5, "1 problem.\n")
    found = checks(run)
    assert "no API key: set CROWDFLOWER_API_KEY" in found["key"]["text"]
    assert found["service"]["status"] == "note"


@pytest.mark.parametrize(
    ("key", "url", "problem"),
    [
        ("a-wrong-key", None, "401"),
        ("a-key", "http://127.0.0.1:9/v1", "GET /account.json"),
        ("a-key", "http://api.example.com/v1", "plain http:// would send your API key"),
        ("a key", None, "the API key contains a space"),
    ],
)
def test_a_service_that_does_not_answer_is_a_problem(
    run: Run, box: Sandbox, monkeypatch: pytest.MonkeyPatch, key: str, url: str | None, problem: str
) -> None:
    monkeypatch.setenv("CROWDFLOWER_API_KEY", key)
    monkeypatch.setenv("CROWDFLOWER_API_URL", url or box.url)

    found = checks(run)["service"]

    assert found["status"] == "problem"
    assert problem in found["text"]
    assert key not in found["text"]


def test_a_pending_payment_is_a_problem(run: Run, box: Sandbox, tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    Journal(path).prepare(Operation("op-1", "bonus", "me", "POST", "jobs/7/bonus", "amount=1"))

    found = checks(run, "--journal", str(path))["journal"]

    assert found["status"] == "problem"
    assert found["text"].startswith(f"{path}, 1 payment with an unknown outcome")


def test_a_file_that_is_not_a_journal_is_a_problem(run: Run, box: Sandbox, tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("not a journal" * 100, encoding="utf-8")

    assert checks(run, "--journal", str(path))["journal"]["status"] == "problem"


def test_a_key_file_that_others_can_read_is_noted(
    run: Run, box: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "key"
    file.write_text(box.key, encoding="utf-8")
    file.chmod(0o644)
    monkeypatch.delenv("CROWDFLOWER_API_KEY")

    open_to_others = checks(run, "--key-file", str(file))
    file.chmod(0o600)
    own = checks(run, "--key-file", str(file))

    assert open_to_others["key file"]["text"] == f"other users can read {file}; chmod 600 {file}"
    assert "key file" not in own


def test_the_password_of_a_proxy_is_not_shown(
    run: Run, box: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("https_proxy", "http://ada:s3cret@proxy.example.com:3128")

    assert checks(run)["https_proxy"]["text"] == "http://****@proxy.example.com:3128"


@pytest.mark.parametrize(
    ("date", "status"),
    [("Thu, 30 Jul 2026 12:00:00 GMT", "problem"), ("soon", "note"), (None, "note")],
)
def test_the_clock_is_compared_with_the_service(date: str | None, status: str) -> None:
    now = 1785412800.0 + 90  # a minute and a half later

    assert doctor.check_clock(date, now, now + 1).status == status


def test_a_clock_within_a_minute_is_right() -> None:
    now = 1785412800.0

    assert doctor.check_clock("Thu, 30 Jul 2026 12:00:30 GMT", now, now + 1).status == "ok"


def test_an_extra_that_is_missing_is_noted(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(doctor.EXTRAS, "fast", ("a-package-that-does-not-exist",))  # type: ignore[arg-type]

    found = checks(run)["extra fast"]

    assert found["status"] == "note"
    assert found["text"].endswith("pip install 'crowdflower-client[fast]'")


def test_the_extras_are_those_of_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    setuptools = SimpleNamespace(setup=lambda **_: None, find_packages=lambda **_: [])
    monkeypatch.setitem(sys.modules, "setuptools", setuptools)  # which need not be installed
    extras = runpy.run_path(str(SETUP))["EXTRAS"]

    declared = {
        name: tuple(re.split(r"[\[>=]", requirement)[0] for requirement in requirements)
        for name, requirements in extras.items()
        if name not in {"all", "dev"}
    }

    assert declared == doctor.EXTRAS
