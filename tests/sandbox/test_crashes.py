"""What a server has acknowledged outlives it, however it ends."""

from __future__ import annotations

import json
import subprocess
import sys
from random import Random
from typing import TYPE_CHECKING, Any

import failpoints
import pytest
from crashes import Line, Nursery, Scene, killed_once, tally
from oracle import find_violations

if TYPE_CHECKING:
    from pathlib import Path

ROUNDS = 10


def test_a_server_that_is_killed_keeps_what_it_has_acknowledged(tmp_path: Path) -> None:
    scene = Scene.prepared(tmp_path / "sandbox.db", units=200)
    chance = Random(2015)  # noqa: S311 - moments, not secrets
    problems: list[str] = []

    with Nursery() as nursery:
        for _ in range(ROUNDS):
            problems += killed_once(nursery, scene, chance)
        with nursery.serving(scene.file) as url:
            problems += scene.send_again(url)
            line = Line(url)
            while ("bonus", "refused") not in tally(scene):  # a slow machine has seen none yet
                scene.give(line)
            line.close()
        problems += find_violations(scene.file, [each.write for each in scene.sent])

    count = tally(scene)
    assert problems == []
    assert {outcome for _, outcome in count} >= {"acknowledged", "refused"}
    assert not any(outcome == "unknown" for _, outcome in count)
    assert scene.replayed


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What was found by a process that ended before each statement of each request."""
    file = tmp_path_factory.mktemp("failpoints") / "sandbox.db"
    ended = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, failpoints.__file__, str(file)],
        capture_output=True,
        check=False,
        text=True,
    )
    assert ended.returncode == 0, ended.stderr
    told: dict[str, Any] = json.loads(ended.stdout)
    return told


@pytest.mark.parametrize(
    ("request_", "statements"),
    [
        ("order", 20),
        ("judgment", 25),
        ("bonus", 10),
        ("upload", 10),
        ("cancel", 10),
        ("page", 10),
        ("begin", 30),
    ],
)
def test_a_request_that_breaks_off_anywhere_happened_or_did_not(
    found: dict[str, Any], request_: str, statements: int
) -> None:
    assert found[request_]["problems"] == []
    assert found[request_]["statements"] >= statements
