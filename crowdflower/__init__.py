"""Label data with people: CrowdFlower's API, and the same crowd on your own machine.

.. code-block:: text

    client       Client: one account; fetches, lists, creates and changes jobs and units
    job          Job: rows, a form, and the settings for collecting judgments
    unit         Unit, UnitPromise: one row and its results
    judgment     Judgment, JudgmentAggregate: answers, one by one and aggregated
    worker       Worker: a contributor
    order        Order: units that were ordered, and their price
    webhook      Webhook: verifies, parses and deduplicates notifications
    webhook_server  receives notifications in a script
    exceptions   every error that a call raises, under ApiError
    states       the API's words: states, channels, report types, signals
    progress     Progress: how far an upload, a download or a wait is

    models       what Job, Unit, ... are made of: fields, endpoints, paths, shapes
    http         how a call travels: attempts, timeouts, connections, pages
    payments     payments, made at most once; the journal; prices
    rows         uploads, exactly once; downloads of reports
    tables       results as pandas, polars and Arrow tables
    job_files    a job as a folder of files
    cml          forms: parsed and checked before they cost money
    quality      trust, confidence, agreement, aggregation: pure functions
    ampcrowd     the client of a second, smaller service
    spark        Spark: a data source, and consensus on a cluster
    dlt          dlt: tables of jobs as a source, units as a destination
    sandbox      the service on this machine
    testing      the pytest plugin: fixtures with a sandbox
    cli          the crowdflower command

``docs/architecture.rst`` shows which of them may import which.
"""

from __future__ import annotations

import logging
from contextlib import suppress
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from crowdflower.client import Client
    from crowdflower.exceptions import (
        ApiError,
        ApplicationError,
        AuthenticationError,
        ConfigError,
        Conflict,
        ConnectionLost,
        CostLimitReached,
        DeadlineExceeded,
        DuplicateOperation,
        EditConflict,
        InvalidInput,
        JobStalled,
        JournalCorrupt,
        JournalError,
        JournalLocked,
        MalformedNotification,
        MalformedResponse,
        MethodNotAllowed,
        NotAcceptable,
        NotFound,
        NothingToWaitFor,
        NotSentError,
        OutcomeUnknown,
        OverBudget,
        PageChanged,
        PageLoop,
        PaginationError,
        PaginationWarning,
        PayloadTooLarge,
        PaymentRequired,
        PermissionDenied,
        RateLimited,
        RefusedError,
        Replay,
        ReportCorrupt,
        ReportEmpty,
        ReportError,
        ReportNotReady,
        ReportTooLarge,
        RequestTimeout,
        ResponseError,
        ResponseTooLarge,
        SandboxNotImplemented,
        ServerError,
        ServiceWarning,
        SignatureMismatch,
        SourceChanged,
        StaleReportWarning,
        StallWarning,
        TransportError,
        TruncatedResponse,
        UnexpectedContentType,
        UnexpectedRedirect,
        UnexpectedStatus,
        UnitLimitReached,
        UnknownAttribute,
        UploadError,
        UploadIncomplete,
        UploadLocked,
        ValidationError,
        WaitError,
        WaitTimeout,
        WebhookError,
    )
    from crowdflower.http.encoding import timestamp
    from crowdflower.job import Job
    from crowdflower.judgment import Judgment, JudgmentAggregate
    from crowdflower.models.paths import PathFactory
    from crowdflower.models.waiting.counts import Counts
    from crowdflower.order import Order
    from crowdflower.progress import Progress
    from crowdflower.sandbox import Sandbox
    from crowdflower.unit import Unit, UnitPromise
    from crowdflower.webhook import Webhook
    from crowdflower.worker import Worker

__version__ = "1.0.0"

__all__ = [
    "ApiError",
    "ApplicationError",
    "AuthenticationError",
    "Client",
    "ConfigError",
    "Conflict",
    "ConnectionLost",
    "CostLimitReached",
    "Counts",
    "DeadlineExceeded",
    "DuplicateOperation",
    "EditConflict",
    "InvalidInput",
    "Job",
    "JobStalled",
    "JournalCorrupt",
    "JournalError",
    "JournalLocked",
    "Judgment",
    "JudgmentAggregate",
    "MalformedNotification",
    "MalformedResponse",
    "MethodNotAllowed",
    "NotAcceptable",
    "NotFound",
    "NotSentError",
    "NothingToWaitFor",
    "Order",
    "OutcomeUnknown",
    "OverBudget",
    "PageChanged",
    "PageLoop",
    "PaginationError",
    "PaginationWarning",
    "PathFactory",
    "PayloadTooLarge",
    "PaymentRequired",
    "PermissionDenied",
    "Progress",
    "RateLimited",
    "RefusedError",
    "Replay",
    "ReportCorrupt",
    "ReportEmpty",
    "ReportError",
    "ReportNotReady",
    "ReportTooLarge",
    "RequestTimeout",
    "ResponseError",
    "ResponseTooLarge",
    "Sandbox",
    "SandboxNotImplemented",
    "ServerError",
    "ServiceWarning",
    "SignatureMismatch",
    "SourceChanged",
    "StaleReportWarning",
    "StallWarning",
    "TransportError",
    "TruncatedResponse",
    "UnexpectedContentType",
    "UnexpectedRedirect",
    "UnexpectedStatus",
    "Unit",
    "UnitLimitReached",
    "UnitPromise",
    "UnknownAttribute",
    "UploadError",
    "UploadIncomplete",
    "UploadLocked",
    "ValidationError",
    "WaitError",
    "WaitTimeout",
    "Webhook",
    "WebhookError",
    "Worker",
    "timestamp",
]


logging.getLogger(__name__).addHandler(logging.NullHandler())  # silent unless configured


_HOMES: Final = (
    "exceptions",
    "client",
    "judgment",
    "worker",
    "progress",
    "http.encoding",
    "models.waiting.counts",
    "webhook",
    "sandbox",
)
"""Modules that have the public names, in the order in which they are searched."""

if not TYPE_CHECKING:
    # Hidden from type checkers, which would conclude that any name exists.
    def __getattr__(name: str) -> Any:
        """Import a public name, or a submodule, when it is first asked for.

        So the command starts quickly, and pytest does not load the client for its plugin.
        """
        if name in __all__:
            for home in _HOMES:
                found = vars(import_module(f"{__name__}.{home}"))
                if name in found:
                    return globals().setdefault(name, found[name])
        elif name[:1] != "_" or name == "_types":
            with suppress(ModuleNotFoundError):
                return import_module(f"{__name__}.{name}")
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    """List the public names; submodules are imported by name."""
    return [*__all__, "__version__"]
