"""Units of a job: its rows, one by one or in pages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from crowdflower.sandbox.api.parameters import as_list
from crowdflower.sandbox.api.request_context import ApiResponse
from crowdflower.sandbox.errors import MissingParameters, NotFound, Refusal
from crowdflower.sandbox.rules.jobs import orders
from crowdflower.sandbox.rules.results import judgments, results, shapes
from crowdflower.sandbox.rules.units import units
from crowdflower.sandbox.rules.units.row_checks import GOLD_COLUMN

if TYPE_CHECKING:
    from sqlalchemy import Row

    from crowdflower._types import JSONObject
    from crowdflower.sandbox.api.parameters import Parameters
    from crowdflower.sandbox.api.request_context import RequestContext, Result

MAX_PAGE_SIZE: Final = 1000
"""Units."""

_DELETED: Final = "deleted"


def list_page(context: RequestContext, job: str) -> Result:
    """List a page of units, each with its data; pages past the end are empty."""
    row = context.job(job)
    page, limit = context.parameters.page(), context.parameters.limit(MAX_PAGE_SIZE)
    return ApiResponse(units.read_page_json(context.tx, row, page, limit))


def create(context: RequestContext, job: str) -> Result:
    """Add one unit."""
    row, parameters = context.job(job), _unit(context)
    parameters.require("data")
    unit = units.create(context.tx, row, _data(parameters), golden=parameters.flag("golden"))
    body = results.unit_json(context.tx, row, unit)
    if unit.state == "new" and orders.NO_CHANNELS in context.tx.warnings:
        body["message"] = {"error": orders.NO_CHANNELS}
    return body


def show(context: RequestContext, job: str, unit: int) -> Result:
    """Return a unit, with its judgments and results unless ``simple`` is true."""
    row = context.job(job)
    simple = context.parameters.flag("simple")
    return results.unit_json(context.tx, row, units.find(context.tx, row, unit), simple=simple)


def update(context: RequestContext, job: str, unit: int) -> Result:
    """Change a unit's state, or replace all of its data."""
    row, parameters = context.job(job), _unit(context)
    if parameters.text("state") == _DELETED:
        return _delete(context, row, unit)
    changed = units.update(
        context.tx,
        row,
        units.find(context.tx, row, unit),
        data=_data(parameters) if "data" in parameters else None,
        state=parameters.text("state"),
        golden=parameters.flag("golden") if "golden" in parameters else None,
        gold_pool=(parameters.text("gold_pool") or "") if "gold_pool" in parameters else None,
    )
    return results.unit_json(context.tx, row, changed)


def _delete(context: RequestContext, job: Row[Any], unit: int) -> Result:
    """Delete a unit as today's helper does, by a state that no unit is ever in."""
    found = units.find(context.tx, job, unit)
    body = results.unit_json(context.tx, job, found)
    units.delete(context.tx, job, found)
    context.tx.warn(f"unit[state]={_DELETED} deleted the unit; DELETE does the same.")
    return {**body, "state": _DELETED}


def delete(context: RequestContext, job: str, unit: int) -> Result:
    """Delete a unit."""
    row = context.job(job)
    units.delete(context.tx, row, units.find(context.tx, row, unit))
    return {"message": {"success": f"Unit {unit} has been deleted."}}


def copy(context: RequestContext, job: str, unit: int) -> Result:
    """Copy a unit within the job or to another one, with some of its data replaced."""
    row = context.job(job)
    parameters = context.parameters.nested("unit")
    other = parameters.text("job_id")
    target = context.job(other) if other else row
    copied = units.copy(
        context.tx, row, units.find(context.tx, row, unit), into=target, data=_data(parameters)
    )
    return results.unit_json(context.tx, target, copied)


def cancel(context: RequestContext, job: str, unit: int) -> Result:
    """Cancel a unit that is new, or ordered and not judged; it is not refunded."""
    _cancel(context, job, unit)
    return {"success": f"Unit {unit} has been canceled"}


def cancel_with_put(context: RequestContext, job: str, unit: int) -> Result:
    """Cancel a unit, and answer in the words of the document whose example sends ``PUT``."""
    _cancel(context, job, unit)
    return {"success": f"Unit {unit} has been cancelled."}


def request_more_judgments(context: RequestContext, job: str, unit: int) -> Result:
    """Order more judgments for a unit, which costs money."""
    row, count = context.job(job), context.parameters.integer("nb_judgments")
    if count is None:
        raise MissingParameters
    found = units.find(context.tx, row, unit)
    return results.unit_json(
        context.tx, row, units.request_more_judgments(context.tx, row, found, count)
    )


def split(context: RequestContext, job: str) -> Result:
    """Split the strings in some columns of every unit into lists."""
    columns, separator = context.parameters.names("on"), context.parameters.value("with") or " "
    if columns is None:
        raise MissingParameters
    count = units.split(context.tx, context.job(job), columns, str(separator))
    return {"success": f"{count} units have been split"}


def list_judgments(context: RequestContext, job: str, unit: int) -> Result:
    """List the judgments of a unit, including those of untrusted contributors."""
    row = context.job(job)
    found = judgments.list_of_unit(context.tx, row, units.find(context.tx, row, unit))
    return [shapes.judgment(each) for each in found]


def _cancel(context: RequestContext, job: str, unit: int) -> None:
    row = context.job(job)
    try:
        found = units.find(context.tx, row, unit)
    except NotFound:
        message = f"Job {row.id} does not contain Unit {unit}"
        raise Refusal(404, {"error": message}) from None
    units.cancel(context.tx, row, found)


def _unit(context: RequestContext) -> Parameters:
    context.parameters.require("unit")
    return context.parameters.nested("unit")


def _data(parameters: Parameters) -> JSONObject:
    """Read the data of a unit; accepted answers may be sent in any form of a list."""
    data = parameters.mapping("data")
    return {
        name: as_list(value) if GOLD_COLUMN.fullmatch(name) else value
        for name, value in data.items()
    }
