"""Contributors, and what a requester may do about them.

Source: Appen, `Guide to: Contributors Page
<https://success.appen.com/hc/en-us/articles/201855679>`_.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Row, Select, delete, insert, select, update

from crowdflower.sandbox.errors import BadRequest, Invalid, NotFound
from crowdflower.sandbox.rules import money
from crowdflower.sandbox.rules.completion import closing, worker_trust
from crowdflower.sandbox.rules.jobs import jobs
from crowdflower.sandbox.rules.settings import countries
from crowdflower.sandbox.store import Transaction
from crowdflower.sandbox.store.tables import account, account_flag, worker, worker_job
from crowdflower.sandbox.store.tables import bonus as bonuses
from crowdflower.sandbox.store.tables import message as messages


def join(
    tx: Transaction,
    *,
    channel: str,
    country: str | None = None,
    region: str | None = None,
    city: str | None = None,
    ip: str | None = None,
    external_id: str | None = None,
    display_name: str | None = None,
    level: int = 1,
    simulated: bool = False,
    profile: Mapping[str, Any] | None = None,
) -> Row[Any]:
    """Let a contributor in.

    :param channel: Where they come from; no job has to know it.
    :param country: A code of two or three letters.
    :param profile: What a simulation wants to remember of them.
    :raises ValueError: There is no such country.
    """
    if country is not None:
        found = countries.find(country)
        if found is None:
            raise ValueError(f"{country!r} is no country; give a code such as FI or FIN.")
        country = found.alpha3
    values = {
        "channel": channel,
        "external_id": external_id,
        "display_name": display_name,
        "country": country,
        "region": region,
        "city": city,
        "ip": ip,
        "level": level,
        "simulated": simulated,
        "profile": None if profile is None else dict(profile),
        "created_at": tx.clock.now(),
    }
    return find(tx, tx.add(worker, values))


def find(tx: Transaction, worker_id: int) -> Row[Any]:
    """Find a contributor, whatever they worked on.

    :raises NotFound: There is none.
    """
    found: Row[Any] | None = tx.one(select(worker).where(worker.c.id == worker_id))
    if found is None:
        raise NotFound
    return found


def find_in_job(tx: Transaction, job: Row[Any], worker_id: int) -> Row[Any]:
    """Find a contributor to a job: how they stand in it, and who they are.

    :raises NotFound: They have not worked on it.
    """
    found: Row[Any] | None = tx.one(_select_in_job(job).where(worker_job.c.worker_id == worker_id))
    if found is None:
        raise NotFound
    return found


def list_all(tx: Transaction, job: Row[Any]) -> list[Row[Any]]:
    """List the contributors to a job as :func:`find_in_job` finds them."""
    return tx.all(_select_in_job(job).order_by(worker_job.c.worker_id))


def bonus(
    tx: Transaction, job: Row[Any], worker_id: int, amount_cents: int, reason: str | None = None
) -> None:
    """Pay a contributor more than their pages; the requester pays the fee on it too.

    :param amount_cents: How much, in whole US cents.
    :raises NotFound: They have no judgment in the job.
    :raises Invalid: The amount is not above 0, or above what one bonus may be.
    :raises BadRequest: Their channel has no bonuses.
    :raises Unfunded: The account holds less.
    """
    standing = find_in_job(tx, job, worker_id)
    if not standing.judgments_count:
        raise NotFound
    most = tx.limits.bonus_cents
    if not 0 < amount_cents <= most:
        raise Invalid(f"amount is a number of cents from 1 to {most}, not {amount_cents}.")
    if standing.channel in tx.limits.channels_without_bonus:
        raise BadRequest("Unable to bonus contributor: This channel does not support bonuses")
    fee = tx.one(select(account.c.markup_pct).where(account.c.id == job.account_id))
    paid = amount_cents * money.CENT
    price = money.with_fee(paid, fee.markup_pct)
    money.require_funds(tx, job.account_id, price)
    money.post(tx, job.account_id, "bonus", -price, job_id=job.id, note=reason)
    line = {
        "job_id": job.id,
        "worker_id": worker_id,
        "amount_cents": amount_cents,
        "reason": reason,
        "created_at": tx.clock.now(),
    }
    tx.run(insert(bonuses), line)
    _update(tx, job, worker_id, bonus_mc=worker_job.c.bonus_mc + paid)
    text = f"You received a bonus of ${amount_cents / 100:.2f}."
    notify(tx, job, worker_id, f"{text} {reason}" if reason else text)


def notify(tx: Transaction, job: Row[Any], worker_id: int, text: str) -> None:
    """Leave a message for a contributor.

    :raises NotFound: They have not worked on the job.
    """
    find_in_job(tx, job, worker_id)
    line = {"worker_id": worker_id, "job_id": job.id, "text": text, "created_at": tx.clock.now()}
    tx.run(insert(messages), line)


def flag(
    tx: Transaction,
    job: Row[Any],
    worker_id: int,
    reason: str | None = None,
    *,
    persist: bool = False,
) -> bool:
    """Give a contributor no more pages; what they judged keeps counting.

    :param persist: In no job of the account, rather than in this one.
    :returns: Whether anything changed.
    :raises NotFound: They have not worked on the job.
    """
    standing = find_in_job(tx, job, worker_id)
    now = tx.clock.now()
    changed = standing.flagged_at is None
    if changed:
        _update(tx, job, worker_id, flagged_at=now, flag_reason=reason)
    closing.release_pages(tx, job.id, worker_id)
    if persist and tx.one(select(account_flag).where(*_is_account_flag(job, worker_id))) is None:
        changed = True
        line = {
            "account_id": job.account_id,
            "worker_id": worker_id,
            "reason": reason,
            "created_at": now,
        }
        tx.run(insert(account_flag), line)
    return changed


def unflag(tx: Transaction, job: Row[Any], worker_id: int) -> bool:
    """Take a flag back, in this job and for the account.

    :returns: Whether there was one.
    :raises NotFound: They have not worked on the job.
    """
    standing = find_in_job(tx, job, worker_id)
    everywhere = tx.run(delete(account_flag).where(*_is_account_flag(job, worker_id)))
    _update(tx, job, worker_id, flagged_at=None, flag_reason=None)
    return standing.flagged_at is not None or bool(everywhere)


def reject(tx: Transaction, job: Row[Any], worker_id: int, reason: str | None = None) -> bool:
    """Throw away what a contributor judged; rows open again, unless the job is over.

    :returns: Whether anything changed.
    :raises NotFound: They have not worked on the job.
    """
    standing = find_in_job(tx, job, worker_id)
    if standing.rejected_at is not None:
        return False
    _update(tx, job, worker_id, rejected_at=tx.clock.now(), state="rejected")
    gone = worker_trust.withdraw_judgments(tx, jobs.reload(tx, job), worker_id)
    tx.record("worker_rejected", job.id, worker_id=worker_id, judgments=gone, reason=reason)
    return True


def _select_in_job(job: Row[Any]) -> Select[Any]:
    who = [column for column in worker.c if column.name not in {"id", "created_at"}]
    joined = select(worker_job, *who).join(worker, worker.c.id == worker_job.c.worker_id)
    return joined.where(worker_job.c.job_id == job.id)


def _is_account_flag(job: Row[Any], worker_id: int) -> tuple[Any, Any]:
    return account_flag.c.account_id == job.account_id, account_flag.c.worker_id == worker_id


def _update(tx: Transaction, job: Row[Any], worker_id: int, **values: Any) -> None:
    theirs = (worker_job.c.job_id == job.id, worker_job.c.worker_id == worker_id)
    tx.run(update(worker_job).where(*theirs).values(values))
