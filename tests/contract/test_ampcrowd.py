"""AMPCrowd's client and the sandbox's API for it, in process and over a socket."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any
from urllib.parse import parse_qs
from wsgiref.simple_server import WSGIRequestHandler, make_server

import pytest

from crowdflower.ampcrowd import (
    AMPCrowdClient,
    Answer,
    GroupIncomplete,
    Inbox,
    Pair,
    Question,
    Text,
)
from crowdflower.exceptions import ApplicationError, NotFound
from crowdflower.sandbox import Sandbox
from crowdflower.sandbox.ampcrowd import AccessPolicy

TIMEOUT = 60
TRUTH = {
    "sentiment": lambda row: row["text"].partition(" ")[0],
    "same": lambda row: "Yes" if row["first"] == row["second"] else "No",
    "answer": lambda row: "Yes" if "y" in row["record"] else "No",
}


@pytest.fixture
def box(sandbox_arguments: dict[str, Any]) -> Iterator[Sandbox]:
    with Sandbox(**sandbox_arguments, ampcrowd=True) as box:
        box.crowd.add(5, profile="perfect", truth=TRUTH)
        yield box


@pytest.fixture
def ampcrowd(mode: str, box: Sandbox) -> Iterator[AMPCrowdClient]:
    with (
        box.ampcrowd_client()
        if mode == "in process"
        else AMPCrowdClient(box.ampcrowd_url) as client
    ):
        yield client


@pytest.fixture
def inbox(ampcrowd: AMPCrowdClient) -> Iterator[Inbox]:
    with ampcrowd.callbacks() as inbox:
        yield inbox


def tweets(ampcrowd: AMPCrowdClient, url: str, group_id: str = "tweets") -> None:
    ampcrowd.create_tasks(
        "internal",
        group_id,
        {"t1": Text("1 awful"), "t2": Text("3 so so"), "t3": Text("5 great")},
        task_type="sa",
        batch_size=3,
        assignments=2,
        callback_url=url,
    )


def test_three_tweets_are_labeled_on_the_documented_scale(
    box: Sandbox, ampcrowd: AMPCrowdClient, inbox: Inbox
) -> None:
    tweets(ampcrowd, inbox.url)

    box.crowd.run(box.ampcrowd.job("tweets"))

    group = inbox.wait("tweets", TIMEOUT)
    assert group.answers == {"t1": 1, "t2": 3, "t3": 5}
    assert group.started_at is not None


def test_pairs_are_resolved(box: Sandbox, ampcrowd: AMPCrowdClient, inbox: Inbox) -> None:
    ampcrowd.create_tasks(
        "internal",
        "pairs",
        {"p1": Pair(["22", "James"], ["21", "Wenbo"]), "p2": Pair(["22", None], ["22", None])},
        task_type="er",
        context={"fields": ["age", "name"], "instruction": "<p>Compare.</p>"},
        assignments=3,
        quality_control="em",
        callback_url=inbox.url,
    )

    box.crowd.run(box.ampcrowd.job("pairs"))

    answers = inbox.wait("pairs", TIMEOUT).answers
    assert answers == {"p1": False, "p2": True}
    assert all(isinstance(value, bool) for value in answers.values())


def test_records_are_filtered(box: Sandbox, ampcrowd: AMPCrowdClient, inbox: Inbox) -> None:
    ampcrowd.create_tasks(
        "amt",
        "records",
        {"f1": Question("Is there a y?", ["x", "y"]), "f2": Question("Is there a y?", ["x", "z"])},
        task_type="ft",
        context={"fields": ["first", "second"]},
        callback_url=inbox.url,
        crowd_options={"sandbox": True},
    )

    box.crowd.run(box.ampcrowd.job("records", "amt"))

    assert inbox.wait("records", TIMEOUT).answers == {"f1": True, "f2": False}


def test_answers_arrive_batch_by_batch(
    box: Sandbox, ampcrowd: AMPCrowdClient, inbox: Inbox
) -> None:
    ampcrowd.create_tasks(
        "internal",
        "tweets",
        {f"t{number}": f"{number} of five" for number in range(1, 6)},
        task_type="sa",
        batch_size=2,
        callback_url=inbox.url,
    )
    job = box.ampcrowd.job("tweets")

    box.crowd.run(job, pages=1)
    with pytest.raises(GroupIncomplete) as caught:
        inbox.wait("tweets", timeout=0)
    box.crowd.run(job)

    assert len(caught.value.group.answers) == 2
    assert sorted(inbox.answers(TIMEOUT), key=str) == [
        Answer("tweets", f"t{number}", number) for number in range(1, 6)
    ]


def test_a_group_id_in_use_is_an_error(ampcrowd: AMPCrowdClient, inbox: Inbox) -> None:
    tweets(ampcrowd, inbox.url)

    with pytest.raises(ApplicationError, match="Group id tweets is already in use"):
        tweets(ampcrowd, inbox.url)

    assert inbox.group("tweets").missing == ("t1", "t2", "t3")


def test_an_unknown_crowd_and_an_unknown_pool_are_errors(ampcrowd: AMPCrowdClient) -> None:
    with pytest.raises(NotFound):
        ampcrowd.purge_tasks("nobody")
    with pytest.raises(ApplicationError, match="Invalid pool id"):
        ampcrowd.finish_retainer_pool("internal", "p1")


def test_a_purge_ends_the_work(box: Sandbox, ampcrowd: AMPCrowdClient, inbox: Inbox) -> None:
    tweets(ampcrowd, inbox.url)

    ampcrowd.purge_tasks("internal")

    assert box.crowd.run(box.ampcrowd.job("tweets")).ended == "not_running"
    assert inbox.group("tweets").answers == {}


@contextmanager
def receiver(*statuses: int) -> Iterator[tuple[str, list[str]]]:
    """Answer callbacks with these statuses, the last one repeatedly; record the bodies.

    A status of 0 stands for hanging up without a word, once the body was read.
    """
    seen: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            seen.append(parse_qs(body)["data"][0])
            status = statuses[min(len(seen), len(statuses)) - 1]
            if status:
                self.send_response(status)
                self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/", seen
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.parametrize("first", [500, 404, 302, 0])
def test_a_failing_receiver_gets_the_same_batch_later_and_once(
    box: Sandbox, ampcrowd: AMPCrowdClient, first: int
) -> None:
    with receiver(first, 200) as (url, seen):
        tweets(ampcrowd, url)
        box.crowd.run(box.ampcrowd.job("tweets"))
        assert box.ampcrowd.deliver() == []
        assert len(seen) == 1

        box.clock.advance(seconds=1)
        (again,) = box.ampcrowd.deliver()
        box.clock.advance(hours=1)
        rest = box.ampcrowd.deliver()

    assert (again.attempt, again.problem, rest) == (2, None, [])
    assert len(seen) == 2
    assert seen[0] == seen[1]


def test_an_inbox_that_starts_late_gets_its_answers(box: Sandbox, ampcrowd: AMPCrowdClient) -> None:
    with receiver(200) as (url, _):
        pass
    inbox = ampcrowd.inbox(url)
    tweets(ampcrowd, url)
    box.crowd.run(box.ampcrowd.job("tweets"))
    assert inbox.group("tweets").answers == {}

    port = int(url.rstrip("/").rpartition(":")[2])
    box.clock.advance(seconds=1)
    with receiver_at(port, inbox):
        (delivery,) = box.ampcrowd.deliver()

    assert delivery.problem is None
    assert inbox.wait("tweets", timeout=0).is_complete


@contextmanager
def receiver_at(port: int, inbox: Inbox) -> Iterator[None]:
    """Serve an inbox as a user's own web server would."""

    class Handler(WSGIRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

    with make_server("127.0.0.1", port, inbox, handler_class=Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield
        finally:
            server.shutdown()
            thread.join()


def test_a_receiver_that_responds_too_late_gets_the_batch_again_and_counts_it_once() -> None:
    with (
        Sandbox(ampcrowd=AccessPolicy(timeout=0.2)) as box,
        box.ampcrowd_client() as ampcrowd,
        ampcrowd.callbacks() as inbox,
    ):
        box.crowd.add(3)
        taken_in, receive = threading.Event(), inbox.receive

        def late(data: object) -> None:
            receive(data)
            taken_in.wait(TIMEOUT)

        inbox.receive = late  # type: ignore[method-assign]
        tweets(ampcrowd, inbox.url)
        box.crowd.run(box.ampcrowd.job("tweets"))
        first = inbox.wait("tweets", TIMEOUT).answers

        taken_in.set()
        box.clock.advance(seconds=1)
        (again,) = box.ampcrowd.deliver()

        assert (again.attempt, again.problem) == (2, None)
        assert inbox.group("tweets").answers == first
        assert inbox.duplicates == 3


def test_a_failing_receiver_does_not_block_another(
    box: Sandbox, ampcrowd: AMPCrowdClient, inbox: Inbox
) -> None:
    with receiver(500) as (url, _):
        tweets(ampcrowd, url, "unlucky")
        tweets(ampcrowd, inbox.url, "lucky")
        box.crowd.run(box.ampcrowd.job("unlucky"))
        box.crowd.run(box.ampcrowd.job("lucky"))

        assert inbox.wait("lucky", TIMEOUT).is_complete


def test_two_concurrent_deliveries_post_each_batch_once(
    box: Sandbox, ampcrowd: AMPCrowdClient
) -> None:
    with receiver(200) as (url, seen):
        ampcrowd.create_tasks(
            "internal",
            "many",
            {f"t{number}": "3 of many" for number in range(20)},
            task_type="sa",
            callback_url=url,
        )
        job = box.ampcrowd.job("many")
        box.crowd.afterwards = None
        box.crowd.run(job)
        threads = [threading.Thread(target=box.ampcrowd.deliver) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    assert len(seen) == len(set(seen)) == 20
