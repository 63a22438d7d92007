"""The inbox: valid callbacks are stored, others refused, waiting callers notified."""

from __future__ import annotations

import io
import json
import socket
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from threading import Thread
from typing import Any
from urllib.parse import urlencode
from wsgiref.util import setup_testing_defaults

import pytest
import requests

from crowdflower.ampcrowd import AMPCrowdClient, Answer, GroupIncomplete, Inbox
from crowdflower.ampcrowd.inbox import MAX_BODY, MAX_UNKNOWN_ANSWERS, MAX_UNKNOWN_NAME
from crowdflower.exceptions import ApiError, InvalidInput

URL = "https://me.example.com/answers"


@pytest.fixture
def inbox() -> Inbox:
    inbox = Inbox(URL)
    inbox.expect("tweets", "sa", ["t1", "t2", "t3"])
    return inbox


def batch(group_id: str = "tweets", **values: Any) -> dict[str, Any]:
    answers = [{"identifier": name, "value": value} for name, value in values.items()]
    return {
        "group_id": group_id,
        "group_start_time": "2015-07-10T18:22:05.123456+00:00",
        "answers": answers,
    }


def post(inbox: Inbox, body: bytes, **environ: Any) -> tuple[str, str]:
    """Call the WSGI application; return status and text."""
    given = {"REQUEST_METHOD": "POST", "CONTENT_LENGTH": str(len(body)), **environ}
    setup_testing_defaults(given)
    given["wsgi.input"] = io.BytesIO(body)
    started: list[str] = []
    text = b"".join(inbox(given, lambda status, _, __=None: started.append(status) or print))
    return started[0], text.decode()


def form(data: object) -> bytes:
    return urlencode({"data": json.dumps(data)}).encode()


def test_answers_have_the_type_of_their_group(inbox: Inbox) -> None:
    inbox.expect("pairs", "er", ["p1"])

    statuses = [
        post(inbox, form(data))[0] for data in (batch(t1=1.0, t2=3.0), batch("pairs", p1=0.0))
    ]

    assert statuses == ["200 OK", "200 OK"]
    assert inbox.group("tweets").answers == {"t1": 1, "t2": 3}
    assert inbox.group("pairs").answers == {"p1": False}
    started_at = inbox.group("tweets").started_at
    assert started_at is not None
    assert started_at.isoformat() == "2015-07-10T18:22:05.123456+00:00"


def test_a_callback_may_lack_the_start_time(inbox: Inbox) -> None:
    data = batch(t1=1)
    del data["group_start_time"]

    assert post(inbox, form(data))[0] == "200 OK"

    assert inbox.group("tweets").started_at is None


def test_a_repeated_batch_changes_nothing(inbox: Inbox) -> None:
    post(inbox, form(batch(t1=1.0, t2=3.0)))

    again = post(inbox, form(batch(t1=1.0, t2=4.0)))

    assert again[0] == "200 OK"
    assert inbox.group("tweets").answers == {"t1": 1, "t2": 3}
    assert inbox.duplicates == 2


def test_answers_of_an_unknown_group_are_kept_until_it_is_announced(inbox: Inbox) -> None:
    status, _ = post(inbox, form(batch("later", x=5.0)))
    assert status == "200 OK"
    assert inbox.unknown == {"later": {"x": 5.0}}

    inbox.expect("later", "sa", ["x"])

    assert inbox.unknown == {}
    assert inbox.wait("later", timeout=0).answers == {"x": 5}


def test_an_invalid_answer_that_arrived_before_its_group_is_dropped(inbox: Inbox) -> None:
    post(inbox, form(batch("later", x=5.0, y=1.0)))

    inbox.expect("later", "er", ["x", "y"])

    assert inbox.group("later").answers == {"y": True}


def test_the_number_of_answers_to_unknown_groups_is_limited(inbox: Inbox) -> None:
    many = {f"x{number}": 1.0 for number in range(MAX_UNKNOWN_ANSWERS)}
    assert post(inbox, form(batch("one", **many)))[0] == "200 OK"

    status, _ = post(inbox, form(batch("two", x=1.0)))

    assert status == "503 Service Unavailable"


