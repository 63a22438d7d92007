"""Reads the jobs of an account in parts.

The service lists ten jobs a page, the newest first, and does not say how many there are. A job that
is created moves all others back, so that ranges of pages would overlap, or miss one. The time at
which a job was created never changes: parts are intervals of it. To find intervals with about the
same number of jobs, a few pages are looked at: for 100,000 jobs some 30 in place of 10,000.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final, cast

from crowdflower._types import JSONObject
from crowdflower.exceptions import warn
from crowdflower.http.base_client import BaseClient
from crowdflower.http.responses import refusal_messages
from crowdflower.models import shapes
from crowdflower.models.endpoints import JOBS_PER_PAGE
from crowdflower.states import JOB_STATES
from crowdflower.tables.columns import microseconds
from crowdflower.tables.optional_packages import require
from crowdflower.tables.partitions.account_verbs import account
from crowdflower.tables.partitions.condition import Condition
from crowdflower.tables.partitions.partition import ListedJobs
from crowdflower.tables.partitions.planned_column import JobColumns, PlannedColumn
from crowdflower.tables.partitions.write_claims import is_claims_job

if TYPE_CHECKING:
    from collections.abc import Generator

    import pyarrow as pa


MIN_PAGES: Final = 8
"""Pages below which the list is not divided."""

_DAY: Final = timedelta(days=1)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)

_TEXT: Final = "title state alias language instructions cml js css webhook_uri support_email"
_NUMBERS: Final = (
    "units_count golds_count judgments_count judgments_per_unit units_per_assignment"
    " pages_per_assignment gold_per_assignment payment_cents max_judgments_per_worker"
    " max_judgments_per_ip max_judgments_per_unit auto_order_threshold auto_order_timeout"
    " copied_from"
)
_FLAGS: Final = "auto_order completed quiz_mode_enabled send_judgments_webhook"
_FRACTIONS: Final = "crowd_costs min_unit_confidence"
_TIMES: Final = "created_at updated_at completed_at"
_LISTS: Final = "included_countries excluded_countries confidence_fields"
_OBJECTS: Final = "options fields gold minimum_requirements"
"""These are JSON as text."""

_ORDER: Final = (
    "title state alias created_at updated_at completed_at units_count golds_count judgments_count"
    " crowd_costs payment_cents judgments_per_unit units_per_assignment"
)


def job_columns() -> JobColumns:
    """Return the columns of a table of jobs; the secret of a job is not among them."""
    names = [name for name in job_schema().names if name != "job_id"]
    return JobColumns(
        (
            PlannedColumn("job_id", "job", "id"),
            *(PlannedColumn(name, "job", name) for name in names),
        )
    )


def job_schema() -> pa.Schema:
    """Return the schema of a table of jobs; it is the same for all accounts."""
    pyarrow = require("pyarrow", "arrow", "plan_partitions")
    text = pyarrow.large_string()
    kinds = {
        **dict.fromkeys(f"{_TEXT} {_OBJECTS}".split(), text),
        **dict.fromkeys(_NUMBERS.split(), pyarrow.int64()),
        **dict.fromkeys(_FLAGS.split(), pyarrow.bool_()),
        **dict.fromkeys(_FRACTIONS.split(), pyarrow.float64()),
        **dict.fromkeys(_TIMES.split(), pyarrow.timestamp("us", "UTC")),
        **dict.fromkeys(_LISTS.split(), pyarrow.large_list(text)),
    }
    names = dict.fromkeys([*_ORDER.split(), *kinds])
    return pyarrow.schema([("job_id", pyarrow.int64()), *((name, kinds[name]) for name in names)])


def plan_jobs(
    client: BaseClient, ids: Sequence[int], conditions: Sequence[Condition], partitions: int
) -> list[ListedJobs]:
    """Return the parts of a table of jobs, the newest first.

    :param ids: Only these jobs; all if there are none.
    :param partitions: How many parts at most.
    """
    columns = job_columns()
    if ids:
        size = -(-len(ids) // partitions)
        return [
            ListedJobs(columns, ids=tuple(ids[start : start + size]), weight=size)
            for start in range(0, len(ids), size)
        ]
    whole = ListedJobs(columns, state=_only_state(conditions), since=_earliest(conditions))
    if partitions == 1:
        return [whole]
    bounds = _bounds(client, whole, partitions)
    edges = [None, *bounds, whole.since]
    return [
        ListedJobs(columns, state=whole.state, until=until, since=since)
        for until, since in pairwise(edges)
    ]


def read_jobs(client: BaseClient, part: ListedJobs) -> Iterator[list[JSONObject]]:
    """Yield the jobs of a part page by page, each as its JSON."""
    if part.ids is not None:
        for job_id in part.ids:
            yield [_plain(account(client).get_job(job_id).json)]
        return
    seen: set[int] = set()
    found = account(client)._pages(  # noqa: SLF001 - one family
        "jobs.json", JOBS_PER_PAGE, query=_query(part), shape=shapes.job_page
    )
    with closing(cast("Generator[list[JSONObject]]", found)):
        for page in found:
            jobs = []
            for job in page:
                if shapes.has_only_errors(job):
                    errors = "; ".join(refusal_messages(job)) or "without a message"
                    warn(f"an item of the list of jobs has only errors: {errors}")
                elif _is_in(part, job) and job["id"] not in seen and not is_claims_job(client, job):
                    seen.add(job["id"])  # a job that is created moves others to the next page
                    jobs.append(_plain(job))
            yield jobs


def _plain(job: Mapping[str, Any]) -> JSONObject:
    """Return the JSON of a job with countries as codes; the service sends objects."""
    found = dict(job)
    for name in ("included_countries", "excluded_countries"):
        if isinstance(found.get(name), list):
            found[name] = [
                each.get("code") if isinstance(each, dict) else each for each in found[name]
            ]
    return found


def _is_in(part: ListedJobs, job: JSONObject) -> bool:
    if not job.get("created_at"):
        return part.since is None
    moment = microseconds(job["created_at"])
    return (part.since is None or part.since <= moment) and (
        part.until is None or moment < part.until
    )


def _query(part: ListedJobs) -> JSONObject:
    """Return the filters of a part.

    Those of the service are days, without saying in which time zone, or whether the last day
    belongs to them. So they are a day wider than the interval, which decides.
    """
    query = {
        "state": part.state,
        "created_at_greater_equal": None if part.since is None else _day(part.since, -_DAY),
        "created_at_less_equal": None if part.until is None else _day(part.until, _DAY),
    }
    return {name: value for name, value in query.items() if value is not None}


def _day(moment: int, margin: timedelta) -> str:
    return (_EPOCH + timedelta(microseconds=moment) + margin).strftime("%Y-%m-%d")


def _bounds(client: BaseClient, whole: ListedJobs, partitions: int) -> list[int]:
    """Return the times between the parts, the newest first."""

    def first_time(page: int) -> int | None:
        query = {**_query(whole), "page": page}
        jobs = client.request("GET", "jobs.json", query=query, shape=shapes.job_page).body
        times = [each.get("created_at") for each in jobs]
        return next((microseconds(each) for each in times if each), None)

    full, empty = 1, 2
    while first_time(empty) is not None:
        full, empty = empty, 2 * empty
    while empty - full > 1:
        middle = (full + empty) // 2
        full, empty = (middle, empty) if first_time(middle) is not None else (full, middle)
    if full < MIN_PAGES:
        return []
    places = [1 + number * full // partitions for number in range(1, partitions)]
    times = {time for place in places if (time := first_time(place)) is not None}
    return sorted(times, reverse=True)


def _only_state(conditions: Sequence[Condition]) -> str | None:
    """Return the state that the service is asked for, if the conditions allow only one."""
    for each in conditions:
        allowed = each.value if each.operator == "in" else (each.value,)
        is_one = each.operator in {"=", "in"} and len(allowed) == 1
        if each.column == "state" and is_one and allowed[0] in JOB_STATES:
            return str(allowed[0])
    return None


def _earliest(conditions: Sequence[Condition]) -> int | None:
    """Return the earliest time of creation that the conditions allow."""
    pyarrow = require("pyarrow", "arrow", "plan_partitions")
    times = [
        each.values(pyarrow.timestamp("us", "UTC")).cast(pyarrow.int64())[0].as_py()
        for each in conditions
        if each.column == "created_at" and each.operator in {"=", ">", ">="}
    ]
    return max(times, default=None)
