"""The words of the desk for messages about files, rows and test questions, by their code."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from crowdflower.sandbox.pages.row.error_texts import N_
from crowdflower.sandbox.pages.translations import gettext, ngettext

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from crowdflower.sandbox.desk.messages.launch_texts import Words


def _other_columns(values: Mapping[str, Any]) -> str:
    parts = [gettext("Row 1 has other columns than the job.")]
    if values["missing"]:
        parts.append(gettext("It lacks: %(missing)s."))
    if values["added"]:
        parts.append(gettext("It has more: %(added)s."))
    parts.append(gettext("Give the file the same columns, or tick that others are stored too."))
    return " ".join(parts)


FILES: Final[dict[str, Words]] = {
    "empty_file": N_("The file is empty; its first row must name the columns."),
    "not_utf_8": N_("Row %(row)s is not UTF-8. Save the file as “CSV UTF-8”."),
    "nul_in_row": N_(
        "Row %(row)s has the character NUL in column %(column)s. Save the file as “CSV UTF-8”."
    ),
    "row_width": lambda values: ngettext(
        "Row %(row)s has %(cells)s cell, and the header has %(header)s.",
        "Row %(row)s has %(cells)s cells, and the header has %(header)s.",
        values["cells"],
    ),
    "not_csv": N_("Row %(row)s is not valid CSV: %(error)s."),
    "many_columns": N_("The header names %(columns)s columns, and %(most)s are the most."),
    "job_columns": N_(
        "With row %(row)s the job has %(columns)s columns, and %(most)s are the most."
    ),
    "no_column_name": N_(
        "The header “%(header)s” gives no name of a column. Use letters or digits."
    ),
    "same_column_name": N_(
        "The columns “%(first)s” and “%(second)s” would both be named “%(column)s”. Rename one."
    ),
    "json_array": N_(
        "The file is one JSON array. Write one object per line instead, without brackets around the"
        " whole and commas between the lines."
    ),
    "long_row": N_("Row %(row)s is longer than %(most)s characters."),
    "same_name": N_("Row %(row)s has “%(name)s” twice."),
    "not_json": N_("Row %(row)s is not valid JSON at its character %(place)s: %(error)s."),
    "row_not_object": N_("Row %(row)s is not a JSON object with a value for each column."),
    "row_not_storable": N_(
        "Row %(row)s has a number or a character that cannot be stored. Correct the row."
    ),
    "many_rows": N_("Row %(row)s is more than a job may have. Leave out rows."),
    "added_column": N_(
        "Row %(row)s has a column that row 1 does not have: %(column)s. Leave it out, or tick that"
        " other columns are stored too."
    ),
    "other_columns": _other_columns,
}
"""What the rules refuse of a file of rows; its rows have numbers, those of CSV from the header."""

ROWS: Final[dict[str, Words]] = {
    "wrong_state": N_(
        "Row %(row)s cannot be changed like this any more: its state is “%(state)s”. Load the page"
        " again."
    ),
    "has_judgments": N_("Row %(row)s has judgments, so that it cannot be canceled."),
    "not_ordered_row": N_("Row %(row)s is not ordered, or was canceled. Order it first."),
    "no_more_judgments": N_("The job was canceled, and collects no more judgments."),
    "not_storable": N_("A number or a character of the row cannot be stored. Correct the row."),
    "row_problem": N_("Row %(row)s: %(problem)s"),
    "row_not_rendered": N_("The form cannot be shown for this row. %(problem)s"),
    "row_form_invalid": N_("With this row, the form has an error: %(problem)s"),
    "row_form_unchecked": N_("With this row, the form cannot be checked here: %(problem)s"),
    "no_question": N_("The form has no question %(question)s. Its questions are: %(known)s."),
    "no_gold_answers": N_("No row has a correct answer in it."),
    "many_golds": lambda values: ngettext(
        "%(marked)s of %(all)s row would be a test question; at most a third of all rows can be.",
        "%(marked)s of %(all)s rows would be test questions; at most a third of all rows can be.",
        values["all"],
    ),
    "no_bonus": N_("The channel of this contributor takes no bonus."),
    "decided_contest": N_("This objection was decided before, and stays so."),
}
"""What the rules refuse of rows, test questions and contributors."""
