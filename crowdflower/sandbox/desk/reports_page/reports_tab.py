"""The tab of a job's reports: make and download them, see its webhooks, events and warnings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flask import Response

from crowdflower.sandbox.desk.account.event_list import read_events
from crowdflower.sandbox.desk.desk_rendering import DESK_HEADERS
from crowdflower.sandbox.desk.fields.typed_numbers import find_whole
from crowdflower.sandbox.desk.paging import read_page_number
from crowdflower.sandbox.desk.reports_page.report_ages import read_report_ages
from crowdflower.sandbox.desk.reports_page.webhook_log import read_payload, read_webhook_log
from crowdflower.sandbox.errors import Invalid, NotFound
from crowdflower.sandbox.pages.translations import gettext, ngettext
from crowdflower.sandbox.reports import MadeReport, make_report
from crowdflower.sandbox.reports.downloads import open_download
from crowdflower.sandbox.rules.jobs import jobs
from crowdflower.sandbox.rules.results import webhook_events
from crowdflower.states import REPORT_TYPES

if TYPE_CHECKING:
    from crowdflower.sandbox.desk.desk_request import DeskRequest
    from crowdflower.sandbox.store import Transaction
    from crowdflower.states import ReportType


def show(request: DeskRequest) -> Response:
    """Show the tab.

    :raises NotFound: The job has no webhook with the number in the query.
    """
    tx, job, args = request.tx, request.require_job, request.args
    number = find_whole(args["webhook"]) or 0 if args.get("webhook") else None
    return request.job_page(
        "reports.html",
        "reports",
        heading=gettext("Reports"),
        ages=read_report_ages(tx, request.desk.reports, job),
        log=read_webhook_log(tx, job, read_page_number(args, "sent")),
        payload=None if number is None else read_payload(tx, job, number),
        events=read_events(
            tx, request.account, job_id=job.id, page=read_page_number(args, "events")
        ),
        typed=request.form if request.form.get("do") in _ADDRESS_ACTS else None,
        has_names=tx.limits.names_in_reports,
        webhooks_address=lambda page: request.address(sent=page),
        events_address=lambda page: request.address(events=page),
        payload_address=lambda number: f"{request.address(webhook=number)}#payload",
    )


def receive(request: DeskRequest) -> Response:
    """Save the address of webhooks, test it, or send webhooks again.

    :raises Refusal: The rules refuse it, or the field ``do`` has another value.
    """
    tx, job, form = request.tx, request.require_job, request.form
    match form.get("do"):
        case "save_address":
            said = _save_address(request)
        case "test":
            webhook_events.queue_test(tx, job.id)
            said = gettext(
                "A test is on its way. The list of webhooks shows whether it was accepted."
            )
        case "try_now":
            number = webhook_events.retry_now(tx, job.id)
            said = ngettext(
                "%(num)s webhook is tried again now.",
                "%(num)s webhooks are tried again now.",
                number,
            ) % {"num": f"{number:,}"}
        case "send_again":
            webhook_events.send_again(tx, job.id, find_whole(form.get("webhook", "")) or 0)
            said = gettext("This webhook is sent again now.")
        case _:
            raise Invalid(gettext("This page was too old. Open it again."))
    return request.redirect(f"{_path(job.id)}#webhooks", said)


def make(request: DeskRequest) -> Response:
    """Make a report as of now, in a transaction that only reads: nobody waits for its end.

    :raises Invalid: No report has the type that was posted.
    """
    kind, job_id, cache = (
        _kind(request.form.get("type")),
        request.require_job.id,
        request.desk.reports,
    )
    if cache.is_being_made(job_id, kind):
        said = gettext("This report is being made already. The list shows when it is ready.")
        return request.redirect(_path(job_id), said)

    def run(tx: Transaction) -> MadeReport:
        job: Any = jobs.load(tx, job_id)
        if job is None:
            raise NotFound
        return make_report(tx, cache, job, kind)

    made = request.desk.database.read_apart(run)
    said = ngettext(
        "The report is ready: %(num)s line.", "The report is ready: %(num)s lines.", made.lines
    ) % {"num": f"{made.lines:,}"}
    return request.redirect(_path(job_id), said)


def download(request: DeskRequest) -> Response:
    """Send the latest file of a report as a stream.

    A table is made safe for spreadsheets, unless the last ``safe`` in the query is 0.

    :raises Invalid: No report has the type in the query.
    """
    job_id, args, cache = request.require_job.id, request.args, request.desk.reports
    try:
        made = cache.latest(job_id, _kind(args.get("type")))
    except Invalid as invalid:
        return request.redirect(_path(job_id), invalid.message)
    path = None if made is None else cache.find(made.token)
    gone = request.redirect
    if made is None or path is None:
        return gone(_path(job_id), gettext("This report is not made yet. Make it first."))
    safe = args.getlist("safe")[-1:] != ["0"]
    try:
        file = open_download(path, made, zipped=args.get("as") == "zip", safe=safe)
    except FileNotFoundError:  # deleted since
        return gone(_path(job_id), gettext("This report is gone. Make it again."))
    cache.mark_fetched(path)
    headers = {**DESK_HEADERS, "Content-Disposition": f"attachment; filename={file.name}"}
    response = Response(file.blocks, headers=headers, content_type=file.content_type)
    response.call_on_close(file.close)
    return response


_ADDRESS_ACTS = frozenset({"save_address", "test"})


def _save_address(request: DeskRequest) -> str:
    address = request.form.get("webhook_uri", "").strip()
    each = "send_judgments_webhook" in request.form
    values = {"webhook_uri": address, "send_judgments_webhook": each}
    jobs.update(request.tx, request.require_job, values)
    if not address:
        return gettext("No webhooks are sent any more; those that waited were dropped.")
    return gettext("The address is saved. Webhooks that waited are tried again now.")


def _kind(name: str | None) -> ReportType:
    found = next((kind for kind in REPORT_TYPES if kind == name), None)
    if found is None:
        raise Invalid(gettext("There is no report of this type. Choose one from the table."))
    return found


def _path(job_id: int) -> str:
    return f"/desk/jobs/{job_id}/reports"
