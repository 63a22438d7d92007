"""Completion, and looking at objects, at a prompt and in a notebook: never a request."""

from __future__ import annotations

import copy
import inspect
import pickle
import rlcompleter
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import pytest

from crowdflower import Client, PathFactory

NAMES = [
    "client", "job", "bare", "unit", "promise", "units", "results", "aggregate", "worker", "path",
]  # fmt: skip

TEXTS = [
    *(f"{name}." for name in NAMES),
    *(f"{name}._" for name in NAMES),
    *(f'{name}["' for name in NAMES),
    "units[0].", "units[0].state.",
    "job.ti", "job.title.", "bare.title.", "job.units.", "job.units[0].", "job.channels.",
    "job.tags.", "job.judgment_aggregates.", "job.judgment_aggregates[0].", 'job.options["',
    'job.json["', "job.launch(", "job.upload(k", 'unit.data["', "unit.job.title.", "unit.results.",
    'promise.data["', "promise.state.", 'promise.results["', 'promise.get_aggregate("',
    "aggregate.judgments.", "aggregate.judgments[0].", "client.jobs.", "client.jobs[7].",
    "client.jobs[7].units.", "client.jobs[7].ping().", "job.client.", "worker.job.state.",
]  # fmt: skip
"""What a user may have typed when they press the tabulator."""

Complete = Callable[[str], list[str]]


def complete_plain(namespace: dict[str, Any]) -> Complete:
    """Return completion as at the prompt of Python."""

    def complete(text: str) -> list[str]:
        completer, found = rlcompleter.Completer(namespace), []
        with suppress(TypeError):  # of a call in the text
            while (match := completer.complete(text, len(found))) is not None:
                found.append(match.rstrip("()").rpartition(".")[2])
        return found

    return complete


def complete_ipython(namespace: dict[str, Any], *, use_jedi: bool) -> Complete:
    """Return completion as in IPython and in a notebook."""
    shells = pytest.importorskip("IPython.core.interactiveshell")
    completers = pytest.importorskip("IPython.core.completer")
    if use_jedi:
        pytest.importorskip("jedi")
    shell = shells.InteractiveShell.instance()
    shell.user_ns.update(namespace)
    shell.Completer.use_jedi = use_jedi

    def complete(text: str) -> list[str]:
        with completers.provisionalcompleter():
            found = shell.Completer.completions(text, len(text))
            return [each.text.lstrip(".") for each in found]

    return complete


@pytest.fixture(params=["python", "ipython", "jedi"])
def complete(request: pytest.FixtureRequest, namespace: dict[str, Any]) -> Iterator[Complete]:
    """Return completion of a text."""
    if request.param == "python":
        yield complete_plain(namespace)
        return
    yield complete_ipython(namespace, use_jedi=request.param == "jedi")
    from IPython.core.interactiveshell import InteractiveShell  # noqa: PLC0415 - may be missing

    InteractiveShell.clear_instance()


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("text", TEXTS)
def test_completion_sends_nothing(complete: Complete, text: str) -> None:
    assert all(isinstance(found, str) for found in complete(text))


def test_attributes_are_completed(complete: Complete) -> None:
    assert {"title", "time_per_page"} <= {*complete("job.ti")}
    assert "state" in complete("promise.st")
    assert "judgments" in complete("aggregate.ju")


def test_names_of_fields_are_completed(namespace: dict[str, Any]) -> None:
    complete = complete_ipython(namespace, use_jedi=False)

    assert {"title", "time_per_page"} == {*complete('job["ti')}
    assert "sentiment" in complete('aggregate["')
    assert complete('unit.data["') == ["review"]
    assert complete('promise.data["') == ["review"]


PROBES: list[Callable[[Any], object]] = [
    repr,
    str,
    dir,
    vars,
    bool,
    callable,
    copy.copy,
    copy.deepcopy,
    pickle.dumps,
    inspect.getmembers,
    inspect.getmembers_static,
    inspect.getdoc,
    inspect.isabstract,
    inspect.unwrap,
    lambda thing: [hasattr(thing, name) for name in ("__array__", "__len__", "shape", "keys")],
    lambda thing: getattr(thing, "_repr_html_", str)(),
    lambda thing: getattr(thing, "_ipython_key_completions_", list)(),
    lambda thing: pytest.importorskip("IPython.core.formatters").DisplayFormatter().format(thing),
    lambda thing: pytest.importorskip("IPython.lib.pretty").pretty([thing, {"a": thing}]),
    lambda thing: pytest.importorskip("IPython.core.oinspect").Inspector(
        theme_name="nocolor"
    )._get_info(thing),
    lambda thing: pytest.importorskip("pandas").DataFrame({"a": [thing]})._repr_html_(),
    lambda thing: pytest.importorskip("pandas").isna(thing),
    lambda thing: pytest.importorskip("numpy").array([thing]),
    lambda thing: pytest.importorskip("rich.pretty").pretty_repr([thing]),
]  # fmt: skip


@pytest.mark.parametrize("probe", PROBES, ids=range(len(PROBES)))
@pytest.mark.parametrize("name", NAMES)
def test_looking_at_an_object_sends_nothing(
    namespace: dict[str, Any], name: str, probe: Callable[[Any], object]
) -> None:
    with suppress(TypeError):  # a client cannot be pickled, and no object has a length
        probe(namespace[name])


def test_a_data_frame_of_objects_sends_nothing(namespace: dict[str, Any]) -> None:
    del namespace["results"]  # an iterator, of whose items the data frame would be made
    frames = pytest.importorskip("pandas")

    for thing in namespace.values():
        with suppress(TypeError):
            repr(frames.DataFrame([thing, thing]))


def test_the_client_of_an_object_can_be_completed(namespace: dict[str, Any]) -> None:
    assert "get_job" in complete_plain(namespace)("job.client.")


@pytest.mark.parametrize("name", ["_repr_html_", "_ipython_display_", "__array__", "__wrapped__"])
def test_a_path_does_not_have_the_names_that_libraries_probe_for(client: Client, name: str) -> None:
    assert not hasattr(client.jobs[7].units, name)


def test_a_path_is_not_an_endless_sequence(client: Client) -> None:
    with pytest.raises(TypeError, match="PathFactory"):
        iter(client.jobs)
    with pytest.raises(TypeError, match="PathFactory"):
        _ = 7 in client.jobs


@pytest.mark.parametrize(
    ("path", "names"),
    [
        (lambda client: client.jobs, {"upload"}),
        (lambda client: client.jobs[7], {"units", "ping", "pause", "orders", "tags", "gold"}),
        (lambda client: client.jobs[7].units, {"ping"}),
        (lambda client: client.jobs[7].units[5], {"judgments", "cancel"}),
    ],
)
def test_a_path_offers_the_endpoints_below_it(
    client: Client, path: Callable[[Client], PathFactory], names: set[str]
) -> None:
    offered = dir(path(client))

    assert names <= {*offered}
    assert "pages" in offered
    assert not any("{" in name for name in offered)
