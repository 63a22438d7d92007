"""Runs a script in forked processes that kill themselves at a given event.

A line of standard input is a run, as JSON: the folder, the arguments, and after how many events it
ends with SIGKILL. An event is a step of a request, a transaction of the journal, a pause, or a file
that is opened for writing, half written, renamed or deleted. The answer is a line with the exit
code.

The script does not sleep: a pause moves the sandbox's clock, and contributors answer some pages.
"""

from __future__ import annotations

import json
import os
import runpy
import signal
import sys
import time
import traceback
from pathlib import Path
from typing import Any, Never
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pandas as pd  # noqa: F401 - what the script needs is imported once, before the forks
from pyarrow import parquet

from crowdflower import Client, tables  # noqa: F401
from crowdflower.http import connections
from crowdflower.payments import journal_file
from crowdflower.rows import exactly_once  # noqa: F401

WRITES = os.O_WRONLY | os.O_RDWR


class Killer:
    """Ends this process at an event."""

    def __init__(self, folder: str, left: int) -> None:
        self._folder = folder
        self._left = left

    def count(self) -> None:
        """Count an event, and end the process if it was the last."""
        self._left -= 1
        if self._left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    def audit(self, event: str, values: tuple[Any, ...]) -> None:
        """Count changes of files in the folder, as an audit hook."""
        writes = event == "open" and isinstance(values[2], int) and values[2] & WRITES
        if writes or event in {"os.rename", "os.remove"}:
            path = Path(os.fsdecode(values[0])) if not isinstance(values[0], int) else None
            if path is not None and (not path.is_absolute() or self._folder in str(path)):
                self.count()

    def install(self) -> None:
        """Count from now on."""
        sys.addaudithook(self.audit)
        advance, transaction = connections.Exchange.advance, journal_file.Store.transaction
        write_table = parquet.write_table

        def advance_or_die(exchange: Any, phase: Any) -> None:
            self.count()
            advance(exchange, phase)

        def begin_or_die(store: Any) -> Any:
            self.count()
            return transaction(store)

        def write_or_die(table: Any, where: Any, **options: Any) -> None:
            if self._left == 1:
                where.write(b"PAR1, half of a file")
                where.flush()
            self.count()
            write_table(table, where, **options)

        def answer_instead_of_sleeping(seconds: float) -> None:
            self.count()
            move_time(seconds)

        connections.Exchange.advance = advance_or_die  # type: ignore[method-assign]
        journal_file.Store.transaction = begin_or_die  # type: ignore[method-assign]
        parquet.write_table = write_or_die
        time.sleep = answer_instead_of_sleeping


def move_time(seconds: float) -> None:
    """Move the clock of the sandbox, and let contributors answer a few pages."""
    control("clock", {"advance": seconds})
    try:
        job = json.load(urlopen(api_request("jobs/reviews.json")))  # noqa: S310 - our own server
    except HTTPError:
        return
    if job["state"] == "running":
        control("simulate", {"job": job["id"], "pages": 4})


def api_request(path: str) -> Request:
    url, key = os.environ["CROWDFLOWER_API_URL"], os.environ["CROWDFLOWER_API_KEY"]
    return Request(f"{url}/{path}", headers={"Authorization": f"Token token={key}"})  # noqa: S310


def control(action: str, arguments: dict[str, Any]) -> None:
    url = os.environ["CROWDFLOWER_API_URL"].removesuffix("/v1") + f"/_sandbox/{action}"
    headers = {"Authorization": f"Bearer {os.environ['SANDBOX_TOKEN']}"}
    urlopen(Request(url, json.dumps(arguments).encode(), headers)).close()  # noqa: S310


def run(folder: str, arguments: list[str], left: int) -> Never:
    """Run the script in this process, which ends with it."""
    os.chdir(folder)
    output = os.open("output.txt", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(output, 1)
    os.dup2(output, 2)
    sys.argv = arguments
    code = 0
    Killer(folder, left).install()
    try:
        runpy.run_path(arguments[0], run_name="__main__")
    except BaseException:  # noqa: BLE001 - as the interpreter does
        traceback.print_exc()
        code = 1
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def main() -> None:
    """Fork a process for each line."""
    for line in sys.stdin:
        child = os.fork()
        if not child:
            run(**json.loads(line))
        _, status = os.waitpid(child, 0)
        sys.stdout.write(f"{os.waitstatus_to_exitcode(status)}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
