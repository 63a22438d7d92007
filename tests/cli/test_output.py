"""What the command prints: tables, JSON, CSV, messages, and how it ends."""

from __future__ import annotations

import csv
import io
import json
import os
import signal
import socket
import subprocess
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest
from rich.cells import cell_len
from terminal import COMMAND, TIMEOUT, in_a_terminal

from crowdflower.cli.exit_codes import MEANINGS, ExitCode, exit_code
from crowdflower.exceptions import (
    ConfigError,
    DuplicateOperation,
    InvalidInput,
    NotFound,
    OutcomeUnknown,
    OverBudget,
    PaymentRequired,
    ReportNotReady,
    RequestTimeout,
)
from crowdflower.payments.records import Operation

if TYPE_CHECKING:
    from conftest import Run

    from crowdflower.client import Client
    from crowdflower.job import Job

ODD_TITLES = [
    "A long title, " * 15,
    "レビューは何と言っていますか？" * 8,
    "<b>bold</b> &amp; <script>alert(1)</script>",
    "[red]not markup[/red] [/] [link=x]",
    "escape \x1b[31mred\x1b[0m, C1 \x9b31m, bell \x07, back\b, right to left \u202e",
]


@pytest.fixture
def odd_jobs(client: Client) -> list[int]:
    """Jobs whose titles try to disturb a table; their ids."""
    return [client.create_job({"title": title[:255]}).id for title in ODD_TITLES]


@pytest.mark.parametrize("width", [60, 80, 120])
def test_a_table_fits_the_terminal_whatever_is_in_the_titles(
    run: Run, odd_jobs: list[int], monkeypatch: pytest.MonkeyPatch, width: int
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))

    lines = run("jobs").stdout.splitlines()

    assert len(lines) == 1 + len(odd_jobs)
    assert max(map(cell_len, lines)) <= width
    assert all(line.isprintable() for line in lines)
    assert [int(line.split()[0]) for line in lines[1:]] == odd_jobs[::-1]


def test_a_table_in_a_pipe_is_not_shortened(run: Run, odd_jobs: list[int]) -> None:
    output = run("jobs").stdout

    assert "<b>bold</b> &amp; <script>alert(1)</script>" in output
    assert "[red]not markup[/red] [/] [link=x]" in output
    assert r"escape \x1b[31mred\x1b[0m, C1 \x9b31m, bell \x07, back\x08" in output
    assert "…" not in output


def test_json_and_csv_keep_every_character(run: Run, odd_jobs: list[int], client: Client) -> None:
    titles = [job.title for job in client.get_jobs()]

    from_json = [each["title"] for each in json.loads(run("jobs", "--json").stdout)]
    from_csv = [each["title"] for each in csv.DictReader(io.StringIO(run("jobs", "--csv").stdout))]

    assert from_json == titles
    assert from_csv == titles
    assert "\x9b" not in run("jobs", "--json").stdout


@pytest.mark.parametrize("encoding", ["utf-8", "ascii", "latin-1"])
def test_json_and_csv_are_complete_whatever_the_encoding_of_the_terminal(
    odd_jobs: list[int], client: Client, encoding: str
) -> None:
    titles = [job.title for job in client.get_jobs()]
    environment = {**os.environ, "PYTHONIOENCODING": encoding}

    outputs = [
        subprocess.run(  # noqa: S603 - our own program
            [*COMMAND, "jobs", option], capture_output=True, check=True, env=environment
        ).stdout.decode()
        for option in ("--json", "--csv")
    ]

    assert [each["title"] for each in json.loads(outputs[0])] == titles
    assert [each["title"] for each in csv.DictReader(io.StringIO(outputs[1]))] == titles


def test_a_terminal_gets_colours_unless_it_is_told_not_to(job: Job) -> None:
    assert "\x1b[1mid" in in_a_terminal("jobs")
    assert "\x1b" not in in_a_terminal("jobs", NO_COLOR="1")


