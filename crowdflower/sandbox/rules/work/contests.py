"""Contributors contest test questions that they missed; the owner of the job decides.

Source: Appen, `Guide to: Contributors Page
<https://success.appen.com/hc/en-us/articles/201855679>`_, on contested test questions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import select, update

from crowdflower._types import Message
from crowdflower.sandbox.errors import Conflict, Invalid, NotFound
from crowdflower.sandbox.rules.completion import forgiveness
from crowdflower.sandbox.rules.jobs import jobs
from crowdflower.sandbox.rules.work.receipts import Receipt
from crowdflower.sandbox.store.contributor_tables import contest
from crowdflower.sandbox.store.fast import page_queries
from crowdflower.sandbox.store.tables import judgment

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from sqlalchemy import Row

    from crowdflower.sandbox.store import Transaction

MAX_LENGTH: Final = 500
"""Characters of the text with which a contributor contests a test question."""


def submit(
    tx: Transaction, job: Row[Any], worker_id: int, unit_id: int, field: str, text: str
) -> Row[Any]:
    """Contest the accepted answers to a question that a contributor missed, once.

    :param field: The question; the page that the contributor submitted said that it was missed.
    :param text: Why the contributor's answer is right, with at most :data:`MAX_LENGTH` characters.
    :returns: The stored contest. The same text again returns the first one.
    :raises NotFound: The contributor has no such answer in the job, or did not miss the question.
    :raises Invalid: The text is empty, too long, or has control characters.
    :raises Conflict: The contributor contested this question before, or the answer was rejected.
    """
    text = _checked(text)
    jobs.load_for_update(tx, job)
    wrong = _judgment(tx, unit_id, worker_id)
    if wrong is None or wrong.job_id != job.id or not _was_missed(tx, wrong, field):
        raise NotFound
    if wrong.rejected:
        raise Conflict(
            "The owner of this job removed your answers, so there is nothing to contest."
        )
    before = read_contests(tx, worker_id, [unit_id]).get((unit_id, field))
    if before is not None:
        if before.text == text:
            return before
        raise Conflict("You disagreed with this test question before, which is possible once.")
    values = {
        "job_id": job.id,
        "unit_id": unit_id,
        "worker_id": worker_id,
        "field": field,
        "text": text,
        "created_at": tx.clock.now(),
    }
    return find(tx, job, tx.add(contest, values))


def find(tx: Transaction, job: Row[Any], contest_id: int) -> Row[Any]:
    """Find a contest of a job by id.

    :raises NotFound: The job has no such contest.
    """
    found: Row[Any] | None = tx.one(
        select(contest).where(contest.c.id == contest_id, contest.c.job_id == job.id)
    )
    if found is None:
        raise NotFound
    return found


def decide(tx: Transaction, contested: Row[Any], accepted: bool) -> Row[Any]:
    """Decide a contest; the contributor reads the decision in their inbox.

    If it is accepted, the wrong answer is forgiven: the accuracy of the contributor is put right,
    and one who was removed for too low an accuracy may work again if it is high enough now. The
    test question stays as it is for everyone else.

    :param contested: The row of the contest.
    :returns: The decided contest. The same decision again changes nothing.
    :raises Conflict: It was decided the other way before.
    :raises NotFound: The job is deleted.
    """
    job = jobs.load_for_update(tx, jobs.load(tx, contested.job_id))
    current = find(tx, job, contested.id)
    if current.decided_at is not None:
        if current.accepted != accepted:
            text = f"Objection {current.id} was decided before; it cannot be changed."
            raise Conflict(Message(text, "decided_contest"))
        return current
    values = {"accepted": accepted, "decided_at": tx.clock.now()}
    tx.run(update(contest).where(contest.c.id == current.id).values(values))
    wrong = _judgment(tx, current.unit_id, current.worker_id) if accepted else None
    if wrong is not None and wrong.missed and not wrong.rejected:
        forgiveness.forgive(tx, job, wrong)
    return find(tx, job, current.id)


def read_contests(
    tx: Transaction, worker_id: int, unit_ids: Collection[int]
) -> Mapping[tuple[int, str], Row[Any]]:
    """Return the contests of a contributor about these units, by unit and question."""
    of_worker = (contest.c.worker_id == worker_id, contest.c.unit_id.in_(unit_ids))
    return {(row.unit_id, row.field): row for row in tx.all(select(contest).where(*of_worker))}


def _checked(text: str) -> str:
    """Return the text with plain line breaks and without space around it.

    :raises Invalid: It is empty, too long, or has control characters.
    """
    lines = [line.rstrip() for line in text.strip().splitlines()]
    checked = "\n".join(lines)
    if not checked:
        raise Invalid("Please write why your answer is right.")
    if len(checked) > MAX_LENGTH:
        raise Invalid(f"Please write at most {MAX_LENGTH} characters; these are {len(checked):,}.")
    if not all(line.replace("\t", " ").isprintable() for line in lines):
        raise Invalid("Please write plain text, without control characters.")
    return checked


def _judgment(tx: Transaction, unit_id: int, worker_id: int) -> Row[Any] | None:
    by_worker = (judgment.c.unit_id == unit_id, judgment.c.worker_id == worker_id)
    found: Row[Any] | None = tx.one(select(judgment).where(*by_worker))
    return found


def _was_missed(tx: Transaction, wrong: Row[Any], field: str) -> bool:
    """Return whether the receipt of a judgment's page told that this question was missed."""
    page = page_queries.find_page(tx.driver, wrong.assignment_id)
    receipt = None if page is None or page.receipt is None else Receipt.from_text(page.receipt)
    return receipt is not None and any(
        (each.unit_id, each.field) == (wrong.unit_id, field) for each in receipt.feedback
    )
