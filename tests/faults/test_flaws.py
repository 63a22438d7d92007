"""Checks of the checks: a client that is wrong, and is killed at random, is found out."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest
from lives import run
from mortal import FLAWS

RUNS: Final = 10
"""In how many runs a flaw has to show; most show in the first."""

FOUND_BY: Final = {
    "repeats what was lost": ("made too often", "refused, and made"),
    "forgets": ("the journal has forgotten it",),
    "takes a lost answer for a refusal": ("the journal has it as rejected",),
    "believes that all was paid": ("Applied, and the ledger says otherwise",),
    "believes that nothing was paid": ("NotSeen, and the ledger says otherwise",),
}


@pytest.mark.parametrize("flaw", FLAWS)
def test_a_client_with_a_flaw_is_found_out_by_what_it_does(tmp_path: Path, flaw: str) -> None:
    count = 90 if flaw.startswith("repeats") else 40
    found: list[str] = []

    for seed in range(43, 43 + RUNS):  # the clock kills: a run may spare the moment that tells
        _, wrong = run(count, seed, tmp_path, temper=0.7, flaw=flaw)
        found += [each for each in wrong for sign in FOUND_BY[flaw] if sign in each]
        if found:
            break

    assert found
