"""Values that mean nothing, in every parameter and field of every page: never an error of ours."""

from __future__ import annotations

import re

import pytest

from crowdflower.sandbox import Sandbox
from crowdflower.sandbox.desk.desk_request import DeskPage
from crowdflower.sandbox.desk.routes import PAGES
from tests.hostile_job import make_hostile_job
from tests.sandbox.desk_browser import Browser

pytestmark = pytest.mark.filterwarnings("ignore")  # of the client, about the strange job

NAMES = (
    *("answer", "as", "at", "base", "bonus_reason", "cap", "cents", "cml", "contest", "copy"),
    *("css", "dollars", "edit", "events", "flag_reason", "hidden", "instructions", "job", "js"),
    *("judgments", "link", "message", "note", "of", "only", "page", "password", "persist", "q"),
    *("reason", "row", "safe", "sent", "sort", "state", "title", "type", "units", "webhook"),
    *("webhook_uri", "what", "who", "channels", "tags", "payment_cents", "language", "alias"),
)
ODD = ["", "-1", "99999999999999999999999", "x" * 5000, "\0", "💥\u202e'\"%_", "a:b", "$1,2,3"]
ODD += ["9" * 5000, "x" * 60_000, "1E+999999999", "a\r\nb"]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.path)
def test_a_page_takes_odd_values(box: Sandbox, desk: Browser, page: DeskPage) -> None:
    job = make_hostile_job(box)
    known = {"number": str(job.id), "unit": str(next(iter(job.judgments())).unit_id)}
    path = re.sub("<int:([a-z]+)>", lambda name: known.get(name[1], "1"), page.path)
    text = desk.get(path).text
    acts = {*re.findall(r'name="do" value="([^"]*)"', text), "x"} - {"cancel"}
    names = {*NAMES, *re.findall(r' name="([^"]+)"', text)} - {"do", "token", "once"}

    for value in ODD:
        fields = dict.fromkeys(names, value)
        assert desk.get(path, **fields).status_code < 500, value
        for act in sorted(acts) if page.receive is not None else ():
            response = desk.post(path, **fields, do=act)
            assert response.status_code < 500, (act, value)
            assert "text/html" in response.headers["Content-Type"]