@pytest.mark.parametrize("option", [[], ["--json"], ["--csv"]])
def test_nothing_in_the_data_controls_a_terminal(odd_jobs: list[int], option: list[str]) -> None:
    shown = in_a_terminal("jobs", *option, columns=200, NO_COLOR="1", PYTHONIOENCODING="utf-8")

    assert not {*shown} & {*"\x1b\x9b\x07\b\u202e"}
    assert "alert(1)" in shown


def test_a_terminal_asks_before_a_job_is_deleted(client: Client, job: Job) -> None:
    refused = in_a_terminal("job", "delete", "reviews", keys=b"n\n")
    assert "Delete job" in refused
    assert "Error: not confirmed; nothing was sent" in refused
    assert [each.id for each in client.get_jobs()] == [job.id]

    agreed = in_a_terminal("job", "delete", "reviews", keys=b"y\n")
    assert f"Deleted job {job.id}." in agreed
    assert list(client.get_jobs()) == []


def test_a_closed_pipe_is_quiet(client: Client) -> None:
    for number in range(10):
        client.create_job({"title": f"Job number {number}", "instructions": "Read it. " * 10_000})

    with subprocess.Popen(  # noqa: S603 - our own program
        [*COMMAND, "jobs", "--json"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.stdout.close()
        process.stdout = None
        _, errors = process.communicate(timeout=TIMEOUT)

    assert (process.returncode, errors) == (ExitCode.BROKEN_PIPE, b"")


def test_an_interrupt_has_an_exit_code_and_no_traceback(
    no_account: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        silent.settimeout(TIMEOUT)
        monkeypatch.setenv("CROWDFLOWER_API_URL", f"http://127.0.0.1:{silent.getsockname()[1]}/v1")
        monkeypatch.setenv("CROWDFLOWER_API_KEY", "a-key")
        with subprocess.Popen(  # noqa: S603 - our own program
            [*COMMAND, "account"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
        ) as process:
            connection, _ = silent.accept()
            with connection:
                # Python loses an interrupt that arrives in a finalizer; people press again.
                for _ in range(5):
                    process.send_signal(signal.SIGINT)
                    with suppress(subprocess.TimeoutExpired):
                        process.wait(timeout=TIMEOUT / 5)
                        break
                output, errors = process.communicate(timeout=TIMEOUT)

    assert (process.returncode, output) == (ExitCode.INTERRUPTED, b"")
    assert errors.strip() == b"Interrupted."


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (PaymentRequired("no money"), ExitCode.FAILED),
        (RequestTimeout("slow"), ExitCode.FAILED),
        (OSError(2, "No such file", "rows.csv"), ExitCode.FAILED),
        (InvalidInput("a row"), ExitCode.USAGE),
        (ConfigError("the key"), ExitCode.USAGE),
        (OutcomeUnknown("lost", evidence="sent"), ExitCode.UNKNOWN),
        (NotFound("no job"), ExitCode.NOT_FOUND),
        (ReportNotReady("later"), ExitCode.TIMEOUT),
        (OverBudget("too much"), ExitCode.NOT_CONFIRMED),
    ],
)
def test_each_kind_of_error_has_an_exit_code(error: OSError, code: ExitCode) -> None:
    assert exit_code(error) is code


@pytest.mark.parametrize(
    ("state", "code"), [("applied", ExitCode.FAILED), ("unknown", ExitCode.UNKNOWN)]
)
def test_a_payment_that_was_started_before_may_be_open(state: str, code: ExitCode) -> None:
    operation = Operation("op-1", "bonus", "me", "POST", "jobs/7", "", state=state)  # type: ignore[arg-type]

    assert exit_code(DuplicateOperation("before", operation=operation)) is code


def test_the_exit_codes_are_in_the_help(run: Run) -> None:
    output = " ".join(run("--help").stdout.split())

    assert set(MEANINGS) == set(ExitCode)
    for code, meaning in MEANINGS.items():
        assert f"{int(code)} {meaning}" in output
