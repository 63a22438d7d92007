"""The page of the settings: what each means, and what all of them cost."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import select

from crowdflower.sandbox.desk.messages.message_words import all_in_words
from crowdflower.sandbox.desk.settings import settings_form
from crowdflower.sandbox.desk.settings.cost_effect import changed_job, read_effect
from crowdflower.sandbox.desk.settings.settings_fields import build_sections
from crowdflower.sandbox.pages.translations import gettext
from crowdflower.sandbox.store.tables import account

if TYPE_CHECKING:
    from flask import Response

    from crowdflower.sandbox.desk.desk_request import DeskRequest

_ESTIMATE: Final = "estimate"


def show(request: DeskRequest) -> Response:
    """Show the settings of a job, or what was typed, with errors and the effect on cost."""
    return request.job_page(
        "settings.html", "settings", heading=gettext("Settings"), **settings_values(request)
    )


def receive(request: DeskRequest) -> Response:
    """Save the settings, or work out their effect without saving them.

    :raises Refusal: A setting is invalid; nothing is saved.
    """
    if request.form.get("do") == _ESTIMATE:
        return show(request)
    tx, job = request.tx, request.require_job
    settings_form.save(tx, job, settings_form.read(tx, job, request.form))
    said = all_in_words([gettext("The settings are saved."), *tx.warnings])
    return request.redirect(f"/desk/jobs/{job.id}/settings", said)


def settings_values(request: DeskRequest) -> dict[str, Any]:
    """Return what ``settings_fields.html`` shows: sections of fields, and their effect.

    What was posted is shown as it was typed; otherwise the settings of the job.
    """
    tx, job = request.tx, request.require_job
    values = settings_form.typed_values(tx, job)
    changes = settings_form.SettingsChanges()
    if request.form:
        changes = settings_form.read(tx, job, request.form)
        values |= settings_form.sent_values(request.form)
    changed = changed_job(tx, job, changes.attributes)
    fee = tx.one(select(account.c.markup_pct).where(account.c.id == job.account_id)).markup_pct
    return {
        "sections": build_sections(changed, values, changes.errors, fee),
        "errors": changes.errors,
        "effect": read_effect(tx, changed, changes.channels),
    }
