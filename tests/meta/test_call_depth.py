"""Few functions of the package lie between a method call and requests."""

from __future__ import annotations

import sys
from contextlib import suppress
from io import BytesIO
from typing import TYPE_CHECKING

import pytest
from requests import Response
from requests.adapters import HTTPAdapter
from urllib3 import HTTPResponse

from crowdflower import ApplicationError, Client, Job

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from types import FrameType
    from typing import Any

    from requests import PreparedRequest

BODIES = {
    "/v1/account.json": b'{"id": 1}',
    "/v1/jobs/7.json": b'{"id": 7, "state": "running", "payment_cents": 5}',
    "/v1/jobs/7/pause.json": b'{"success": "The job is being paused."}',
    "/v1/jobs/7/ping.json": b'{"ordered_units": 0}',
    "/v1/jobs/7/orders.json": b'{"id": 1, "job_id": 7}',
    "/v1/jobs/upload.json": b'{"id": 7}',
    "/v1/jobs/7.csv": b'{"error": "There is no report."}',
}
"""Response body by path."""


class Recorder(HTTPAdapter):
    """An adapter that records, for each request, the functions of the package on the call stack."""

    def __init__(self) -> None:
        super().__init__()
        self.stacks: list[tuple[str, list[str]]] = []

    def send(self, request: PreparedRequest, **_: Any) -> Response:  # type: ignore[override]
        path = str(request.path_url).partition("?")[0]
        self.stacks.append(
            (f"{request.method} {path.removeprefix('/v1')}", _functions(sys._getframe(1)))
        )
        response = Response()
        response.status_code = 200
        response.url, response.request = str(request.url), request
        response.headers["Content-Type"] = "application/json"
        response.raw = HTTPResponse(BytesIO(BODIES[path]), preload_content=False)
        return response


def _functions(frame: FrameType | None) -> list[str]:
    """Return the functions of the package on the stack, the outermost first."""
    names = []
    while frame is not None:
        if frame.f_globals.get("__name__", "").startswith("crowdflower."):
            names.append(frame.f_code.co_qualname)
        frame = frame.f_back
    return names[::-1]


def _request_missing_report(client: Client) -> None:
    with suppress(ApplicationError):
        client.get_report(7, "full")


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


@pytest.fixture
def client(recorder: Recorder, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Client:
    client = Client("a-key", "http://localhost:1/v1", journal=tmp_path / "payments.journal")
    monkeypatch.setattr(client.transport._session, "get_adapter", lambda _: recorder)
    return client


@pytest.mark.parametrize(
    ("call", "request_line", "names"),
    [
        (
            lambda client: client.get_job(7),
            "GET /jobs/7.json",
            ["Client.get_job", "BaseClient.request", "BaseClient._attempt", "Transport.send"],
        ),
        (
            lambda client: Job(client, id=7).pause(),
            "GET /jobs/7/pause.json",
            ["Job.pause", "BaseClient.request", "BaseClient._attempt", "Transport.send"],
        ),
        (
            lambda client: Job(client, id=7).pause(),
            "GET /jobs/7.json",
            [
                "Job.pause",
                "Resource._refresh",
                "BaseClient.request",
                "BaseClient._attempt",
                "Transport.send",
            ],
        ),
        (
            lambda client: client.upload_job([{"text": "Fine."}]),
            "POST /jobs/upload.json",
            [
                "Client.upload_job",
                "Client._upload",
                "BaseClient.request",
                "BaseClient._attempt",
                "Transport.send",
            ],
        ),
        (
            lambda client: Job(client, id=7).launch(2),
            "POST /jobs/7/orders.json",
            [
                "Job.launch",
                "Operations.pay",
                "Operations._send",
                "BaseClient.request",
                "BaseClient._attempt",
                "Transport.send",
            ],
        ),
        (
            _request_missing_report,
            "GET /jobs/7.csv",
            [
                "Client.get_report",
                "download",
                "_download_to",
                "BaseClient.request",
                "BaseClient._attempt",
                "Transport.send",
            ],
        ),
    ],
)
def test_only_these_functions_are_between_the_call_and_requests(
    client: Client,
    recorder: Recorder,
    call: Callable[[Client], object],
    request_line: str,
    names: list[str],
) -> None:
    call(client)

    assert dict(recorder.stacks)[request_line] == names
