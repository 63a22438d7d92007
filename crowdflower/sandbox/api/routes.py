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

    differs: str = ""
    """How it is not what the service does, in words for people; empty when it is."""

    missing: str = ""
    """What the service has here and the sandbox has not, when it answers nothing but 501."""


def reads(
    verbs: str, path: str, answer: Callable[..., Any], differs: str = "", *, bare: bool = False
) -> Route:
    """Describe a route that changes nothing."""
    return Route(verbs, path, answer, bare=bare, differs=differs)


def writes(
    verbs: str, path: str, answer: Callable[..., Any], differs: str = "", *, bare: bool = False
) -> Route:
    """Describe a route that may change things, whatever its verb."""
    return Route(verbs, path, answer, writes=True, bare=bare, differs=differs)


def takes(verbs: str, path: str, answer: Callable[..., Any], differs: str = "") -> Route:
    """Describe a route that takes a file of rows."""
    return Route(verbs, path, answer, writes=True, takes_file=True, differs=differs)


_UNIT: Final = "/jobs/<job>/units/<int:unit>"
_JUDGMENT: Final = "/jobs/<job>/judgments/<int:judgment>"
_WORKER: Final = "/jobs/<job>/workers/<int:worker>"

ROUTES: Final = (
    reads("GET", "/account", account.show, "names and teams are made up; the balance is in cents"),
    # Jobs and their life.
    reads("GET", "/jobs", jobs.listing),
    writes(
        "POST", "/jobs", jobs.create, "attributes are kept, which the service did not always do"
    ),
    reads("GET", "/jobs/<job>", jobs.show),
    writes(
        "PUT",
        "/jobs/<job>",
        jobs.update,
        "styles, scripts and contributor levels have no effect; a header says so",
    ),
    writes("PUT", "/jobs/<job>/update", jobs.update),
    writes("DELETE", "/jobs/<job>", jobs.delete),
    writes("GET POST", "/jobs/<job>/copy", jobs.copy, "no templates; rows are there at once"),
    writes("GET PUT POST", "/jobs/<job>/pause", jobs.pause),
    writes("GET PUT POST", "/jobs/<job>/resume", jobs.resume),
    writes("GET PUT POST", "/jobs/<job>/cancel", jobs.cancel, "the job need not be paused"),
    reads("GET", "/jobs/<job>/ping", jobs.ping),
    reads("GET", "/jobs/<job>/legend", jobs.legend),
    # Rows.
    takes(
        "POST PUT",
        "/jobs/upload",
        uploads.create,
        "CSV and JSON lines only; rows are there when it is answered",
    ),
    takes(
        "POST PUT",
        "/jobs/<job>/upload",
        uploads.append,
        "the same; a list in one JSON array is refused with 422, not 500",
    ),
    reads(
        "GET",
        "/jobs/<job>/units/ping",
        uploads.progress,
        "an upload that was refused stored nothing, so the count is that of the job",
    ),
    writes("GET PUT", "/jobs/<job>/units/split", units.split),
    reads("GET", "/jobs/<job>/units", units.listing),
    writes("POST", "/jobs/<job>/units", units.create),
    reads("GET", _UNIT, units.show),
    writes("PUT", _UNIT, units.update),
    writes("DELETE", _UNIT, units.delete),
    writes("GET POST", f"{_UNIT}/copy", units.copy),
    writes(
        "POST PUT",
        f"{_UNIT}/cancel",
        units.cancel,
        "the row may be ordered, as long as it is not finalized",
    ),
    writes("POST", f"{_UNIT}/request_more_judgments", units.request_more_judgments),
    reads("GET", f"{_UNIT}/judgments", units.judgments_of),
    writes(
        "PUT POST",
        "/jobs/<job>/gold",
        gold.convert,
        "done when it is answered, not in the background",
    ),
    reads("GET", "/jobs/<job>/gold", gold.listing, "the service's shape is not known"),
    reads("GET", "/jobs/<job>/test_questions", gold.listing, "the service's shape is not known"),
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
    writes(
        "POST",
        "/jobs/<job>/orders",
        orders.place,
        "answers with the order; the service once answered with a redirect",
    ),
    reads("GET", "/jobs/<job>/orders/<int:order>", orders.show),
    reads("GET", "/jobs/<job>/workers", workers.listing, "the service's shape is not known"),
    reads("GET", _WORKER, workers.show, "the service's shape is not known"),
    writes("POST", f"{_WORKER}/bonus", workers.bonus),
    writes("POST", f"{_WORKER}/notify", workers.notify),
    writes("POST", f"{_WORKER}/notifications", workers.notifications),
    writes("PUT", _WORKER, workers.update),
    writes("PUT", f"{_WORKER}/flag", workers.flag),
    writes("PUT", f"{_WORKER}/deflag", workers.deflag),
    writes("PUT", f"{_WORKER}/reject", workers.reject, "done at once"),
    # What comes of it.
    reads(
        "GET",
        "/jobs/<job>/judgments",
        judgments.listing,
        "latest and unseen are ignored, with a warning in a header",
    ),
    writes(
        "POST",
        "/jobs/<job>/judgments",
        judgments.create,
        "for tests: a page with one row is taken and handed in; the service's own is for its staff",
    ),
    reads("GET", _JUDGMENT, judgments.show),
    writes("PUT", _JUDGMENT, judgments.update, "for tests: reviewed, missed and tainted"),
    writes("DELETE", _JUDGMENT, judgments.delete, "for tests: as if the judgment were rejected"),
    reads("POST", "/jobs/<job>/regenerate", reports.regenerate),
    reads(
        "GET",
        "/jobs/<job>.csv",
        reports.download,
        "the columns of workset are not known; json has every row",
        bare=True,
    ),
    *(
        Route(each.verbs, each.path, each.answer, version=each.version, missing=each.feature)
        for each in ABSENT
    ),
)
