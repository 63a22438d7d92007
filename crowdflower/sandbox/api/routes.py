"""The table of endpoints: verb, path, handler, and what the OpenAPI description says of each.

Some endpoints change data although their verb is GET, as in the service. So each row says whether
its route ``writes``: that decides the transaction that it gets, and whether HEAD may reach it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from types import MappingProxyType
from typing import Any, Final, NamedTuple

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
from crowdflower.sandbox.api.schemas import (
    ANY,
    BOOLEAN,
    COUNT,
    DATE,
    ID,
    OBJECT,
    STRING,
    Schema,
    array,
    enum,
    integer,
    properties,
    ref,
)
from crowdflower.sandbox.api.unsupported import UNSUPPORTED
from crowdflower.sandbox.rules.jobs.jobs import LISTED_STATES
from crowdflower.states import REPORT_TYPES

_NONE: Final[Mapping[str, Schema]] = MappingProxyType({})


class Route(NamedTuple):
    """One row of the table."""

    endpoint: str
    """Verbs and path, such as ``GET /jobs/<job>``; a path without verbs accepts all of them.

    In the path, ``<job>`` is an id or an alias; anything else in brackets is a number.
    """

    handler: Callable[..., Any]
    """Called with a :class:`~crowdflower.sandbox.api.request_context.RequestContext` and the
    variable parts of the path."""

    response: Schema | None = None
    """Schema of the JSON response with status 200; ``None`` if the response is not JSON."""

    required: Mapping[str, Schema] = _NONE
    """Parameters that the request needs, by name."""

    optional: Mapping[str, Schema] = _NONE
    """Parameters that the request may have, by name."""

    writes: bool = False
    """Whether it may change data."""

    takes_file: bool = False
    """Whether its body is a file of rows, not parameters."""

    json_suffix: bool = True
    """Whether the path may end in ``.json``."""

    refusals: tuple[int, ...] = ()
    """Statuses of refusals that not every route has; the service sends some with status 200."""

    differs: str = ""
    """How it differs from the service, in words for people."""

    unsupported: str = ""
    """The feature of the service that the sandbox lacks, if the route only answers 501."""

    version: str = "v1"
    """Version of the API: the first segment of the URL's path."""

    @property
    def verbs(self) -> str:
        """The verbs, separated by spaces; empty for all verbs."""
        return self.endpoint.rpartition(" ")[0]

    @property
    def path(self) -> str:
        """The path, without the version of the API."""
        return self.endpoint.rpartition(" ")[2]


_read = Route
_write = partial(Route, writes=True)
_upload = partial(Route, writes=True, takes_file=True)

_UNIT: Final = "/jobs/<job>/units/<int:unit>"
_JUDGMENT: Final = "/jobs/<job>/judgments/<int:judgment>"
_WORKER: Final = "/jobs/<job>/workers/<int:worker>"

_JOB: Final = {"job": ref("JobAttributes")}
_PAGE: Final = {"page": COUNT, "limit": integer(1)}
_TEAM: Final = {"team_id": STRING}
_NAMES: Final = array(STRING)
_CHANNELS: Final = {"channels": _NAMES}
_TAGS: Final = {"tags": _NAMES}
_REPORT: Final = {"type": enum(*REPORT_TYPES)}

_SUCCESS: Final = ref("Success")
_UNIT_RESULT: Final = ref("UnitWithResults")
_TEST_QUESTIONS: Final = array(ref("TestQuestion"))
_CHANGED: Final = ref("ChannelsChanged")
_SHAPE: Final = "the shape of the service's response is not known"

