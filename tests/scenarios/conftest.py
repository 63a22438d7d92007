"""What people do with a sandbox, told from beginning to end, wherever the sandbox is.

Each story runs with the sandbox in this process, called without a socket, and with ``crowdflower
serve`` in a process of its own, on a port of its own, with a database file. Contributors then work
from this process, on the same file; where there is a PostgreSQL, all is kept in that. A story that
needs what the command has no option for, such as time that stands still, has the sandbox in this
process and calls it over a socket instead.

=============================== ====================================================================
file                            stories
=============================== ====================================================================
``test_published_script.py``    the vendor's own integration script, call by call
``test_published_clients.py``   a spam filter with test questions; the shapes of two other clients
``test_uploads.py``             rows as a JSON array; a column more; 20,000 rows in their order
``test_launching.py``           what a job lacks; too little money, and then enough; more judgments
``test_pages.py``               answers that are refused; two browsers; late pages; pages sent twice
``test_browsers.py``            the same through the page that people see
``test_quiz_and_trust.py``      passed and failed; trust lost in work; no test question left
``test_confidence.py``          worked examples of trust, confidence and dynamic judgments
``test_contributors.py``        flagged, unflagged, rejected; bonuses
``test_webhooks.py``            told of, signed; nobody there, given up, and told after all
``test_reports.py``             reports that take their time; all six of them, to the byte
``test_gold.py``                rows become test questions, and test questions rows
``test_forms.py``               forms that follow the row; rows that attack the form
``test_ampcrowd.py``            AMPCrowd: groups, results, and the same jobs in both APIs
``test_simulated_crowd.py``     same seed, same bytes; threads; a hundred people on a thousand rows
``test_reset.py``               begun anew; two sandboxes beside each other
``test_not_here.py``            what is not here says so, all of it
``test_faults.py``              errors on demand, and what the client makes of them
``test_never_silent.py``        what is not obeyed is refused, or warned about
=============================== ====================================================================

Half a million rows are uploaded in ``tests/benchmarks/sandbox``. A server that is killed in the
middle
has its story in ``tests/sandbox/test_crashes.py``. Pages in a browser have theirs beside the pages.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
import requests
from served import serving

from crowdflower.client import Client
from crowdflower.sandbox import Sandbox
from crowdflower.sandbox.clock import Clock
from crowdflower.sandbox.rules.jobs import jobs
from crowdflower.sandbox.rules.work import handout, submission, workers
from crowdflower.sandbox.server.in_process import ORIGIN, session_for

if TYPE_CHECKING:
    from requests import Response
    from sqlalchemy import Row

    from crowdflower.job import Job

KEY = "scenario-key-2f6c"
TOKEN = "scenario-token-91d0"
PATIENCE = 60

ON_POSTGRESQL = "CROWDFLOWER_TEST_POSTGRESQL" in os.environ
IN_PROCESS, OVER_A_SOCKET = "in process", "over a socket"

Filled = Mapping[str, Any]


class Served(NamedTuple):
    """``crowdflower serve``, with its address, the token of its control and its database."""

    url: str
    token: str
    database: str


class Waiting:
    """A clock for a client: it passes while the client waits, and only then."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@dataclass
