"""The draft of a form: kept beside the form that contributors get, until it is saved or dropped.

A draft may have errors. No call of the API returns it, and a copy of the job has none.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import update

from crowdflower.sandbox.rules.jobs import jobs
from crowdflower.sandbox.rules.jobs.copying import FORM_DRAFT
from crowdflower.sandbox.store.tables import job as jobs_table

if TYPE_CHECKING:
    from sqlalchemy import Row

    from crowdflower.sandbox.store import Transaction


@dataclass(frozen=True)
class FormDraft:
    """What a person typed and did not save as the form of the job yet."""

    cml: str
    instructions: str
    css: str
    js: str
    saved_at: float


def read_draft(job: Row[Any]) -> FormDraft | None:
    """Return the draft of a job, if it has one."""
    kept = job.extras.get(FORM_DRAFT)
    return None if kept is None else FormDraft(**kept)


def keep_draft(tx: Transaction, job: Row[Any], draft: FormDraft) -> None:
    """Keep a draft instead of an earlier one.

    :raises NotFound: The job is deleted.
    """
    _write(tx, job, {FORM_DRAFT: asdict(draft)})


def drop_draft(tx: Transaction, job: Row[Any]) -> None:
    """Drop the draft of a job; nothing happens if it has none.

    :raises NotFound: The job is deleted.
    """
    _write(tx, job, {})


def _write(tx: Transaction, job: Row[Any], kept: dict[str, Any]) -> None:
    current = jobs.load_for_update(tx, job)
    others = {name: value for name, value in current.extras.items() if name != FORM_DRAFT}
    changed = {"extras": {**others, **kept}}
    tx.run(update(jobs_table).where(jobs_table.c.id == job.id).values(changed))
