"""Errors of a call: their tree, and the attributes that handlers need."""

from __future__ import annotations

import copy
import inspect
import pickle
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import TYPE_CHECKING, Any

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st

from crowdflower import exceptions
from crowdflower.exceptions import ApiError, InvalidInput, PageLoop, RateLimited, refusal_class

if TYPE_CHECKING:
    from responses import RequestsMock

    from crowdflower.client import Client

API = "https://api.appen.com/v1"
TREE = [
    kind
    for _, kind in inspect.getmembers(exceptions, inspect.isclass)
    if issubclass(kind, ApiError)
]


def make_error(kind: type[ApiError]) -> ApiError:
    """Create an error with a message and the other arguments of its class."""
    needed = {
        each.name: "something"
        for each in inspect.signature(kind).parameters.values()
        if each.kind is each.KEYWORD_ONLY and each.default is each.empty
    }
    return kind("what went wrong", **needed)


@pytest.mark.parametrize("kind", TREE)
def test_every_error_needs_only_a_message(
    kind: type[ApiError],
) -> None:
    error = make_error(kind)

    assert str(error) == "what went wrong"
    assert error.args == ("what went wrong",)
    assert error.request is None
    assert error.response is None


@pytest.mark.parametrize("kind", TREE)
@pytest.mark.parametrize("travel", [copy.copy, lambda error: pickle.loads(pickle.dumps(error))])  # noqa: S301
def test_every_error_can_be_copied_and_pickled(kind: type[ApiError], travel: Any) -> None:
    error = make_error(kind)
    error.note = "mine"  # type: ignore[attr-defined]

    revived = travel(error)

    assert type(revived) is kind
    assert str(revived) == "what went wrong"
    assert vars(revived) == vars(error)


@pytest.mark.parametrize("kind", TREE)
def test_every_error_is_in_the_tree_of_the_docstring(kind: type[ApiError]) -> None:
    assert kind.__name__ in (exceptions.__doc__ or "")


@pytest.mark.parametrize(
    ("kind", "python_kind"),
    [
        ("ConfigError", ValueError),
        ("InvalidInput", ValueError),
        ("NotSentError", ConnectionError),
        ("ConnectionLost", ConnectionError),
        ("RequestTimeout", TimeoutError),
        ("ReportNotReady", TimeoutError),
    ],
)
def test_errors_inherit_from_pythons_own_errors(kind: str, python_kind: type) -> None:
    assert issubclass(getattr(exceptions, kind), python_kind)


@pytest.mark.parametrize("status", range(400, 600))
def test_every_error_status_has_a_class(status: int) -> None:
    kind = refusal_class(status)

    assert issubclass(kind, exceptions.RefusedError)
    assert issubclass(kind, exceptions.ServerError) == (status >= 500)


def test_row_and_page_are_attributes() -> None:
    assert InvalidInput("row 3 is bad", row=3).row == 3
    assert InvalidInput("no rows").row is None
    assert PageLoop("again", page=2).page == 2


# Retry-After


def rate_limited(said: str | None) -> RateLimited:
    response = requests.Response()
    response.status_code = 429
    if said is not None:
        response.headers["Retry-After"] = said
    return RateLimited("too many", response=response)


@pytest.mark.parametrize(
    ("said", "seconds"),
    [
        ("3", 3),
        (" 3 ", 3),
        ("1.5", 1.5),
        ("0", 0),
        ("", None),
        ("abc", None),
        ("-5", None),
        ("9e9", None),
        ("1.2.3", None),
        (".", None),
        ("5, 10", None),
        ("\u0663", None),
        ("Wed, 24 Jun 2015 12:50:00 GMT", 0),
        ("Wed, 24 Jun 2015 12:50:00 -0000", 0),
        ("Wed, 24 Jun 2015 12:50:00", 0),
        ("Wed, 99 Jun 2015 12:50:00 GMT", None),
        (None, None),
    ],
)
def test_retry_after_is_parsed_or_none(said: str | None, seconds: float | None) -> None:
    assert rate_limited(said).retry_after == seconds


def test_retry_after_may_be_a_future_date() -> None:
    until = datetime.now(UTC) + timedelta(seconds=90)

    wait = rate_limited(format_datetime(until, usegmt=True)).retry_after

    assert wait is not None
    assert 80 < wait <= 90


@given(st.text())
def test_any_retry_after_is_none_or_at_least_zero(said: str) -> None:
    wait = rate_limited(said).retry_after

    assert wait is None or wait >= 0


def test_without_a_response_retry_after_and_status_are_none() -> None:
    assert RateLimited("too many").retry_after is None
    assert RateLimited("too many").status is None


def test_a_refusal_has_its_status(api: RequestsMock, client: Client) -> None:
    api.get(f"{API}/jobs/7.json", status=404)

    with pytest.raises(exceptions.RefusedError) as caught:
        client.get_job(7)

    assert caught.value.status == 404
