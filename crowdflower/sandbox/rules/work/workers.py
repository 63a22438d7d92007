"""Contributors: they join, and a requester pays a bonus, notifies, flags or rejects them.

Source: Appen, `Guide to: Contributors Page
<https://success.appen.com/hc/en-us/articles/201855679>`_.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Row, Select, delete, insert, select, update

from crowdflower._types import Message
from crowdflower.sandbox.errors import BadRequest, Invalid, NotFound
from crowdflower.sandbox.rules import money
from crowdflower.sandbox.rules.completion import closing, worker_trust
from crowdflower.sandbox.rules.jobs import caps, jobs
from crowdflower.sandbox.rules.settings import countries
from crowdflower.sandbox.store import Transaction
from crowdflower.sandbox.store.engines import locks
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
    """Add a contributor.

    :param channel: Where they come from; not necessarily a channel of any job.
    :param country: Country code of two or three letters.
    :param profile: Data that a simulation stores with them.
    :raises ValueError: The country code is unknown.
    """
    if country is not None:
        found = countries.find(country)
        if found is None:
            raise ValueError(f"{country!r} is not a country code: expected one such as FI or FIN.")
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
    """Find a contributor by id.

    :raises NotFound: No contributor has this id.
    """
    found: Row[Any] | None = tx.one(select(worker).where(worker.c.id == worker_id))
    if found is None:
        raise NotFound
    return found


def find_in_job(tx: Transaction, job: Row[Any], worker_id: int) -> Row[Any]:
    """Find a contributor to a job: their state in it, and their own columns.

    :raises NotFound: The contributor has not worked on the job.
    """
    found: Row[Any] | None = tx.one(_select_in_job(job).where(worker_job.c.worker_id == worker_id))
    if found is None:
        raise NotFound
    return found


def list_all(tx: Transaction, job: Row[Any]) -> list[Row[Any]]:
    """List the contributors to a job, each as :func:`find_in_job` returns them."""
    return tx.all(_select_in_job(job).order_by(worker_job.c.worker_id))


def bonus(
    tx: Transaction, job: Row[Any], worker_id: int, amount_cents: int, reason: str | None = None
) -> None:
    """Pay a contributor a bonus; the requester also pays the fee on it.

    A job whose cap then leaves no room for another page pauses, as after a page.

    :param amount_cents: The bonus, in whole US cents.
    :raises NotFound: The contributor has no judgment in the job.
    :raises Invalid: The amount is 0 or negative, or above the maximum of one bonus; or the cap of
        the job does not cover it.
    :raises BadRequest: The contributor's channel does not support bonuses.
    :raises Unfunded: The balance of the account is too low.
    """
    contributor = find_in_job(tx, job, worker_id)
    if not contributor.judgments_count:
        raise NotFound
    maximum = tx.limits.bonus_cents
    if not 0 < amount_cents <= maximum:
        raise Invalid(f"amount is a number of cents from 1 to {maximum}, not {amount_cents}.")
    if contributor.channel in tx.limits.channels_without_bonus:
        raise BadRequest(
            Message(
                "Unable to bonus contributor: This channel does not support bonuses", "no_bonus"
            )
        )
    fee = tx.one(select(account.c.markup_pct).where(account.c.id == job.account_id))
    paid = amount_cents * money.CENT
    price = money.with_fee(paid, fee.markup_pct)
    locks.lock_job(tx, job.id)
    caps.require_room_for_bonus(tx, jobs.reload(tx, job), price)
    money.require_funds(tx, job.account_id, price)
    money.post(tx, job.account_id, "bonus", -price, job_id=job.id, note=reason)
    line = {
        "job_id": job.id,
        "worker_id": worker_id,
        "amount_cents": amount_cents,
        "reason": reason,
        "created_at": tx.clock.now(),
    }
    bonus_id = tx.add(bonuses, line)
    _update(tx, job, worker_id, bonus_mc=worker_job.c.bonus_mc + paid)
    if not caps.has_room(tx, jobs.reload(tx, job)):
        jobs.pause_automatically(tx, job.id, "cap")
    text = f"You received a bonus of ${amount_cents / 100:.2f}."
    _send(tx, job, worker_id, f"{text} {reason}" if reason else text, bonus_id)


def notify(tx: Transaction, job: Row[Any], worker_id: int, text: str) -> None:
    """Send a message to a contributor, shown on their page.

    :raises NotFound: The contributor has not worked on the job.
    """
    find_in_job(tx, job, worker_id)
    _send(tx, job, worker_id, text)


def flag(
    tx: Transaction,
    job: Row[Any],
    worker_id: int,
    reason: str | None = None,
    *,
    persist: bool = False,
) -> bool:
    """Flag a contributor: they get no more pages, but their judgments keep counting.

    :param persist: Flag them in every job of the account, not only in this one.
    :returns: Whether anything changed.
    :raises NotFound: The contributor has not worked on the job.
    """
    contributor = find_in_job(tx, job, worker_id)
    now = tx.clock.now()
    changed = contributor.flagged_at is None
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
    """Remove a contributor's flag, in this job and for the account.

    :returns: Whether the contributor was flagged.
    :raises NotFound: The contributor has not worked on the job.
    """
    contributor = find_in_job(tx, job, worker_id)
    everywhere = tx.run(delete(account_flag).where(*_is_account_flag(job, worker_id)))
    _update(tx, job, worker_id, flagged_at=None, flag_reason=None)
    return contributor.flagged_at is not None or bool(everywhere)


def reject(tx: Transaction, job: Row[Any], worker_id: int, reason: str | None = None) -> bool:
    """Reject all judgments of a contributor; units that lack judgments reopen in an active job.

    :returns: Whether anything changed.
    :raises NotFound: The contributor has not worked on the job.
    """
    contributor = find_in_job(tx, job, worker_id)
    if contributor.rejected_at is not None:
        return False
    _update(tx, job, worker_id, rejected_at=tx.clock.now(), state="rejected")
    gone = worker_trust.withdraw_judgments(tx, jobs.reload(tx, job), worker_id)
    tx.record("worker_rejected", job.id, worker_id=worker_id, judgments=gone, reason=reason)
    return True


def _send(
    tx: Transaction, job: Row[Any], worker_id: int, text: str, bonus_id: int | None = None
) -> None:
    about = {"worker_id": worker_id, "job_id": job.id, "text": text, "bonus_id": bonus_id}
    tx.run(insert(messages), {**about, "created_at": tx.clock.now()})


def _select_in_job(job: Row[Any]) -> Select[Any]:
    columns = [column for column in worker.c if column.name not in {"id", "created_at"}]
    joined = select(worker_job, *columns).join(worker, worker.c.id == worker_job.c.worker_id)
    return joined.where(worker_job.c.job_id == job.id)


def _is_account_flag(job: Row[Any], worker_id: int) -> tuple[Any, Any]:
    return account_flag.c.account_id == job.account_id, account_flag.c.worker_id == worker_id


def _update(tx: Transaction, job: Row[Any], worker_id: int, **values: Any) -> None:
    is_contributor = (worker_job.c.job_id == job.id, worker_job.c.worker_id == worker_id)
    tx.run(update(worker_job).where(*is_contributor).values(values))
