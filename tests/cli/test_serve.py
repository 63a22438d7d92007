"""``crowdflower serve`` as a process: output, options, and shutdown by a signal."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
from threading import Event
from typing import TYPE_CHECKING

import pytest
import requests
from served import COMMAND, TIMEOUT, serving

from crowdflower.cli.local.background import repeat, run_crowd
from crowdflower.client import Client
from crowdflower.exceptions import AuthenticationError, ValidationError
from crowdflower.sandbox import Sandbox
from crowdflower.sandbox.clock import Clock
from crowdflower.sandbox.store.failures import Busy, Full

if TYPE_CHECKING:
    from pathlib import Path

    from crowdflower.job import Job

RADIOS = """
<cml:radios label="What does it say?" name="says" validates="required">
  <cml:radio label="yes"/>
  <cml:radio label="no"/>
</cml:radios>"""


def run_invalid(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command with invalid arguments."""
    return subprocess.run(  # noqa: S603 - our own program
        [*COMMAND, *arguments], capture_output=True, text=True, check=False, timeout=TIMEOUT
    )


def test_the_printed_line_configures_a_client(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving() as server:
        monkeypatch.setenv("CROWDFLOWER_API_URL", server.url)
        monkeypatch.setenv("CROWDFLOWER_API_KEY", server.key)
        with Client() as client:
            job = client.create_job({"title": "Sentiment of reviews"})

            assert [each.id for each in client.get_jobs()] == [job.id]


def test_the_simulated_crowd_works_on_launched_jobs() -> None:
    with serving("--crowd", "8") as server, Client(server.key, base_url=server.url) as client:
        job = client.upload_job({"text": f"Row {number}"} for number in range(5))
        job.title = "What does the text say?"
        job.instructions = "Read it, then say it."
        job.cml = "<p>{{ text }}</p>" + RADIOS
        job.judgments_per_unit = 2
        job.update()
        job.launch(5)

        states = (client.get_job(job.id).state for _ in range(5000))

        assert "finished" in states, job.ping()
        assert {unit.get_aggregate("says") for unit in job.results()} <= {"yes", "no"}


def test_rows_are_ordered_after_the_auto_order_timeout() -> None:
    with serving() as server, Client(server.key, base_url=server.url) as client:
        job = client.create_job({"title": "What does the text say?"})
        job.instructions, job.cml = "Read it, then say it.", RADIOS
        job.auto_order, job.auto_order_timeout = True, 0
        job.update()
        client.set_job_channels(job.id, ["cf_internal"])
        job.upload([{"text": "one row"}])

        states = (client.get_job(job.id).state for _ in range(5000))

        assert "running" in states, job.ping()


def test_only_the_given_key_is_accepted() -> None:
    with serving("--key", "s3cret") as server:
        with Client("s3cret", base_url=server.url) as client:
            assert list(client.get_jobs()) == []
        with Client("another", base_url=server.url) as client, pytest.raises(AuthenticationError):
            list(client.get_jobs())


def test_a_key_on_the_command_line_causes_a_warning_and_one_in_the_environment_none(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with serving("--key", "s3cret") as server:
        assert "Warning: all users of this machine can read --key" in server.output

    monkeypatch.setenv("CROWDFLOWER_SANDBOX_KEY", "in-the-environment")
    with serving() as server:
        assert server.key == "in-the-environment"
        assert "Warning" not in server.output


def test_without_a_key_each_run_generates_one() -> None:
    with serving() as one, serving() as other:
        assert re.fullmatch("[0-9a-f]{40}", one.key)
        assert one.key != other.key


def test_a_database_file_keeps_the_jobs_for_the_next_run(tmp_path: Path) -> None:
    arguments = ["--database", str(tmp_path / "crowd.db"), "--key", "s3cret"]
    with serving(*arguments) as server, Client("s3cret", base_url=server.url) as client:
        made = client.create_job({"title": "Sentiment of reviews"})
        server.stop(signal.SIGTERM)

    with serving(*arguments) as server, Client("s3cret", base_url=server.url) as client:
        assert [job.id for job in client.get_jobs()] == [made.id]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_the_server_cleanly(number: signal.Signals) -> None:
    with serving() as server:
        code, output = server.stop(number)

    assert (code, output.strip()) == (0, "Stopped.")


def test_a_port_in_use_is_an_error() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]

        process = run_invalid("--port", str(port))

    assert process.returncode == 1
    assert process.stdout == ""
    assert process.stderr == (
        f"Error: port {port} is in use; choose another with --port, or 0 for any free port\n"
    )


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--balance", "much"], "'much' is not an amount in dollars"),
        (["--balance", "0.001"], "'0.001' must be 0 or more dollars"),
        (["--balance=-5"], "'-5' must be 0 or more dollars"),
        (["--balance", "1e400"], "'1e400' is more than 10,000,000,000 dollars"),
        (["--port", "70000"], "70000 is not in the range"),
        (["--key", ""], "a key must be printable ASCII without spaces"),
        (["--key", "two words"], "a key must be printable ASCII without spaces"),
        (["--key", "schlüssel"], "a key must be printable ASCII without spaces"),
    ],
)
def test_invalid_options_are_refused(arguments: list[str], complaint: str) -> None:
    process = run_invalid(*arguments)

    assert process.returncode == 2
    assert complaint in process.stderr