def test_the_ids_of_unknown_groups_are_limited(inbox: Inbox) -> None:
    longest = "x" * MAX_UNKNOWN_NAME
    said = [
        post(inbox, form(data))[0]
        for data in (
            batch("empty"),
            batch(longest, x=1.0),
            batch(f"{longest}x", x=1.0),
            batch("two", **{f"{longest}x": 1.0}),
        )
    ]

    assert said == ["200 OK", "200 OK", "400 Bad Request", "400 Bad Request"]
    assert [*inbox.unknown] == [longest]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"data=",
        b"data={",
        b"data=%ff",
        b"\xff\xfe",
        b"data=[]",
        b"data=NaN",
        b"data={}&data={}",
        b"data=" + b"[" * 100_000,
        form(batch(t1="3")),
        form(batch(t1=7.0)),
        form(batch(nobody=1.0)),
        form({"group_id": 7, "answers": []}),
        form({"group_id": "tweets"}),
        form({"group_id": "tweets", "answers": {"t1": 1}}),
        form({"group_id": "tweets", "answers": ["t1"]}),
        form({"group_id": "tweets", "answers": [{"identifier": "t1"}]}),
    ],
)
def test_an_invalid_body_is_answered_400(inbox: Inbox, body: bytes) -> None:
    status, _ = post(inbox, body)

    assert status == "400 Bad Request"
    assert inbox.group("tweets").answers == {}


def test_a_batch_with_an_invalid_answer_is_refused_as_a_whole(inbox: Inbox) -> None:
    status, said = post(inbox, form(batch(t1=1.0, t2=9.0)))

    assert status == "400 Bad Request"
    assert "a value of type sa" in said
    assert inbox.group("tweets").answers == {}


@pytest.mark.parametrize(
    ("environ", "status"),
    [
        ({"REQUEST_METHOD": "GET"}, "405 Method Not Allowed"),
        ({"CONTENT_LENGTH": ""}, "411 Length Required"),
        ({"CONTENT_LENGTH": "-1"}, "411 Length Required"),
        ({"CONTENT_LENGTH": "9999"}, "400 Bad Request"),
        ({"CONTENT_LENGTH": str(MAX_BODY + 1)}, "413 Content Too Large"),
    ],
)
def test_a_request_that_is_not_a_callback_is_refused(
    inbox: Inbox, environ: dict[str, str], status: str
) -> None:
    assert post(inbox, form(batch(t1=1.0)), **environ)[0] == status


def test_a_wait_that_times_out_has_the_answers_so_far(inbox: Inbox) -> None:
    post(inbox, form(batch(t1=1.0)))

    with pytest.raises(GroupIncomplete) as caught:
        inbox.wait("tweets", timeout=0)

    assert isinstance(caught.value, ApiError)
    assert isinstance(caught.value, TimeoutError)
    assert caught.value.group.missing == ("t2", "t3")
    assert "1 of 3 points" in str(caught.value)


def test_waiting_returns_after_the_last_batch(inbox: Inbox) -> None:
    post(inbox, form(batch(t1=1.0, t2=2.0)))
    late = Thread(target=post, args=(inbox, form(batch(t3=3.0))))

    late.start()
    group = inbox.wait("tweets", timeout=60)
    late.join()

    assert group.is_complete
    assert group.answers == {"t1": 1, "t2": 2, "t3": 3}


def test_answers_can_be_iterated_as_they_arrive_and_again(inbox: Inbox) -> None:
    post(inbox, form(batch(t1=1.0, t2=2.0)))
    late = Thread(target=post, args=(inbox, form(batch(t3=3.0))))
    iterator = iter(inbox)

    seen = [next(iterator), next(iterator)]
    late.start()
    seen += iterator
    late.join()

    assert seen == [Answer("tweets", "t1", 1), Answer("tweets", "t2", 2), Answer("tweets", "t3", 3)]
    assert list(inbox) == seen


def test_iteration_times_out(inbox: Inbox) -> None:
    post(inbox, form(batch(t1=1.0)))

    iterator = inbox.answers(timeout=0)

    assert next(iterator) == Answer("tweets", "t1", 1)
    with pytest.raises(TimeoutError, match="1 arrived before"):
        next(iterator)


class CountedString(str):
    """A string that counts comparisons and hashes."""

    __slots__ = ()
    times = 0

    def __eq__(self, other: object) -> bool:
        CountedString.times += 1
        return str.__eq__(self, other)

    def __hash__(self) -> int:
        CountedString.times += 1
        return str.__hash__(self)


def test_storing_a_batch_takes_the_same_time_in_a_large_group(inbox: Inbox) -> None:
    counts = []
    for size in (10, 1000):
        inbox.expect(f"of {size}", "sa", [CountedString(f"t{number}") for number in range(size)])
        before = CountedString.times
        inbox.receive(batch(f"of {size}", **{f"t{size - 1}": 3.0}))
        counts.append(CountedString.times - before)

    assert counts[0] == counts[1]


