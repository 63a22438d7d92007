"""Invalid arguments are refused before any request."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from crowdflower.exceptions import InvalidInput
from crowdflower.rows import csv_format
from crowdflower.unit import Unit

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import SentRequest

    from crowdflower.client import Client
    from crowdflower.job import Job

INVALID_IDS = [None, 0, -7, 7.0, True, "", "ping", "7/copy", "٧"]
INVALID_PATHS = [5, b"rows.csv", ["rows.csv"], Path, True]
INVALID_ROWS = [None, 7, "text", [1], [("text", "hi")], {1: "one"}, {None: "none"}]
INVALID_NAMES = ["sentiment", [""], ["a", None], [7], ["a", " "]]


@pytest.mark.parametrize("bad", INVALID_IDS, ids=repr)
@pytest.mark.parametrize(
    "call",
    [
        lambda job, bad: job.client.get_unit(7, bad),
        lambda job, bad: job.client.get_unit_judgments(7, bad),
        lambda job, bad: job.client.cancel_unit(7, bad),
        lambda job, bad: job.client.get_judgment(7, bad),
        lambda job, bad: job.client.get_order(7, bad),
        lambda job, bad: job.get_worker(bad).flag("Too fast"),
        lambda job, bad: job.get_worker(bad).bonus(5),
        lambda job, bad: Unit(job, id=bad).delete(),
        lambda job, bad: Unit(job, id=bad).copy(),
        lambda job, bad: Unit(job, id=bad).request_more_judgments(1),
    ],
)
def test_an_invalid_id_is_refused(
    job: Job, sent: list[SentRequest], call: Callable[[Job, Any], object], bad: Any
) -> None:
    with pytest.raises(InvalidInput, match="is not an id"):
        call(job, bad)

    assert sent == []


def test_an_id_may_be_a_string_of_digits(job: Job) -> None:
    shown = job.get_worker("31883685").bonus(5, dry_run=True)  # type: ignore[arg-type]

    assert shown.url.endswith("/workers/31883685/bonus.json")


@pytest.mark.parametrize("bad", INVALID_ROWS, ids=repr)
@pytest.mark.parametrize(
    "call",
    [
        lambda job, bad: job.add_unit(bad),
        lambda job, bad: job.client.add_unit(7, bad),
        lambda job, bad: Unit(job, id=3).copy(data=bad or 0),
    ],
)
def test_an_invalid_row_is_not_added(
    job: Job, sent: list[SentRequest], call: Callable[[Job, Any], object], bad: Any
) -> None:
    with pytest.raises(InvalidInput, match=r"a row must be a dict|column name"):
        call(job, bad)

    assert sent == []


@pytest.mark.parametrize("bad", [None, [], "title", ["title"], [("title", "Reviews")]], ids=repr)
def test_invalid_attributes_do_not_create_a_job(
    client: Client, sent: list[SentRequest], bad: Any
) -> None:
    with pytest.raises(InvalidInput, match="attributes of a job must be a dict"):
        client.create_job(bad)
    with pytest.raises(InvalidInput, match="attributes of a job must be a dict"):
        client.update_job(7, bad)

    assert sent == []


@pytest.mark.parametrize("bad", INVALID_NAMES, ids=repr)
@pytest.mark.parametrize(
    "call",
    [
        lambda job, bad: job.client.set_job_tags(7, bad),
        lambda job, bad: job.client.remove_job_tags(7, bad),
        lambda job, bad: job.client.set_job_channels(7, bad),
        lambda job, bad: job.add_channels(bad),
        lambda job, bad: job.launch(5, bad),
        lambda job, bad: list(job.client.get_jobs(tags=bad)),
        lambda job, bad: job.split_units(bad),
        lambda job, bad: job.collect_dynamically(bad, 0.7, 5),
    ],
)
def test_a_value_that_is_not_a_list_of_names_is_refused(
    job: Job, sent: list[SentRequest], call: Callable[[Job, Any], object], bad: Any
) -> None:
    with pytest.raises(InvalidInput, match=r"list of strings|a non-empty string"):
        call(job, bad)

    assert sent == []


def test_a_name_with_a_comma_is_refused(job: Job, sent: list[SentRequest]) -> None:
    with pytest.raises(InvalidInput, match="a comma would split it in two"):
        job.split_units(["colors,sizes"])
    with pytest.raises(InvalidInput, match="a comma would split it in two"):
        list(job.client.get_jobs(tags=["spring", "a,b"]))

    assert sent == []


@pytest.mark.parametrize("bad", ["", None, ["a", "b"]], ids=repr)
def test_a_value_that_is_not_a_name_is_refused(job: Job, sent: list[SentRequest], bad: Any) -> None:
    with pytest.raises(InvalidInput, match="expected a non-empty string"):
        job.add_tag(bad)
    with pytest.raises(InvalidInput, match="expected a non-empty string"):
        job.disable_channel(bad)

    assert sent == []


def test_an_empty_list_of_columns_or_fields_is_refused(job: Job, sent: list[SentRequest]) -> None:
    with pytest.raises(InvalidInput, match="name the columns"):
        job.split_units([])
    with pytest.raises(InvalidInput, match="name the fields"):
        job.collect_dynamically([], 0.7, 5)

    assert sent == []


@pytest.mark.parametrize(
    "act",
    [
        lambda job: job.collect_dynamically(["sentiment"], 0.7, 0),
        lambda job: job.collect_dynamically(["sentiment"], "0.7", 5),
        lambda job: job.collect_dynamically(["sentiment"], float("nan"), 5),
        lambda job: job.order_automatically(threshold=10, timeout=-1),
        lambda job: job.order_automatically(threshold=0),
    ],
)
def test_a_refused_value_is_not_part_of_the_next_update(
    job: Job, sent: list[SentRequest], act: Callable[[Job], None]
) -> None:
    with pytest.raises(InvalidInput):
        act(job)
    job.update()

    assert sent == []


def test_options_are_named_not_passed_as_a_dict(job: Job, sent: list[SentRequest]) -> None:
    with pytest.raises(InvalidInput, match=r"options by name, not a dict: write set_options\(rej"):
        job.set_options({"reject_at": 80})  # type: ignore[arg-type]

    assert sent == []


@pytest.mark.parametrize("bad", [["front_load"], "front_load", 7], ids=repr)
def test_options_that_are_not_a_dict_are_refused(
    job: Job, sent: list[SentRequest], bad: Any
) -> None:
    with pytest.raises(InvalidInput, match="options must be a dict from option to value, not a"):
        job.client.update_job(7, {"options": bad})
    with pytest.raises(InvalidInput, match="options must be a dict from option to value, not a"):
        job.client.create_job({"options": bad})

    assert sent == []


@pytest.mark.parametrize("bad", [None, 7, {"tags": ["a"]}], ids=repr)
def test_names_that_are_not_a_list_are_refused(job: Job, sent: list[SentRequest], bad: Any) -> None:
    with pytest.raises(InvalidInput, match=r"tags must be a list of strings, not"):
        job.tags = bad
    with pytest.raises(InvalidInput, match=r"channels must be a list of strings, not"):
        job.channels = bad

    assert sent == []


@pytest.mark.parametrize("bad", [None, [1], "text", 7], ids=repr)
def test_data_of_a_unit_that_is_not_a_dict_is_not_sent(
    job: Job, sent: list[SentRequest], bad: Any
) -> None:
    unit = Unit(job, id=3)
    unit.data = bad

    with pytest.raises(InvalidInput, match="a row must be a dict"):
        unit.update()

    assert sent == []


@pytest.mark.parametrize("name", ["created_since", "created_until"])
def test_a_day_must_be_a_date(client: Client, sent: list[SentRequest], name: str) -> None:
    jobs = client.get_jobs(**{name: "2015-06-24"})  # type: ignore[arg-type]

    with pytest.raises(InvalidInput, match=f"{name} must be a date, not '2015-06-24'"):
        next(jobs)

    assert sent == []


@pytest.mark.parametrize("bad", [None, *INVALID_PATHS], ids=repr)
def test_a_report_is_written_to_a_path_only(job: Job, sent: list[SentRequest], bad: Any) -> None:
    with pytest.raises(InvalidInput, match="path must be the file to write"):
        job.download_report("full", bad)

    assert sent == []


@pytest.mark.parametrize("bad", INVALID_PATHS, ids=repr)
def test_the_plan_of_an_upload_is_a_path_only(job: Job, sent: list[SentRequest], bad: Any) -> None:
    with pytest.raises(InvalidInput, match="resume must be the file of the plan"):
        job.upload([{"id": 1}], key="id", resume=bad)

    assert sent == []


@pytest.mark.parametrize("bad", [1, ["sku", "text"], b"sku", True], ids=repr)
@pytest.mark.parametrize(
    "call",
    [
        lambda job, bad: job.upload([{"sku": 1}], key=bad),
        lambda job, bad: job.upload(iter([{"sku": 1}]), key=bad),
        lambda job, bad: job.upload_file(io.BytesIO(b"sku\n1\n"), "csv", key=bad),
        lambda job, bad: job.upload_file(io.BytesIO(b'{"sku": 1}\n'), "json", key=bad),
        lambda job, bad: job.unit_ids(bad),
    ],
    ids=["rows", "iterator", "csv", "json", "unit_ids"],
)
def test_the_key_of_an_upload_is_the_name_of_a_column(
    job: Job, sent: list[SentRequest], call: Callable[[Job, Any], object], bad: Any
) -> None:
    with pytest.raises(InvalidInput, match="key must be the name of one column, a string, not"):
        call(job, bad)

    assert sent == []


@pytest.mark.parametrize("bad", [5, ["csv"], b"csv", True], ids=repr)
@pytest.mark.parametrize("key", [None, "id"])
def test_the_type_of_a_file_is_a_string(
    job: Job, sent: list[SentRequest], key: Any, bad: Any
) -> None:
    with pytest.raises(InvalidInput, match="type_ must be a file extension such as 'csv'"):
        job.upload_file(io.BytesIO(b"id\n1\n"), type_=bad, key=key)

    assert sent == []


@pytest.mark.parametrize("key", [None, "sku"])
def test_a_csv_with_semicolons_is_not_sent(job: Job, sent: list[SentRequest], key: Any) -> None:
    with pytest.raises(InvalidInput, match="separated by semicolons"):
        job.upload_file(io.BytesIO(b"sku;text\n1;Gut\n"), "csv", key=key)

    assert sent == []


@pytest.mark.parametrize("kind", [io.BytesIO, Path])
def test_a_class_in_place_of_a_file_is_named(job: Job, sent: list[SentRequest], kind: Any) -> None:
    with pytest.raises(InvalidInput, match=f"not the class {kind.__name__}; call it first"):
        job.upload_file(kind, "csv")

    assert sent == []


def test_a_line_that_is_too_long_is_refused(job: Job, sent: list[SentRequest]) -> None:
    content = b'{"id": "1"}\n{"id": "%s"}\n' % (b"a" * csv_format.MAX_LINE)

    with pytest.raises(InvalidInput, match="cannot be read: line 2 is longer than 33,554,432 byte"):
        job.upload_file(io.BytesIO(content), "json", key="id")

    assert sent == []
