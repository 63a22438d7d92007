"""An upload whose process is killed, and its resumption in another process."""

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
from crowdflower.rows import upload_plan

address, key, job, rows, plan, left = sys.argv[1:]
upload_plan.ROWS_PER_CHUNK = 100
advance = connections.Exchange.advance


class SkippingClock:
    monotonic = staticmethod(time.monotonic)

    def sleep(self, seconds):
        pass


def advance_or_die(exchange, phase):
    # Before a byte is sent, before the response is read, before its arrival is recorded.
    global left
    left = int(left) - 1
    if not left:
        os.kill(os.getpid(), signal.SIGKILL)
    advance(exchange, phase)


connections.Exchange.advance = advance_or_die
with Client(key, address) as client:
    client._clock = SkippingClock()
    source = ({"id": n, "text": f"row {n}"} for n in range(int(rows)))
    done = client.get_job(int(job)).upload(source, key="id", resume=plan)
    print(done.rows)
"""
ROWS = 1000


def run(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603 - our own Python
        [sys.executable, "-c", UPLOADER, *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


@pytest.mark.parametrize("seed", range(3))
def test_an_upload_killed_many_times_loses_and_duplicates_no_row(seed: int, tmp_path: Path) -> None:
    chance = Random(seed)  # noqa: S311 - a test may be predictable
    kills = 0

    with Sandbox() as box:
        job = box.client().create_job({"title": "Uploaded in spite of it all"})
        while True:
            step = chance.randrange(8, 40 * (kills + 1))
            ended = run(box.url, box.key, job.id, ROWS, tmp_path / "rows.upload", step)
            if ended.returncode != -signal.SIGKILL:
                break
            kills += 1
        held = Counter(unit.data["id"] for unit in box.client().get_units(job.id))

    assert ended.stdout == f"{ROWS}\n", ended.stderr
    assert kills > 1
    assert held == Counter(range(ROWS))
