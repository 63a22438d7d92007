"""Values that the API uses: states, channels, report types, signals.

Each list is a :data:`~typing.Literal` for type checkers and a tuple for programs. The lists contain
the documented values, and are not checked at run time: an undocumented state from the service is
passed on as a string.
"""

from typing import Final, Literal, get_args

JobState = Literal["unordered", "running", "paused", "finished", "canceled"]
"""States of a job. On some accounts the service has further ones, such as ``archived``."""

UnitState = Literal[
    "new",
    "ordering",
    "judgable",
    "judging",
    "judged",
    "finalized",
    "golden",
    "hidden_gold",
    "canceled",
]
"""States of a unit, from upload to result; ``golden`` units are test questions."""

ReportType = Literal["full", "aggregated", "json", "gold_report", "workset", "source"]
"""Report types: by judgment, by unit, JSON lines, test questions, contributors, uploaded rows."""

TableType = Literal["full", "aggregated", "gold_report", "workset", "source"]
"""The report types in CSV."""

Signal = Literal["job_data_processed", "new_judgments", "unit_complete", "job_complete"]
"""Events sent to a job's ``webhook_uri``: uploaded rows are processed, a page is submitted, a unit
is finalized, the job is finished."""

JOB_STATES: Final[tuple[JobState, ...]] = get_args(JobState)
UNIT_STATES: Final[tuple[UnitState, ...]] = get_args(UnitState)
REPORT_TYPES: Final[tuple[ReportType, ...]] = get_args(ReportType)
SIGNALS: Final[tuple[Signal, ...]] = get_args(Signal)

GOLD_STATES: Final = ("golden", "hidden_gold")
"""The states of test questions."""

ON_DEMAND: Final = "on_demand"
"""Channel of the open crowd, which is paid per page."""

INTERNAL: Final = "cf_internal"
"""Channel of your own contributors, free of charge."""

DECIDING_OPTIONS: Final = ("confidence_fields", "dynamic_judgment_fields")
"""Keys in a job's ``options`` for the questions that decide on dynamic judgments; which key the
service uses depends on its version."""
