"""Reports: which columns, in which order, how written, and where kept until they are fetched.

Who may have one and what is in it, others say; here rows go in and an archive comes out.
"""

from crowdflower.sandbox.reports.archive import FILE_NAMES, write
from crowdflower.sandbox.reports.cache import Shelf
from crowdflower.sandbox.reports.columns import (
    LINKED,
    aggregated,
    full,
    gold_report,
    json_lines,
    source,
    workset,
)

__all__ = [
    "FILE_NAMES",
    "LINKED",
    "Shelf",
    "aggregated",
    "full",
    "gold_report",
    "json_lines",
    "source",
    "workset",
    "write",
]
