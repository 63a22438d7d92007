"""End-to-end scenarios of a sandbox, through its APIs and pages.

Each scenario runs with the sandbox in this process, called without a socket, and with ``crowdflower
serve`` in another process, with its own port and database file. Contributors then work from this
process, on the same file, or on PostgreSQL where it is configured. A scenario that needs a setting
for which the command has no option runs the sandbox in this process and calls it over a socket.

=============================== ====================================================================
file                            scenarios
=============================== ====================================================================
``test_published_script.py``    the vendor's own integration script, call by call
``test_published_clients.py``   the requests of other people's clients, byte for byte
``test_published_forms.py``     forms that others have published
``test_documented_calls.py``    every curl call of three documents, byte for byte
``test_uploads.py``             rows as a JSON array; a new column; 20,000 rows in their order
``test_daily_pipeline.py``      the script of the guide, killed at random on several days
``test_launching.py``           requirements of a launch; too little money; more judgments
``test_pages.py``               invalid answers; two browsers; expired pages; pages submitted twice
``test_browsers.py``            the same through the contributor's web page
``test_quiz_and_trust.py``      quiz passed and failed; trust lost in work; no test question left
``test_confidence.py``          worked examples of trust, confidence and dynamic judgments
``test_contributors.py``        flagged, unflagged, rejected; bonuses
``test_webhooks.py``            delivery and signatures; a server that is down; retries
``test_reports.py``             polling; all six reports, byte by byte
``test_result_tables.py``       results as tables; exports in a series
``test_quality_of_jobs.py``     agreement, doubtful units, more judgments for them
``test_gold.py``                units become test questions, and test questions become units
``test_forms.py``               forms that depend on the unit; data that attacks the form
``test_liquid_names.py``        names of questions that contain Liquid, in every result and report
``test_ampcrowd.py``            AMPCrowd: groups, results, and the same jobs in both APIs
``test_simulated_crowd.py``     reproducibility; threads; a hundred contributors on a thousand units
``test_reset.py``               reset; two sandboxes side by side
``test_unsupported.py``         endpoints and form tools of the hosted service only
``test_faults.py``              injected faults, and the retries of the client
``test_warnings.py``            whatever has no effect is refused or warned about
=============================== ====================================================================

Half a million rows are uploaded in ``tests/benchmarks/sandbox``; a server is killed in
``tests/sandbox/test_crashes.py``.
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
TIMEOUT = 60

ON_POSTGRESQL = "CROWDFLOWER_TEST_POSTGRESQL" in os.environ
IN_PROCESS, OVER_A_SOCKET = "in process", "over a socket"

Answers = Mapping[str, Any]


class Served(NamedTuple):
    """A running ``crowdflower serve``: its URL, its control token and its database."""

    url: str
    token: str
    database: str


class Waiting:
    """A clock for a client, which advances only while the client waits."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@dataclass
