"""A daily script that is killed at each of its steps, and started again: one job, one payment."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from itertools import count, islice
from pathlib import Path
from random import Random
from typing import Any, Final

import pytest
from script_process import ATTRIBUTES, ROWS, ScriptRun

from crowdflower.payments.journal import Journal
from crowdflower.sandbox import Sandbox

KILLED: Final = -signal.SIGKILL


class Runner:
    """A process that runs scripts, one after the other."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def start(self, script: ScriptRun) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(asdict(script)) + "\n")
        self._process.stdin.flush()

    def finish(self) -> dict[str, Any]:
        """Return what the script wrote, and its exit code."""
        assert self._process.stdout is not None
        seen: dict[str, Any] = {}
        for line in self._process.stdout:
            seen |= json.loads(line)
            if "exit_code" in seen:
                assert seen["exit_code"] in {0, KILLED}, "the script failed"
                return seen
        raise AssertionError("the runner ended")

    def run(self, script: ScriptRun) -> dict[str, Any]:
        self.start(script)
        return self.finish()


@contextmanager
def runner() -> Iterator[Runner]:
    process = subprocess.Popen(  # noqa: S603 - our own program
        [sys.executable, str(Path(__file__).with_name("script_process.py"))],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    with process:
        try:
            yield Runner(process)
        finally:
            process.kill()


@pytest.fixture(scope="module")
def box() -> Iterator[Sandbox]:
    with Sandbox(seed=3) as box:
        box.credit(10_000_000)
        yield box


@pytest.fixture(scope="module")
def one() -> Iterator[Runner]:
    with runner() as one:
        yield one


@pytest.fixture(scope="module")
def other() -> Iterator[Runner]:
    with runner() as other:
        yield other


def assert_paid_once(box: Sandbox, alias: str) -> None:
    """Compare what the service has with one run that was not killed."""
    client = box.client()
    newest = islice(client.get_jobs(), 10)
    (job,) = [job for job in newest if job.alias in {alias, None}]
    assert job.alias == alias
    assert (job.title, job.payment_cents) == (ATTRIBUTES["title"], ATTRIBUTES["payment_cents"])
    assert sorted(unit.data["sku"] for unit in job.units) == [row["sku"] for row in ROWS]
    paid = [each for each in box.ledger() if each["job_id"] == job.id]
    assert [each["kind"] for each in paid] == ["reserve"]
    assert job.ping()["ordered_units"] == len(ROWS)


@pytest.mark.parametrize("remembers", [True, False])
def test_a_script_that_is_killed_at_any_step_pays_once_in_the_end(
    box: Sandbox, one: Runner, tmp_path: Path, remembers: bool
) -> None:
    """At every third step, another one with idempotency keys than without them, to save time."""
    killed = unknown = 0
    for step in count(0 if remembers else 1, 3):
        alias = f"{'kept' if remembers else 'plain'}-{step}"
        script = {
            "url": box.url, "key": box.key, "journal": str(tmp_path / f"{alias}.journal"),
            "alias": alias, "remembers": remembers,
        }  # fmt: skip
        ended = one.run(ScriptRun(**script, kill_at=step))["exit_code"] == 0
        killed += not ended

        again = one.run(ScriptRun(**script))
        if "unknown" in again:  # never sent, which the script cannot know: a person looks
            unknown += 1
            assert not remembers
            Journal(script["journal"]).resolve(again["unknown"], "not_applied", "looked")
            again = one.run(ScriptRun(**script))

        assert again["exit_code"] == 0
        assert again["not_ordered"] == []
        assert_paid_once(box, alias)
        if ended:
            break

    assert killed > 14
    assert unknown <= (0 if remembers else 1)


def test_a_script_that_is_killed_again_and_again_pays_once_in_the_end(
    box: Sandbox, one: Runner, tmp_path: Path
) -> None:
    chance = Random(7)  # noqa: S311 - the same kills each time
    for number in range(5):
        alias = f"again-{number}"
        script = {
            "url": box.url, "key": box.key, "journal": str(tmp_path / f"{alias}.journal"),
            "alias": alias,
        }  # fmt: skip
        runs = 0
        while one.run(ScriptRun(**script, kill_at=chance.randrange(60)))["exit_code"] == KILLED:
            runs += 1
            assert runs < 100

        assert_paid_once(box, alias)


@pytest.mark.parametrize("has_file", [True, False])
def test_two_scripts_at_once_make_one_job_and_one_payment(
    box: Sandbox, one: Runner, other: Runner, tmp_path: Path, has_file: bool
) -> None:
    """They share a journal file, or only the service, which remembers keys."""
    chance = Random(9)  # noqa: S311 - the same kills each time
    for number in range(4):
        alias = f"both-{has_file}-{number}"
        script = {
            "url": box.url, "key": box.key, "alias": alias, "waits": True, "uploads": False,
            "journal": str(tmp_path / f"{alias}.journal") if has_file else None,
        }  # fmt: skip

        for _ in range(2):
            one.start(ScriptRun(**script, kill_at=chance.randrange(40) if number % 2 else None))
            other.start(ScriptRun(**script))
            ended = [one.finish(), other.finish()]
            if ended[0]["exit_code"] == KILLED:
                ended[0] = one.run(ScriptRun(**script))
            box.client().get_job(alias).upload(ROWS, key="sku", live=True)

        assert ended[0]["job"] == ended[1]["job"]
        ids = {each["order"] for each in ended} - {None}  # not known after a kill
        assert len(ids) <= 1
        assert_paid_once(box, alias)
