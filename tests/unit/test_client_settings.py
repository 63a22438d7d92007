"""Where a client reads its key and its address."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

import crowdflower
from crowdflower.client import Client
from crowdflower.exceptions import ConfigError

if TYPE_CHECKING:
    from conftest import Clock, SentRequest
    from responses import RequestsMock

APPEN = "https://api.appen.com/v1"
EUROPE = "https://api.eu.appen.com/v1"


@pytest.fixture(params=["Client()", "Client.from_env()"])
def account(request: pytest.FixtureRequest) -> Any:
    """Both ways to use the environment."""
    return {"Client()": Client, "Client.from_env()": Client.from_env}[request.param]


def sent_key(client: Client, api: RequestsMock, sent: list[SentRequest]) -> str:
    """Return the key in the requests of a client."""
    api.get(client.API_URL.format(path="jobs.json"), json=[])
    client.call("jobs.json")
    return sent[-1].headers["Authorization"].removeprefix("Token token=")


def test_the_default_address_is_that_of_the_service(
    api: RequestsMock, sent: list[SentRequest]
) -> None:
    client = Client("given")

    assert f"{APPEN}/{{path}}" == client.API_URL
    assert f"{APPEN}/{{path}}" == Client.API_URL
    assert sent_key(client, api, sent) == "given"


def test_key_and_address_default_to_the_environment(
    api: RequestsMock, sent: list[SentRequest], monkeypatch: pytest.MonkeyPatch, account: Any
) -> None:
    monkeypatch.setenv("CROWDFLOWER_API_KEY", "environment")
    monkeypatch.setenv("CROWDFLOWER_API_URL", f"{EUROPE}/")

    client = account()

    assert f"{EUROPE}/{{path}}" == client.API_URL
    assert sent_key(client, api, sent) == "environment"


def test_arguments_override_the_environment(
    api: RequestsMock, sent: list[SentRequest], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CROWDFLOWER_API_KEY", "environment")
    monkeypatch.setenv("CROWDFLOWER_API_URL", EUROPE)

    client = Client("given", base_url="http://localhost:8000/v1")

    assert client.API_URL == "http://localhost:8000/v1/{path}"
    assert sent_key(client, api, sent) == "given"


@pytest.mark.parametrize("key", [None, ""])
def test_a_missing_key_in_the_environment_is_an_error(
    monkeypatch: pytest.MonkeyPatch, account: Any, key: str | None
) -> None:
    if key is not None:
        monkeypatch.setenv("CROWDFLOWER_API_KEY", key)

    with pytest.raises(ConfigError, match="CROWDFLOWER_API_KEY"):
        account()


def test_an_address_in_the_environment_is_checked(
    monkeypatch: pytest.MonkeyPatch, account: Any
) -> None:
    monkeypatch.setenv("CROWDFLOWER_API_KEY", "environment")
    monkeypatch.setenv("CROWDFLOWER_API_URL", "http://api.appen.com/v1")

    with pytest.raises(ConfigError, match="https"):
        account()


def test_an_empty_key_does_not_fall_back_to_the_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("CROWDFLOWER_API_KEY", "environment")

    with pytest.raises(ConfigError):
        Client("")


@pytest.mark.parametrize("lookahead", [0, -1, 1.5, True, "8"])
def test_an_invalid_lookahead_is_refused(lookahead: Any) -> None:
    with pytest.raises(ConfigError, match="lookahead"):
        Client("given", lookahead=lookahead)


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("retries", [-1, 1.5, "3", True, None]),
        ("timeout", [0, -1, "5", True, float("nan"), float("inf"), 1e300]),
        ("timeout", [(), (1,), (1, 2, 3), (5, 0), [1, 2]]),
        ("deadline", [0, -1, "90", True, float("nan"), 10**400]),
    ],
)
def test_an_invalid_limit_is_refused(name: str, values: list[Any]) -> None:
    for value in values:
        with pytest.raises(ConfigError, match=f"^{name} must be "):
            Client("given", **{name: value})


def test_limits_are_optional_and_the_deadline_can_be_disabled() -> None:
    for limits in (
        {"retries": 0, "timeout": None, "deadline": None},
        {"timeout": (None, 5), "deadline": float("inf")},
        {"timeout": 2.5, "deadline": 7},
    ):
        Client("given", **limits).close()  # type: ignore[arg-type]


def test_an_address_that_is_not_a_string_is_refused() -> None:
    with pytest.raises(ConfigError, match="the base URL is not valid"):
        Client("a-key", 7)  # type: ignore[arg-type]


def test_the_package_exports_its_main_names() -> None:
    assert crowdflower.Client is Client
    assert issubclass(ConfigError, crowdflower.ApiError)
    assert issubclass(ConfigError, ValueError)


def test_waits_use_the_given_clock(api: RequestsMock, clock: Clock) -> None:
    client = Client("given", clock=clock)
    api.get(client.API_URL.format(path="jobs.json"), status=503, headers={"Retry-After": "7"})
    api.get(client.API_URL.format(path="jobs.json"), json=[])

    client.call("jobs.json")

    assert client.clock is clock
    assert clock.slept == [7]


def test_a_client_that_pays_nothing_loads_no_database() -> None:
    program = """if True:
        import sys
        from crowdflower import Client
        client = Client("a-key", "http://127.0.0.1:1/v1")
        assert "sqlite3" not in sys.modules
        assert client.operations.pending() == []
        assert "sqlite3" in sys.modules
    """

    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)  # noqa: S603 - our own


def test_threads_that_pay_first_share_one_journal() -> None:
    client = Client("given")

    with ThreadPoolExecutor(8) as threads:
        found = set(threads.map(lambda _: id(client.operations), range(64)))

    assert found == {id(client.operations)}


def test_a_spending_limit_is_checked_at_once() -> None:
    with pytest.raises(ConfigError, match="max_spend_cents"):
        Client("given", max_spend_cents=-1)
