"""The endpoints of the API: what may be repeated, how long it may take, where its effect shows.

``GET`` pauses, copies and splits here, and ``PUT`` appends rows. So nothing follows from the HTTP
method: each row says what a second identical request would do. A payment, a message to a person and
an endpoint that is missing below are never sent twice.
"""

from __future__ import annotations

from functools import partial
from typing import Final

from crowdflower.http.endpoints import Change, Endpoint, EndpointTable
from crowdflower.http.retry import RetryRule, Safety
from crowdflower.models.verification import (
    compare_attributes,
    compare_channels,
    compare_state,
    compare_tags,
)
from crowdflower.states import DECIDING_OPTIONS

JOBS_PER_PAGE: Final = 10
UNITS_PER_PAGE: Final = 1000
AGGREGATES_PER_PAGE: Final = 100
"""Items on a full page. Units and aggregates may be asked for in smaller pages, jobs may not."""

READ: Final = RetryRule(Safety.READ, deadline=90)
SET: Final = RetryRule(Safety.IDEMPOTENT)
CHANGE: Final = RetryRule(Safety.CHANGE)
CHANGE_ONCE: Final = RetryRule(Safety.CHANGE, retries_429=False)
COPY: Final = RetryRule(Safety.CHANGE, retries_429=False, read_timeout=120)
UPLOAD: Final = RetryRule(Safety.CHANGE, read_timeout=120, deadline=600)
UPLOAD_ONCE: Final = RetryRule(Safety.CHANGE, retries_429=False, read_timeout=120, deadline=600)

JOB, UNIT, TAGS, CHANNELS = "jobs/{}", "jobs/{}/units/{#}", "jobs/{}/tags", "jobs/{}/channels"


_compare_unit: Final = partial(compare_attributes, "unit", replaced="data")
_compare_job: Final = partial(
    compare_attributes,
    "job",
    alternatives=[
        "job[confidence_fields][]",
        *(f"job[options][{name}][]" for name in DECIDING_OPTIONS),
    ],
)


def _state(path: str, state: str) -> Change:
    return Change(path, partial(compare_state, state))


ENDPOINTS: Final = EndpointTable(
    # An upload that makes a job; "upload" is not an alias
    Endpoint("PUT|POST", "jobs/upload", UPLOAD_ONCE),
    # Reads
    Endpoint("GET", "account", READ),
    Endpoint("GET", "jobs", READ, JOBS_PER_PAGE),
    Endpoint("GET", JOB, READ),
    Endpoint("GET", "jobs/{}/(ping|legend|channels|tags|test_questions)", READ),
    Endpoint("GET", "jobs/{}/units", READ, UNITS_PER_PAGE, takes_limit=True),
    Endpoint("GET", "jobs/{}/judgments", READ, AGGREGATES_PER_PAGE, takes_limit=True),
    Endpoint("GET", "jobs/{}/units/ping", READ),
    Endpoint("GET", UNIT, READ),
    Endpoint("GET", "jobs/{}/units/{#}/judgments", READ),
    Endpoint("GET", "jobs/{}/judgments/{#}", READ),
    Endpoint("GET", "jobs/{}/orders/{#}", READ),
    # Changes that set the same state again
    Endpoint("PUT", JOB, SET, change=Change(JOB, _compare_job)),
    Endpoint("PUT", UNIT, SET, change=Change(UNIT, _compare_unit)),
    Endpoint("PUT", TAGS, SET, change=Change(TAGS, partial(compare_tags, set.__eq__))),
    Endpoint("DELETE", TAGS, SET, change=Change(TAGS, partial(compare_tags, set.isdisjoint))),
    Endpoint("PUT", CHANNELS, SET, change=Change(CHANNELS, partial(compare_channels, set.__eq__))),
    Endpoint(
        "POST", CHANNELS, SET, change=Change(CHANNELS, partial(compare_channels, set.issubset))
    ),
    Endpoint(
        "POST",
        "jobs/{}/disable_channel",
        SET,
        change=Change(CHANNELS, partial(compare_channels, set.isdisjoint)),
    ),
    Endpoint("GET|PUT", "jobs/{}/pause", SET, change=_state(JOB, "paused")),
    Endpoint("GET|PUT", "jobs/{}/cancel", SET, change=_state(JOB, "canceled")),
    Endpoint("POST|PUT", "jobs/{}/units/{#}/cancel", SET, change=_state(UNIT, "canceled")),
    Endpoint("PUT", "jobs/{}/workers/{#}", SET),
    Endpoint("DELETE", JOB, SET),
    Endpoint("DELETE", UNIT, SET),
    Endpoint("POST", "jobs/{}/regenerate", SET),
    # Changes that may be made twice: a second job, row or tag; resuming what others have paused
    Endpoint("POST", "jobs", CHANGE),
    Endpoint("POST", "jobs/{}/units", CHANGE),
    Endpoint("POST", TAGS, CHANGE, change=Change(TAGS, partial(compare_tags, set.issubset))),
    Endpoint("PUT|POST", "jobs/{}/upload", UPLOAD),
    Endpoint("GET|PUT", "jobs/{}/resume", CHANGE_ONCE, change=_state(JOB, "running")),
    Endpoint("GET|POST", "jobs/{}/copy", COPY),
    Endpoint("PUT", "jobs/{}/gold", CHANGE_ONCE),
    Endpoint("PUT", "jobs/{}/workers/{#}/reject", CHANGE_ONCE),
)


DEFAULT_LIMIT: Final = 100
"""Items on a page that is asked for without a number of them."""


def is_fixed_size(path: str) -> bool:
    """Return whether the pages of a list have one size, so that it takes no ``limit``.

    >>> is_fixed_size("jobs.json"), is_fixed_size("jobs/7/units.json")
    (True, False)
    """
    endpoint = ENDPOINTS.find("GET", path).endpoint
    return endpoint.page_size is not None and not endpoint.takes_limit


def max_page_size(path: str) -> int | None:
    """Return the largest ``limit`` for a page of a list; ``None`` if the list takes none.

    >>> max_page_size("jobs/7/units.json"), max_page_size("jobs/7/judgments"), max_page_size("jobs")
    (1000, 100, None)
    """
    endpoint = ENDPOINTS.find("GET", path).endpoint
    return endpoint.page_size if endpoint.takes_limit else None
