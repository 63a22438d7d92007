"""The pytest plugin: a clean account for each test, no other host, no waiting, and no cost."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

TESTS = """
import os
import subprocess
import sys
import threading
import time

import pytest
import requests
from crowdflower import Client, ServerError
from crowdflower.testing import OtherHostRefused


@pytest.mark.parametrize("number", range(3))
def test_each_test_has_a_clean_account(
    number, crowdflower_sandbox, crowdflower_client, crowdflower_crowd
):
    assert list(crowdflower_client.get_jobs()) == []
    assert crowdflower_client.create_job({"title": "Hello"}).id == 700001
    assert crowdflower_sandbox.transitions["report"].polls == 0
    assert crowdflower_sandbox.unimplemented == ()
    crowdflower_sandbox.transitions["report"] = 5
    crowdflower_sandbox.faults.next(status=503, times=99)
    crowdflower_crowd.add(5)
    crowdflower_sandbox.receive_webhooks(print)
    crowdflower_sandbox.clock.advance(hours=5)


def test_the_crowd_is_that_of_the_sandbox(crowdflower_sandbox, crowdflower_crowd):
    assert crowdflower_crowd is crowdflower_sandbox.crowd


def test_a_client_of_the_tested_code_reaches_the_sandbox(crowdflower_sandbox):
    with Client() as client, Client.from_env() as other:
        job = client.create_job({"title": "Hello"})
        assert other.get_job(job.id).title == "Hello"
    assert os.environ["CROWDFLOWER_API_KEY"] == crowdflower_sandbox.key


def test_waits_take_no_time(crowdflower_sandbox):
    crowdflower_sandbox.faults.next(status=503, times=99)
    before, start = crowdflower_sandbox.clock.now(), time.monotonic()
    with pytest.raises(ServerError):
        Client(retries=6).get_account()
    assert crowdflower_sandbox.clock.now() > before
    assert time.monotonic() - start < crowdflower_sandbox.clock.now() - before + 1


def test_the_socket_works_too(crowdflower_sandbox):
    with Client(base_url=crowdflower_sandbox.url) as client:
        assert client.get_account()["email"]
    assert requests.get(crowdflower_sandbox.url, timeout=60).status_code == 404


@pytest.mark.parametrize("send", [
    lambda: requests.get("https://api.appen.com/v1", timeout=1),
    lambda: requests.Session().get("http://192.0.2.1/", timeout=1),
    lambda: Client("a-key", "https://api.appen.com/v1").get_account(),
])
def test_other_hosts_are_refused(send, crowdflower_sandbox):
    with pytest.raises(OtherHostRefused, match="cannot reach"):
        send()


@pytest.mark.crowdflower(balance_cents=7, strict=True)
def test_the_marker_sets_arguments_of_the_sandbox(crowdflower_client):
    assert crowdflower_client.get_account()["balance"] == 7


@pytest.mark.usefixtures("crowdflower_sandbox")
class TestUnittestStyle:
    def test_the_fixture_is_used(self):
        assert Client().get_account()["balance"] > 7


def test_without_a_fixture_the_environment_is_as_it_was():
    assert os.environ["CROWDFLOWER_API_KEY"] == "a-real-key"
    assert "CROWDFLOWER_API_URL" not in os.environ
"""


def run(pytester: pytest.Pytester, *arguments: str) -> pytest.RunResult:
    """Run the tests of a project in a process of its own."""
    return pytester.runpytest_subprocess("--strict-markers", "-W", "error", *arguments)


@pytest.mark.parametrize("workers", [(), ("-n", "2")], ids=["alone", "xdist"])
def test_the_fixtures_work(
    pytester: pytest.Pytester,
    plugin_arguments: list[str],
    monkeypatch: pytest.MonkeyPatch,
    workers: tuple[str, ...],
) -> None:
    if workers:
        pytest.importorskip("xdist")
    monkeypatch.setenv("CROWDFLOWER_API_KEY", "a-real-key")
    monkeypatch.delenv("CROWDFLOWER_API_URL", raising=False)
    pytester.makepyfile(TESTS)

    run(pytester, *plugin_arguments, *workers).assert_outcomes(passed=13)


IMPORTS = """
import sys


def test_nothing_is_loaded():
    unwanted = {"crowdflower.client", "crowdflower.sandbox", "flask", "sqlalchemy", "requests"}
    assert sorted(unwanted & sys.modules.keys()) == []
    assert "crowdflower.testing" in sys.modules
"""


def test_a_project_without_the_fixtures_loads_nothing(
    pytester: pytest.Pytester, plugin_arguments: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")  # other plugins load requests
    pytester.makepyfile(IMPORTS)

    run(pytester, "-p", "crowdflower.testing").assert_outcomes(passed=1)


def test_without_the_extra_the_fixture_names_it(
    pytester: pytest.Pytester, plugin_arguments: list[str]
) -> None:
    pytester.makeconftest("import sys\nsys.modules['flask'] = None\n")
    pytester.makepyfile("def test_it(crowdflower_sandbox): pass")

    result = run(pytester, *plugin_arguments)

    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*pip install 'crowdflower-client?sandbox?'*"])


def test_importing_the_package_loads_no_client(tmp_path: Path) -> None:
    script = "import crowdflower, sys; print('requests' in sys.modules, crowdflower.Job.__name__)"

    process = subprocess.run(  # noqa: S603 - our own Python
        [sys.executable, "-c", script],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )

    assert process.stdout == "False Job\n"
