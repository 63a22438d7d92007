"""Checks of the checks: a client that is wrong, and is killed at random, is found out."""

from __future__ import annotations

from pathlib import Path

import pytest
from lives import run
from mortal import FLAWS

FOUND_BY = {
    "repeats what was lost": ("made too often", "refused, and made"),
    "forgets": ("the journal has forgotten it",),
    "takes a lost answer for a refusal": ("the journal has it as rejected",),
    "believes that all was paid": ("Applied, and the ledger says otherwise",),
    "believes that nothing was paid": ("NotSeen, and the ledger says otherwise",),
}


@pytest.mark.parametrize("flaw", FLAWS)
def test_a_client_with_a_flaw_is_found_out_by_what_it_does(tmp_path: Path, flaw: str) -> None:
    count = 90 if flaw.startswith("repeats") else 40

    _, wrong = run(count, 43, tmp_path, temper=0.7, flaw=flaw)

    assert any(sign in each for each in wrong for sign in FOUND_BY[flaw])
