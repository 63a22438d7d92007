"""A server that is killed while it is busy, started again on the same file, and looked at.

A round starts ``crowdflower serve``, sends again what the last round left open, lets four senders
upload, judge, order and give bonuses at once, kills it with SIGKILL at a random moment, and holds
the file against what the senders were told.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from itertools import count
from pathlib import Path
from random import Random
from threading import Event, Thread
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

from oracle import Write, find_violations
from sqlalchemy import select

from crowdflower.sandbox import Sandbox
from crowdflower.sandbox.rules import accounts
from crowdflower.sandbox.rules.jobs import jobs, orders
from crowdflower.sandbox.rules.units import uploads
from crowdflower.sandbox.rules.work import review, workers
from crowdflower.sandbox.store import Transaction
from crowdflower.sandbox.store.tables import account, unit

if TYPE_CHECKING:
    from typing import Self

KEY = "planted-key-7f3a90c1"
STRANGER = "another-key-55b1e0d2"
PATIENCE = 60.0
ROWS = 200
PEOPLE = 40

FORM = """
<p>{{text}}</p>
<cml:text label="What do you see?" name="mark" validates="required"/>
"""
READY = {
    "title": "What is it?",
    "instructions": "Look.",
    "cml": FORM,
    "judgments_per_unit": 3,
    "units_per_assignment": 1,
    "payment_cents": 1,
}
_ADDRESS = re.compile(r"CROWDFLOWER_API_URL=(\S+)")
_NUMBER = re.compile(r"^process (\d+)")


class Answer(NamedTuple):
    """What a server said."""

    status: int
    body: bytes
    replayed: bool


def as_text(body: Any) -> str | None:
    """Write what a request sends: JSON, rows as one JSON object per line, or nothing."""
    if isinstance(body, list):
        return "".join(f"{json.dumps(row)}\n" for row in body)
    return None if body is None else json.dumps(body)


class Line:
    """A connection that is kept, for one sender; it sends nothing twice by itself."""

    def __init__(self, url: str, key: str = KEY) -> None:
        self._path = urlsplit(url).path
        self._key = key
        self._connection = HTTPConnection(urlsplit(url).netloc, timeout=PATIENCE)

    def send(self, verb: str, path: str, body: Any = None, key: str | None = None) -> Answer:
        """Send JSON, a list of rows as one JSON object per line, or no body.

        :raises OSError: The connection broke.
        :raises HTTPException: It broke in the middle of the answer.
        """
        headers = {"Authorization": f"Token token={self._key}", "Content-Type": "application/json"}
        if key is not None:
            headers["Idempotency-Key"] = key
        self._connection.request(verb, f"{self._path}{path}", as_text(body), headers)
        answer = self._connection.getresponse()
        replayed = answer.headers["Idempotent-Replayed"] == "true"
        return Answer(answer.status, answer.read(), replayed)

    def close(self) -> None:
        """Hang up."""
        self._connection.close()


class Sent(NamedTuple):
    """A write, and the request that it is."""

    write: Write
    verb: str
    path: str
    body: Any


@dataclass
class Scene:
    """A file with a job that many people work on, and everything that was ever sent to it."""

    file: Path
    job: int = 0
    people: list[int] = field(default_factory=list)
    units: list[int] = field(default_factory=list)
    sent: list[Sent] = field(default_factory=list)
    replayed: int = 0
    _numbers: Iterator[int] = field(default_factory=lambda: count(1))
    _judged: Iterator[int] = field(default_factory=lambda: count(1))

    @classmethod
    def prepared(cls, file: Path, *, units: int = 2000) -> Scene:
        """Make the file: a job that runs, people who have judged one row of it each."""
        scene = cls(file)
        with Sandbox(database=file, key=KEY, balance_cents=10**9) as box:  # noqa: SIM117
            with box.database.transaction() as tx:
                owner = tx.one(select(account))
                data = [{"text": f"row {number}"} for number in range(units)]
                scene.job = uploads.create_job(tx, owner, data).id
                jobs.update(tx, jobs.load(tx, scene.job), READY)
                orders.place(tx, jobs.load(tx, scene.job), 0, ["on_demand"])
                scene.people = [_person(tx) for _ in range(PEOPLE)]
                query = select(unit.c.id).where(unit.c.job_id == scene.job).order_by(unit.c.seq)
                scene.units = [row.id for row in tx.all(query)]
                job = jobs.load(tx, scene.job)
                for row, person in zip(scene.units, scene.people, strict=False):
                    review.submit_judgment(tx, job, row, person, {"mark": "before all"})
                accounts.open_account(tx, key=STRANGER)
        return scene

    def mark(self) -> str:
        """Make a name for what a write leaves."""
        return f"m{next(self._numbers)}"

    def send(self, line: Line, sent: Sent, *, again: bool = False) -> Answer:
        """Send a write, and note what came of it."""
        if not again:
            self.sent.append(sent)
        answer = line.send(sent.verb, sent.path, sent.body, sent.write.key)
        sent.write.outcome = "acknowledged" if answer.status < 400 else "refused"
        self.replayed += answer.replayed
        return answer

    def upload(self, line: Line) -> None:
        """Upload rows into a new job, or once in a while rows of which the last is none."""
        mark = self.mark()
        data: list[Any] = [{"text": f"row {number}", "mark": mark} for number in range(ROWS)]
        if next(self._numbers) % 7 == 0:
            data.append("no row")
        self.send(line, Sent(Write("upload", mark, ROWS), "POST", "/jobs/upload", data))

    def judge(self, line: Line) -> None:
        """Let somebody judge a row; once in a while one who has judged it before."""
        mark, number = self.mark(), next(self._judged)
        number -= number % 7 == 0
        row = self.units[(PEOPLE + number // 3) % len(self.units)]
        given = {"unit_id": row, "worker_id": self.people[number % PEOPLE], "data": {"mark": mark}}
        path = f"/jobs/{self.job}/judgments"
        self.send(line, Sent(Write("judgment", mark), "POST", path, {"judgment": given}))

    def order(self, line: Line) -> None:
        """Make a small job and order it; once in a while for more than there is."""
        mark = self.mark()
        data = [{"text": f"row {number}", "mark": mark} for number in range(5)]
        made = self.send(line, Sent(Write("upload", mark, 5), "POST", "/jobs/upload", data))
        job = json.loads(made.body)["id"]
        cents = 10**9 if next(self._numbers) % 7 == 0 else 1
        line.send("PUT", f"/jobs/{job}", {"job": {**READY, "payment_cents": cents}})
        order = {"debit": {"units_count": 5}, "channels": ["on_demand"]}
        self.send(line, Sent(Write("order", str(job)), "POST", f"/jobs/{job}/orders", order))

    def give(self, line: Line) -> None:
        """Give somebody a bonus; once in a while one that is larger than allowed."""
        mark, number = self.mark(), next(self._numbers)
        path = f"/jobs/{self.job}/workers/{self.people[number % PEOPLE]}/bonus"
        body = {"amount": 10**6 if number % 7 == 0 else 3, "reason": mark}
        self.send(line, Sent(Write("bonus", mark), "POST", path, body))

    def send_again(self, url: str) -> list[str]:
        """Send what nobody knows of, and the last of each kind that was acknowledged, once more.

        :returns: What was not answered as it should be.
        """
        known = [each for each in self.sent if each.write.outcome == "acknowledged"]
        last = {each.write.kind: each for each in known}
        open_ones = [each for each in self.sent if each.write.outcome == "unknown"]
        problems = []
        line = Line(url)
        for sent in (*last.values(), *open_ones):
            was_known = sent.write.outcome == "acknowledged"
            answer = self.send(line, sent, again=True)
            if was_known and not (answer.replayed and answer.status < 400):
                problems.append(f"{sent.write.key} was answered anew: {answer.body!r:.200}")
            if answer.status >= 500:
                problems.append(f"{sent.write.key}: {answer.body!r:.200}")
        line.close()
        return problems + self._seen_by_others(url)

    def _seen_by_others(self, url: str) -> list[str]:
        """Look with the key of another account, which has nothing."""
        line = Line(url, STRANGER)
        answers = [line.send("GET", path) for path in ("/jobs", f"/jobs/{self.job}")]
        line.close()
        seen = (answers[0].body, answers[1].status)
        return [] if seen == (b"[]", 404) else [f"I8 another account sees {seen!r:.200}"]


def _person(tx: Transaction) -> int:
    return int(workers.join(tx, channel="on_demand").id)


class Nursery:
    """A process that has imported everything, and becomes ``crowdflower serve`` in no time."""

    def __init__(self) -> None:
        self.server = 0
        """The number of the process that serves."""
        self._process = subprocess.Popen(  # noqa: S603 - our own program
            [sys.executable, "-u", __file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    @contextmanager
    def serving(self, file: Path) -> Iterator[str]:
        """Serve a file at an address until the block ends; that kills the server."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{file}\n")
        self._process.stdin.flush()
        self.server, address, said = 0, None, ""
        for text in self._process.stdout:
            said += text
            if number := _NUMBER.search(text):
                self.server = int(number[1])
            address = _ADDRESS.search(text) or address
            if self.server and (address or "ended" in text):
                break
        try:
            assert address, said
            yield address[1]
        finally:
            if self.server:
                with suppress(ProcessLookupError):
                    os.kill(self.server, signal.SIGKILL)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate(timeout=PATIENCE)


