"""AMPCrowd: points are sent, people answer, results are posted; and a group is a job."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from crowdflower.ampcrowd import AMPCrowdClient, Pair, Question, Text
from crowdflower.exceptions import ApplicationError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from crowdflower.ampcrowd import Inbox
    from tests.scenarios.conftest import Box

TIMEOUT = 60
TRUTH = {
    "sentiment": lambda row: row["text"].partition(" ")[0],
    "same": lambda row: "Yes" if row["first"] == row["second"] else "No",
    "answer": lambda row: "Yes" if "y" in row["record"] else "No",
}
TWEETS = {"t1": Text("1 awful"), "t2": Text("3 so so"), "t3": Text("5 great")}


@pytest.fixture
def ampcrowd(box: Box) -> Iterator[AMPCrowdClient]:
    """AMPCrowd's client, at the same address as the other API."""
    with AMPCrowdClient(box.url, session=box.session) as client:
        yield client


@pytest.fixture
def inbox(ampcrowd: AMPCrowdClient) -> Iterator[Inbox]:
    with ampcrowd.callbacks() as inbox:
        yield inbox


def work(box: Box, group: str) -> int:
    """Let perfect contributors answer a group, and return the id of its job."""
    job = box.sandbox.ampcrowd.job(group)
    box.sandbox.crowd.clear()
    truth = {name: TRUTH[name] for name in box.client.get_job(job).legend()}
    box.sandbox.crowd.add(5, profile="perfect", truth=truth)
    assert box.sandbox.crowd.run(job).ended == "finished"
    return job


def three_tweets(ampcrowd: AMPCrowdClient, inbox: Inbox) -> None:
    about = {"task_type": "sa", "batch_size": 3, "assignments": 2, "callback_url": inbox.url}
    ampcrowd.create_tasks("internal", "tweets", TWEETS, **about)


def test_points_of_all_three_types_are_answered_and_posted(
    box: Box, ampcrowd: AMPCrowdClient, inbox: Inbox
) -> None:
    pairs = {"p1": Pair(["22", "Jo"], ["21", "Jo"]), "p2": Pair(["22", "Jo"], ["22", "Jo"])}
    questions = {"f1": Question("A y?", ["x", "y"]), "f2": Question("A y?", ["x", "z"])}
    fields = {"fields": ["first", "second"]}
    more: dict[str, Any] = {"context": fields, "callback_url": inbox.url}

    three_tweets(ampcrowd, inbox)
    ampcrowd.create_tasks("internal", "pairs", pairs, task_type="er", assignments=3, **more)
    ampcrowd.create_tasks("internal", "records", questions, task_type="ft", **more)
    for group in ("tweets", "pairs", "records"):
        work(box, group)

    assert inbox.wait("tweets", TIMEOUT).answers == {"t1": 1, "t2": 3, "t3": 5}
    assert inbox.wait("pairs", TIMEOUT).answers == {"p1": False, "p2": True}
    assert inbox.wait("records", TIMEOUT).answers == {"f1": True, "f2": False}
    assert inbox.duplicates == 0


def test_an_invalid_group_is_refused_with_the_reason(
    box: Box, ampcrowd: AMPCrowdClient, inbox: Inbox
) -> None:
    good: dict[str, Any] = {
        "configuration": {
            "task_type": "sa",
            "task_batch_size": 1,
            "num_assignments": 1,
            "callback_url": inbox.url,
        },
        "group_id": "bad",
        "group_context": {"instruction": "Read it."},
        "content": {"t1": "fine"},
    }
    pool = {**good["configuration"], "retainer_pool": {"create_pool": True}}
    wrong = [
        {name: good[name] for name in good if name != "group_id"},
        {**good, "content": {}},
        {**good, "configuration": {**good["configuration"], "task_type": "dance"}},
        {**good, "group_id": "waiting", "configuration": pool},
    ]

    responses = [post_group(box, each) for each in [*wrong, good, good]]

    assert [each["status"] for each in responses] == ["wrong"] * 4 + ["ok", "wrong"], responses
    assert "retainer pools" in responses[3]["reason"]
    assert "in use" in responses[5]["reason"]
    details = [each["detail"] for each in responses[:3]]
    assert "group_id" in details[0]
    assert "content" in details[1]
    assert "task_type" in details[2]
    assert len(box.api("GET", "/jobs.json?ampcrowd=true").json()) == 1
    with pytest.raises(ApplicationError, match="in use"):
        ampcrowd.create_tasks("internal", "bad", TWEETS, task_type="sa", callback_url=inbox.url)


def post_group(box: Box, group: dict[str, Any]) -> dict[str, Any]:
    answer = box.session.post(
        f"{box.url}/crowds/internal/tasks/", data={"data": json.dumps(group)}, timeout=TIMEOUT
    )
    assert answer.status_code == 200
    found: dict[str, Any] = answer.json()
    return found


def test_a_purged_crowd_gets_no_more_work(box: Box, ampcrowd: AMPCrowdClient, inbox: Inbox) -> None:
    three_tweets(ampcrowd, inbox)

    ampcrowd.purge_tasks("internal")

    box.sandbox.crowd.add(2)
    job = box.sandbox.ampcrowd.job("tweets")
    assert box.sandbox.crowd.run(job).ended == "not_running"
    assert inbox.group("tweets").answers == {}


def test_an_ampcrowd_group_is_a_job_in_the_other_api(
    box: Box, ampcrowd: AMPCrowdClient, inbox: Inbox
) -> None:
    mine = box.client.create_job({"title": "A job of one's own"})
    three_tweets(ampcrowd, inbox)
    number = work(box, "tweets")

    listed = [each["id"] for each in box.api("GET", "/jobs.json").json()]
    with_groups = [each["id"] for each in box.api("GET", "/jobs.json?ampcrowd=true").json()]
    job = box.client.get_job(number)

    assert (listed, with_groups) == ([mine.id], [number, mine.id])
    assert (job.state, job.judgments_per_unit, job.judgments_count) == ("finished", 2, 6)
    assert job.ping()["needed_judgments"] == 0
    answers = {unit.data["text"]: unit.get_aggregate("sentiment") for unit in job.results()}
    assert answers == {"1 awful": "1", "3 so so": "3", "5 great": "5"}
    full = box.client.get_report(job, "full")
    assert sorted(row["sentiment"] for row in full) == ["1", "1", "3", "3", "5", "5"]
    for report in ("aggregated", "source", "workset"):
        assert len(box.client.get_report(job, report)) >= 2
