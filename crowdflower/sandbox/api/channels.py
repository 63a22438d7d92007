"""Channels of a job: where its contributors come from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from crowdflower.sandbox.errors import Invalid, MissingParameters, Refusal
from crowdflower.sandbox.rules.settings import channels

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Row

    from crowdflower.sandbox.api.call import Answer, Call


def show(call: Call, job: str) -> Answer:
    """List the channels that are enabled and those that could be."""
    return _lists(call, call.job(job))


def replace(call: Call, job: str) -> Answer:
    """Enable these channels and no others."""
    names = _names(call)
    return _changed(call, job, lambda row: channels.replace(call.tx, row, names))


def add(call: Call, job: str) -> Answer:
    """Enable these channels too."""
    names = _names(call)
    return _changed(call, job, lambda row: channels.add(call.tx, row, names))


def disable(call: Call, job: str) -> Answer:
    """Take one channel away."""
    name = call.asked.text("channel_name")
    if name is None:
        raise MissingParameters
    return _changed(call, job, lambda row: channels.disable(call.tx, row, name))


def _changed(call: Call, job: str, change: Callable[[Row[Any]], None]) -> Answer:
    row = call.job(job)
    try:
        change(row)
    except Invalid as refusal:
        # The service says what there is along with what there is not, and with status 200.
        raise Refusal(200, {"error": refusal.message, **_lists(call, row)}) from None
    return {"success": "The job has been updated.", **_lists(call, row)}


def _names(call: Call) -> list[str]:
    names = call.asked.names("channels")
    if names is None:
        raise MissingParameters
    return names


def _lists(call: Call, job: Row[Any]) -> dict[str, Any]:
    enabled, available = channels.of(call.tx, job)
    return {"enabled_channels": enabled, "available_channels": available}
