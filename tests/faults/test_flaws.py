"""Checks of the checker: a client with a defect, killed at random, is detected."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest
from client_process import FLAWS
from killed_clients import run

RUNS: Final = 10
"""Runs in which a flaw must show; most show in the first."""

FOUND_BY: Final = {
    "repeats what was lost": ("made too often", "refused, and made"),
    "forgets": ("the journal has forgotten it",),
    "takes a lost response for a refusal": ("the journal has it as rejected",),
    "believes that all was paid": ("Applied, and the ledger says otherwise",),
    "believes that nothing was paid": ("NotSeen, and the ledger says otherwise",),
}


@pytest.mark.parametrize("flaw", FLAWS)
def test_a_client_with_a_flaw_is_detected(tmp_path: Path, flaw: str) -> None:
    count = 90 if flaw.startswith("repeats") else 40
    found: list[str] = []

    for seed in range(43, 43 + RUNS):  # kills depend on the clock: one run may miss the moment
        _, wrong = run(count, seed, tmp_path, failure_rate=0.7, flaw=flaw)
        found += [each for each in wrong for sign in FOUND_BY[flaw] if sign in each]
        if found:
            break

    assert found
