"""AMPCrowdClient: what it sends, and how it reads responses."""

from __future__ import annotations

import json
from collections.abc import Iterator
from threading import Thread
from typing import TYPE_CHECKING, Any

import pytest
import requests

from crowdflower.ampcrowd import AMPCrowdClient, Inbox, Pair, Text
from crowdflower.exceptions import (
    ApiError,
    ApplicationError,
    ConfigError,
    InvalidInput,
    NotFound,
    NotSentError,
    OutcomeUnknown,
    UnexpectedContentType,
)

if TYPE_CHECKING:
    from conftest import Clock, SentRequest
    from responses import RequestsMock

SERVER = "http://ampcrowd.example.com:8000"
TASKS = f"{SERVER}/crowds/internal/tasks/"
PURGE = f"{SERVER}/crowds/internal/purge_tasks/"
FINISH = f"{SERVER}/crowds/amt/retainer/finish"
ANSWERS = "http://me.example.com/answers"


@pytest.fixture
def ampcrowd(api: RequestsMock, clock: Clock) -> Iterator[AMPCrowdClient]:
    with AMPCrowdClient(SERVER) as client:
        client._clock = clock
        yield client


@pytest.fixture
def inbox(ampcrowd: AMPCrowdClient) -> Inbox:
    return ampcrowd.inbox(ANSWERS)


def create(client: AMPCrowdClient, **changed: Any) -> None:
    settings: dict[str, Any] = {"task_type": "sa", "callback_url": ANSWERS, **changed}
    client.create_tasks("internal", "GroupId1", {"t1": "first", "t2": Text("second")}, **settings)


def test_a_group_is_sent_as_documented(
    api: RequestsMock, ampcrowd: AMPCrowdClient, sent: list[SentRequest]
) -> None:
    api.post(TASKS, '{"status": "ok"}', content_type="text/html")

    create(ampcrowd, batch_size=2)

    (request,) = sent
    assert "Authorization" not in request.headers
    ((name, text),) = request.form
    assert (request.line, name) == ("POST /crowds/internal/tasks/", "data")
    assert json.loads(text) == {
        "configuration": {
            "task_type": "sa",
            "task_batch_size": 2,
            "num_assignments": 1,
            "callback_url": ANSWERS,
            "internal": {},
        },
        "group_id": "GroupId1",
        "group_context": {},
        "content": {"t1": "first", "t2": "second"},
    }


def test_crowd_options_context_and_quality_control_are_sent(
    api: RequestsMock, ampcrowd: AMPCrowdClient, sent: list[SentRequest]
) -> None:
    api.post(f"{SERVER}/crowds/amt/tasks/", '{"status": "ok"}')

    ampcrowd.create_tasks(
        "amt",
        "pairs",
        {"p1": Pair(["5", "LA"], ["6", "Berkeley"])},
        task_type="er",
        context={"fields": ["price", "location"]},
        assignments=3,
        callback_url=ANSWERS,
        crowd_options={"sandbox": True},
        quality_control="em",
    )

    data = json.loads(sent[0].form[0][1])
    assert data["configuration"]["amt"] == {"sandbox": True}
    assert data["configuration"]["num_assignments"] == 3
    assert data["configuration"]["quality_control"] == "em"
    assert data["group_context"] == {"fields": ["price", "location"]}


@pytest.mark.parametrize(
    "reason",
    [
        "Invalid request data.",
        "Group id GroupId1 is already in use.",
        "Crowd does not support retainer pools.",
        "Pool id p1 already in use",
        "Pool p1 does not exist",
    ],
)
def test_the_status_wrong_raises_the_reason(
    api: RequestsMock, ampcrowd: AMPCrowdClient, inbox: Inbox, reason: str
) -> None:
    api.post(TASKS, json={"status": "wrong", "reason": reason})

    with pytest.raises(ApplicationError) as caught:
        create(ampcrowd)

    assert str(caught.value) == f"POST /crowds/internal/tasks/: {reason}"
    assert inbox.groups == {}


def test_the_status_wrong_may_lack_a_reason(api: RequestsMock, ampcrowd: AMPCrowdClient) -> None:
    api.post(TASKS, '{"status": "wrong"}')

    with pytest.raises(ApplicationError, match="the server gives no reason"):
        create(ampcrowd)


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (500, "<h1>Server Error (500)</h1>"),
        (200, "<h1>Log in</h1>"),
        (200, '{"status": "maybe"}'),
        (200, "[]"),
        (200, ""),
    ],
)
def test_after_an_unclear_response_the_outcome_is_unknown(
    api: RequestsMock, ampcrowd: AMPCrowdClient, inbox: Inbox, status: int, body: str
) -> None:
    api.post(TASKS, body, status=status)

    with pytest.raises(OutcomeUnknown):
        create(ampcrowd)

    assert [*inbox.groups] == ["GroupId1"]
    assert len(api.calls) == 1


def test_a_group_that_was_not_sent_is_not_expected(
    api: RequestsMock, ampcrowd: AMPCrowdClient, inbox: Inbox
) -> None:
    refused = requests.ConnectionError(requests.ConnectTimeout())
    api.post(TASKS, body=requests.ConnectTimeout(refused))

    with pytest.raises(NotSentError):
        create(ampcrowd)

    assert inbox.groups == {}


def test_a_group_id_in_use_does_not_forget_the_first_group(
    api: RequestsMock, ampcrowd: AMPCrowdClient, inbox: Inbox
) -> None:
    api.post(TASKS, json={"status": "ok"})
    api.post(TASKS, json={"status": "wrong", "reason": "Group id GroupId1 is already in use."})
    create(ampcrowd)

    with pytest.raises(ApplicationError):
        create(ampcrowd)

    assert inbox.group("GroupId1").missing == ("t1", "t2")


