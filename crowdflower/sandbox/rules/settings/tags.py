"""Names that jobs are found by."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Row, delete, insert, select

from crowdflower.sandbox.store import Transaction
from crowdflower.sandbox.store.tables import job_tag


def read(tx: Transaction, job: Row[Any]) -> list[str]:
    """Return the tags of a job, in the order they were given."""
    query = select(job_tag.c.name).where(job_tag.c.job_id == job.id).order_by(job_tag.c.ordinal)
    return [row.name for row in tx.all(query)]


def add(tx: Transaction, job: Row[Any], names: Iterable[str]) -> int:
    """Add tags.

    :returns: How many were given, each counted once; tags the job had already are among them.
    """
    wanted = _normalize(names)
    _write(tx, job, list(dict.fromkeys([*read(tx, job), *wanted])))
    return len(wanted)


def replace(tx: Transaction, job: Row[Any], names: Iterable[str]) -> int:
    """Give a job these tags and no others.

    :returns: How many it has now.
    """
    wanted = _normalize(names)
    _write(tx, job, wanted)
    return len(wanted)


def remove(tx: Transaction, job: Row[Any], names: Iterable[str]) -> int:
    """Take tags away; those the job does not have are passed over.

    :returns: How many it lost.
    """
    unwanted = set(_normalize(names))
    had = read(tx, job)
    kept = [name for name in had if name not in unwanted]
    _write(tx, job, kept)
    return len(had) - len(kept)


def _normalize(names: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(name.strip() for name in names if name.strip()))


def _write(tx: Transaction, job: Row[Any], names: list[str]) -> None:
    tx.run(delete(job_tag).where(job_tag.c.job_id == job.id))
    if names:
        lines = [
            {"job_id": job.id, "name": name, "ordinal": place} for place, name in enumerate(names)
        ]
        tx.connection.execute(insert(job_tag), lines)
