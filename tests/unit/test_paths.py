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
    from conftest import Sent
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
def test_a_path_is_built_by_attribute_and_item_and_calling_it_calls(
    api: RequestsMock, client: Client, sent: list[Sent], path: Any, line: str
) -> None:
    api.get(f"{API}{line.removeprefix('GET ')}", json={"done": True})

    answer = path(client)()

    assert answer == {"done": True}
    assert sent[0].line == line


def test_a_call_of_a_path_takes_what_a_call_takes(
    api: RequestsMock, client: Client, sent: list[Sent]
) -> None:
    api.put(f"{API}/jobs/7.json", json={"id": 7})

    client.jobs[7]({"job": {"title": "x"}}, query={"team_id": "9"}, method="put")

    assert sent[0].line == "PUT /jobs/7.json?team_id=9"
    assert sent[0].form == [("job[title]", "x")]


@pytest.mark.parametrize(
    ("suffix", "line"), [(None, "/jobs/7/channels"), (".csv", "/jobs/7/channels.csv")]
)
def test_the_suffix_may_be_another_or_none(
    api: RequestsMock, client: Client, sent: list[Sent], suffix: str | None, line: str
) -> None:
    api.get(f"{API}{line}", json={})

    client.jobs[7].channels(_suffix=suffix)

    assert sent[0].line == f"GET {line}"


def test_a_raw_answer_is_to_be_had(api: RequestsMock, client: Client) -> None:
    api.post(f"{API}/jobs/7/regenerate.json", body="OK")

    response = client.jobs[7].regenerate(method="post", as_json=False)

    assert response.text == "OK"


def test_a_path_is_paged(api: RequestsMock, client: Client, sent: list[Sent]) -> None:
    api.get(f"{API}/jobs/7/units.json", json={})

    pages = list(client.jobs[7].units.pages(page=3, limit=5))

    assert pages == []
    assert sent[0].line == "GET /jobs/7/units.json?page=3&limit=5"


@pytest.mark.parametrize(("name", "size"), [("units", 1000), ("judgments", 100)])
def test_a_path_is_paged_by_the_largest_pages_that_there_are(
    api: RequestsMock, client: Client, sent: list[Sent], name: str, size: int
) -> None:
    api.get(f"{API}/jobs/7/{name}.json", json={})

    list(client.jobs[7][name].pages())

    assert sent[0].line == f"GET /jobs/7/{name}.json?page=1&limit={size}"


def test_a_path_without_suffix_is_paged(
    api: RequestsMock, client: Client, sent: list[Sent]
) -> None:
    api.get(f"{API}/jobs/7/tags", json=[])

    list(client.jobs[7].tags.pages(_suffix=None))

    assert sent[0].line == "GET /jobs/7/tags?page=1&limit=100"


def test_a_path_may_be_kept_and_gone_on_from(client: Client) -> None:
    job = client.jobs[7]

    assert repr(job.units) == "<PathFactory jobs/7/units>"
    assert repr(job.judgments) == "<PathFactory jobs/7/judgments>"
    assert repr(job) == "<PathFactory jobs/7>"


# What probes for names


@pytest.mark.parametrize("name", ["_repr_html_", "__deepcopy__", "_ipython_display_", "_x"])
def test_names_that_begin_with_an_underscore_are_no_paths(client: Client, name: str) -> None:
    with pytest.raises(AttributeError, match=name):
        getattr(client.jobs, name)


def test_a_path_is_copied(client: Client) -> None:
    path = copy.copy(client.jobs[7].units)

    assert repr(path) == "<PathFactory jobs/7/units>"


def test_a_path_is_not_pickled_because_its_client_is_not(client: Client) -> None:
    with pytest.raises(TypeError, match="create a new Client"):
        pickle.dumps(client.jobs[7])


def test_probing_a_path_sends_nothing(client: Client, sent: list[Sent]) -> None:
    hasattr(client.jobs, "_repr_html_")
    repr(client.jobs[7].units)
    dir(client.jobs)

    assert sent == []


# Segments


@given(st.text(min_size=1).filter(lambda name: name not in {".", ".."}))
def test_a_name_is_one_segment_whatever_is_in_it(name: str) -> None:
    quoted = segment(name)

    assert not set(quoted) & set("/?#[]@ \\")
    assert quoted.isascii()
    assert unquote(quoted) == name


@given(st.integers(min_value=1))
def test_an_id_is_its_digits(number: int) -> None:
    assert segment(number) == str(number)


@pytest.mark.parametrize(
    "bad", [0, -7, True, False, None, 7.0, b"7", "", ".", "..", "\ud800", [7]], ids=repr
)
def test_what_is_neither_id_nor_name_is_refused(client: Client, bad: Any) -> None:
    with pytest.raises(InvalidInput, match="is not an id"):
        client.jobs[bad]


@pytest.mark.parametrize("name", ["7/../8", "7?key=x", "7#x", "../jobs/8", "%2e%2e", "７"])
def test_no_name_leads_out_of_its_place(
    api: RequestsMock, client: Client, sent: list[Sent], name: str
) -> None:
    api.get(f"{API}/jobs/{segment(name)}.json", json={"id": 7})

    client.jobs[name]()

    path = sent[0].line.removeprefix("GET /jobs/").removesuffix(".json")
    assert unquote(path) == name
    assert "/" not in path
