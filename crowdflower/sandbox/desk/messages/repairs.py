"""Where a person puts right what the rules warn of or refuse, by the code of the message."""

from __future__ import annotations

from typing import Final, Literal, NamedTuple, TypeAlias

from crowdflower._types import Message

RepairPage: TypeAlias = Literal["data", "columns", "form", "settings", "tests"]
"""A step of a new job, or the page of the test questions."""


class Repair(NamedTuple):
    """The page, and the setting on it."""

    page: RepairPage
    setting: str = ""
    """Name of the setting; its field has it as its id."""


REPAIRS: Final[dict[str, Repair]] = {
    **dict.fromkeys(("few_units", "few_units_left", "no_new_units"), Repair("data")),
    **dict.fromkeys(("refused_media", "no_title"), Repair("data")),
    "marked_rows": Repair("columns"),
    **dict.fromkeys(("gold_fault", "short_quiz", "gold_runs_out"), Repair("tests")),
    "quiz_uses_all": Repair("tests"),
    **dict.fromkeys(("form_problem", "instructions_problem", "form_mistakes"), Repair("form")),
    **dict.fromkeys(("no_instructions", "no_required_question"), Repair("form")),
    **dict.fromkeys(("missing_columns", "row_problem"), Repair("form")),
    "no_agreement_set": Repair("settings", "min_unit_confidence"),
    "no_most_judgments": Repair("settings", "max_judgments_per_unit"),
    "most_below_judgments": Repair("settings", "max_judgments_per_unit"),
    "too_few_golds": Repair("settings", "units_per_assignment"),
    "pages_without_gold": Repair("settings", "gold_per_assignment"),
    "nobody_removed": Repair("settings", "after_gold"),
    "no_channel": Repair("settings", "channels"),
}
"""Codes without a place have none: nothing on the desk changes what they say."""


def find_repair(text: str) -> Repair | None:
    """Return where what a message says is put right."""
    return REPAIRS.get(text.code) if isinstance(text, Message) else None