class Box:
    """A sandbox, the account that calls it, and the people who work there."""

    sandbox: Sandbox
    """The one that answers, or, if that is another process, one on the same database."""

    client: Client
    session: requests.Session
    url: str
    token: str

    def __post_init__(self) -> None:
        self.waiting = Waiting()
        self.client._clock = self.waiting

    def api(self, verb: str, path: str, **settings: Any) -> Response:
        """Call the API as it stands in its description: ``api("GET", "/jobs/7.json")``."""
        headers = {"Authorization": f"Token token={KEY}", **settings.pop("headers", {})}
        settings.setdefault("allow_redirects", False)
        return self.session.request(
            verb, f"{self.url}/v1{path}", headers=headers, timeout=PATIENCE, **settings
        )

    def control(self, verb: str, name: str, /, **asked: Any) -> Any:
        """Call what is below ``/_sandbox/``."""
        headers = {"Authorization": f"Bearer {self.token}"}
        where = f"{self.url}/_sandbox/{name}"
        answer = self.session.request(verb, where, json=asked, headers=headers, timeout=PATIENCE)
        assert answer.ok, answer.text
        return answer.json()

    def advance(self, seconds: float = 0, minutes: float = 0) -> None:
        """Let time pass, for everybody."""
        before = self.sandbox.clock.now()
        self.control("POST", "clock", advance=seconds + 60 * minutes)
        passed = self.sandbox.clock.now() - before
        if passed < seconds + 60 * minutes:  # the clock that was turned is another process's
            self.sandbox.clock.advance(seconds=seconds, minutes=minutes)

    @property
    def balance(self) -> int:
        """What the account has left, in cents."""
        cents: int = self.client.get_account()["balance"]
        return cents

    # A requester

    def job(self, rows: Iterable[Mapping[str, Any]], cml: str, **attributes: Any) -> Job:
        """Upload rows and give them a title, instructions and a form."""
        job = self.client.upload_job(rows)
        job.title, job.instructions, job.cml = "What do you see?", "Look, then say it.", cml
        job.update()
        if attributes:
            job.absorb(self.client.update_job(job.id, attributes))
        return job

    # Contributors

    def contributor(self, channel: str = "on_demand", **about: Any) -> Row[Any]:
        """Let somebody in."""
        with self.sandbox.database.transaction() as tx:
            return workers.join(tx, channel=channel, **{"country": "FIN", **about})

    def take(self, job: Job, worker: Row[Any]) -> handout.Page:
        """Let somebody ask for a page."""
        with self.sandbox.database.transaction() as tx:
            return handout.take_page(tx, jobs.load(tx, job.id), worker)

    def turned_away(self, job: Job, worker: Row[Any]) -> str:
        """Let somebody ask for a page, and tell why there is none."""
        with pytest.raises(handout.NoPageAvailable) as caught:
            self.take(job, worker)
        return caught.value.reason

    def hand_in(
        self,
        worker: Row[Any],
        page: handout.Page,
        answer: Filled | Callable[[handout.PageUnit], Filled],
        token: str | None = None,
    ) -> submission.Receipt:
        """Let somebody answer every row of a page, alike or each on its own."""
        answers = {unit.id: answer(unit) if callable(answer) else answer for unit in page.units}
        with self.sandbox.database.transaction() as tx:
            return submission.submit(
                tx, worker, page.assignment_id, page.token if token is None else token, answers
            )

    def work(
        self, job: Job, worker: Row[Any], answer: Filled | Callable[[handout.PageUnit], Filled]
    ) -> submission.Receipt:
        """Let somebody take a page, and hand it in."""
        return self.hand_in(worker, self.take(job, worker), answer)

    def finish(
        self, job: Job, worker: Row[Any], answer: Filled | Callable[[handout.PageUnit], Filled]
    ) -> None:
        """Let somebody work until there is nothing left for them."""
        with suppress(handout.NoPageAvailable):
            while True:
                self.work(job, worker, answer)

    def judge(self, job: Job, unit_id: int, worker: Row[Any], **answers: Any) -> dict[str, Any]:
        """Let somebody answer one row, through the API."""
        judgment = {"unit_id": unit_id, "worker_id": worker.id, "data": answers}
        answer = self.api("POST", f"/jobs/{job.id}/judgments.json", json={"judgment": judgment})
        assert answer.ok, answer.text
        found: dict[str, Any] = answer.json()
        return found


@pytest.fixture(params=[IN_PROCESS, OVER_A_SOCKET])
def where(request: pytest.FixtureRequest) -> str:
    """Where the sandbox is."""
    place: str = request.param
    return place


@pytest.fixture
def settings() -> dict[str, Any]:
    """What a sandbox is made with; a test that needs another one parametrizes this."""
    return {}


@pytest.fixture
def database(request: pytest.FixtureRequest) -> str | None:
    """Where a sandbox in this process keeps everything: in memory, unless there is PostgreSQL."""
    return request.getfixturevalue("schema") if ON_POSTGRESQL else None


@pytest.fixture
def box(
    request: pytest.FixtureRequest, where: str, settings: dict[str, Any], database: str | None
) -> Iterator[Box]:
    """A sandbox with nothing in it, and a thousand dollars on its account."""
    if where == OVER_A_SOCKET and not settings:
        yield from _in_another_process(request.getfixturevalue("server"))
        return
    made = {"key": KEY, "control": TOKEN, "ampcrowd": True, "database": database, **settings}
    made["clock"] = Clock(made.pop("seed", 0))  # time stands still, whatever the database
    with ExitStack() as stack:
        sandbox = stack.enter_context(Sandbox(**made))
        over_a_socket = where == OVER_A_SOCKET
        client = Client(KEY, sandbox.url) if over_a_socket else sandbox.client()
        session = requests.Session() if over_a_socket else session_for(sandbox.app)
        url = sandbox.url.removesuffix("/v1") if over_a_socket else ORIGIN
        yield Box(sandbox, stack.enter_context(client), stack.enter_context(session), url, TOKEN)


def _in_another_process(server: Served) -> Iterator[Box]:
    with (
        requests.Session() as session,
        Client(KEY, f"{server.url}/v1") as client,
        Sandbox(key=KEY, database=server.database, ampcrowd=True) as sandbox,
    ):
        box = Box(sandbox, client, session, server.url, server.token)
        box.control("POST", "reset")
        box.control("POST", "transitions", report=0)
        yield box


@pytest.fixture(scope="session")
def served(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Where ``crowdflower serve`` keeps everything: in a file, unless there is PostgreSQL."""
    if ON_POSTGRESQL:
        url: str = request.getfixturevalue("lasting_schema")
        return url
    return str(tmp_path_factory.mktemp("served") / "crowd.db")


@pytest.fixture(scope="session")
def server(served: str) -> Iterator[Served]:
    """``crowdflower serve`` as people start it, once; every story begins by resetting it."""
    options = ["--database", served, "--control", "--ampcrowd"]
    with serving(*options, key=KEY, stderr=None) as process:
        token = process.find(r"Authorization: Bearer (\S+)")
        yield Served(process.url.removesuffix("/v1"), token, served)
