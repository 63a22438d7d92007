"""Events and warnings: what happened without a request for it, in words."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from sqlalchemy import func, or_, select

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
    place = page_of(total, page)
    rows = tx.all(query.order_by(event.c.id.desc()).limit(place.size).offset(place.offset))
    return place.filled([_listed(row) for row in rows])


def _listed(row: Row[Any]) -> ListedEvent:
    detail: Mapping[str, Any] = row.detail if isinstance(row.detail, dict) else {}
    level, title, text = _words(row.kind, detail)
    source = str(detail.get("request", "")) if row.kind == WARNING else ""
    about = (row.job_id, row.job_title, row.created_at)
    return ListedEvent(row.id, row.kind, level, title, text, source, *about)


def _words(kind: str, detail: Mapping[str, Any]) -> tuple[str, str, str]:
    """Return the level, the title and the text of an event."""
    problem = str(detail.get("problem") or "")
    match kind:
        case "warning":
            return "warn", gettext("Warning"), str(detail.get("warning", ""))
        case "worker_removed" | "worker_failed_quiz":
            title = (
                gettext("Contributor %(number)s failed the quiz")
                if kind == "worker_failed_quiz"
                else gettext("Contributor %(number)s fell under the accuracy of the job")
            )
            trust = detail.get("trust")
            text = gettext("Accuracy: %(percent)s") % {"percent": percent(trust)} if isinstance(trust, int | float) else ""
            return "", title % {"number": detail.get("worker_id", "")}, text
        case "worker_rejected":
            number = detail.get("judgments")
            number = number if isinstance(number, int) else 0
            title = ngettext(
                "%(num)s judgment of contributor %(number)s was removed",
                "%(num)s judgments of contributor %(number)s were removed",
                number,
            ) % {"num": f"{number:,}", "number": detail.get("worker_id", "")}
            return "warn", title, str(detail.get("reason") or "")
        case "webhook_disabled":
            return "bad", gettext("Webhooks were given up after hours of failures"), problem
        case "job_complete":
            return "good", gettext("The job is finished"), ""
        case "auto_order_failed":
            return "warn", gettext("New rows could not be ordered by themselves"), problem
        case "funds_exhausted" | "funds":
            return "bad", gettext("The job was paused: the balance is used up"), ""
        case "cap_reached" | "cap":
            return "warn", gettext("The job was paused: its cap is reached"), ""
        case "callback_failed":
            return "warn", gettext("Answers of a group were not taken; they are sent again"), _group(detail)
        case "callback_abandoned":
            return "bad", gettext("Answers of a group were given up"), _group(detail)
        case _:
            text = json.dumps(detail, ensure_ascii=False) if detail else ""
            return "", kind.replace("_", " ").capitalize(), text


def _group(detail: Mapping[str, Any]) -> str:
    return f"{detail.get('group_id', '')}: {detail.get('problem') or ''}"
