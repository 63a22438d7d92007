"""Label data with people: CrowdFlower's API, and the same crowd on your own machine.

.. code-block:: text

    client       Client: one account, put together from
    account      any call; with account_jobs, account_units, account_reports: the verbs
    job          Job: rows, a form, how they are to be answered, put together from
    job_fields   what it is; with job_units, job_results: its rows, and what came out
    unit         Unit, UnitPromise: one row and its answers
    judgment     Judgment, JudgmentAggregate: answers, one by one and put together
    worker       Worker: who answered           order       Order: what was paid for
    webhook      Webhook: what the service tells by itself
    exceptions   everything that a call raises, under ApiError
    states       the words of the API: states, channels, report types

    payment      a request that spends money    operations  made once, and found again
    journal      what was paid, in journal_file evidence    was it paid?
    pricing      what it will cost

    base         attributes over JSON           paths       client.jobs[7].units.ping()
    paging       numbered pages                 report      an archive to rows
    upload       rows to a body                 download    how a report is had
    upload_rows, upload_plan, delivery          rows to a job, each of them exactly once
    notification what a webhook is posted       tables      CSV, read alike everywhere
    serialization, envelopes                    Python to wire and back, messages

    service      an address, called till closed transport   one request, one answer
    caller       a call: requests, as many as are safe, by
    retry        may it be sent again, when?    outcomes    what became of it?
    readback     was a change made?             pace        so many a second
    answers      what an answer means           diagnosis   what it means that none came
    wire         how far a request got          secret      the key, shown to nobody

    cml          forms: parsed and checked before they cost money
    quality      trust, confidence, agreement, consensus: pure functions
    sandbox      the service on this machine    ampcrowd    another service, on the same transport
    cli          the crowdflower command        _types      names for shapes of JSON

A module imports only from those below it; ``docs/architecture`` shows how.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from crowdflower.client import Client
from crowdflower.exceptions import ApiError
from crowdflower.http.encoding import timestamp
from crowdflower.job import Job
from crowdflower.judgment import Judgment, JudgmentAggregate
from crowdflower.models.paths import PathFactory
from crowdflower.order import Order
from crowdflower.unit import Unit, UnitPromise
from crowdflower.worker import Worker

if TYPE_CHECKING:
    from crowdflower.sandbox import Sandbox

__version__ = "1.0.0"

__all__ = [
    "ApiError",
    "Client",
    "Job",
    "Judgment",
    "JudgmentAggregate",
    "Order",
    "PathFactory",
    "Sandbox",
    "Unit",
    "UnitPromise",
    "Worker",
    "timestamp",
]


def __getattr__(name: str) -> Any:
    """Import the sandbox when it is first asked for: it needs packages that the client does not."""
    if name == "Sandbox":
        from crowdflower.sandbox import Sandbox  # noqa: PLC0415

        return Sandbox
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
