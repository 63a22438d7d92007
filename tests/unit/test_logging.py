"""The logger ``crowdflower``: silent by default; payments, waits, retries; a line per request."""

from __future__ import annotations

import logging
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from crowdflower import ApiError, Client, Job, OutcomeUnknown, PaymentRequired, Sandbox

if TYPE_CHECKING:
    from conftest import Clock
    from responses import RequestsMock

API = "https://api.appen.com/v1"
ORDERS = f"{API}/jobs/7/orders.json"


@pytest.fixture
def job(client: Client) -> Job:
    return Job(client, id=7, state="running")


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    """All lines of the package."""
    caplog.set_level(logging.DEBUG, "crowdflower")
    return caplog


def lines(log: pytest.LogCaptureFixture, level: int = logging.DEBUG) -> list[str]:
    return [record.getMessage() for record in log.records if record.levelno == level]


def test_the_package_has_a_null_handler_and_prints_nothing() -> None:
    script = (
        "import logging; from crowdflower import Sandbox\n"
        "with Sandbox() as box:\n"
        "    box.faults.next(status=503, path='/jobs/*')\n"
        "    client = box.client(); job = client.create_job({'title': 'Sentiment'}); job.reload()\n"
        "print([type(each).__name__ for each in logging.getLogger('crowdflower').handlers])"
    )

    process = subprocess.run(  # noqa: S603 - our own Python
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60
    )

    assert (process.stdout, process.stderr) == ("['NullHandler']\n", "")


@pytest.mark.parametrize(
    ("setup", "printed"),
    [
        ("", "a bug\n"),
        ("logging.basicConfig(level='CRITICAL')", ""),
        ("logging.getLogger('crowdflower').addHandler(logging.StreamHandler())", "a bug\n"),
    ],
)
def test_warnings_of_the_sandbox_are_printed_once(setup: str, printed: str) -> None:
    script = (
        f"import logging, crowdflower.sandbox; {setup}\n"
        "logging.getLogger('crowdflower.sandbox.server.app').error('a bug')\n"
        "logging.getLogger('crowdflower.sandbox.server.app').info('a detail')"
    )

    process = subprocess.run(  # noqa: S603 - our own Python
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60
    )

    assert process.stderr == printed


def test_a_request_is_a_line_without_its_query(
    api: RequestsMock, client: Client, log: pytest.LogCaptureFixture
) -> None:
    api.get(f"{API}/jobs/7/units.json", json={})

    client.call("jobs/7/units.json", query={"token": "q-s3cret"})

    (line,) = lines(log)
    assert line.startswith("GET /jobs/7/units.json: 200 in ")
    assert line.endswith(" ms, attempt 1")


def test_a_retry_says_its_reason_and_its_delay(
    api: RequestsMock, client: Client, clock: Clock, log: pytest.LogCaptureFixture
) -> None:
    api.get(f"{API}/jobs/7.json", status=503, body="a secret of the server")
    api.get(f"{API}/jobs/7.json", json={"id": 7})

    client.get_job(7)

    reason = "status 503, ServerError in attempt 1"
    seconds = f"{clock.slept[0]:.1f} s"
    assert lines(log, logging.INFO) == [
        f"GET /jobs/7.json: {reason}; it is sent again in {seconds}"
    ]
    first, second = lines(log)
    assert first.startswith("GET /jobs/7.json: status 503, ServerError in ")
    assert second.endswith("attempt 2")
    assert "secret" not in log.text


def test_waiting_for_the_rate_limit_is_logged(
    api: RequestsMock, clock: Clock, log: pytest.LogCaptureFixture
) -> None:
    api.get(f"{API}/jobs/7.json", json={"id": 7})
    client = Client("a-key", max_requests_per_second=0.5, clock=clock)

    for _ in range(2):
        client.get_job(7)

    assert lines(log, logging.INFO) == ["waiting 2.0 s: the rate limit is reached"]


def test_a_429_is_logged_with_what_follows(
    api: RequestsMock, clock: Clock, log: pytest.LogCaptureFixture
) -> None:
    api.get(f"{API}/jobs/7.json", status=429)
    api.get(f"{API}/jobs/7.json", json={"id": 7})

    Client("a-key", max_requests_per_second=100, clock=clock).get_job(7)

    first, second = lines(log, logging.INFO)[:2]
    assert first == "status 429: fewer requests are sent for a while"
    assert "status 429, RateLimited in attempt 1" in second


@pytest.mark.usefixtures("payment_reads")
def test_a_payment_is_logged_when_it_is_sent_and_when_its_outcome_is_known(
    api: RequestsMock, job: Job, log: pytest.LogCaptureFixture
) -> None:
    api.post(ORDERS, json={"id": 9, "job_id": 7})

    job.launch(8, key="reviews\n\x1b[2Jof May")

    (operation,) = [each for each in lines(log, logging.INFO) if "sending" in each]
    op_id = operation.partition("(operation ")[2].partition(",")[0]
    which = rf"(operation {op_id}, key 'reviews\n\x1b[2Jof May')"
    assert lines(log, logging.INFO) == [
        f"launch: sending POST /jobs/7/orders.json at an unknown cost {which}",
        f"launch: applied, status 200 {which}",
    ]


@pytest.mark.usefixtures("payment_reads")
@pytest.mark.parametrize(
    ("answer", "error", "outcome"),
    [
        (
            {"status": 402, "json": {"error": "You have $20.00 available."}},
            PaymentRequired,
            "launch: rejected, PaymentRequired (",
        ),
        ({"status": 500}, OutcomeUnknown, "launch: unknown, "),
    ],
)
def test_the_outcome_of_a_payment_is_logged_without_the_words_of_the_service(
    api: RequestsMock,
    job: Job,
    log: pytest.LogCaptureFixture,
    answer: dict[str, object],
    error: type[ApiError],
    outcome: str,
) -> None:
    api.post(ORDERS, **answer)  # type: ignore[arg-type]

    with pytest.raises(error):
        job.launch(8)

    assert lines(log, logging.INFO)[-1].startswith(outcome)
    assert "$20" not in log.text


def test_the_cost_of_a_payment_and_its_resolution_are_logged(log: pytest.LogCaptureFixture) -> None:
    with Sandbox() as box:
        client = box.client()
        job = client.upload_job([{"text": "a row"}])
        box.faults.next(drop=True, path="/jobs/*/orders", verb="POST")
        with pytest.raises(OutcomeUnknown) as caught:
            job.launch(1, max_cost_cents=500)
        client.operations.resolve(str(caught.value.op_id), "not_applied")

    sending, *_, resolved = lines(log, logging.INFO)
    assert "for at most 36 cents" in sending
    assert resolved == f"launch: resolved as not_applied (operation {caught.value.op_id})"


def test_a_report_that_is_built_is_logged(log: pytest.LogCaptureFixture) -> None:
    with Sandbox(transitions={"report": 1}) as box:
        job = box.client().upload_job([{"text": "a row"}])
        job.get_results_report()

    (line,) = lines(log, logging.INFO)
    assert line.startswith(f"job {job.id}: the json report is being built; next request in ")
