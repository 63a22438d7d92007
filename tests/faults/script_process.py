"""A program that runs a daily script, in a process that may be killed at any of its steps.

A step is a request, before it leaves or after its response arrived, or a transaction of the
journal, before it begins or after it is on disk. Each line of input describes a run; the answer is
a line with its result. A run is a fork of a process that has imported everything.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

from fast_clock import FastClock

from crowdflower.client import Client
from crowdflower.exceptions import OutcomeUnknown
from crowdflower.http import transport
from crowdflower.http.transport import Transport
from crowdflower.payments.journal_file import Store

ATTRIBUTES: Final[dict[str, Any]] = {
    "title": "What does it say?",
    "instructions": "<p>Read.</p>",
    "cml": '<p>{{ text }}</p><cml:text label="Answer" validates="required"/>',
    "payment_cents": 3,
}
ROWS: Final = [{"sku": f"A{number}", "text": "It works."} for number in range(6)]


@dataclass(frozen=True)
class ScriptRun:
    """One run of the script.

    :param alias: Of its job; also the key of its payment.
    :param kill_at: The step at which it is killed; ``None`` for none.
    :param journal: A file; ``None`` for none.
    :param remembers: Whether the client knows that the service remembers idempotency keys.
    :param waits: Whether it waits, for the other process; otherwise it jumps over every sleep.
    :param uploads: Whether it adds its rows; otherwise they are there, or come later.
    """

    url: str
    key: str
    journal: str | None
    alias: str
    kill_at: int | None = None
    remembers: bool = True
    waits: bool = False
    uploads: bool = True


def run_script(client: Client, script: ScriptRun) -> dict[str, Any]:
    """Find or create the job, add its rows, order them; return what was ordered."""
    job = client.get_or_create_job(script.alias, **ATTRIBUTES)
    if script.uploads:
        job.upload(ROWS, key="sku")
    order = job.launch(key=script.alias, max_cost_cents=5_000, on_duplicate="return")
    if order is None:
        return {"job": job.id, "order": None}
    return {"job": job.id, "order": order.id, "not_ordered": order.not_ordered}


def count_steps(kill_at: int | None) -> None:
    """Kill this process at a step."""
    done = 0

    def step() -> None:
        nonlocal done
        if done == kill_at:
            os.kill(os.getpid(), signal.SIGKILL)
        done += 1

    send, transaction = Transport.send, Store.transaction

    def send_in_steps(self: Transport, *values: Any, **more: Any) -> Any:
        step()
        response = send(self, *values, **more)
        step()
        return response

    @contextmanager
    def transaction_in_steps(self: Store) -> Iterator[Any]:
        step()
        with transaction(self) as connection:
            yield connection
        step()

    Transport.send = send_in_steps  # type: ignore[method-assign]
    Store.transaction = transaction_in_steps  # type: ignore[assignment]


def run(script: ScriptRun) -> None:
    count_steps(script.kill_at)
    if not script.remembers:
        transport.HONOURS_KEYS = "X-Not-Announced"  # type: ignore[misc]
    clock = time if script.waits else FastClock()
    with Client(script.key, script.url, journal=script.journal, clock=clock) as client:
        try:
            emit(**run_script(client, script))
        except OutcomeUnknown as error:
            emit(unknown=error.op_id)


def emit(**event: Any) -> None:
    """Write one event as one line, unbuffered."""
    os.write(1, json.dumps(event).encode() + b"\n")


def main(run_one: Callable[[ScriptRun], None] = run) -> None:
    """Make one run for each line of input; end each with its exit code."""
    for line in sys.stdin:
        child = os.fork()
        if not child:
            code = 1
            try:
                run_one(ScriptRun(**json.loads(line)))
                code = 0
            except Exception:  # noqa: BLE001 - it ends only this run
                traceback.print_exc()
            finally:
                os._exit(code)
        _, status = os.waitpid(child, 0)
        emit(exit_code=os.waitstatus_to_exitcode(status))


if __name__ == "__main__":
    main()
