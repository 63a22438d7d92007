"""Reports: their columns and format, the zip archive, and the cache of finished archives."""

from crowdflower.sandbox.reports.archive import FILE_NAMES, write_archive
from crowdflower.sandbox.reports.cache import MadeReport, ReportCache
from crowdflower.sandbox.reports.columns import (
    LINKED,
    aggregated_report,
    full_report,
    gold_report,
    json_report,
    source_report,
    workset_report,
)
from crowdflower.sandbox.reports.making import make_report

__all__ = [
    "FILE_NAMES",
    "LINKED",
    "MadeReport",
    "ReportCache",
    "aggregated_report",
    "full_report",
    "gold_report",
    "json_report",
    "make_report",
    "source_report",
    "workset_report",
    "write_archive",
]