def nurse() -> None:
    """Become a server for each file that is named on a line of its own, one after the other."""
    from crowdflower.cli.serve import serve  # noqa: PLC0415 - only the nursery needs it

    for line in sys.stdin:
        number = os.fork()
        if not number:
            with suppress(SystemExit):
                serve(["--port", "0", "--database", line.rstrip("\n")])
            os._exit(0)
        print(f"process {number}")  # noqa: T201 - this is how it is told
        os.waitpid(number, 0)
        print("ended")  # noqa: T201 - the same


def killed_once(nursery: Nursery, scene: Scene, chance: Random, longest: float = 0.5) -> list[str]:
    """Play one round.

    :param longest: Seconds after the first answer within which the server is killed.
    :returns: What does not hold afterwards.
    """
    problems: list[str] = []
    begun = Event()
    with nursery.serving(scene.file) as url:
        problems += scene.send_again(url)
        senders = [
            Thread(target=_keep_sending, args=(do, url, begun, problems))
            for do in (scene.upload, scene.judge, scene.order, scene.give)
        ]
        for sender in senders:
            sender.start()
        begun.wait(PATIENCE)
        Event().wait(chance.uniform(0.0, longest))
    for sender in senders:
        sender.join(PATIENCE)
    return problems + find_violations(scene.file, [each.write for each in scene.sent])


def _keep_sending(do: Any, url: str, begun: Event, problems: list[str]) -> None:
    """Do it again and again until the connection breaks."""
    line = Line(url)
    try:
        while True:
            do(line)
            begun.set()
    except (OSError, HTTPException):
        pass  # this is what it looks like when the server is killed
    except Exception as error:  # noqa: BLE001 - what a thread dies of is said by the round
        problems.append(f"A sender died of {error!r}")
    finally:
        begun.set()
        line.close()


def tally(scene: Scene) -> Counter[tuple[str, str]]:
    """Count what was sent, by kind and by what came of it."""
    return Counter((each.write.kind, each.write.outcome) for each in scene.sent)


if __name__ == "__main__":
    nurse()
