"""Makes a report of a job: reads it in one transaction and puts its archive into the cache."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select

from crowdflower.sandbox.reports import columns, rows
from crowdflower.sandbox.reports.archive import FILE_NAMES, write_archive
from crowdflower.sandbox.reports.cache import MadeReport
from crowdflower.sandbox.rules.settings import questions
from crowdflower.sandbox.rules.settings.source_columns import read_columns
from crowdflower.sandbox.store.tables import judgment

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Row

    from crowdflower.sandbox.reports.cache import ReportCache
    from crowdflower.sandbox.store import Transaction
    from crowdflower.states import ReportType


def make_report(tx: Transaction, cache: ReportCache, job: Row[Any], kind: ReportType) -> MadeReport:
    """Write a report of a job as it is now, and add it to the cache.

    :param job: The job, read in this transaction.
    """
    token, member, now = tx.clock.token(), FILE_NAMES[kind].format(job=job.id), tx.clock.now()
    newest = tx.one(select(func.max(judgment.c.id).label("id"))).id or 0
    with cache.add(job.id, kind, token) as path:
        written = write_archive(path, member, now, _lines(tx, job, kind))
    lines = written if kind == "json" else written - 1  # without the header
    made = MadeReport(token, member, now, lines, newest, job.next_seq)
    cache.describe(made)
    return made


def _lines(tx: Transaction, job: Row[Any], kind: ReportType) -> Iterator[Any]:
    fields, source = job.fields or {}, read_columns(tx, job.id)
    names = rows.read_names(tx, job) if tx.limits.names_in_reports else None
    if kind == "full":
        gold_columns = job.options.get("ignore_gold") is False
        judgments = rows.read_judgments(tx, job)
        return columns.full_report(
            fields, source, judgments, gold_columns=gold_columns, names=names
        )
    if kind == "aggregated":
        fields = fields | {group.name: columns.LINKED for group in questions.linked_groups(job)}
        return columns.aggregated_report(fields, source, rows.read_judged_units(tx, job))
    if kind == "json":
        return columns.json_report(rows.read_units(tx, job, names))
    if kind == "gold_report":
        return columns.gold_report(job.gold, source, rows.read_golds(tx, job))
    if kind == "workset":
        return columns.workset_report(rows.read_workers(tx, job), names)
    return columns.source_report(source, rows.read_source(tx, job))
