"""The words of the desk for messages about settings, test questions and launches, by their code.

A placeholder is a value of the message, or the label of the setting with that name.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeAlias

from crowdflower.sandbox.desk.golds.fault_texts import fault_text
from crowdflower.sandbox.pages.row.error_texts import N_
from crowdflower.sandbox.pages.translations import gettext, ngettext
from crowdflower.sandbox.rules.jobs.gold_faults import GoldFault

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

Words: TypeAlias = "str | Callable[[Mapping[str, Any]], str]"
"""A text that is translated when it is said, or what chooses it by the values of the message."""


def _with_more(first: str, values: Mapping[str, Any]) -> str:
    """Add how many others there are of the same."""
    count = values["more"]
    if not count:
        return first
    more = ngettext("The same holds for %(more)s more.", "The same holds for %(more)s more.", count)
    return f"{first} {more}"


def _missing_column(values: Mapping[str, Any]) -> str:
    parts = [gettext("No row has a column “%(column)s”, which the form prints.")]
    if values["guess"]:
        parts.append(gettext("Did you mean “%(guess)s”?"))
    return " ".join([*parts, gettext("The columns are: %(columns)s.")])


def _gold_fault(values: Mapping[str, Any]) -> str:
    fields = {name: values[name] for name in GoldFault._fields}
    found = fault_text(GoldFault(**{**fields, "unit_ids": (0,) * values["count"]}))
    return f"{found.head}. {found.text}".replace("%", "%%")


WARNINGS: Final[dict[str, Words]] = {
    "few_units": lambda values: ngettext(
        "The hosted service may need at least %(fewest)s rows for a launch; this job has"
        " %(units)s row.",
        "The hosted service may need at least %(fewest)s rows for a launch; this job has"
        " %(units)s rows.",
        values["units"],
    ),
    "few_units_left": lambda values: ngettext(
        "You asked for %(wanted)s rows, and %(available)s row is left; it is ordered.",
        "You asked for %(wanted)s rows, and %(available)s rows are left; they are ordered.",
        values["available"],
    ),
    "no_levels": N_("Contributors have no levels here: everyone may work on this job."),
    "no_agreement_set": N_(
        "“%(variable_judgments_mode)s” is on, and “%(min_unit_confidence)s” is empty: no row gets"
        " more judgments than others."
    ),
    "no_most_judgments": N_(
        "“%(max_judgments_per_unit)s” is empty: a row on which people never agree is judged until"
        " the money is spent."
    ),
    "most_below_judgments": N_(
        "“%(max_judgments_per_unit)s” is %(most)s, fewer than “%(judgments_per_unit)s”: every row"
        " still gets %(judgments)s judgments."
    ),
    "judgments_of_new_rows": N_(
        "“%(judgments_per_unit)s” counts for rows that are ordered from now on. For more judgments"
        " of a row that was ordered before, open the row and ask for them."
    ),
    "marked_rows": lambda values: ngettext(
        "%(rows)s row is marked in the column _golden, but is not a test question. Go on from the"
        " columns to make it one.",
        "%(rows)s rows are marked in the column _golden, but are not test questions. Go on from"
        " the columns to make them test questions.",
        values["rows"],
    ),
    "gold_fault": _gold_fault,
    "refused_media": lambda values: _with_more(
        gettext(
            "Row %(row)s: pages do not load %(address)s. They load pictures, sounds and films over"
            " https, or from the folder of this server."
        ),
        values,
    ),
    "quiz_uses_all": N_(
        "Nobody can work: the quiz uses every test question, and each page needs another."
    ),
    "gold_runs_out": lambda values: ngettext(
        "Test questions run out before the rows do. A person gets each of them once, and so can do"
        " %(rows)s of the %(units)s rows; at least %(people)s person is needed. Add test questions,"
        " or write %(rows)s or less for “%(max_judgments_per_worker)s” if that is intended.",
        "Test questions run out before the rows do. A person gets each of them once, and so can do"
        " %(rows)s of the %(units)s rows; at least %(people)s people are needed. Add test"
        " questions, or write %(rows)s or less for “%(max_judgments_per_worker)s” if that is"
        " intended.",
        values["people"],
    ),
    "too_few_golds": lambda values: ngettext(
        "Nobody will be tested: the job has %(has)s test question, and they are asked from"
        " %(needed)s on. Add %(more)s, or put fewer rows on a page.",
        "Nobody will be tested: the job has %(has)s test questions, and they are asked from"
        " %(needed)s on. Add %(more)s, or put fewer rows on a page.",
        values["has"],
    ),
    "short_quiz": N_(
        "The quiz is to have %(size)s test questions, and %(has)s can be in it: hidden ones cannot."
        " Add test questions."
    ),
    "pages_without_gold": N_(
        "Nobody will be tested: pages have no test question, and the job has no quiz. Switch on"
        " “%(front_load)s”, or write fewer than “%(units_per_assignment)s” and more than 0 for"
        " “%(gold_per_assignment)s”."
    ),
    "nobody_removed": lambda values: ngettext(
        "Nobody will lose their access: accuracy is checked after %(needed)s test questions, and"
        " the job has %(has)s test question. Add some, or switch on “%(front_load)s”.",
        "Nobody will lose their access: accuracy is checked after %(needed)s test questions, and"
        " the job has %(has)s test questions. Add some, or switch on “%(front_load)s”.",
        values["has"],
    ),
    "form_problem": N_("The form, line %(line)s: %(problem)s"),
    "instructions_problem": N_("The instructions, line %(line)s: %(problem)s"),
    "missing_column": _missing_column,
    "no_channels": N_("New rows were not ordered: the job has no channel for contributors."),
    "not_ordered": N_("New rows were not ordered. %(problem)s"),
}
"""What the rules warn of."""

SETTINGS: Final[dict[str, Words]] = {
    "attribute": N_("%(label)s: %(problem)s"),
    "short_title": N_("Write a title of at least %(least)s characters."),
    "long_title": N_("Write a title of at most %(most)s characters."),
    "number_alias": N_("An alias cannot be a number alone."),
    "alias_characters": N_(
        "Write an alias of at most %(most)s characters, without slashes and dots."
    ),
    "space_in_alias": N_("An alias cannot begin or end with a space."),
    "reserved_alias": N_("The server uses %(alias)s itself. Choose another alias."),
    "taken_alias": N_("Another job has this alias. Choose another one."),
    "not_text": N_("Write a text."),
    "not_boolean": N_("Choose yes or no."),
    "not_whole_number": N_("Write a whole number from %(least)s to %(most)s."),
    "not_number": N_("Write a number from %(least)s to %(most)s."),
    "not_cents": N_("Write a number of cents from 0 to %(most)s."),
    "many_decimals": N_("Write a number with three decimals at most."),
    "too_large": N_("This number is too large. Write at most %(most)s."),
    "not_web_address": N_(
        "Write a whole web address that begins with http:// or https://, without a user name and"
        " a password."
    ),
    "unknown_channel": N_("There is no channel %(channel)s. Choose from the list."),
    "no_webhook_address": N_("The job has no address to send webhooks to. Save one first."),
    "webhook_given_up": N_(
        "Nothing is sent to this address, since it failed for hours. Save it again, or try the"
        " waiting webhooks again."
    ),
    "webhook_waits": N_("This webhook still waits: it is sent once more by itself."),
    "other_site": N_("A page of another site sent this. Open the desk, and do it there."),
}
"""What the rules refuse of settings and requests."""

JOBS: Final[dict[str, Words]] = {
    "pause_draft": N_("A job that was not launched cannot be paused."),
    "pause_not_running": N_("Only a running job can be paused."),
    "resume_not_paused": N_("Only a job that is paused or finished can be resumed."),
    "resume_finalized": N_("Every row is finished. Order more rows to resume the job."),
    "cancel_draft": N_("A job that was not launched cannot be canceled. Delete the draft instead."),
    "cancel_ended": N_("Only a running or paused job can be canceled."),
    "cap_range": N_("Write a cap above $0.00, of at most %(most)s."),
    "low_cap": N_("The cap cannot be %(cap)s: %(parts)s. Write at least %(least)s."),
    "spent": N_("%(amount)s is spent"),
    "open_pages": N_("the pages that are open cost %(amount)s"),
    "page_price": N_("a page costs %(amount)s"),
    "cap_reached": N_(
        "The cap of %(cap)s is reached: %(spent)s is spent, and the next page costs %(price)s."
        " Raise the cap, or remove it."
    ),
    "bonus_above_cap": N_(
        "With the fee this costs %(price)s, and the cap of the job leaves %(left)s. Raise the cap,"
        " or remove it."
    ),
    "unfunded": N_(
        "There is not enough money: this costs %(cost)s, and the balance is %(available)s. Add play"
        " money under “Money, line by line”."
    ),
    "canceled_job": N_("A canceled job cannot be launched again. Copy it instead."),
    "no_title": N_("The title is missing: contributors choose jobs by it."),
    "no_instructions": N_(
        "The instructions are missing: contributors read them before they begin."
    ),
    "form_mistakes": N_("The form has an error: %(problem)s"),
    "no_required_question": N_(
        'No question must be answered. Give at least one question of the form validates="required".'
    ),
    "missing_columns": N_(
        "%(problem)s Correct the form, or add the column; if rows may lack it, test it with"
        " {%% if … %%} or print it with | default."
    ),
    "no_channel": N_("Choose at least one channel from which contributors come."),
    "no_new_units": N_("All rows were ordered already. Add rows first."),
}
"""What the rules refuse to do with a job."""
