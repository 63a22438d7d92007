"""Units of a job: its rows, one by one and by the page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from crowdflower.sandbox.api.call import Reply
from crowdflower.sandbox.api.parameters import listed
from crowdflower.sandbox.errors import MissingParameters, NotFound, Refusal
from crowdflower.sandbox.rules.jobs import orders
from crowdflower.sandbox.rules.results import judgments, results, shapes
from crowdflower.sandbox.rules.units import units, uploads

if TYPE_CHECKING:
    from crowdflower._types import JSONObject
    from crowdflower.sandbox.api.call import Answer, Call
    from crowdflower.sandbox.api.parameters import Parameters

MOST: Final = 1000
"""Units on a page."""


def listing(call: Call, job: str) -> Answer:
    """Map each unit of a page to its data; an empty map is past the end."""
    row = call.job(job)
    return Reply(units.page_text(call.tx, row, call.asked.page(), call.asked.limit(MOST)))


def create(call: Call, job: str) -> Answer:
    """Add one unit."""
    row, given = call.job(job), _given(call)
    given.required("data")
    unit = units.create(call.tx, row, _data(given), golden=given.flag("golden"))
    shown = results.shown(call.tx, row, unit)
    if orders.NO_CHANNELS in call.tx.warnings:
        shown["message"] = {"error": orders.NO_CHANNELS}
    return shown


def show(call: Call, job: str, unit: int) -> Answer:
    """Show a unit with its judgments and results, or ``simple``, without."""
    row = call.job(job)
    simple = call.asked.flag("simple")
    return results.shown(call.tx, row, units.find(call.tx, row, unit), simple=simple)


def update(call: Call, job: str, unit: int) -> Answer:
    """Change a unit's state, or put other data in place of all of its own."""
    row, given = call.job(job), _given(call)
    changed = units.update(
        call.tx,
        row,
        units.find(call.tx, row, unit),
        data=_data(given) if "data" in given else None,
        state=given.text("state"),
        golden=given.flag("golden") if "golden" in given else None,
        gold_pool=(given.text("gold_pool") or "") if "gold_pool" in given else None,
    )
    return results.shown(call.tx, row, changed)


def delete(call: Call, job: str, unit: int) -> Answer:
    """Remove a unit."""
    row = call.job(job)
    units.delete(call.tx, row, units.find(call.tx, row, unit))
    return {"message": {"success": f"Unit {unit} has been deleted."}}


def copy(call: Call, job: str, unit: int) -> Answer:
    """Add a unit like this one, to this job or another, some of its data replaced."""
    row = call.job(job)
    given = call.asked.within("unit")
    other = given.text("job_id")
    into = call.job(other) if other else row
    copied = units.copy(call.tx, row, units.find(call.tx, row, unit), into=into, data=_data(given))
    return results.shown(call.tx, into, copied)


def cancel(call: Call, job: str, unit: int) -> Answer:
    """Take a unit out of the work; it is not refunded."""
    row = call.job(job)
    try:
        found = units.find(call.tx, row, unit)
    except NotFound:
        message = f"Job {row.id} does not contain Unit {unit}"
        raise Refusal(404, {"error": message}) from None
    units.cancel(call.tx, row, found)
    return {"success": f"Unit {unit} has been canceled"}


def request_more_judgments(call: Call, job: str, unit: int) -> Answer:
    """Order more judgments for a unit; that costs money."""
    row, count = call.job(job), call.asked.whole("nb_judgments")
    if count is None:
        raise MissingParameters
    found = units.find(call.tx, row, unit)
    return results.shown(call.tx, row, units.request_more_judgments(call.tx, row, found, count))


def split(call: Call, job: str) -> Answer:
    """Make lists of the texts in some columns of every unit."""
    columns, separator = call.asked.names("on"), call.asked.value("with") or " "
    if columns is None:
        raise MissingParameters
    count = units.split(call.tx, call.job(job), columns, str(separator))
    return {"success": f"{count} units have been split"}


def judgments_of(call: Call, job: str, unit: int) -> Answer:
    """List the judgments of a unit, those of untrusted contributors included."""
    row = call.job(job)
    found = judgments.of_unit(call.tx, row, units.find(call.tx, row, unit))
    return [shapes.judgment(each) for each in found]


def _given(call: Call) -> Parameters:
    call.asked.required("unit")
    return call.asked.within("unit")


def _data(given: Parameters) -> JSONObject:
    """Read a row; accepted answers may be sent as any list is, by index for one."""
    data = given.mapping("data")
    return {
        name: listed(value) if uploads.GOLD_COLUMN.fullmatch(name) else value
        for name, value in data.items()
    }
