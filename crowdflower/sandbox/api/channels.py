"""Channels of a job: the sources of its contributors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from crowdflower.sandbox.errors import Invalid, MissingParameters, Refusal
from crowdflower.sandbox.rules.settings import channels

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Row

    from crowdflower.sandbox.api.request_context import RequestContext, Result


def show(context: RequestContext, job: str) -> Result:
    """List the enabled and the available channels."""
    return _channels(context, context.job(job))


def replace(context: RequestContext, job: str) -> Result:
    """Enable these channels, and disable all others."""
    names = _names(context)
    return _change(context, job, lambda row: channels.replace(context.tx, row, names))


def add(context: RequestContext, job: str) -> Result:
    """Enable more channels."""
    names = _names(context)
    return _change(context, job, lambda row: channels.add(context.tx, row, names))


def disable(context: RequestContext, job: str) -> Result:
    """Disable a channel."""
    name = context.parameters.text("channel_name")
    if name is None:
        raise MissingParameters
    return _change(context, job, lambda row: channels.disable(context.tx, row, name))


def _change(context: RequestContext, job: str, change: Callable[[Row[Any]], None]) -> Result:
    row = context.job(job)
    try:
        change(row)
    except Invalid as refusal:
        # The service sends the lists of channels with this error, and status 200.
        raise Refusal(200, {"error": refusal.message, **_channels(context, row)}) from None
    return {"success": "The job has been updated.", **_channels(context, row)}


def _names(context: RequestContext) -> list[str]:
    names = context.parameters.names("channels")
    if names is None:
        raise MissingParameters
    return names


def _channels(context: RequestContext, job: Row[Any]) -> dict[str, Any]:
    enabled, available = channels.read(context.tx, job)
    return {"enabled_channels": enabled, "available_channels": available}
