"""What each endpoint is asked, and what it answers when it does what it is asked.

The table has a line for every function in :mod:`crowdflower.sandbox.api.routes`, whatever the paths
and verbs that lead there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

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
    COUNT,
    FLAG,
    OBJECT,
    TEXT,
    Schema,
    listed,
    one_of,
    ref,
    whole,
)
from crowdflower.sandbox.rules.jobs.jobs import LISTED_STATES
from crowdflower.states import REPORT_TYPES


@dataclass(frozen=True)
class Operation:
    """One function of the API."""

    gives: Schema | None
    """Of the JSON that comes with status 200; ``None`` when none does."""

    asks: Mapping[str, Schema] = field(default_factory=dict)
    """Parameters by name: in the query of a GET or a file, else also in the body."""

    requires: tuple[str, ...] = ()
    """Parameters that have to be there."""

    declines: bool = False
    """Whether it may say no with status 200, as the service does."""

    lacks: bool = False
    """Whether some of what it may be asked is not in the sandbox: 501."""

    costs: bool = False
    """Whether it takes money: 402 when there is not enough."""

    clashes: bool = False
    """Whether it may not be the time for it: 409."""


_PAGE: Final = {"page": COUNT, "limit": whole(1)}
_JOB: Final = {"job": ref("JobAttributes")}
_TEAM: Final = {"team_id": TEXT}
_NAMES: Final = listed(TEXT)
_ID: Final = whole(1, 10**18 - 1)


def _given(**properties: Schema) -> Schema:
    return {"type": "object", "properties": properties}


OPERATIONS: Final[Mapping[Callable[..., Any], Operation]] = {
    account.show: Operation(ref("Account")),
    # Jobs and their life.
    jobs.listing: Operation(
        listed(ref("Job")),
        {
            "page": COUNT,
            "state": one_of(*LISTED_STATES),
            "tags": TEXT,
            "created_at_greater_equal": {"type": "string", "format": "date"},
            "created_at_less_equal": {"type": "string", "format": "date"},
            "ampcrowd": FLAG,
            **_TEAM,
        },
    ),
    jobs.create: Operation(ref("Job"), _JOB, declines=True, lacks=True),
    jobs.show: Operation(ref("Job")),
    jobs.update: Operation(ref("Job"), _JOB, ("job",), declines=True, lacks=True),
    jobs.delete: Operation(ref("Deleted")),
    jobs.copy: Operation(
        ref("JobCopy"),
        {"all_units": FLAG, "gold": FLAG, "only_new_and_judgable": FLAG, **_TEAM},
        lacks=True,
    ),
    jobs.pause: Operation(ref("Success"), declines=True),
    jobs.resume: Operation(ref("Success"), declines=True),
    jobs.cancel: Operation(ref("Success"), declines=True),
    jobs.ping: Operation(ref("JobPing")),
    jobs.legend: Operation(ref("Legend")),
    # Rows.
    uploads.create: Operation(ref("Job"), _TEAM),
    uploads.append: Operation(ref("Job"), {"force": FLAG}),
    uploads.progress: Operation(ref("UploadProgress")),
    units.split: Operation(ref("Success"), {"on": TEXT, "with": TEXT}, ("on",)),
    units.listing: Operation(ref("UnitsPage"), _PAGE),
    units.create: Operation(
        ref("UnitWithResults"),
        {"unit": {**_given(data=OBJECT, golden=FLAG), "required": ["data"]}},
        ("unit",),
    ),
    units.show: Operation({"anyOf": [ref("UnitWithResults"), ref("Unit")]}, {"simple": FLAG}),
    units.update: Operation(
        ref("UnitWithResults"),
        {"unit": _given(data=OBJECT, state=TEXT, golden=FLAG, gold_pool=TEXT)},
        ("unit",),
    ),
    units.delete: Operation(ref("Deleted")),
    units.copy: Operation(ref("UnitWithResults"), {"unit": _given(job_id=_ID, data=OBJECT)}),
    units.cancel: Operation(ref("Success")),
    units.request_more_judgments: Operation(
        ref("UnitWithResults"), {"nb_judgments": whole(1)}, ("nb_judgments",), costs=True
    ),
    units.judgments_of: Operation(listed(ref("Judgment"))),
    gold.convert: Operation(
        {"anyOf": [ref("Success"), ref("GoldChecked")]},
        {"check": TEXT, "with": TEXT, "convert_units": FLAG, "reset": FLAG},
    ),
    gold.listing: Operation(listed(ref("TestQuestion"))),
    gold.fire_webhooks: Operation(ref("Notice")),
    # Who works, and for what.
    channels.show: Operation(ref("Channels")),
    channels.replace: Operation(
        ref("ChannelsChanged"), {"channels": _NAMES}, ("channels",), declines=True
    ),
    channels.add: Operation(
        ref("ChannelsChanged"), {"channels": _NAMES}, ("channels",), declines=True
    ),
    channels.disable: Operation(
        ref("ChannelsChanged"), {"channel_name": TEXT}, ("channel_name",), declines=True
    ),
    tags.show: Operation(ref("Tags")),
    tags.add: Operation(ref("Success"), {"tags": _NAMES}, ("tags",)),
    tags.replace: Operation(ref("Success"), {"tags": _NAMES}, ("tags",)),
    tags.remove: Operation(ref("Success"), {"tags": _NAMES}, ("tags",)),
    orders.place: Operation(
        ref("Order"),
        {"debit": {**_given(units_count=COUNT), "required": ["units_count"]}, "channels": _NAMES},
        ("debit",),
        declines=True,
        lacks=True,
        costs=True,
    ),
    orders.show: Operation(ref("Order")),
    workers.listing: Operation(listed(ref("Worker"))),
    workers.show: Operation(ref("Worker")),
    workers.bonus: Operation(
        ref("Success"), {"amount": whole(1), "reason": TEXT}, ("amount",), costs=True
    ),
    workers.notify: Operation(ref("Success"), {"message": TEXT, "subject": TEXT}, ("message",)),
    workers.notifications: Operation(
        ref("Success"), {"notification": _given(message=TEXT)}, ("notification",)
    ),
    workers.update: Operation(
        ref("Success"), {"flag": TEXT, "unflag": TEXT, "deflag": TEXT, "persist": FLAG}
    ),
    workers.flag: Operation(ref("Success"), {"reason": TEXT, "persist": FLAG}),
    workers.deflag: Operation(ref("Success")),
    workers.reject: Operation(
        ref("Success"), {"reason": TEXT, "manual": FLAG}, ("reason", "manual")
    ),
    # What comes of it.
    judgments.listing: Operation(ref("JudgmentsPage"), _PAGE),
    judgments.create: Operation(
        ref("Judgment"),
        {
            "judgment": {
                **_given(unit_id=_ID, worker_id=_ID, data=OBJECT),
                "required": ["unit_id", "worker_id"],
            }
        },
        ("judgment",),
        clashes=True,
    ),
    judgments.show: Operation(ref("Judgment")),
    judgments.update: Operation(
        ref("Judgment"),
        {"judgment": _given(reviewed=FLAG, missed=FLAG, tainted=FLAG)},
        ("judgment",),
        clashes=True,
    ),
    judgments.delete: Operation(ref("Deleted"), clashes=True),
    reports.regenerate: Operation(None, {"type": one_of(*REPORT_TYPES)}),
    reports.download: Operation(None, {"type": one_of(*REPORT_TYPES), "full": ANY}),
}
"""Function to what it is asked and answers."""