class Box:
    """A sandbox, with short methods for its requester and its contributors."""

    sandbox: Sandbox
    """The sandbox under test or, if that is another process, one on the same database."""

    client: Client
    session: requests.Session
    url: str
    token: str

    def __post_init__(self) -> None:
        self.waiting = Waiting()
        self.client._clock = self.waiting

    def api(self, verb: str, path: str, **settings: Any) -> Response:
        """Call the API directly: ``api("GET", "/jobs/7.json")``."""
        headers = {"Authorization": f"Token token={KEY}", **settings.pop("headers", {})}
        settings.setdefault("allow_redirects", False)
        return self.session.request(
            verb, f"{self.url}/v1{path}", headers=headers, timeout=TIMEOUT, **settings
        )

    def control(self, verb: str, name: str, /, **body: Any) -> Any:
        """Call the control API, below ``/_sandbox/``."""
        headers = {"Authorization": f"Bearer {self.token}"}
        url = f"{self.url}/_sandbox/{name}"
        response = self.session.request(verb, url, json=body, headers=headers, timeout=TIMEOUT)
        assert response.ok, response.text
        return response.json()

    def advance(self, seconds: float = 0, minutes: float = 0) -> None:
        """Advance the clock of the sandbox, in both processes if there are two."""
        before = self.sandbox.clock.now()
        self.control("POST", "clock", advance=seconds + 60 * minutes)
        passed = self.sandbox.clock.now() - before
        if passed < seconds + 60 * minutes:  # another process advanced its own clock
            self.sandbox.clock.advance(seconds=seconds, minutes=minutes)

    @property
    def balance(self) -> int:
        """Balance of the account, in cents."""
        cents: int = self.client.get_account()["balance"]
        return cents

    # A requester

    def job(self, rows: Iterable[Mapping[str, Any]], cml: str, **attributes: Any) -> Job:
        """Upload rows as a job with a title, instructions and a form."""
        job = self.client.upload_job(rows)
        job.title, job.instructions, job.cml = "What do you see?", "Look, then say it.", cml
        job.update()
        if attributes:
            job.absorb(self.client.update_job(job.id, attributes))
        return job

    # Contributors

    def contributor(self, channel: str = "on_demand", **about: Any) -> Row[Any]:
        """Add a contributor."""
        with self.sandbox.database.transaction() as tx:
            return workers.join(tx, channel=channel, **{"country": "FIN", **about})

    def take(self, job: Job, worker: Row[Any]) -> handout.Page:
        """Take a page."""
        with self.sandbox.database.transaction() as tx:
            return handout.take_page(tx, jobs.load(tx, job.id), worker)

    def refusal_reason(self, job: Job, worker: Row[Any]) -> str:
        """Take no page, and return the reason."""
        with pytest.raises(handout.NoPageAvailable) as caught:
            self.take(job, worker)
        return caught.value.reason

    def submit(
        self,
        worker: Row[Any],
        page: handout.Page,
        answer: Answers | Callable[[handout.PageUnit], Answers],
        token: str | None = None,
    ) -> submission.Receipt:
        """Submit a page, with the same answers for every unit or with a function of the unit."""
        answers = {unit.id: answer(unit) if callable(answer) else answer for unit in page.units}
        with self.sandbox.database.transaction() as tx:
            return submission.submit(
                tx, worker, page.assignment_id, page.token if token is None else token, answers
            )

    def work(
        self, job: Job, worker: Row[Any], answer: Answers | Callable[[handout.PageUnit], Answers]
    ) -> submission.Receipt:
        """Take a page and submit it."""
        return self.submit(worker, self.take(job, worker), answer)

    def finish(
        self, job: Job, worker: Row[Any], answer: Answers | Callable[[handout.PageUnit], Answers]
    ) -> None:
        """Take and submit pages until there is no more."""
        with suppress(handout.NoPageAvailable):
            while True:
                self.work(job, worker, answer)

    def judge(self, job: Job, unit_id: int, worker: Row[Any], **answers: Any) -> dict[str, Any]:
        """Add a judgment of one unit through the API."""
        judgment = {"unit_id": unit_id, "worker_id": worker.id, "data": answers}
        answer = self.api("POST", f"/jobs/{job.id}/judgments.json", json={"judgment": judgment})
        assert answer.ok, answer.text
        found: dict[str, Any] = answer.json()
        return found


@pytest.fixture(params=[IN_PROCESS, OVER_A_SOCKET])
def where(request: pytest.FixtureRequest) -> str:
    """Whether the sandbox is in this process or behind a socket."""
    location: str = request.param
    return location


@pytest.fixture
def settings() -> dict[str, Any]:
    """Arguments of the sandbox; a test that needs others parametrizes this."""
    return {}


@pytest.fixture
def database(request: pytest.FixtureRequest) -> str | None:
    """Database of a sandbox in this process: in memory, unless PostgreSQL is configured."""
    return request.getfixturevalue("rowless_schema") if ON_POSTGRESQL else None


@pytest.fixture
def box(
    request: pytest.FixtureRequest, where: str, settings: dict[str, Any], database: str | None
) -> Iterator[Box]:
    """An empty sandbox with a thousand dollars on its account."""
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
    """Database of ``crowdflower serve``: a file, unless PostgreSQL is configured."""
    if ON_POSTGRESQL:
        url: str = request.getfixturevalue("session_schema")
        return url
    return str(tmp_path_factory.mktemp("served") / "crowd.db")


@pytest.fixture(scope="session")
def server(served: str) -> Iterator[Served]:
    """``crowdflower serve``, started once for all scenarios; each begins with a reset."""
    options = ["--database", served, "--control", "--ampcrowd"]
    with serving(*options, key=KEY, stderr=None) as process:
        token = process.find(r"Authorization: Bearer (\S+)")
        yield Served(process.url.removesuffix("/v1"), token, served)
