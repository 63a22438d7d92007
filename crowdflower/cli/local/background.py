"""The background threads of ``crowdflower serve``: deliveries, timed actions and the crowd."""

from __future__ import annotations

import traceback
from contextlib import contextmanager
from functools import partial
from threading import Event, Thread
from typing import TYPE_CHECKING, Final

import click

from crowdflower._types import one_line
from crowdflower.sandbox.errors import NotFound
from crowdflower.sandbox.rules.jobs import jobs
from crowdflower.sandbox.rules.work import workers
from crowdflower.sandbox.store import StoreFailure
from crowdflower.sandbox.webhooks.delivery import HttpReceiver

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from crowdflower.sandbox import Sandbox
    from crowdflower.sandbox.ampcrowd import AccessPolicy
    from crowdflower.sandbox.crowd import Crowd

INTERVAL: Final = 0.2
"""Seconds between two runs of a background task."""


@contextmanager
def send_callbacks(box: Sandbox, ampcrowd: AccessPolicy | None) -> Iterator[None]:
    """Send the callbacks of AMPCrowd groups during the block."""
    if ampcrowd is None:
        yield
        return
    with repeat(_send_callbacks, box):
        yield


@contextmanager
def send_webhooks(box: Sandbox, *, is_open: bool) -> Iterator[None]:
    """Send webhooks during the block; to this machine only if no other can reach the server."""
    box.receive_webhooks(HttpReceiver(allow_loopback=not is_open))
    with repeat(_send_webhooks, box):
        yield


@contextmanager
def keep_time(box: Sandbox) -> Iterator[None]:
    """Run timed actions during the block."""
    with repeat(lambda box, _: box.keep_time(), box):
        yield


@contextmanager
def run_crowd(box: Sandbox, contributors: int, ampcrowd: AccessPolicy | None) -> Iterator[None]:
    """Let simulated contributors work on all running jobs during the block."""
    if not contributors:
        yield
        return
    has_groups = ampcrowd is not None
    task = partial(_work, number=contributors, skipped=set(), has_groups=has_groups)
    with repeat(task, box):
        yield


@contextmanager
def repeat(task: Callable[[Sandbox, Event], None], box: Sandbox) -> Iterator[None]:
    """Call a function again and again in a thread, until the block ends and sets the event.

    An error is printed once, and the function is called again until it succeeds.
    """
    stop = Event()
    thread = Thread(target=_repeat, args=(task, box, stop), name="crowdflower-background")
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def _repeat(task: Callable[[Sandbox, Event], None], box: Sandbox, stop: Event) -> None:
    printed = None
    while not stop.wait(INTERVAL):
        problem = _run(task, box, stop)
        if problem is not None and problem != printed:
            click.echo(problem, err=True)
        printed = problem


def _run(task: Callable[[Sandbox, Event], None], box: Sandbox, stop: Event) -> str | None:
    """Call the function; return an error of the database or a bug as a message."""
    try:
        task(box, stop)
    except StoreFailure as failure:
        return f"Waiting for the database: {failure}"
    except Exception as error:  # noqa: BLE001 - the thread must go on
        text = "".join(traceback.format_exception(error)).replace(box.key, "****")
        return f"The sandbox has a bug and continues:\n{text}"
    return None


def _send_callbacks(box: Sandbox, stop: Event) -> None:
    """Send the callbacks that are due and print those that failed."""
    for attempt in box.ampcrowd.deliver(stop.is_set):
        if attempt.problem is not None:
            problem = f"{attempt.group_id} to {attempt.url}: {attempt.problem}"
            click.echo(one_line(problem), err=True)


def _send_webhooks(box: Sandbox, stop: Event) -> None:
    """Send the webhooks that are due and print those that failed."""
    for attempt in box.deliver_webhooks(stop.is_set):
        if attempt.problem is not None:
            click.echo(one_line(f"{attempt.signal} to {attempt.uri}: {attempt.problem}"), err=True)


def _work(box: Sandbox, stop: Event, *, number: int, skipped: set[int], has_groups: bool) -> None:
    """Let the crowd do all available work of the running jobs.

    It calls the rules directly: requests would appear in the request log and take faults that are
    meant for clients.
    """
    crowd = box.crowd
    if not _has_joined(box, crowd):
        crowd.contributors.clear()
        crowd.add(number)
        crowd.afterwards = None  # another thread sends the callbacks: a receiver may be slow
        skipped.clear()
    with box.database.snapshot() as tx:
        running = {*jobs.running_job_ids(tx, box.key)}
    running |= {*box.ampcrowd.running_jobs()} if has_groups else set()
    skipped |= {job_id for job_id in sorted(running - skipped) if _skips(box, crowd, job_id, stop)}


def _has_joined(box: Sandbox, crowd: Crowd) -> bool:
    """Return whether the crowd is in the database, which another server may have reset."""
    if not crowd.contributors or crowd is not box.crowd:
        return False
    first = crowd.contributors[0].worker
    try:
        with box.database.snapshot() as tx:
            return bool(workers.find(tx, first.id).created_at == first.created_at)
    except NotFound:
        return False


def _skips(box: Sandbox, crowd: Crowd, job_id: int, stop: Event) -> bool:
    """Do the pages of one job, one at a time; return whether the crowd cannot work on it."""
    try:
        while crowd.run(job_id, pages=1).ended == "pages" and not stop.is_set():
            if not _has_joined(box, crowd):
                break
    except LookupError:
        return False  # the sandbox was reset meanwhile
    except ValueError as error:
        click.echo(one_line(f"The crowd skips job {job_id}: {error}"), err=True)
        return True
    return False
