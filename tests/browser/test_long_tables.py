"""Tables of the desk with long values: what can be done about a row is visible at every width."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from crowdflower.sandbox import Sandbox
from tests.long_values import make_long_job
from tests.sandbox.desk_browser import PASSWORD

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from playwright.sync_api import Page

    from crowdflower.job import Job

pytestmark = pytest.mark.filterwarnings("ignore")  # of the client, about the long job

JOB_PAGES = (
    *("", "/rows", "/people", "/tests", "/tests?state=off", "/tests?edit={unit}", "/reports"),
    *("/reports?webhook=1", "/rows/{unit}", "/settings"),
)
PAGES = ("/desk/", "/desk/people", "/desk/money", "/desk/events", "/desk/not-implemented")

HIDDEN = """() => {
  const wide = document.documentElement.scrollWidth - innerWidth;
  const found = wide > 0 ? [`the page is ${wide} px too wide`] : [];
  for (const each of document.querySelectorAll("tbody tr :is(a, button, input, select)")) {
    if (each.type === "hidden" || !each.getClientRects().length) continue;
    if (each.closest(".pop, .sr")) continue;
    each.scrollIntoView({ block: "center", inline: "nearest" });
    document.querySelectorAll(".scroll").forEach((box) => { box.scrollLeft = 0; });
    const box = each.getClientRects()[0], area = each.closest(".scroll").getBoundingClientRect();
    const x = box.left + Math.min(box.width, 20) / 2;
    const at = document.elementFromPoint(x, box.top + box.height / 2);
    const name = each.outerHTML.slice(0, 90);
    const end = box.left + Math.min(box.width, 24);
    if (box.left < area.left - 1 || end > area.right + 1) found.push(`out of sight: ${name}`);
    else if (!at || !(each.contains(at) || at.contains(each))) found.push(`covered: ${name}`);
  }
  return found;
}"""


@pytest.fixture
def box() -> Iterator[Sandbox]:
    with Sandbox(seed=5, desk=PASSWORD) as box:
        yield box


@pytest.fixture
def job(box: Sandbox) -> Job:
    return make_long_job(box)


def test_the_acts_of_a_row_are_in_sight_at_every_width(
    origin: str, job: Job, new_browser: Callable[..., Page]
) -> None:
    found: dict[str, Any] = {}
    unit = next(iter(job.judgments())).unit_id
    paths = [*PAGES, *(f"/desk/jobs/{job.id}{path.format(unit=unit)}" for path in JOB_PAGES)]
    for width in (320, 768, 1024, 1280, 1440):
        page = new_browser(width)
        page.goto(f"{origin}/desk/sign-in")
        page.fill("#pw", PASSWORD)
        page.keyboard.press("Enter")
        page.wait_for_url(f"{origin}/desk/")
        for path in paths:
            page.goto(f"{origin}{path}")
            if hidden := page.evaluate(HIDDEN):
                found[f"{path} at {width}"] = hidden
        page.context.close()

    assert found == {}
