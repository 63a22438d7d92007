"""Forks, threads, signals and ends of the process."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from catalogue import KEY, OK
from leaks import leaks
from server import Fault, Request, Server, Wire, respond, stall

from crowdflower.exceptions import ApiError
from crowdflower.rows import csv_format

if TYPE_CHECKING:
    from conftest import FastClock

    from crowdflower.client import Client


def echo(request: Request) -> Fault:
    """Respond with the requested id after a short delay."""
    number = int(request.line.rpartition("/")[2].removesuffix(".json"))

    def act(wire: object, asked: Request) -> None:
        time.sleep(0.002)
        respond(json.dumps({"id": number}).encode())(wire, asked)

    return Fault(act)


def both_sides_of_a_fork(right: Callable[[bool], bool]) -> tuple[bool, bool]:
    """Fork, and run a check in parent and child."""
    child = os.fork()
    if not child:
        verdict = 1
        with suppress(Exception):
            verdict = 0 if right(False) else 1
        os._exit(verdict)
    in_parent = right(True)
    _, status = os.waitpid(child, 0)
    return in_parent, os.waitstatus_to_exitcode(status) == 0


@pytest.mark.row("P1")
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_after_a_fork_each_process_gets_its_own_responses(server: Server, client: Client) -> None:
    server.answer(echo)
    client.get_job(1)

    def right(is_parent: bool) -> bool:
        numbers = range(1000, 1020) if is_parent else range(2000, 2020)
        return [client.get_job(number).id for number in numbers] == [*numbers]

    assert both_sides_of_a_fork(right) == (True, True)


@pytest.mark.row("P1")
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_half_read_list_continues_in_both_processes_after_a_fork(
    server: Server, connect: Callable[..., Client]
) -> None:
    forked = threading.Event()

    def serve_page(request: Request) -> Fault:
        number = int(request.target.partition("page=")[2].partition("&")[0])

        def act(wire: Wire, asked: Request) -> None:
            time.sleep(0.05)  # so that lookahead is used
            assert number <= 2 or forked.wait(10)
            respond(json.dumps([number] * 3 if number <= 5 else []).encode())(wire, asked)

        return Fault(act)

    server.answer(serve_page)
    pages = connect(server.url, timeout=(5, 20), lookahead=4).paged_call("list.json", limit=3)
    assert [next(pages)[0], next(pages)[0]] == [1, 2]
    while len(server.log) < 6:  # the next four are being fetched
        time.sleep(0.01)

    def right(is_parent: bool) -> bool:
        if is_parent:
            forked.set()
        return [page[0] for page in pages] == [3, 4, 5]

    assert both_sides_of_a_fork(right) == (True, True)


@pytest.mark.row("P1")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_process_forked_while_csv_is_read_can_read_csv() -> None:
    with csv_format._large_cells():  # as another thread often does
        child = os.fork()
        if not child:
            signal.alarm(60)
            os._exit(len(list(csv_format.records(["a,b\n", "1,2\n"]))))

    _, status = os.waitpid(child, 0)

    assert os.waitstatus_to_exitcode(status) == 2


@pytest.mark.row("P2")
def test_threads_that_share_a_client_get_their_own_responses(
    server: Server, connect: Callable[..., Client]
) -> None:
    server.answer(echo)
    client = connect(server.url)

    with ThreadPoolExecutor(32) as threads:
        jobs = list(threads.map(client.get_job, range(1, 641)))

    assert [job.id for job in jobs] == [*range(1, 641)]


@pytest.mark.row("P2")
def test_threads_that_share_a_client_share_the_retry_budget(
    server: Server, connect: Callable[..., Client]
) -> None:
    server.plan(Fault(respond(status="500 Oh")))
    client = connect(server.url)

    def fail(number: int) -> str:
        with pytest.raises(ApiError) as caught:
            client.get_job(number)
        return type(caught.value).__name__

    with ThreadPoolExecutor(32) as threads:
        names = set(threads.map(fail, range(1, 101)))

    assert names == {"ServerError"}
    assert len(server.log) == 100 + 500 // 14


@pytest.mark.row("P5")
def test_an_interrupt_is_raised_and_nothing_is_retried(
    server: Server, connect: Callable[..., Client]
) -> None:
    caller = threading.get_ident()

    def interrupt(wire: Wire, request: Request) -> None:
        signal.pthread_kill(caller, signal.SIGINT)
        stall(wire, request)

    server.plan(Fault(interrupt, applies=True))
    client = connect(server.url)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a job in the background

    try:
        with pytest.raises(KeyboardInterrupt):
            client.call("jobs/7/orders.json", b"{}", method="post")
    finally:
        signal.signal(signal.SIGINT, before)

    assert (len(server.log), len(server.ledger)) == (1, 1)


@pytest.mark.row("P5", "S3")
def test_an_interrupt_while_connecting_shows_no_key(
    connect: Callable[..., Client], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    client = connect("http://127.0.0.1:9/v1")
    monkeypatch.setattr(socket, "getaddrinfo", interrupted)

    with pytest.raises(KeyboardInterrupt) as caught:
        client.get_job(7)

    assert leaks(caught.value) == []


@pytest.mark.row("P10", "P12")
@pytest.mark.parametrize("jump", [-1e6, 1e6])
def test_a_jump_of_the_wall_clock_does_not_change_the_deadline(
    server: Server, client: Client, clock: FastClock, monkeypatch: pytest.MonkeyPatch, jump: float
) -> None:
    server.plan(Fault(respond(status="500 Oh")), OK)
    now = time.time
    monkeypatch.setattr(time, "time", lambda: now() + jump)

    assert client.get_job(7).id == 7

    assert len(clock.slept) == 1


@pytest.mark.row("P12")
def test_a_call_ends_if_the_machine_slept_past_the_deadline(
    server: Server, client: Client, clock: FastClock
) -> None:
    def sleeps(*_: object) -> None:
        clock.slept.append(1000)
        respond(status="500 Oh")(*_)

    server.plan(Fault(sleeps))

    with pytest.raises(ApiError):
        client.get_job(7)

    assert len(server.log) == 1


LEFT_OPEN = """
import sys
from crowdflower import Client
client = Client({key!r}, {url!r}, lookahead=4)
units = client.get_units(7)
print(next(units).id)
archive = client.call("jobs/7.csv", as_json=False)
"""


@pytest.mark.row("P11")
def test_a_half_read_list_does_not_keep_the_process_alive(server: Server) -> None:
    def choose(request: Request) -> Fault:
        number = request.target.partition("page=")[2][:1]

        def act(wire: Wire, asked: Request) -> None:
            time.sleep(0.05)  # so that lookahead is used
            respond(json.dumps({number or "7": {}}).encode())(wire, asked)

        return Fault(stall if number > "3" else act)

    server.answer(choose)
    # With the third, four more are being fetched.
    script = LEFT_OPEN.format(key=KEY, url=server.url) + "[next(units) for _ in range(2)]\n"
    started = time.monotonic()

    ended = subprocess.run(  # noqa: S603 - our own Python
        [sys.executable, "-c", script],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )

    assert (ended.returncode, ended.stdout.strip()) == (0, "1")
    assert ended.stderr == ""
    assert any("page=4" in each.target for each in server.log)
    assert time.monotonic() - started < 25  # waiting for a page would take 30 seconds


@pytest.mark.row("P11")
def test_a_half_read_list_releases_its_connection(
    server: Server, connect: Callable[..., Client]
) -> None:
    server.answer(lambda asked: Fault(respond(json.dumps({asked.target[-1]: {}}).encode())))
    client = connect(server.url, lookahead=4)
    before = threading.active_count()

    units = client.get_units(7)
    next(units)
    units.close()
    for thread in threading.enumerate():
        if thread.name.startswith("crowdflower"):
            thread.join(60)

    assert client.get_units(7) is not None
    assert threading.active_count() <= before + server.connections