def test_only_the_inbox_at_the_callback_url_expects_the_group(
    api: RequestsMock, ampcrowd: AMPCrowdClient, inbox: Inbox
) -> None:
    other = ampcrowd.inbox("http://me.example.com/elsewhere")
    api.post(TASKS, json={"status": "ok"})

    create(ampcrowd)

    assert ([*inbox.groups], [*other.groups]) == (["GroupId1"], [])


def test_inboxes_can_be_created_concurrently_with_groups(
    api: RequestsMock, ampcrowd: AMPCrowdClient
) -> None:
    class Address(str):
        """A string whose comparison lets another thread run."""

        __slots__ = ()
        __hash__ = str.__hash__

        def __eq__(self, other: object) -> bool:
            if other_thread.ident is None:
                other_thread.start()
                other_thread.join(0.2)  # enough, unless the thread waits for the lock
            return str.__eq__(self, other)

    api.post(TASKS, json={"status": "ok"})
    inboxes = [ampcrowd.inbox(Address(f"{ANSWERS}{end}")) for end in ("", "/1", "/2")]
    other_thread = Thread(target=lambda: inboxes.append(ampcrowd.inbox(f"{ANSWERS}/3")))

    create(ampcrowd)
    other_thread.join()

    assert [len(inbox.groups) for inbox in inboxes] == [1, 0, 0, 0]


@pytest.mark.parametrize(
    "changed",
    [
        {"batch_size": 0},
        {"batch_size": "2"},
        {"assignments": True},
        {"task_type": "xx"},
        {"task_type": ["sa"]},
        {"context": ["fields"]},
        {"context": {"instruction": 5}},
        {"crowd_options": [1]},
        {"callback_url": None},
        {"callback_url": ""},
        {"callback_url": "me.example.com:9000/answers"},
        {"callback_url": "ftp://me.example.com/answers"},
        {"callback_url": "http://[me/answers"},
        {"quality_control": "best"},
        {"quality_control": ["em"]},
    ],
)
def test_invalid_arguments_are_not_sent(
    api: RequestsMock, ampcrowd: AMPCrowdClient, changed: dict[str, Any]
) -> None:
    with pytest.raises(InvalidInput):
        create(ampcrowd, **changed)

    assert not api.calls


@pytest.mark.parametrize("body", ["", "ok", "ok\n", '{"status": "ok"}'])
def test_purge_accepts_the_responses_of_all_servers(
    api: RequestsMock, ampcrowd: AMPCrowdClient, body: str
) -> None:
    purge = api.get(PURGE, body, content_type="text/html")

    ampcrowd.purge_tasks("internal")

    assert purge.call_count == 1


@pytest.mark.parametrize(
    ("body", "error"),
    [("<h1>Log in</h1>", UnexpectedContentType), ('{"status": "wrong"}', ApplicationError)],
)
def test_purge_refuses_other_responses(
    api: RequestsMock, ampcrowd: AMPCrowdClient, body: str, error: type[ApiError]
) -> None:
    api.get(PURGE, body)

    with pytest.raises(error):
        ampcrowd.purge_tasks("internal")


def test_a_pool_is_finished_by_its_id(
    api: RequestsMock, ampcrowd: AMPCrowdClient, sent: list[SentRequest]
) -> None:
    api.post(FINISH, json={"status": "ok"})

    ampcrowd.finish_retainer_pool("amt", "p1")

    assert sent[0].form == [("pool_id", "p1")]


def test_an_unknown_pool_is_an_error(api: RequestsMock, ampcrowd: AMPCrowdClient) -> None:
    api.post(FINISH, json={"error": "Invalid pool id"})

    with pytest.raises(ApplicationError, match="Invalid pool id"):
        ampcrowd.finish_retainer_pool("amt", "p1")


def test_an_http_error_raises(api: RequestsMock, ampcrowd: AMPCrowdClient) -> None:
    api.get(PURGE, status=404)

    with pytest.raises(NotFound):
        ampcrowd.purge_tasks("internal")


@pytest.mark.parametrize("crowd", ["", "..", None])
def test_an_invalid_crowd_is_refused(ampcrowd: AMPCrowdClient, crowd: Any) -> None:
    with pytest.raises(InvalidInput):
        ampcrowd.purge_tasks(crowd)


def test_the_token_is_in_the_header_and_not_in_errors(
    api: RequestsMock, sent: list[SentRequest]
) -> None:
    api.get("https://ampcrowd.example.com/crowds/internal/purge_tasks/", status=403)

    with (
        AMPCrowdClient("https://ampcrowd.example.com", token="t0ken-0123") as client,
        pytest.raises(ApiError) as caught,
    ):
        client.purge_tasks("internal")

    assert sent[0].headers["Authorization"] == "Token token=t0ken-0123"
    assert caught.value.request is not None
    assert "t0ken-0123" not in f"{caught.value!r}{caught.value.request.headers}"


def test_a_token_is_not_sent_over_plain_http_to_another_machine() -> None:
    with pytest.raises(ConfigError, match="plain http"):
        AMPCrowdClient(SERVER, token="t0ken-0123")


def test_allow_insecure_sends_the_token_over_plain_http(
    api: RequestsMock, sent: list[SentRequest]
) -> None:
    api.get(PURGE, "ok")

    with AMPCrowdClient(SERVER, token="t0ken-0123", allow_insecure=True) as client:
        client.purge_tasks("internal")

    assert sent[0].headers["Authorization"] == "Token token=t0ken-0123"


def test_an_empty_token_is_an_error_about_the_token() -> None:
    with pytest.raises(ConfigError, match="the token is empty"):
        AMPCrowdClient(SERVER, token="")
