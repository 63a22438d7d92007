"""Tags of a job: names that it is found by."""

from __future__ import annotations

from typing import TYPE_CHECKING

from crowdflower.sandbox.errors import MissingParameters
from crowdflower.sandbox.rules.settings import tags

if TYPE_CHECKING:
    from crowdflower.sandbox.api.call import Answer, Call


def show(call: Call, job: str) -> Answer:
    """List the tags."""
    return [{"name": name} for name in tags.of(call.tx, call.job(job))]


def add(call: Call, job: str) -> Answer:
    """Give more tags."""
    return {"success": f"{tags.add(call.tx, call.job(job), _names(call))} tags added"}


def replace(call: Call, job: str) -> Answer:
    """Give these tags and no others."""
    return {"success": f"{tags.replace(call.tx, call.job(job), _names(call))} tags set"}


def remove(call: Call, job: str) -> Answer:
    """Take tags away."""
    return {"success": f"{tags.remove(call.tx, call.job(job), _names(call))} tags removed"}


def _names(call: Call) -> list[str]:
    names = call.asked.names("tags")
    if names is None:
        names = call.asked.names("tag")
    if names is None:
        raise MissingParameters
    return names
