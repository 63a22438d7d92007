"""The table of endpoints: verb and path to what answers.

Several of them change things although their verb is GET, as the service has it. Whether a route
``reads`` or ``writes`` is therefore said here, and decides what a HEAD request may reach.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from crowdflower.sandbox.api import (
    account,
    channels,
    gold,
    jobs,
    judgments,
    orders,
    reports,
    tags,
    units,
    uploads,
    workers,
)
from crowdflower.sandbox.api.unsupported import ABSENT

if TYPE_CHECKING:
    from collections.abc import Callable


class Route(NamedTuple):
    """One line of the table."""

    verbs: str
    """Separated by blanks; none stands for all."""

    path: str
    """``<job>`` is a number or an alias; anything else in brackets is a number."""

    answer: Callable[..., Any]
    """Takes a :class:`~crowdflower.sandbox.api.call.Call` and the parts of the path."""

    writes: bool = False
    """Whether it may change anything."""

    takes_file: bool = False
    """Whether its body is a file of rows, not parameters."""

    bare: bool = False
    """Whether the path may not end in ``.json``."""

    version: str = "v1"
    """Of the API; it comes first in the path."""


def reads(verbs: str, path: str, answer: Callable[..., Any], *, bare: bool = False) -> Route:
    """Describe a route that changes nothing."""
    return Route(verbs, path, answer, bare=bare)


def writes(verbs: str, path: str, answer: Callable[..., Any], *, bare: bool = False) -> Route:
    """Describe a route that may change things, whatever its verb."""
    return Route(verbs, path, answer, writes=True, bare=bare)


def takes(verbs: str, path: str, answer: Callable[..., Any]) -> Route:
    """Describe a route that takes a file of rows."""
    return Route(verbs, path, answer, writes=True, takes_file=True)


_UNIT: Final = "/jobs/<job>/units/<int:unit>"
_JUDGMENT: Final = "/jobs/<job>/judgments/<int:judgment>"
_WORKER: Final = "/jobs/<job>/workers/<int:worker>"

ROUTES: Final = (
    reads("GET", "/account", account.show),
    # Jobs and their life.
    reads("GET", "/jobs", jobs.listing),
    writes("POST", "/jobs", jobs.create),
    reads("GET", "/jobs/<job>", jobs.show),
    writes("PUT", "/jobs/<job>", jobs.update),
    writes("PUT", "/jobs/<job>/update", jobs.update),
    writes("DELETE", "/jobs/<job>", jobs.delete),
    writes("GET POST", "/jobs/<job>/copy", jobs.copy),
    writes("GET PUT POST", "/jobs/<job>/pause", jobs.pause),
    writes("GET PUT POST", "/jobs/<job>/resume", jobs.resume),
    writes("GET PUT POST", "/jobs/<job>/cancel", jobs.cancel),
    reads("GET", "/jobs/<job>/ping", jobs.ping),
    reads("GET", "/jobs/<job>/legend", jobs.legend),
    # Rows.
    takes("POST PUT", "/jobs/upload", uploads.create),
    takes("POST PUT", "/jobs/<job>/upload", uploads.append),
    reads("GET", "/jobs/<job>/units/ping", uploads.progress),
    writes("GET PUT", "/jobs/<job>/units/split", units.split),
    reads("GET", "/jobs/<job>/units", units.listing),
    writes("POST", "/jobs/<job>/units", units.create),
    reads("GET", _UNIT, units.show),
    writes("PUT", _UNIT, units.update),
    writes("DELETE", _UNIT, units.delete),
    writes("GET POST", f"{_UNIT}/copy", units.copy),
    writes("POST PUT", f"{_UNIT}/cancel", units.cancel),
    writes("POST", f"{_UNIT}/request_more_judgments", units.request_more_judgments),
    reads("GET", f"{_UNIT}/judgments", units.judgments_of),
    writes("PUT POST", "/jobs/<job>/gold", gold.convert),
    reads("GET", "/jobs/<job>/gold", gold.listing),
    reads("GET", "/jobs/<job>/test_questions", gold.listing),
    writes("GET", "/jobs/<job>/golds/fire_webhooks", gold.fire_webhooks),
    # Who works, and for what.
    reads("GET", "/jobs/<job>/channels", channels.show, bare=True),
    writes("PUT", "/jobs/<job>/channels", channels.replace, bare=True),
    writes("POST", "/jobs/<job>/channels", channels.add, bare=True),
    writes("POST", "/jobs/<job>/disable_channel", channels.disable),
    reads("GET", "/jobs/<job>/tags", tags.show),
    writes("POST", "/jobs/<job>/tags", tags.add),
    writes("PUT", "/jobs/<job>/tags", tags.replace),
    writes("DELETE", "/jobs/<job>/tags", tags.remove),
    writes("POST", "/jobs/<job>/orders", orders.place),
    reads("GET", "/jobs/<job>/orders/<int:order>", orders.show),
    reads("GET", "/jobs/<job>/workers", workers.listing),
    reads("GET", _WORKER, workers.show),
    writes("POST", f"{_WORKER}/bonus", workers.bonus),
    writes("POST", f"{_WORKER}/notify", workers.notify),
    writes("POST", f"{_WORKER}/notifications", workers.notifications),
    writes("PUT", _WORKER, workers.update),
    writes("PUT", f"{_WORKER}/flag", workers.flag),
    writes("PUT", f"{_WORKER}/deflag", workers.deflag),
    writes("PUT", f"{_WORKER}/reject", workers.reject),
    # What comes of it.
    reads("GET", "/jobs/<job>/judgments", judgments.listing),
    writes("POST", "/jobs/<job>/judgments", judgments.create),
    reads("GET", _JUDGMENT, judgments.show),
    writes("PUT", _JUDGMENT, judgments.update),
    writes("DELETE", _JUDGMENT, judgments.delete),
    reads("POST", "/jobs/<job>/regenerate", reports.regenerate),
    reads("GET", "/jobs/<job>.csv", reports.download, bare=True),
    *(Route(each.verbs, each.path, each.answer, version=each.version) for each in ABSENT),
)
