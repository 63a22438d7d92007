"""The tags of a job."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Row, delete, insert, select

from crowdflower.sandbox.store import Transaction
from crowdflower.sandbox.store.tables import job_tag


def read(tx: Transaction, job: Row[Any]) -> list[str]:
    """Return the tags of a job, in the order in which they were added."""
    query = select(job_tag.c.name).where(job_tag.c.job_id == job.id).order_by(job_tag.c.ordinal)
    return [row.name for row in tx.all(query)]


def add(tx: Transaction, job: Row[Any], names: Iterable[str]) -> int:
    """Add tags.

    :returns: The number of distinct names, including tags that the job had already.
    """
    wanted = _normalize(names)
    _write(tx, job, list(dict.fromkeys([*read(tx, job), *wanted])))
    return len(wanted)


def replace(tx: Transaction, job: Row[Any], names: Iterable[str]) -> int:
    """Replace the tags of a job.

    :returns: The number of tags that it has now.
    """
    wanted = _normalize(names)
    _write(tx, job, wanted)
    return len(wanted)


def remove(tx: Transaction, job: Row[Any], names: Iterable[str]) -> int:
    """Remove tags; names that the job does not have are ignored.

    :returns: The number of tags removed.
    """
    unwanted = set(_normalize(names))
    before = read(tx, job)
    after = [name for name in before if name not in unwanted]
    _write(tx, job, after)
    return len(before) - len(after)


def _normalize(names: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(name.strip() for name in names if name.strip()))


def _write(tx: Transaction, job: Row[Any], names: list[str]) -> None:
    tx.run(delete(job_tag).where(job_tag.c.job_id == job.id))
    if names:
        lines = [
            {"job_id": job.id, "name": name, "ordinal": ordinal}
            for ordinal, name in enumerate(names)
        ]
        tx.connection.execute(insert(job_tag), lines)
