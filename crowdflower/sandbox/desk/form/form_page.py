"""The page of a form: its editor, and what its buttons do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from crowdflower.sandbox.desk.form.form_editor import INSERTS, carry_out, read_editor
from crowdflower.sandbox.desk.messages.message_words import all_in_words
from crowdflower.sandbox.pages.translations import gettext

if TYPE_CHECKING:
    from flask import Response

    from crowdflower.sandbox.desk.desk_request import DeskRequest


def show(request: DeskRequest) -> Response:
    """Show the editor, with what was typed if that was refused or only checked."""
    return request.job_page(
        "form.html",
        "form",
        heading=gettext("Form"),
        editor=read_editor(request),
        inserts=INSERTS,
    )


def receive(request: DeskRequest) -> Response:
    """Carry out what a button of the editor says.

    :raises Refusal: The form has an error; nothing is saved, and what was typed is shown again.
    """
    url = f"/desk/jobs/{request.require_job.id}/form"
    response = carry_out(request, url, show)
    if response is None:
        said = all_in_words([gettext("The form is saved."), *request.tx.warnings])
        response = request.redirect(url, said)
    return response
