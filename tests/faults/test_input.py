"""Invalid arguments are refused before any byte is sent."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from traceback import TracebackException
from typing import Any

import pytest
from catalogue import KEY
from server import Fault, Server, respond

from crowdflower.client import Client
from crowdflower.exceptions import ApiError, ConfigError, InvalidInput
from crowdflower.job import Job


@pytest.mark.row("U1")
@pytest.mark.parametrize("odd", [None, "", f"{KEY}\n", f"{KEY} ", f"{KEY}\0", f"{KEY}ü", 7])
def test_an_invalid_key_is_refused_and_not_shown(odd: Any) -> None:
    with pytest.raises(ConfigError) as caught:
        Client(odd)

    assert KEY not in str(caught.value)
    shown = TracebackException.from_exception(caught.value, capture_locals=True)
    assert "<Client without address>" in "".join(shown.format())


@pytest.mark.row("U2")
@pytest.mark.parametrize(
    "address",
    [
        "http://api.example.com/v1",
        f"https://{KEY}@api.example.com/v1",
        f"https://api.example.com/v1?key={KEY}",
        "ftp://api.example.com/v1",
        "api.example.com",
        KEY,
    ],
)
def test_an_insecure_address_is_refused_and_not_shown(address: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Client(KEY, address)

    assert KEY not in str(caught.value)
    shown = TracebackException.from_exception(caught.value, capture_locals=True)
    assert "<Client without address>" in "".join(shown.format())


WRONG: dict[str, tuple[str, Callable[[Client, Any], object], list[Any]]] = {
    "the id of a job": (
        "U3",
        lambda client, value: client.get_job(value),
        ["", ".", "..", -1, 0, True, 7.0, None, b"7"],
    ),
    "the id of a unit": (
        "U3",
        lambda client, value: client.get_unit(7, value),
        ["", "..", -1, True, 7.0, None],
    ),
    "a bonus": (
        "U4",
        lambda client, value: worker(client).bonus(value),
        [0, -5, 1.5, "100", True, float("nan"), Decimal("1.005"), 1e3, 10**12, 10**400, None],
    ),
    "a bonus above what is paid at a time": (
        "U6",
        lambda client, value: worker(client).bonus(value),
        [2001, 4500],
    ),
    "the reason of a bonus": (
        "U4",
        lambda client, value: worker(client).bonus(5, value),
        ["\ud800", b"bytes", 10**400],
    ),
    "the key of a bonus": (
        "U4",
        lambda client, value: worker(client).bonus(5, key=value),
        ["", "\ud800", 7],
    ),
    "the number of units to launch": (
        "U7",
        lambda client, value: Job(client, id=7).launch(value),
        [0, -1, "all", 1.0, True, 10**400],
    ),
    "the channels of a launch": (
        "U8",
        lambda client, value: Job(client, id=7).launch(5, value),
        [[], (), "on_demand", ["\ud800"]],
    ),
}


def worker(client: Client) -> Any:
    return Job(client, id=7).get_worker(5)


@pytest.mark.parametrize(
    ("call", "value"),
    [
        pytest.param(call, value, marks=pytest.mark.row(row), id=f"{name}: {value!r:.20}")
        for name, (row, call, values) in WRONG.items()
        for value in values
    ],
)
def test_an_invalid_argument_is_refused_and_nothing_is_sent(
    server: Server, client: Client, call: Callable[[Client, Any], object], value: Any
) -> None:
    with pytest.raises(InvalidInput):
        call(client, value)

    assert (server.connections, client.operations.pending()) == (0, [])


@pytest.mark.row("U5")
@pytest.mark.parametrize("amount", [5.0, "5", "$5", Decimal(5)])
def test_an_amount_that_may_be_in_dollars_is_refused_with_the_unit(
    client: Client, amount: Any
) -> None:
    with pytest.raises(InvalidInput, match=r"US cents.* 1\.50 dollars is 150"):
        worker(client).bonus(amount)


@pytest.mark.row("U3", "U15")
@pytest.mark.parametrize(
    "name", ["7/../8", "7?x=1", "7#x", "７", "%2e%2e", "a b", "Größe, süß", "x" * 10_000]
)
def test_a_name_is_quoted_into_one_path_segment_and_a_tag_into_one_value(
    server: Server, client: Client, name: str
) -> None:
    server.answer(lambda _: Fault(respond(b'{"id": 7}')))

    client.jobs[name].ping()
    client.add_job_tag(7, name)

    assert [request.line.count("/") for request in server.log] == [3, 3]
    assert "?" not in server.log[0].target
    assert server.log[1].body.count(b"=") == 1


def test_the_error_of_an_invalid_value_contains_the_value(client: Client) -> None:
    with pytest.raises(ApiError, match=r"units_count must be a positive integer, not 'all'"):
        Job(client, id=7).launch("all")  # type: ignore[arg-type]