def test_a_file_that_is_not_a_sandbox_is_not_changed(tmp_path: Path) -> None:
    file = tmp_path / "notes.db"
    file.write_bytes(b"not a database, but a text file" * 100)
    before = file.read_bytes()

    process = run_invalid("--database", str(file), "--port", "0")

    assert process.returncode == 1
    assert process.stderr.startswith(f"Error: {file} ")
    assert process.stderr.count("\n") == 1
    assert file.read_bytes() == before


def test_a_directory_that_does_not_exist_is_named(tmp_path: Path) -> None:
    file = tmp_path / "nowhere" / "crowd.db"

    process = run_invalid("--database", str(file), "--port", "0")

    assert process.returncode == 1
    assert process.stderr == f"Error: {file} cannot be opened: {os.strerror(2)}.\n"


def test_with_control_the_printed_token_opens_the_control_interface() -> None:
    with serving("--control") as server:
        token = re.search(r"Control .*Bearer (\S+)", server.output)
        origin = server.url.removesuffix("/v1")
        assert token is not None
        headers = {"Authorization": f"Bearer {token[1]}"}

        clock = requests.get(f"{origin}/_sandbox/clock", headers=headers, timeout=TIMEOUT)
        without_token = requests.get(f"{origin}/_sandbox/clock", timeout=TIMEOUT)

    assert clock.json()["virtual"] is False
    assert without_token.status_code == 401


@pytest.mark.parametrize("options", [(), ("--names",)])
def test_names_of_contributors_are_in_reports_only_if_asked_for(
    tmp_path: Path, options: tuple[str, ...]
) -> None:
    with serving(*options) as server, Client(server.key, base_url=server.url) as client:
        job = client.create_job({"title": "What does the text say?"})
        client.download_report(job.id, "workset", tmp_path / "report.csv")

    header = (tmp_path / "report.csv").read_text("utf-8")
    assert ("_worker_name" in header) is bool(options)
    assert header.startswith("worker_id,")


def test_a_strict_server_refuses_what_it_would_warn_about() -> None:
    with serving("--strict") as server, Client(server.key, base_url=server.url) as client:
        job = client.create_job({"title": "What does the text say?"})

        with pytest.raises(ValidationError, match="css is stored, but has no effect"):
            client.update_job(job.id, {"css": "p { color: red }", "title": "Another title"})

        assert job.reload().title == "What does the text say?"


def test_webhooks_are_sent() -> None:
    with socket.create_server(("127.0.0.1", 0)) as hook, serving() as server:
        hook.settimeout(TIMEOUT)
        with Client(server.key, server.url) as client:
            job = client.create_job({"title": "A first job"})
            uri = f"http://127.0.0.1:{hook.getsockname()[1]}/hook"
            client.update_job(job.id, {"webhook_uri": uri})
            job.upload([{"text": "a row"}])
            connection, _ = hook.accept()
            with connection, connection.makefile("rb") as request:
                first = request.readline()
                connection.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")

    assert first == b"POST /hook HTTP/1.1\r\n"


