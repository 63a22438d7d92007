"""The page of a form: its editor, and what its buttons do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from crowdflower.sandbox.desk.form.form_draft import drop_draft
from crowdflower.sandbox.desk.form.form_editor import (
    INSERTS,
    SAVE_ANYWAY,
    keep_form,
    read_editor,
    save_form,
)
from crowdflower.sandbox.desk.messages.message_words import all_in_words
from crowdflower.sandbox.errors import BadRequest
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
    """Save the form, keep it as a draft, drop the draft, or only check it.

    :raises Refusal: The form has an error; nothing is saved, and what was typed is shown again.
    """
    job, act = request.require_job, request.form.get("do")
    url = f"/desk/jobs/{job.id}/form"
    if act == "check":
        return show(request)
    if act == "draft":
        keep_form(request)
        return request.redirect(url, gettext("Saved as a draft. Contributors do not get it yet."))
    if act == "drop":
        drop_draft(request.tx, job)
        return request.redirect(url, gettext("The draft is gone. This is the form in use."))
    if act not in {"save", SAVE_ANYWAY}:
        raise BadRequest(gettext("Choose what to do with the form: one of its buttons."))
    save_form(request)
    return request.redirect(
        url, all_in_words([gettext("The form is saved."), *request.tx.warnings])
    )
