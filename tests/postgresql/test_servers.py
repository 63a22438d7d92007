"""Two server processes on one database."""

from __future__ import annotations

import re
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest
import requests
from contributors import SETTINGS
from served import TIMEOUT, serving

from crowdflower.client import Client

KEY = "planted-key-7f3a90c1"

Query = Callable[..., list[Any]]


@contextmanager
def serving_on(schema: str) -> Iterator[str]:
    """Run ``crowdflower serve`` during the block; yield its URL."""
    with serving("--database", schema, key=KEY) as server:
        assert "s3cret" not in server.output
        yield server.url
        code, output = server.stop(signal.SIGTERM)
        assert code == 0
        assert output.endswith("Stopped.\n")
        assert "rror" not in output


def work(url: str, path: str, name: str) -> int:
    """Submit pages as a browser does until none is left; return the number of pages."""
    pages = 0
    with requests.Session() as browser:
        address = f"{url.removesuffix('/v1')}{path}"
        page = browser.post(address, data={"name": name}, timeout=TIMEOUT)
        while 'name="assignment"' in page.text:
            hidden = dict(re.findall(r'name="(assignment|token)" value="([^"]*)"', page.text))
            fields = re.findall(r'name="([^"]*mark[^"]*)"', page.text)
            submission = hidden | dict.fromkeys(fields, "x")
            page = browser.post(address, data=submission, timeout=TIMEOUT)
            assert page.status_code == 200, page.text
            pages += 1
        assert "There is nothing left in this job for you" in page.text or (
            "This job is not running" in page.text
        ), page.text
    return pages


@pytest.mark.usefixtures("check_invariants")
def test_eight_contributors_at_two_servers_give_each_unit_enough_judgments(
    schema: str, query: Query
) -> None:
    with ExitStack() as stack:
        urls = [stack.enter_context(serving_on(schema)) for _ in range(2)]
        clients = [stack.enter_context(Client(KEY, base_url=url)) for url in urls]
        job = clients[0].upload_job({"text": f"row {number}"} for number in range(40))
        clients[1].update_job(job.id, SETTINGS | {"judgments_per_unit": 3})
        clients[0].get_job(job.id).launch(40, channels=["cf_internal"])
        ((secret,),) = query("SELECT secret FROM job")
        path = f"/label/{job.id}?{requests.compat.urlencode({'secret': secret})}"

        with ThreadPoolExecutor(8) as pool:
            pages = list(
                pool.map(work, urls * 4, [path] * 8, [f"Ann {number}" for number in range(8)])
            )

        assert sum(pages) >= 24
        assert {client.get_job(job.id).state for client in clients} == {"finished"}
    assert query("SELECT state, judgments_count, count(*) FROM unit GROUP BY 1, 2") == [
        ("finalized", 3, 40)
    ]
