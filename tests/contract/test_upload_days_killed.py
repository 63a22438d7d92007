"""Uploads on several days, killed anywhere, with a journal file: each row is in the job once."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path
from random import Random

import pytest

from crowdflower.sandbox import Sandbox

UPLOADER = """
import os, signal, sys, time
from crowdflower import Client
from crowdflower.http import connections
from crowdflower.payments import journal_file
from crowdflower.rows import upload_plan

address, key, job, first, last, journal, left = sys.argv[1:]
upload_plan.ROWS_PER_CHUNK = 50
advance, transaction = connections.Exchange.advance, journal_file.Store.transaction


class SkippingClock:
    monotonic = staticmethod(time.monotonic)

    def sleep(self, seconds):
        pass


def may_die():
    global left
    left = int(left) - 1
    if not left:
        os.kill(os.getpid(), signal.SIGKILL)


def advance_or_die(exchange, phase):
    # Before a byte is sent, before the response is read, before its arrival is recorded.
    may_die()
    advance(exchange, phase)


def begin_or_die(store):
    may_die()
    return transaction(store)


connections.Exchange.advance = advance_or_die
journal_file.Store.transaction = begin_or_die
with Client(key, address, journal=journal) as client:
    client._clock = SkippingClock()
    rows = ({"sku": n, "review": f"row {n}"} for n in range(int(first), int(last)))
    print(client.get_job(int(job)).upload(rows, key="sku"))
"""

CML = '<p>{{ review }}</p><cml:text label="What" name="what" validates="required"/>'


def run(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603 - our own Python
        [sys.executable, "-c", UPLOADER, *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


@pytest.mark.parametrize("seed", range(2))
def test_each_key_is_in_the_job_once_after_days_of_kills(
    seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chance = Random(seed)  # noqa: S311 - a test may be predictable
    state, temporary = tmp_path / "state", tmp_path / "temporary"
    state.mkdir()
    temporary.mkdir()
    for name in ("TMPDIR", "SQLITE_TMPDIR"):
        monkeypatch.setenv(name, str(temporary))
    ordered: list[int] = []
    last = kills = 0

    with Sandbox(balance_cents=10_000_000) as box:
        job = box.client().create_job({"title": "Reviews", "instructions": "Read.", "cml": CML})
        for day in range(3):
            first, last = max(0, last - 30), last + chance.randrange(100, 200)
            step = 0
            while True:
                step = chance.randrange(step + 3, step + 45)
                arguments = [job.id, first, last, state / "reviews.journal", step]
                ended = run(box.url, box.key, *arguments)
                if ended.returncode != -signal.SIGKILL:
                    break
                kills += 1
                if chance.random() < 0.2:
                    last += 10  # other rows than those of the call that was killed
            assert ended.returncode == 0, ended.stderr
            ordered.append(job.reload().units_count - sum(ordered))
            job.launch(ordered[-1])
            if day == 1:
                job.pause()
        units = box.client().get_job(job.id).units
        held = Counter(unit.data["sku"] for unit in units)
        states = Counter(unit.state for unit in units)

    assert kills > 3, "the test did not test"
    assert held - Counter(range(last)) == Counter({}), "duplicates"
    assert held == Counter(range(last))
    assert sum(ordered) == last
    assert states == {"judgable": last}
    assert [each.name for each in state.iterdir()] == ["reviews.journal"]
    assert [*temporary.iterdir()] == []
