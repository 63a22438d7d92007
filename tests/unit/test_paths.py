"""Paths by attribute and item."""

from __future__ import annotations

import copy
import pickle
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crowdflower.client import PathFactory
from crowdflower.exceptions import InvalidInput
from crowdflower.http.encoding import segment

if TYPE_CHECKING:
    from conftest import SentRequest
    from responses import RequestsMock

    from crowdflower.client import Client

API = "https://api.appen.com/v1"


@pytest.mark.parametrize(
    ("path", "line"),
    [
        (lambda client: client.jobs, "GET /jobs.json"),
        (lambda client: client.jobs[7], "GET /jobs/7.json"),
        (lambda client: client.jobs["7"], "GET /jobs/7.json"),
        (lambda client: client.jobs[7].units[8].judgments, "GET /jobs/7/units/8/judgments.json"),
        (lambda client: client.jobs[7]["units"].ping, "GET /jobs/7/units/ping.json"),
        (
            lambda client: client.jobs["spring reviews"].units,
            "GET /jobs/spring%20reviews/units.json",
        ),
        (lambda client: client.jobs[7].copy, "GET /jobs/7/copy.json"),
        (lambda client: PathFactory(client).account, "GET /account.json"),
        (lambda client: PathFactory(client, ("users",)).teams, "GET /users/teams.json"),
    ],
)
def test_a_path_is_built_by_attribute_and_item_and_can_be_called(
    api: RequestsMock, client: Client, sent: list[SentRequest], path: Any, line: str
) -> None:
    api.get(f"{API}{line.removeprefix('GET ')}", json={"done": True})

    answer = path(client)()

    assert answer == {"done": True}
    assert sent[0].line == line


def test_a_call_of_a_path_takes_the_arguments_of_call(
    api: RequestsMock, client: Client, sent: list[SentRequest]
) -> None:
    api.put(f"{API}/jobs/7.json", json={"id": 7})

    client.jobs[7]({"job": {"title": "x"}}, query={"team_id": "9"}, method="put")

    assert sent[0].line == "PUT /jobs/7.json?team_id=9"
    assert sent[0].form == [("job[title]", "x")]


@pytest.mark.parametrize(
    ("suffix", "line"), [(None, "/jobs/7/channels"), (".csv", "/jobs/7/channels.csv")]
)
def test_the_suffix_can_be_changed_or_left_off(
    api: RequestsMock, client: Client, sent: list[SentRequest], suffix: str | None, line: str
) -> None:
    api.get(f"{API}{line}", json={})

    client.jobs[7].channels(_suffix=suffix)

    assert sent[0].line == f"GET {line}"


def test_a_raw_response_can_be_requested(api: RequestsMock, client: Client) -> None:
    api.post(f"{API}/jobs/7/regenerate.json", body="OK")

    response = client.jobs[7].regenerate(method="post", as_json=False)

    assert response.text == "OK"


def test_a_path_is_paged(api: RequestsMock, client: Client, sent: list[SentRequest]) -> None:
    api.get(f"{API}/jobs/7/units.json", json={})

    pages = list(client.jobs[7].units.pages(page=3, limit=5))

    assert pages == []
    assert sent[0].line == "GET /jobs/7/units.json?page=3&limit=5"


@pytest.mark.parametrize(("name", "size"), [("units", 1000), ("judgments", 100)])
def test_a_path_is_paged_with_the_maximum_page_size(
    api: RequestsMock, client: Client, sent: list[SentRequest], name: str, size: int
) -> None:
    api.get(f"{API}/jobs/7/{name}.json", json={})

    list(client.jobs[7][name].pages())

    assert sent[0].line == f"GET /jobs/7/{name}.json?page=1&limit={size}"


def test_a_path_without_suffix_is_paged(
    api: RequestsMock, client: Client, sent: list[SentRequest]
) -> None:
    api.get(f"{API}/jobs/7/tags", json=[])

    list(client.jobs[7].tags.pages(_suffix=None))

    assert sent[0].line == "GET /jobs/7/tags?page=1&limit=100"


def test_a_path_can_be_stored_and_extended(client: Client) -> None:
    job = client.jobs[7]

    assert repr(job.units) == "<PathFactory jobs/7/units>"
    assert repr(job.judgments) == "<PathFactory jobs/7/judgments>"
    assert repr(job) == "<PathFactory jobs/7>"


# Names that are probed


@pytest.mark.parametrize("name", ["_repr_html_", "__deepcopy__", "_ipython_display_", "_x"])
def test_names_with_a_leading_underscore_are_not_paths(client: Client, name: str) -> None:
    with pytest.raises(AttributeError, match=name):
        getattr(client.jobs, name)


def test_a_path_can_be_copied(client: Client) -> None:
    path = copy.copy(client.jobs[7].units)

    assert repr(path) == "<PathFactory jobs/7/units>"


def test_a_path_cannot_be_pickled(client: Client) -> None:
    with pytest.raises(TypeError, match="create a new Client"):
        pickle.dumps(client.jobs[7])


def test_inspecting_a_path_sends_nothing(client: Client, sent: list[SentRequest]) -> None:
    hasattr(client.jobs, "_repr_html_")
    repr(client.jobs[7].units)
    dir(client.jobs)

    assert sent == []


# Segments


@given(st.text(min_size=1).filter(lambda name: name not in {".", ".."}))
def test_a_name_is_quoted_into_one_segment(name: str) -> None:
    quoted = segment(name)

    assert not set(quoted) & set("/?#[]@ \\")
    assert quoted.isascii()
    assert unquote(quoted) == name


@given(st.integers(min_value=1))
def test_an_id_is_written_in_digits(number: int) -> None:
    assert segment(number) == str(number)


@pytest.mark.parametrize(
    "bad", [0, -7, True, False, None, 7.0, b"7", "", ".", "..", "\ud800", [7]], ids=repr
)
def test_a_segment_that_is_neither_id_nor_name_is_refused(client: Client, bad: Any) -> None:
    with pytest.raises(InvalidInput, match="is not an id"):
        client.jobs[bad]


@pytest.mark.parametrize("name", ["7/../8", "7?key=x", "7#x", "../jobs/8", "%2e%2e", "７"])
def test_no_name_can_change_the_path(
    api: RequestsMock, client: Client, sent: list[SentRequest], name: str
) -> None:
    api.get(f"{API}/jobs/{segment(name)}.json", json={"id": 7})

    client.jobs[name]()

    path = sent[0].line.removeprefix("GET /jobs/").removesuffix(".json")
    assert unquote(path) == name
    assert "/" not in path
