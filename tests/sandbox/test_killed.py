"""What a server has acknowledged outlives it, however it ends."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

from killed import Nursery, Scene, killed_once, tally

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

    count = tally(scene)
    assert problems == []
    assert {outcome for _, outcome in count} >= {"acknowledged", "refused"}
    assert not any(outcome == "unknown" for _, outcome in count)
    assert scene.replayed
