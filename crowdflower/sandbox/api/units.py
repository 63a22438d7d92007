"""Units of a job: its rows, one by one and by the page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from crowdflower.sandbox.api.parameters import as_list
from crowdflower.sandbox.api.request_context import ApiResponse
from crowdflower.sandbox.errors import MissingParameters, NotFound, Refusal
from crowdflower.sandbox.rules.jobs import orders
from crowdflower.sandbox.rules.results import judgments, results, shapes
from crowdflower.sandbox.rules.units import units, uploads

if TYPE_CHECKING:
    from crowdflower._types import JSONObject
    from crowdflower.sandbox.api.parameters import Parameters
    from crowdflower.sandbox.api.request_context import RequestContext, Result

MOST: Final = 1000
"""Units on a page."""


def listing(context: RequestContext, job: str) -> Result:
    """Map each unit of a page to its data; an empty map is past the end."""
    row = context.job(job)
    return ApiResponse(
        units.read_page_json(
            context.tx, row, context.parameters.page(), context.parameters.limit(MOST)
        )
    )


def create(context: RequestContext, job: str) -> Result:
    """Add one unit."""
    row, given = context.job(job), _given(context)
    given.require("data")
    unit = units.create(context.tx, row, _data(given), golden=given.flag("golden"))
    shown = results.unit_json(context.tx, row, unit)
    if orders.NO_CHANNELS in context.tx.warnings:
        shown["message"] = {"error": orders.NO_CHANNELS}
    return shown


def show(context: RequestContext, job: str, unit: int) -> Result:
    """Show a unit with its judgments and results, or ``simple``, without."""
    row = context.job(job)
    simple = context.parameters.flag("simple")
    return results.unit_json(context.tx, row, units.find(context.tx, row, unit), simple=simple)


def update(context: RequestContext, job: str, unit: int) -> Result:
    """Change a unit's state, or put other data in place of all of its own."""
    row, given = context.job(job), _given(context)
    changed = units.update(
        context.tx,
        row,
        units.find(context.tx, row, unit),
        data=_data(given) if "data" in given else None,
        state=given.text("state"),
        golden=given.flag("golden") if "golden" in given else None,
        gold_pool=(given.text("gold_pool") or "") if "gold_pool" in given else None,
    )
    return results.unit_json(context.tx, row, changed)


def delete(context: RequestContext, job: str, unit: int) -> Result:
    """Remove a unit."""
    row = context.job(job)
    units.delete(context.tx, row, units.find(context.tx, row, unit))
    return {"message": {"success": f"Unit {unit} has been deleted."}}


def copy(context: RequestContext, job: str, unit: int) -> Result:
    """Add a unit like this one, to this job or another, some of its data replaced."""
    row = context.job(job)
    given = context.parameters.nested("unit")
    other = given.text("job_id")
    into = context.job(other) if other else row
    copied = units.copy(
        context.tx, row, units.find(context.tx, row, unit), into=into, data=_data(given)
    )
    return results.unit_json(context.tx, into, copied)


def cancel(context: RequestContext, job: str, unit: int) -> Result:
    """Take a unit out of the work; it is not refunded."""
    row = context.job(job)
    try:
        found = units.find(context.tx, row, unit)
    except NotFound:
        message = f"Job {row.id} does not contain Unit {unit}"
        raise Refusal(404, {"error": message}) from None
    units.cancel(context.tx, row, found)
    return {"success": f"Unit {unit} has been canceled"}


def request_more_judgments(context: RequestContext, job: str, unit: int) -> Result:
    """Order more judgments for a unit; that costs money."""
    row, count = context.job(job), context.parameters.integer("nb_judgments")
    if count is None:
        raise MissingParameters
    found = units.find(context.tx, row, unit)
    return results.unit_json(
        context.tx, row, units.request_more_judgments(context.tx, row, found, count)
    )


def split(context: RequestContext, job: str) -> Result:
    """Make lists of the texts in some columns of every unit."""
    columns, separator = context.parameters.names("on"), context.parameters.value("with") or " "
    if columns is None:
        raise MissingParameters
    count = units.split(context.tx, context.job(job), columns, str(separator))
    return {"success": f"{count} units have been split"}


def judgments_of(context: RequestContext, job: str, unit: int) -> Result:
    """List the judgments of a unit, those of untrusted contributors included."""
    row = context.job(job)
    found = judgments.list_of_unit(context.tx, row, units.find(context.tx, row, unit))
    return [shapes.judgment(each) for each in found]


def _given(context: RequestContext) -> Parameters:
    context.parameters.require("unit")
    return context.parameters.nested("unit")


def _data(given: Parameters) -> JSONObject:
    """Read a row; accepted answers may be sent as any list is, by index for one."""
    data = given.mapping("data")
    return {
        name: as_list(value) if uploads.GOLD_COLUMN.fullmatch(name) else value
        for name, value in data.items()
    }
