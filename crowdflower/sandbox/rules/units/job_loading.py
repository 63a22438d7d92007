"""Creates a job from a folder of files, as ``crowdflower pull`` writes it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from sqlalchemy import Row, insert, update

from crowdflower._types import JSONObject
from crowdflower.job_files import JobContent, JobFileError, JobFolder, TestQuestion
from crowdflower.job_files.content import GOLDEN
from crowdflower.job_files.setting_names import NAME_LISTS, NOT_SENT
from crowdflower.sandbox.errors import NotFound, Refusal
from crowdflower.sandbox.rules import accounts
from crowdflower.sandbox.rules.jobs import jobs
from crowdflower.sandbox.rules.settings import tags
from crowdflower.sandbox.rules.units import units, uploads
from crowdflower.sandbox.store import Database, Transaction
from crowdflower.sandbox.store.tables import job as jobs_table
from crowdflower.sandbox.store.tables import job_channel

AFTER_UNITS: Final = frozenset(
    {"gold_per_assignment", "auto_order", "auto_order_threshold", "auto_order_timeout"}
)
"""Attributes that are set after the units: the first test question sets one of them, and loading a
job orders nothing."""


def load_folder(database: Database, key: str, folder: JobFolder) -> int:
    """Create the job of a folder, unless the account has one with its alias; return its id.

    :param key: The API key of the account.
    :raises JobFileError: A file cannot be used, or has a value that the sandbox refuses.
    """
    content = folder.read()
    with database.transaction() as tx:
        account = accounts.authenticate(tx, key)
        assert account is not None  # noqa: S101 - opened with the sandbox
        found = _find(tx, account, content.settings.get("alias"))
        if found is not None:
            return found
        try:
            return _create(tx, account, content, folder.rows())
        except Refusal as refusal:
            problem = refusal.message
        raise JobFileError(f"the sandbox cannot load it: {problem}", folder.path)


def _find(tx: Transaction, account: Row[Any], alias: object) -> int | None:
    if not isinstance(alias, str) or not alias or alias.isdecimal():
        return None
    try:
        return int(jobs.find(tx, account, alias).id)
    except NotFound:
        return None


def _create(
    tx: Transaction, account: Row[Any], content: JobContent, rows: Iterable[JSONObject]
) -> int:
    settings = _attributes(content.settings)
    late = {name: settings.pop(name) for name in AFTER_UNITS if name in settings}
    job = jobs.create(tx, account, settings)
    lists = {name: list(content.settings.get(name) or ()) for name in NAME_LISTS}
    _enable_channels(tx, job, lists["channels"])
    tags.replace(tx, job, lists["tags"])
    columns = content.settings.get("gold")
    if isinstance(columns, Mapping):
        gold = {**job.gold, **columns}
        tx.run(update(jobs_table).where(jobs_table.c.id == job.id).values(gold=gold))
    for each in content.test_questions or ():
        _add_test_question(tx, job, each)
    uploads.append_unchanged(tx, job, rows)
    if late:
        jobs.update(tx, job, late)
    tx.warnings.clear()
    return int(job.id)


def _attributes(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return the attributes of a new job; those without a value have none by default.

    One has a default: what is required of contributors.
    """
    found = {
        name: value
        for name, value in settings.items()
        if name not in {*NAME_LISTS, *NOT_SENT} and value != ""
    }
    if settings.get("minimum_requirements") == "":
        found["minimum_requirements"] = None
    return found


def _enable_channels(tx: Transaction, job: Row[Any], names: Iterable[str]) -> None:
    """Enable channels, also those that only the service has: the job keeps them."""
    lines = [{"job_id": job.id, "channel": name} for name in dict.fromkeys(names)]
    if lines:
        tx.connection.execute(insert(job_channel), lines)


def _add_test_question(tx: Transaction, job: Row[Any], question: TestQuestion) -> None:
    unit = units.create(tx, job, question.data, golden=True)
    state = question.state if question.state != GOLDEN else None
    pool = question.gold_pool or ""
    if state is not None or pool != (unit.gold_pool or ""):
        units.update(tx, job, unit, state=state, gold_pool=pool)
