"""Step 1: the title and the rows of a new job, from a file, from another job, or none yet.

A file is read and checked outside of any transaction; if it is refused, no job is made. The same
page adds rows to a job that exists.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import select

from crowdflower.sandbox.api import uploads as uploaded_files
from crowdflower.sandbox.api.uploads import Target
from crowdflower.sandbox.desk.messages.message_words import refusal_in_words
from crowdflower.sandbox.desk.new_job import steps
from crowdflower.sandbox.desk.new_job.row_files import JSON_LINES, RowFile, open_row_file
from crowdflower.sandbox.errors import Invalid, NotFound, Refusal
from crowdflower.sandbox.pages.translations import gettext, ngettext
from crowdflower.sandbox.rules.jobs import jobs
from crowdflower.sandbox.rules.settings import channels, settings
from crowdflower.sandbox.rules.units import staging, uploads
from crowdflower.sandbox.rules.visibility import JOB_IS_VISIBLE
from crowdflower.sandbox.store.tables import job as jobs_table

if TYPE_CHECKING:
    from flask import Response
    from sqlalchemy import Row

    from crowdflower.sandbox.desk.desk_request import DeskRequest
    from crowdflower.sandbox.rules.units.row_checks import CheckedRows
    from crowdflower.sandbox.store import Transaction

MAX_LISTED: Final = 200
"""Jobs to choose from for a copy, the newest first; any other can be copied from its own page."""

MAX_FILE_MB: Final = 250
"""What a person is told; the server takes a little more, for the rest of the form."""


def show(request: DeskRequest) -> Response:
    """Ask for a title and a file; or for more rows, if the query names a job."""
    job = _find_job(request.tx, request, request.args.get("job"))
    others = () if job is not None else _read_others(request.tx, request.account)
    copy = _find_job(request.tx, request, request.args.get("copy"))
    return steps.step_page(
        request,
        "new_data.html",
        "data",
        job,
        title=request.form.get("title", job.title if job is not None else "") or "",
        others=others,
        copy=copy,
        max_mb=MAX_FILE_MB,
        max_rows=request.tx.limits.rows_per_job,
        is_draft=job is None or steps.is_draft(job),
    )


def receive(request: DeskRequest) -> Response:
    """Make a draft, or add rows to a job."""
    database, act = request.desk.database, request.form.get("do", "upload")
    number = request.args.get("job")
    if act == "copy":
        job = database.write(partial(_copy, request=request))
        return request.redirect(steps.step_url(job, "columns"), gettext("The job was copied."))
    if act == "delete" and number:
        database.write(partial(_delete, request=request, number=number))
        return request.redirect("/desk/", gettext("The draft was deleted."))
    if act == "blank":
        if (file := request.files.get("rows")) is not None and file.filename:
            raise Invalid(
                gettext("You chose %(name)s. Press “Upload and go on”, or take the file out.")
                % {"name": file.filename}
            )
        job = database.write(partial(_save_title, request=request, number=number))
        return request.redirect(steps.step_url(job, "columns"))
    try:
        return _upload(request, number)
    finally:
        for file in request.files.values():
            file.close()


def _upload(request: DeskRequest, number: str | None) -> Response:
    file = open_row_file(request.files.get("rows"))
    database = request.desk.database
    target = database.read(partial(_find_target, request=request, number=number))
    target = replace(target, separator=file.separator)
    with uploaded_files.receive(database, target, file.content_type, file.stream) as rows:
        if isinstance(rows, Refusal):
            raise Invalid(_describe_refusal(file, refusal_in_words(rows)))
        if not rows.count:
            raise Invalid(gettext("%(name)s has no row to judge.") % {"name": file.name})
        count = rows.count
        store = partial(_store, request=request, number=number, rows=rows)
        job = database.write(store)
    said = ngettext("%(num)s row read from %(name)s.", "%(num)s rows read from %(name)s.", count)
    url = steps.step_url(job, "columns") if steps.is_draft(job) else steps.job_url(job)
    return request.redirect(url, said % {"num": f"{count:,}", "name": file.name})


def _describe_refusal(file: RowFile, problem: str) -> str:
    values = {"name": file.name, "problem": problem}
    if file.content_type == JSON_LINES:
        return gettext("%(name)s: %(problem)s No row was stored.") % values
    text = gettext(
        "%(name)s: %(problem)s Row 1 is the line with the names of the columns. No row was stored."
    )
    return text % values


def _find_target(tx: Transaction, *, request: DeskRequest, number: str | None) -> Target:
    """Return what to check a file against; a title that would be refused is refused before it."""
    job = _find_job(tx, request, number)
    limit = tx.limits.rows_per_job
    if job is None:
        settings.new_job_values(tx, request.account, {"title": _title(request)})
        return Target(request.account, None, [], limit)
    columns, left = uploads.read_columns(tx, job.id), uploads.remaining_units(tx, job)
    force = "force" in request.form
    return Target(request.account, job, columns, left, force=force)


def _store(
    tx: Transaction, *, request: DeskRequest, number: str | None, rows: CheckedRows
) -> Row[Any]:
    job = _find_job(tx, request, number)
    if job is None:
        created = uploads.create_job_from_file(tx, request.account, rows)
        return jobs.update(tx, created, {"title": _title(request)})
    uploads.append_file(tx, job, rows)
    return _update_title(tx, job, request)


def _save_title(tx: Transaction, *, request: DeskRequest, number: str | None) -> Row[Any]:
    job = _find_job(tx, request, number)
    if job is None:
        created = staging.new_job(tx, request.account)
        return jobs.update(tx, created, {"title": _title(request)})
    return _update_title(tx, job, request)


def _update_title(tx: Transaction, job: Row[Any], request: DeskRequest) -> Row[Any]:
    """Save the title of a draft; that of a job which was launched is not asked for."""
    if not steps.is_draft(job) or "title" not in request.form:
        return jobs.reload(tx, job)
    return jobs.update(tx, job, {"title": _title(request)})


def _copy(tx: Transaction, *, request: DeskRequest) -> Row[Any]:
    source = _find_job(tx, request, request.form.get("copy"))
    if source is None:
        raise Invalid(gettext("Choose the job to copy."))
    what = request.form.get("what", "")
    if what not in {"", "gold", "all_units"}:
        raise Invalid(gettext("Choose which rows to copy."))
    copied = jobs.copy(tx, source, gold=what == "gold", all_units=what == "all_units")
    channels.add(tx, copied, channels.enabled(tx, source.id) or channels.DEFAULT)
    title = _title(request)
    return jobs.update(tx, copied, {"title": title}) if title else copied


def _delete(tx: Transaction, *, request: DeskRequest, number: str) -> None:
    job = _find_job(tx, request, number)
    if job is None or not steps.is_draft(job):
        raise Invalid(gettext("Only a draft can be deleted here."))
    jobs.delete(tx, job)


def _title(request: DeskRequest) -> str:
    return request.form.get("title", "").strip()


def _find_job(tx: Transaction, request: DeskRequest, number: str | None) -> Row[Any] | None:
    """Return the job with a number, or ``None`` without one.

    :raises NotFound: The account has no such job, or it is deleted.
    """
    if not number:
        return None
    if not number.isascii() or not number.isdecimal():
        raise NotFound
    found = jobs.find(tx, request.account, number)
    if found.deleted_at is not None:
        raise NotFound
    return found


def _read_others(tx: Transaction, account: Row[Any]) -> list[Row[Any]]:
    columns = (jobs_table.c.id, jobs_table.c.title, jobs_table.c.units_count)
    mine = (jobs_table.c.account_id == account.id, jobs_table.c.deleted_at.is_(None))
    query = select(*columns).where(*mine, JOB_IS_VISIBLE).order_by(jobs_table.c.id.desc())
    return tx.all(query.limit(MAX_LISTED))
