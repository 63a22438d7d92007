"""Tags of a job: names to find it by."""

from __future__ import annotations

from typing import TYPE_CHECKING

from crowdflower.sandbox.errors import MissingParameters
from crowdflower.sandbox.rules.settings import tags

if TYPE_CHECKING:
    from crowdflower.sandbox.api.request_context import RequestContext, Result


def show(context: RequestContext, job: str) -> Result:
    """List the tags."""
    return [{"name": name} for name in tags.read(context.tx, context.job(job))]


def add(context: RequestContext, job: str) -> Result:
    """Add tags."""
    return {"success": f"{tags.add(context.tx, context.job(job), _names(context))} tags added"}


def replace(context: RequestContext, job: str) -> Result:
    """Set the tags, and remove all others."""
    return {"success": f"{tags.replace(context.tx, context.job(job), _names(context))} tags set"}


def remove(context: RequestContext, job: str) -> Result:
    """Remove tags."""
    return {"success": f"{tags.remove(context.tx, context.job(job), _names(context))} tags removed"}


def _names(context: RequestContext) -> list[str]:
    names = context.parameters.names("tags")
    if names is None:
        names = context.parameters.names("tag")
    if names is None:
        raise MissingParameters
    return names