def test_a_group_is_a_snapshot(inbox: Inbox) -> None:
    before = inbox.group("tweets")

    post(inbox, form(batch(t1=1.0)))

    assert before.answers == {}
    assert before.started_at is None
    assert inbox.groups["tweets"].answers == {"t1": 1}


def test_closing_wakes_waiting_callers(inbox: Inbox) -> None:
    post(inbox, form(batch(t1=1.0)))

    inbox.close()

    assert list(inbox) == [Answer("tweets", "t1", 1)]
    with pytest.raises(GroupIncomplete, match="before the inbox was closed"):
        inbox.wait("tweets")


def test_waiting_for_an_unknown_group_is_an_error(inbox: Inbox) -> None:
    with pytest.raises(InvalidInput, match="does not know the group 'places'"):
        inbox.wait("places", timeout=0)


def test_a_served_inbox_answers_404_at_other_paths() -> None:
    with AMPCrowdClient("http://localhost:8000") as client, client.callbacks() as inbox:
        inbox.expect("tweets", "sa", ["t1"])
        body = {"data": json.dumps(batch(t1=4.0))}

        elsewhere = requests.post(inbox.url.rpartition("/")[0], body, timeout=60)
        here = requests.post(inbox.url, body, timeout=60)

        assert (elsewhere.status_code, here.status_code) == (404, 200)
        assert inbox.wait("tweets", timeout=60).answers == {"t1": 4}


def test_many_concurrent_callbacks_are_all_stored() -> None:
    names = [f"t{number}" for number in range(200)]
    with AMPCrowdClient("http://localhost:8000") as client, client.callbacks() as inbox:
        inbox.expect("tweets", "sa", names)
        bodies = [{"data": json.dumps(batch(**{name: 4.0}))} for name in names]

        with ThreadPoolExecutor(len(names)) as pool:
            statuses = pool.map(
                lambda body: requests.post(inbox.url, body, timeout=60).status_code, bodies
            )

        assert {*statuses} == {200}
        assert inbox.group("tweets").is_complete


def test_a_stalled_connection_does_not_block_others() -> None:
    with AMPCrowdClient("http://localhost:8000") as client, client.callbacks() as inbox:
        inbox.expect("tweets", "sa", ["t1"])
        port = int(inbox.url.split(":")[2].partition("/")[0])
        with socket.create_connection(("127.0.0.1", port), 60) as silent:
            silent.sendall(b"POST ")

            answer = requests.post(inbox.url, {"data": json.dumps(batch(t1=4.0))}, timeout=60)

        assert answer.status_code == 200


def has_ipv6() -> bool:
    with suppress(OSError), socket.socket(socket.AF_INET6) as tried:
        tried.bind(("::1", 0))
        return True
    return False


@pytest.mark.skipif(not has_ipv6(), reason="this machine has no IPv6")
def test_an_inbox_can_listen_on_ipv6() -> None:
    with (
        AMPCrowdClient("http://localhost:8000") as client,
        client.callbacks(host="::1") as inbox,
    ):
        assert inbox.url.startswith("http://[::1]:")
        assert requests.post(inbox.url, {"data": json.dumps(batch(t1=4.0))}, timeout=60).ok
        assert inbox.unknown == {"tweets": {"t1": 4.0}}


@pytest.mark.parametrize(
    "where",
    [{"host": "0.0.0.0"}, {"host": "::"}, {"host": ""}, {"address": "me.example.com:9000"}],  # noqa: S104
)
def test_an_unreachable_address_is_refused(where: dict[str, str]) -> None:
    with (
        AMPCrowdClient("http://localhost:8000") as client,
        pytest.raises(InvalidInput, match="address"),
        client.callbacks(**where),  # type: ignore[arg-type]
    ):
        pass


@pytest.mark.parametrize("port", [-1, 65_536, 99_999, "http"])
def test_an_invalid_port_is_refused(port: Any) -> None:
    with (
        AMPCrowdClient("http://localhost:8000") as client,
        pytest.raises(InvalidInput, match="port must be an integer"),
        client.callbacks(port=port),
    ):
        pass


def test_behind_a_proxy_the_url_has_the_address_of_the_proxy() -> None:
    with (
        AMPCrowdClient("http://localhost:8000") as client,
        client.callbacks(address="https://me.example.com/") as inbox,
    ):
        assert inbox.url.startswith("https://me.example.com/")
        assert len(inbox.url) > len("https://me.example.com/") + 20
