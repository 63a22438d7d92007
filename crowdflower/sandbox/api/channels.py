"""Channels of a job: where its contributors come from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from crowdflower.sandbox.errors import Invalid, MissingParameters, Refusal
from crowdflower.sandbox.rules.settings import channels

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Row

    from crowdflower.sandbox.api.request_context import RequestContext, Result


def show(context: RequestContext, job: str) -> Result:
    """List the channels that are enabled and those that could be."""
    return _lists(context, context.job(job))


def replace(context: RequestContext, job: str) -> Result:
    """Enable these channels and no others."""
    names = _names(context)
    return _changed(context, job, lambda row: channels.replace(context.tx, row, names))


def add(context: RequestContext, job: str) -> Result:
    """Enable these channels too."""
    names = _names(context)
    return _changed(context, job, lambda row: channels.add(context.tx, row, names))


def disable(context: RequestContext, job: str) -> Result:
    """Take one channel away."""
    name = context.parameters.text("channel_name")
    if name is None:
        raise MissingParameters
    return _changed(context, job, lambda row: channels.disable(context.tx, row, name))


def _changed(context: RequestContext, job: str, change: Callable[[Row[Any]], None]) -> Result:
    row = context.job(job)
    try:
        change(row)
    except Invalid as refusal:
        # The service says what there is along with what there is not, and with status 200.
        raise Refusal(200, {"error": refusal.message, **_lists(context, row)}) from None
    return {"success": "The job has been updated.", **_lists(context, row)}


def _names(context: RequestContext) -> list[str]:
    names = context.parameters.names("channels")
    if names is None:
        raise MissingParameters
    return names


def _lists(context: RequestContext, job: Row[Any]) -> dict[str, Any]:
    enabled, available = channels.read(context.tx, job)
    return {"enabled_channels": enabled, "available_channels": available}
