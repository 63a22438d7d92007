"""The faults of test questions that a form leaves without use, in words and with the repair."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from crowdflower.sandbox.pages.translations import gettext, ngettext

if TYPE_CHECKING:
    from crowdflower.sandbox.rules.jobs.gold_faults import GoldFault


class FaultText(NamedTuple):
    """A fault of test questions: what follows from it, and why and what to do."""

    head: str
    text: str


def fault_text(fault: GoldFault) -> FaultText:
    """Return a fault in words."""
    count = len(fault.unit_ids)
    values = {
        "question": fault.question[:60],
        "gold": f'gold="src:{fault.column[:60]}"',
        "answer": ", ".join(fault.answers)[:80],
        "options": ", ".join(fault.options)[:200],
    }
    heads = {
        "unasked": ngettext(
            "%(num)s test question checks nobody", "%(num)s test questions check nobody", count
        ),
        "partly": ngettext(
            "%(num)s test question does not check every answer it has",
            "%(num)s test questions do not check every answer they have",
            count,
        ),
        "blank": ngettext(
            "%(num)s test question has no correct answer",
            "%(num)s test questions have no correct answer",
            count,
        ),
        "impossible": ngettext(
            "Nobody can pass %(num)s test question",
            "Nobody can pass %(num)s test questions",
            count,
        ),
    }
    if fault.kind == "blank":
        text = gettext("Nobody is checked by that. Edit it on the page of test questions.")
    elif fault.kind == "impossible":
        text = gettext(
            "The correct answer of “%(question)s” is “%(answer)s”, and the choices are"
            " %(options)s. Change one of them."
        )
    else:
        text = gettext(
            "The correct answer is to “%(question)s”, which the form does not ask. Keep that name,"
            " or add %(gold)s to the question that asks it now."
        )
    return FaultText(heads[fault.kind] % {"num": f"{count:,}"}, text % values)
