"""``crowdflower demo --ampcrowd`` and ``crowdflower serve --ampcrowd``."""

from __future__ import annotations

import json
import re
import signal
import socket
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest
import requests
from click.testing import CliRunner
from served import TIMEOUT, serving

from crowdflower.ampcrowd import AMPCrowdClient, Pair, Text
from crowdflower.cli.local.background import run_crowd, send_callbacks
from crowdflower.cli.local.demo import demo
from crowdflower.cli.local.exposure import Exposure
from crowdflower.cli.local.serve import access_policy
from crowdflower.sandbox import Sandbox
from crowdflower.sandbox.ampcrowd import AccessPolicy

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

AMPCROWD = r"^AMPCrowd +(\S+)$"


def test_the_demo_labels_the_three_examples_and_prints_the_callbacks(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("COLUMNS", "400")

    result = CliRunner().invoke(demo, ["--ampcrowd"])

    assert result.exit_code == 0, result.output
    posted = [json.loads(text) for text in re.findall(r"callback +(\{.*\})", result.output)]
    assert [data["group_id"] for data in posted] == ["GroupId1", "GroupId2", *["GroupId3"] * 2]
    assert re.search(r"GroupId1 +tweetId1 +4 +somewhat positive", result.output)
    assert re.search(r"GroupId2 +recordPairId1 +False +different", result.output)
    assert re.search(r"GroupId3 +filterRecordId1 +True +yes", result.output)


def test_the_demo_asks_for_no_more_answers_than_there_are_contributors() -> None:
    result = CliRunner().invoke(demo, ["--ampcrowd", "--contributors", "1"])

    assert result.exit_code == 0, result.output
    assert "2 of type sa, 1 answer each" in result.output
    assert re.search(r"GroupId3 +filterRecordId2 +\w+ +(yes|no)", result.output)


@pytest.mark.parametrize("option", ["--rows", "--replay", "--label", "--question"])
def test_the_ampcrowd_demo_takes_no_files(tmp_path: Path, option: str) -> None:
    file = tmp_path / "rows.csv"
    file.write_text("text\nhello\n", encoding="utf-8")

    result = CliRunner().invoke(demo, ["--ampcrowd", option, str(file)])

    assert result.exit_code == 2
    assert f"remove {option}" in result.output


def test_the_crowd_of_a_server_works_on_groups_and_callbacks_are_sent() -> None:
    with (
        serving("--ampcrowd", "--crowd", "6") as server,
        AMPCrowdClient(server.find(AMPCROWD)) as client,
        client.callbacks() as inbox,
    ):
        client.create_tasks(
            "internal",
            "tweets",
            {"t1": Text("first"), "t2": Text("second"), "t3": Text("third")},
            task_type="sa",
            batch_size=2,
            assignments=3,
            callback_url=inbox.url,
        )
        client.create_tasks(
            "internal",
            "pairs",
            {"p1": Pair(["22", "James"], ["21", "Wenbo"])},
            task_type="er",
            context={"fields": ["age", "name"]},
            callback_url=inbox.url,
        )

        assert {answer.identifier for answer in inbox.answers(TIMEOUT)} == {"t1", "t2", "t3", "p1"}
        code, output = server.stop(signal.SIGTERM)

    assert (code, output.strip()) == (0, "Stopped.")


POLICY = AccessPolicy(timeout=2)


@pytest.fixture
def receiver() -> Iterator[socket.socket]:
    """A receiver that never responds."""
    with socket.create_server(("127.0.0.1", 0)) as receiver:
        receiver.settimeout(TIMEOUT)
        yield receiver


@pytest.fixture
def box(receiver: socket.socket) -> Iterator[Sandbox]:
    """A sandbox with three groups, each with a callback URL of the receiver."""
    with Sandbox(ampcrowd=POLICY) as box, box.ampcrowd_client() as client:
        for number in range(3):
            client.create_tasks(
                "internal",
                f"group {number}",
                {"t1": Text("first")},
                task_type="sa",
                callback_url=f"http://127.0.0.1:{receiver.getsockname()[1]}/{number}",
            )
        yield box


def accept_call(receiver: socket.socket) -> bool:
    """Accept and close a connection; return whether there was one."""
    receiver.setblocking(False)
    with suppress(BlockingIOError):
        receiver.accept()[0].close()
        return True
    return False


def test_receivers_without_a_response_do_not_delay_the_shutdown(
    receiver: socket.socket, box: Sandbox
) -> None:
    box.crowd.add(1)
    box.crowd.afterwards = None
    for job in box.ampcrowd.running_jobs():
        box.crowd.run(job)

    with send_callbacks(box, POLICY):
        connection, _ = receiver.accept()

    assert not accept_call(receiver)
    connection.close()


def test_the_crowd_of_a_server_does_not_wait_for_receivers(
    receiver: socket.socket, box: Sandbox
) -> None:
    with run_crowd(box, 1, POLICY):
        running = (box.ampcrowd.running_jobs() for _ in range(100_000))
        assert [] in running

    assert not accept_call(receiver)


def test_by_default_the_ampcrowd_api_is_off() -> None:
    with serving() as server:
        url = server.url.removesuffix("/v1")

        response = requests.get(f"{url}/crowds/internal/purge_tasks/", timeout=TIMEOUT)

        assert response.status_code == 404
        assert "AMPCrowd" not in server.output


def test_a_server_on_another_host_requires_the_token() -> None:
    with serving("--ampcrowd", "--host", "0.0.0.0", "--public") as server:  # noqa: S104 - on purpose
        port = server.find(AMPCROWD).rpartition(":")[2]
        token = server.find(r"^Token +(\w+)")
        url = f"http://127.0.0.1:{port}"

        refused = requests.get(f"{url}/crowds/internal/purge_tasks/", timeout=TIMEOUT)
        with AMPCrowdClient(url, token=token) as client:
            client.purge_tasks("internal")

        assert refused.status_code == 403


def test_each_token_is_long_and_different() -> None:
    hosts = ("0.0.0.0", "192.0.2.1")  # noqa: S104 - on purpose
    one, other = (access_policy(Exposure(host, None, has_desk=False)) for host in hosts)

    assert one.token is not None
    assert len(one.token) == 32
    assert one.token != other.token
    assert not one.loopback
    assert access_policy(Exposure("127.0.0.1", None, has_desk=True)).token is None
