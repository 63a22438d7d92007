"""Tasks in processes of their own, killed at any point of their protocol and repeated."""

from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
from base64 import b64decode, b64encode
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

import pytest
from served import RunningServer, serving

from crowdflower.client import Client
from crowdflower.tables.partitions import abort_write, commit_write, start_write

if TYPE_CHECKING:
    from crowdflower.tables.partitions import WriteReceipt, WriteToken

TASK = """
import os, pickle, signal, sys
from base64 import b64decode, b64encode
from crowdflower import Client
from crowdflower.http import connections
from crowdflower.rows import upload_plan
from crowdflower.tables.partitions import write_partition

token, first, last, left = sys.argv[1:]
upload_plan.ROWS_PER_CHUNK = 100
advance = connections.Exchange.advance


def advance_or_die(exchange, phase):
    # Before a byte is sent, before the response is read, before its arrival is recorded.
    global left
    left = int(left) - 1
    if not left:
        os.kill(os.getpid(), signal.SIGKILL)
    advance(exchange, phase)


connections.Exchange.advance = advance_or_die
rows = [{"id": n, "text": f"row {n}"} for n in range(int(first), int(last))]
with Client.from_env() as client:
    receipt = write_partition(client, rows, pickle.loads(b64decode(token)), partition=first)
print(b64encode(pickle.dumps(receipt)).decode())
"""
ROWS, STEPS = 400, 80
"""Rows of a partition, and about how often an attempt may die."""


@pytest.fixture(scope="module")
def server() -> Iterator[RunningServer]:
    with serving("--port", "0") as server:
        yield server


@pytest.fixture
def client(server: RunningServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[Client]:
    """A client of a server in another process, in the environment of all tasks."""
    monkeypatch.setenv("CROWDFLOWER_API_URL", server.url)
    monkeypatch.setenv("CROWDFLOWER_API_KEY", server.key)
    with Client.from_env() as client:
        yield client


def start_task(token: WriteToken, partition: int, left: int = 0) -> subprocess.Popen[str]:
    """Start a task for a partition.

    :param left: After how many steps it is killed.
    """
    first = partition * ROWS
    arguments = [b64encode(pickle.dumps(token)).decode(), first, first + ROWS, left]
    return subprocess.Popen(  # noqa: S603 - our own Python
        [sys.executable, "-c", TASK, *map(str, arguments)], stdout=subprocess.PIPE, text=True
    )


def receipt_of(task: subprocess.Popen[str]) -> WriteReceipt | None:
    """Wait for a task; return its receipt, ``None`` if it was killed."""
    output, _ = task.communicate(timeout=120)
    assert task.returncode in {0, -signal.SIGKILL}
    receipt: Any = pickle.loads(b64decode(output)) if output else None  # noqa: S301 - our own
    return receipt


def test_tasks_that_are_killed_and_run_twice_leave_each_row_once(client: Client) -> None:
    chance = Random(11)  # noqa: S311 - a test may be predictable
    job = client.create_job({"title": "Written in spite of it all"})
    job.upload([{"id": -1, "text": "Before."}])
    token = start_write(client, job.id, key="id")
    waiting, receipts, kills = {0, 1}, [], 0
    while waiting:
        # Every task runs twice at the same time, and each of both is killed if it lives too long.
        limit = STEPS * max(1, kills // 4)
        twice = [each for each in waiting for _ in "ab"]
        lives = [chance.randrange(10, limit) if kills else 24 for _ in twice]
        tasks = [start_task(token, each, left) for each, left in zip(twice, lives, strict=True)]
        found = [each for each in map(receipt_of, tasks) if each is not None]
        kills += len(tasks) - len(found)
        receipts += found
        waiting -= {int(str(each.partition)) // ROWS for each in found}

    done = commit_write(client, token, receipts)

    assert kills >= 4
    assert done.rows == 2 * ROWS
    assert done.found == 0
    held = Counter(unit.data["id"] for unit in client.get_units(job.id))
    assert held == Counter(range(-1, 2 * ROWS))


def test_an_abort_finds_the_rows_of_tasks_that_were_killed(client: Client) -> None:
    job = client.create_job({"title": "Given up"})
    job.upload([{"id": -1, "text": "Before."}])
    token = start_write(client, job.id, key="id")
    staged, left = 0, 36
    while not staged:
        assert receipt_of(start_task(token, 0, left)) is None
        staged = len(list(client.get_units(job.id))) - 1
        left += 8

    assert abort_write(client, token) == staged

    assert [unit.data["id"] for unit in client.get_units(job.id)] == [-1]


def test_the_example_of_the_guide_runs(client: Client, tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    job = client.create_job({"title": "Reviews", "cml": '<cml:text name="mood" label="Mood"/>'})
    job.upload([{"id": 1}])
    example = Path(__file__).parents[1] / "partition_example.py"

    ended = subprocess.run(  # noqa: S603 - our own Python
        [sys.executable, str(example), str(job.id)],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        cwd=tmp_path,
        env=os.environ,
    )

    assert (ended.stdout, ended.returncode) == ("{}\n", 0), ended.stderr
