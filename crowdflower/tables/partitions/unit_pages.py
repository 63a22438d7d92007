"""Reads the units on a range of pages: each unit once, or an error.

Units are listed in the order in which they were added, so that the pages of a job can be read by
several tasks. A unit that is removed moves all later ones forward, and one would move from the
first page of a task to the last page of another that was read already. To notice that, a plan keeps
the first unit of some pages (anchors): at the beginning of each range, and after its end. If they
are in their places when they are read, nothing before them was removed. Units that are added are
on the pages of the last range, which has no end.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from typing import TYPE_CHECKING, cast

from crowdflower._types import JSONObject
from crowdflower.exceptions import PageChanged
from crowdflower.http.base_client import BaseClient
from crowdflower.http.encoding import segment
from crowdflower.models import shapes
from crowdflower.tables.partitions.account_verbs import account

if TYPE_CHECKING:
    from collections.abc import Generator

    from crowdflower.tables.partitions.partition import UnitPages


def read_page(client: BaseClient, job_id: int, page: int) -> dict[int, JSONObject]:
    """Return a page of units: id to row; an empty one after the last."""
    path = f"jobs/{segment(job_id)}/units.json"
    found: dict[int, JSONObject] = client.request(
        "GET", path, query={"page": page}, shape=shapes.page_by_unit
    ).body
    return found


def read_units(client: BaseClient, pages: UnitPages) -> Iterator[list[JSONObject]]:
    """Yield the units page by page, each with its id and its row.

    :raises PageChanged: Units were removed since the plan was made.
    """
    anchors = dict(pages.anchors)
    last = pages.last_page
    found = account(client)._pages(  # noqa: SLF001 - one family
        f"jobs/{segment(pages.job_id)}/units.json",
        pages.size,
        None if last is None else last * pages.size,
        shape=shapes.page_by_unit,
        first=pages.first_page,
    )
    with closing(cast("Generator[dict[int, JSONObject]]", found)):
        for number, page in enumerate(found, pages.first_page):
            if anchors.pop(number, None) not in {None, next(iter(page))}:
                raise _changed(pages.job_id)
            if last is not None and number > last:
                return
            yield [{"id": unit_id, "data": data} for unit_id, data in page.items()]
    if anchors:
        raise _changed(pages.job_id)


def _changed(job_id: int) -> PageChanged:
    return PageChanged(
        f"units of job {job_id} were removed since this plan was made, and others may be missed"
        " because of that: make a new plan, and read it all"
    )