ROUTES: Final = (
    _read(
        "GET /account",
        account.show,
        ref("Account"),
        differs="names and teams are invented; the balance is in cents",
    ),
    # Jobs: create, read, change, run.
    _read(
        "GET /jobs",
        jobs.list_page,
        array(ref("Job")),
        optional={
            "page": COUNT,
            "state": enum(*LISTED_STATES),
            "tags": STRING,
            "created_at_greater_equal": DATE,
            "created_at_less_equal": DATE,
            "ampcrowd": BOOLEAN,
            **_TEAM,
        },
    ),
    _write(
        "POST /jobs",
        jobs.create,
        ref("Job"),
        optional=_JOB,
        refusals=(200, 501),
        differs="keeps the attributes, which the service did not always do",
    ),
    _read("GET /jobs/<job>", jobs.show, ref("Job")),
    _write(
        "PUT /jobs/<job>",
        jobs.update,
        ref("Job"),
        _JOB,
        refusals=(200, 501),
        differs="styles, scripts and contributor levels have no effect; a header says so",
    ),
    _write("PUT /jobs/<job>/update", jobs.update, ref("Job"), _JOB, refusals=(200, 501)),
    _write("DELETE /jobs/<job>", jobs.delete, ref("Deleted")),
    _write(
        "GET POST /jobs/<job>/copy",
        jobs.copy,
        ref("JobCopy"),
        optional={"all_units": BOOLEAN, "gold": BOOLEAN, "only_new_and_judgable": BOOLEAN, **_TEAM},
        refusals=(501,),
        differs="no templates; rows are copied before the response",
    ),
    _write("GET PUT POST /jobs/<job>/pause", jobs.pause, _SUCCESS, refusals=(200,)),
    _write("GET PUT POST /jobs/<job>/resume", jobs.resume, _SUCCESS, refusals=(200,)),
    _write(
        "GET PUT POST /jobs/<job>/cancel",
        jobs.cancel,
        _SUCCESS,
        refusals=(200,),
        differs="the job need not be paused",
    ),
    _read("GET /jobs/<job>/ping", jobs.ping, ref("JobPing")),
    _read("GET /jobs/<job>/legend", jobs.legend, ref("Legend")),
    # Rows: uploads, units, test questions.
    _upload(
        "POST PUT /jobs/upload",
        uploads.create,
        ref("Job"),
        optional={**_TEAM, "force": BOOLEAN},
        differs="CSV and JSON Lines only; rows are stored before the response",
    ),
    _upload(
        "POST PUT /jobs/<job>/upload",
        uploads.append,
        ref("Job"),
        optional={"force": BOOLEAN},
        differs="the same; a JSON array is refused with 422, not 500",
    ),
    _read(
        "GET /jobs/<job>/units/ping",
        uploads.progress,
        ref("UploadProgress"),
        differs="a refused upload stores no rows, so the count is that of the job",
    ),
    _write(
        "GET PUT /jobs/<job>/units/split", units.split, _SUCCESS, {"on": STRING}, {"with": STRING}
    ),
    _read("GET /jobs/<job>/units", units.list_page, ref("UnitsPage"), optional=_PAGE),
    _write(
        "POST /jobs/<job>/units",
        units.create,
        _UNIT_RESULT,
        {"unit": properties({"data": OBJECT, "golden": BOOLEAN}, required=["data"])},
    ),
    _read(
        f"GET {_UNIT}",
        units.show,
        {"anyOf": [_UNIT_RESULT, ref("Unit")]},
        optional={"simple": BOOLEAN},
    ),
    _write(
        f"PUT {_UNIT}",
        units.update,
        _UNIT_RESULT,
        {
            "unit": properties(
                {"data": OBJECT, "state": STRING, "golden": BOOLEAN, "gold_pool": STRING}
            )
        },
    ),
    _write(f"DELETE {_UNIT}", units.delete, ref("Deleted")),
    _write(
        f"GET POST {_UNIT}/copy",
        units.copy,
        _UNIT_RESULT,
        optional={"unit": properties({"job_id": ID, "data": OBJECT})},
    ),
    _write(f"POST {_UNIT}/cancel", units.cancel, _SUCCESS),
    _write(f"PUT {_UNIT}/cancel", units.cancel_with_put, _SUCCESS),
    _write(
        f"POST {_UNIT}/request_more_judgments",
        units.request_more_judgments,
        _UNIT_RESULT,
        {"nb_judgments": integer(1)},
        refusals=(402,),
    ),
    _read(f"GET {_UNIT}/judgments", units.list_judgments, array(ref("Judgment"))),
    _write(
        "PUT POST /jobs/<job>/gold",
        gold.convert,
        {"anyOf": [_SUCCESS, ref("GoldChecked")]},
        optional={"check": STRING, "with": STRING, "convert_units": BOOLEAN, "reset": BOOLEAN},
        differs="done before the response, not in the background",
    ),
    _read("GET /jobs/<job>/gold", gold.list_all, _TEST_QUESTIONS, differs=_SHAPE),
    _read("GET /jobs/<job>/test_questions", gold.list_all, _TEST_QUESTIONS, differs=_SHAPE),
    _write("GET /jobs/<job>/golds/fire_webhooks", gold.fire_webhooks, ref("Notice")),
    # Contributors and money: channels, tags, orders, workers.
    _read("GET /jobs/<job>/channels", channels.show, ref("Channels"), json_suffix=False),
    _write(
        "PUT /jobs/<job>/channels",
        channels.replace,
        _CHANGED,
        _CHANNELS,
        json_suffix=False,
        refusals=(200,),
    ),
    _write(
        "POST /jobs/<job>/channels",
        channels.add,
        _CHANGED,
        _CHANNELS,
        json_suffix=False,
        refusals=(200,),
    ),
    _write(
        "POST /jobs/<job>/disable_channel",
        channels.disable,
        _CHANGED,
        {"channel_name": STRING},
        refusals=(200,),
    ),
    _read("GET /jobs/<job>/tags", tags.show, ref("Tags")),
    _write("POST /jobs/<job>/tags", tags.add, _SUCCESS, _TAGS),
    _write("PUT /jobs/<job>/tags", tags.replace, _SUCCESS, _TAGS),
    _write("DELETE /jobs/<job>/tags", tags.remove, _SUCCESS, _TAGS),
    _write(
        "POST /jobs/<job>/orders",
        orders.place,
        ref("Order"),
        {"debit": properties({"units_count": COUNT}, required=["units_count"])},
        _CHANNELS,
        refusals=(200, 402, 501),
        differs="returns the order; the service once returned a redirect",
    ),
    _read("GET /jobs/<job>/orders/<int:order>", orders.show, ref("Order")),
    _read("GET /jobs/<job>/workers", workers.list_all, array(ref("Worker")), differs=_SHAPE),
    _read(f"GET {_WORKER}", workers.show, ref("Worker"), differs=_SHAPE),
    _write(
        f"POST {_WORKER}/bonus",
        workers.bonus,
        _SUCCESS,
        {"amount": integer(1)},
        {"reason": STRING},
        refusals=(402,),
    ),
    _write(
        f"POST {_WORKER}/notify", workers.notify, _SUCCESS, {"message": STRING}, {"subject": STRING}
    ),
    _write(
        f"POST {_WORKER}/notifications",
        workers.notifications,
        _SUCCESS,
        {"notification": properties({"message": STRING})},
    ),
    _write(
        f"PUT {_WORKER}",
        workers.update,
        _SUCCESS,
        optional={"flag": STRING, "unflag": STRING, "deflag": STRING, "persist": BOOLEAN},
    ),
    _write(
        f"PUT {_WORKER}/flag",
        workers.flag,
        _SUCCESS,
        optional={"reason": STRING, "persist": BOOLEAN},
    ),
    _write(f"PUT {_WORKER}/deflag", workers.deflag, _SUCCESS),
    _write(
        f"PUT {_WORKER}/reject",
        workers.reject,
        _SUCCESS,
        optional={"reason": STRING, "manual": BOOLEAN},
        differs="done before the response",
    ),
    # Results: judgments and reports.
    _read(
        "GET /jobs/<job>/judgments",
        judgments.list_page,
        ref("JudgmentsPage"),
        optional=_PAGE,
        differs="latest and unseen are ignored, with a warning in a header",
    ),
    _write(
        "POST /jobs/<job>/judgments",
        judgments.create,
        ref("Judgment"),
        {
            "judgment": properties(
                {"unit_id": ID, "worker_id": ID, "data": OBJECT}, required=["unit_id", "worker_id"]
            )
        },
        refusals=(409,),
        differs="for tests: submits a page with one row; in the service only staff may",
    ),
    _read(f"GET {_JUDGMENT}", judgments.show, ref("Judgment")),
    _write(
        f"PUT {_JUDGMENT}",
        judgments.update,
        ref("Judgment"),
        {"judgment": properties({"reviewed": BOOLEAN, "missed": BOOLEAN, "tainted": BOOLEAN})},
        refusals=(409,),
        differs="for tests: reviewed, missed and tainted",
    ),
    _write(
        f"DELETE {_JUDGMENT}",
        judgments.delete,
        ref("Deleted"),
        refusals=(409,),
        differs="for tests: as if the judgment were rejected",
    ),
    _read("POST /jobs/<job>/regenerate", reports.regenerate, optional=_REPORT),
    _read(
        "GET /jobs/<job>.csv",
        reports.download,
        optional={**_REPORT, "full": ANY},
        json_suffix=False,
        differs="the columns of workset are not known; the json report has every row",
    ),
    *(
        Route(each.endpoint, each.refuse, unsupported=each.feature, version=each.version)
        for each in UNSUPPORTED
    ),
)
