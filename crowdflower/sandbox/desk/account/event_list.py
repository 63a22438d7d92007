"""Events and warnings: what happened without a request for it, in words."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from sqlalchemy import func, or_, select

from crowdflower.sandbox.desk.messages.message_words import all_in_words, from_json
from crowdflower.sandbox.desk.paging import PageOf, page_of
from crowdflower.sandbox.pages.rendering import percent
from crowdflower.sandbox.pages.translations import gettext, ngettext
from crowdflower.sandbox.store.tables import event, job

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import Row

    from crowdflower.sandbox.store import Transaction

WARNING: Final = "warning"
"""Kind of the event that a request was warned about something."""


class ListedEvent(NamedTuple):
    """An event in words."""

    id: int
    kind: str
    level: str
    """``good``, ``warn``, ``bad``, or empty."""
    title: str
    text: str
    """What the server or a person wrote about it; may be empty."""
    source: str
    """The request that was warned about, or empty."""
    job_id: int | None
    job_title: str | None
    created_at: float


def read_events(
    tx: Transaction,
    account: Row[Any],
    *,
    job_id: int | None = None,
    only_warnings: bool = False,
    page: int = 1,
) -> PageOf[ListedEvent]:
    """Read a page of the events of an account, newest first.

    :param job_id: Only those of this job.
    :param only_warnings: Only warnings about requests.
    """
    query = select(event, job.c.title.label("job_title"))
    query = query.outerjoin(job, job.c.id == event.c.job_id)
    if job_id is None:
        query = query.where(or_(job.c.account_id == account.id, event.c.job_id.is_(None)))
    else:
        query = query.where(event.c.job_id == job_id, job.c.account_id == account.id)
    if only_warnings:
        query = query.where(event.c.kind == WARNING)
    total = tx.connection.scalar(select(func.count()).select_from(query.subquery())) or 0
    place: PageOf[ListedEvent] = page_of(total, page)
    rows = tx.all(query.order_by(event.c.id.desc()).limit(place.size).offset(place.offset))
    return place.filled([_listed(row) for row in rows])


_LEVELS: Final = {
    WARNING: "warn",
    "auto_order_failed": "warn",
    "callback_abandoned": "bad",
    "callback_failed": "warn",
    "cap": "warn",
    "cap_reached": "warn",
    "funds": "bad",
    "funds_exhausted": "bad",
    "job_complete": "good",
    "webhook_disabled": "bad",
    "worker_rejected": "warn",
}


def _listed(row: Row[Any]) -> ListedEvent:
    detail: Mapping[str, Any] = row.detail if isinstance(row.detail, dict) else {}
    title = _title(row.kind, detail)
    level, text = _LEVELS.get(row.kind, ""), _text(row.kind, detail)
    if not title:
        title, text = row.kind.replace("_", " ").capitalize(), json.dumps(detail) if detail else ""
    source = str(detail.get("request", "")) if row.kind == WARNING else ""
    about = (row.job_id, row.job_title, row.created_at)
    return ListedEvent(row.id, row.kind, level, title, text, source, *about)


def _title(kind: str, detail: Mapping[str, Any]) -> str:
    """Return what an event is, or an empty string for a kind that is not known here."""
    removed = detail.get("judgments")
    removed = removed if isinstance(removed, int) else 0
    titles = {
        WARNING: gettext("Warning"),
        "auto_order_failed": gettext("New rows could not be ordered by themselves"),
        "callback_abandoned": gettext("Sending the answers of a group was given up"),
        "callback_failed": gettext("Answers of a group were not taken; they are sent again"),
        "cap": gettext("The job was paused: its cap is reached"),
        "cap_reached": gettext("The job was paused: its cap is reached"),
        "funds": gettext("The job was paused: the balance is used up"),
        "funds_exhausted": gettext("The job was paused: the balance is used up"),
        "job_complete": gettext("The job is finished"),
        "webhook_disabled": gettext("Sending webhooks was given up after hours of failures"),
        "worker_failed_quiz": gettext("Contributor %(number)s failed the quiz"),
        "worker_rejected": ngettext(
            "%(num)s judgment of contributor %(number)s was removed",
            "%(num)s judgments of contributor %(number)s were removed",
            removed,
        ),
        "worker_removed": gettext(
            "The accuracy of contributor %(number)s fell too low for the job"
        ),
    }
    numbers = {"num": f"{removed:,}", "number": detail.get("worker_id", "")}
    return titles[kind] % numbers if kind in titles else ""


def _text(kind: str, detail: Mapping[str, Any]) -> str:
    """Return what is known about an event: a warning, a problem, a reason, an accuracy."""
    trust = detail.get("trust")
    if kind in {"worker_failed_quiz", "worker_removed"} and isinstance(trust, int | float):
        return gettext("Accuracy: %(percent)s") % {"percent": percent(trust)}
    if isinstance(detail.get("messages"), list):
        return all_in_words(from_json(detail["messages"]))
    about = detail.get("warning") or detail.get("problem") or detail.get("reason") or ""
    return f"{detail['group_id']}: {about}" if "group_id" in detail else str(about)
