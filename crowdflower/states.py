"""The words that both sides of the API use: states, channels, report types, signals.

Each list is a :data:`~typing.Literal` for type checkers and a tuple for programs. They name what is
known, they do not bound what may come: a state that nobody has documented yet passes through as the
string it is.
"""

from typing import Final, Literal, get_args

JobState = Literal["unordered", "running", "paused", "finished", "canceled"]
"""The life of a job. The service also shows ``archived`` and others to people who have them."""

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
"""The life of a row, from upload to result; ``golden`` rows are test questions."""

ReportType = Literal["full", "aggregated", "json", "gold_report", "workset", "source"]
"""The six reports: by judgment, unit, JSON line, test question, contributor, and as uploaded."""

TableType = Literal["full", "aggregated", "gold_report", "workset", "source"]
"""The reports that are tables."""

Signal = Literal["job_data_processed", "new_judgments", "unit_complete", "job_complete"]
"""What a job's ``webhook_uri`` is told: rows are through, a page is in, a row is done, all is."""

JOB_STATES: Final[tuple[JobState, ...]] = get_args(JobState)
UNIT_STATES: Final[tuple[UnitState, ...]] = get_args(UnitState)
REPORT_TYPES: Final[tuple[ReportType, ...]] = get_args(ReportType)
SIGNALS: Final[tuple[Signal, ...]] = get_args(Signal)

ON_DEMAND: Final = "on_demand"
"""The open crowd, paid by the page."""

INTERNAL: Final = "cf_internal"
"""One's own contributors, at no charge."""

DECIDING_OPTIONS: Final = ("confidence_fields", "dynamic_judgment_fields")
"""Where in the ``options`` of a job services of some years keep the questions that decide over
dynamic judgments."""
