"""Acknowledged writes survive a crash of the server, whenever it happens."""

from __future__ import annotations

import json
import subprocess
import sys
from random import Random
from typing import TYPE_CHECKING, Any

import failpoints
import pytest
from crashes import Connection, ForkServer, Workload, count_outcomes, kill_once
from oracle import find_violations

if TYPE_CHECKING:
    from pathlib import Path

ROUNDS = 10


def test_acknowledged_writes_survive_when_the_server_is_killed(tmp_path: Path) -> None:
    workload = Workload.create(tmp_path / "sandbox.db", units=200)
    random = Random(2015)  # noqa: S311 - not a secret
    problems: list[str] = []

    with ForkServer() as server:
        for _ in range(ROUNDS):
            problems += kill_once(server, workload, random)
        with server.serve(workload.file) as url:
            problems += workload.resend(url)
            connection = Connection(url)
            while ("bonus", "refused") not in count_outcomes(
                workload
            ):  # none yet on a slow machine
                workload.give_bonus(connection)
            connection.close()
        problems += find_violations(workload.file, [each.write for each in workload.requests])

    count = count_outcomes(workload)
    assert problems == []
    assert {outcome for _, outcome in count} >= {"acknowledged", "refused"}
    assert not any(outcome == "unknown" for _, outcome in count)
    assert workload.replayed


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The results of crashing before each statement of each request."""
    file = tmp_path_factory.mktemp("failpoints") / "sandbox.db"
    process = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, failpoints.__file__, str(file)],
        capture_output=True,
        check=False,
        text=True,
    )
    assert process.returncode == 0, process.stderr
    results: dict[str, Any] = json.loads(process.stdout)
    return results


@pytest.mark.parametrize(
    ("request_", "statements"),
    [
        ("order", 20),
        ("judgment", 25),
        ("bonus", 10),
        ("upload", 10),
        ("large upload", 30),
        ("large append", 30),
        ("cancel", 10),
        ("page", 10),
        ("create", 30),
    ],
)
def test_a_request_that_crashes_at_any_statement_happened_fully_or_not_at_all(
    results: dict[str, Any], request_: str, statements: int
) -> None:
    assert results[request_]["problems"] == []
    assert results[request_]["statements"] >= statements
