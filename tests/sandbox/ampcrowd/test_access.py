"""Access: who may call the API, and which receivers it may call."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from ampcrowd_calls import Call, answer, create

from crowdflower.sandbox import Sandbox
from crowdflower.sandbox.ampcrowd import AccessPolicy
from crowdflower.sandbox.server.in_process import ORIGIN, session_for

if TYPE_CHECKING:
    from requests import Response


def test_the_api_is_off_by_default() -> None:
    with Sandbox() as box, session_for(box.app) as session:
        answer = session.get(f"{ORIGIN}/crowds/internal/purge_tasks/")

        assert answer.status_code == 404
        with pytest.raises(RuntimeError, match="ampcrowd=True"):
            box.ampcrowd.running_jobs()


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Mode": "navigate"},
        {"Sec-Fetch-Mode": "no-cors"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
    ],
)
def test_a_request_from_a_web_page_of_another_site_is_refused(
    box: Sandbox, call: Call, headers: dict[str, str]
) -> None:
    create(call)

    refused = call("GET", "/crowds/internal/purge_tasks/", headers=headers)

    assert refused.status_code == 403
    assert box.ampcrowd.running_jobs() == [box.ampcrowd.job("G1")]


def test_without_a_token_only_this_machine_may_call(box: Sandbox) -> None:
    client = box.app.test_client()
    path = "/crowds/internal/purge_tasks"

    statuses = [
        client.get(path, environ_overrides={"REMOTE_ADDR": address}).status_code
        for address in ("127.0.0.1", "::1", "192.168.1.7", "")
    ]

    assert statuses == [200, 200, 403, 403]


def test_with_a_token_callers_need_it() -> None:
    with Sandbox(ampcrowd=AccessPolicy(token="t0ken", loopback=False)) as box:
        client = box.app.test_client()
        path = "/crowds/internal/purge_tasks"
        far = {"REMOTE_ADDR": "192.168.1.7"}
        header = {"Authorization": "Token token=t0ken"}

        statuses = [
            client.get(f"{path}?token=t0ken", environ_overrides=far).status_code,
            client.get(path, headers=header, environ_overrides=far).status_code,
            client.get(f"{path}?token=other", environ_overrides=far).status_code,
            client.get(path).status_code,
        ]
        box.ampcrowd_client().purge_tasks("internal")

        assert statuses == [200, 200, 403, 403]
        assert "t0ken" not in repr(box.ampcrowd.access)


def test_without_loopback_no_callback_goes_to_this_machine() -> None:
    with (
        Sandbox(ampcrowd=AccessPolicy(token="t0ken", loopback=False)) as box,
        session_for(box.app) as session,
    ):

        def call(verb: str, path: str, **settings: Any) -> Response:
            header = {"Authorization": "Token token=t0ken"}
            return session.request(verb, f"{ORIGIN}{path}", headers=header, **settings)

        create(call, content={"t1": "text"}, configuration__num_assignments=1)
        answer(call, "ann")

        (delivery,) = box.ampcrowd.deliver()

        assert delivery.problem == "127.0.0.1 resolves to 127.0.0.1, which is not a public address"