def test_a_background_task_waits_for_the_database(capfd: pytest.CaptureFixture[str]) -> None:
    failures = [
        Busy("Another process is writing."),
        Busy("Another process is writing."),
        Full("No room."),
    ]
    done = Event()

    def run_task(*_: object) -> None:
        if failures:
            raise failures.pop(0)
        done.set()

    with Sandbox() as box, repeat(run_task, box):
        continued = done.wait(TIMEOUT)

    assert continued
    assert capfd.readouterr().err.splitlines() == [
        "Waiting for the database: Another process is writing.",
        "Waiting for the database: No room.",
    ]


def test_a_background_task_continues_after_a_bug_and_prints_it_without_the_key(
    capfd: pytest.CaptureFixture[str],
) -> None:
    done = Event()
    failures = [KeyError("s3cret"), KeyError("s3cret")]

    def run_task(*_: object) -> None:
        if failures:
            raise failures.pop(0)
        done.set()

    with Sandbox(key="s3cret") as box, repeat(run_task, box):
        continued = done.wait(TIMEOUT)

    errors = capfd.readouterr().err
    assert continued
    assert errors.startswith("The sandbox has a bug and continues:\nTraceback")
    assert errors.count("KeyError: '****'") == 1
    assert "s3cret" not in errors


def test_the_crowd_sends_no_requests_and_consumes_no_faults() -> None:
    with Sandbox(clock=Clock(virtual=False)) as box:
        job = launch_job(box)
        before = len(box.requests)
        box.faults.next(drop=True)

        with run_crowd(box, 3, None):
            assert is_finished(box, job.id)

        assert len(box.requests) == before
        assert len(box.faults.pending()) == 1


def test_the_crowd_joins_again_after_a_reset(capfd: pytest.CaptureFixture[str]) -> None:
    with Sandbox(clock=Clock(virtual=False)) as box, run_crowd(box, 3, None):
        first = launch_job(box)
        assert is_finished(box, first.id)
        box.reset()
        second = launch_job(box)

        assert first.id == second.id
        assert is_finished(box, second.id)

    assert capfd.readouterr().err == ""


def test_the_crowd_joins_again_after_another_server_is_reset(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "crowd.db"
    with Sandbox(database=file) as box, Sandbox(database=file) as other, run_crowd(box, 3, None):
        first = launch_job(box)
        assert is_finished(box, first.id)
        other.reset()
        second = launch_job(box)

        assert first.id == second.id
        assert is_finished(box, second.id)

    assert capfd.readouterr().err == ""


def test_the_crowd_works_on_jobs_of_the_internal_channel_too() -> None:
    """An R client launches to ``cf_internal`` only, and so does today's helper."""
    channels = ["on_demand", "cf_internal"]
    with Sandbox(clock=Clock(virtual=False)) as box, run_crowd(box, 3, None):
        jobs = [launch_job(box, channel) for channel in channels]

        assert all(is_finished(box, job.id) for job in jobs)

        reports = [box.client().get_report(job, "full") for job in jobs]
        assert [{row["_channel"] for row in rows} for rows in reports] == [
            {"on_demand"},
            {"cf_internal"},
        ]


def launch_job(box: Sandbox, channel: str = "on_demand") -> Job:
    """Launch a job with five rows."""
    client = box.client()
    job = client.upload_job({"text": f"Row {number}"} for number in range(5))
    job.title, job.instructions, job.cml = "What does it say?", "Read it.", RADIOS
    job.update()
    job.launch(5, channels=[channel])
    return job


def is_finished(box: Sandbox, job_id: int) -> bool:
    """Wait for the end of a job, without a request."""
    for _ in range(50 * TIMEOUT):
        ends = [each["job_id"] for each in box.events() if each["kind"] == "job_complete"]
        if job_id in ends:
            return True
        Event().wait(0.02)
    return False
