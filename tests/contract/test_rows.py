"""Rows: upload, list, update, convert to test questions; and refused rows."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import pytest

from crowdflower.exceptions import InvalidInput, NotFound, ValidationError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from crowdflower.client import Client
    from crowdflower.job import Job

STRANGE: dict[str, Any] = {
    "text": "“Süße” 🐝 \t\n, ; \" ' <b>&amp;</b> {{ x }}",
    "nested": {"list": [1, 2.5, None, True], "empty": {}},
    "number": 12345678901234567890,
    "nothing": None,
    "job": "a column called job",
    "client": "and one called client",
}


def test_uploaded_rows_are_read_back(client: Client) -> None:
    job = client.upload_job([STRANGE])

    assert [dict(unit.data) for unit in job.units] == [STRANGE]


def test_rows_are_appended_in_order(client: Client, draft: Job) -> None:
    draft.upload({"review": f"More {number}", "truth": "good"} for number in range(1500))

    assert draft.units_count == 1512
    listed = [unit.data["review"] for unit in client.get_units(draft)]
    assert listed[12:] == [f"More {number}" for number in range(1500)]
    assert draft.upload_progress() == {"done": True, "count": 1512}


def test_a_csv_is_uploaded_unchanged(client: Client, tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text('Review Text,Stars!\n"two\nlines, ""quoted""",5\nhöflich,\n', encoding="utf-8")

    job = client.upload_job_file(path)

    assert [dict(unit.data) for unit in job.units] == [
        {"review_text": 'two\nlines, "quoted"', "stars": "5"},
        {"review_text": "höflich", "stars": None},
    ]


def test_an_open_text_file_is_sent_as_utf_8(client: Client) -> None:
    job = client.upload_job_file(io.StringIO('{"text": "grün"}\n'), "json")

    assert job.units[0].data == {"text": "grün"}


def test_a_new_job_takes_other_columns_by_force(client: Client) -> None:
    rows = [{"a": "1"}, {"a": "1", "b": "2"}]
    with pytest.raises(ValidationError, match="Row 2 has a column that row 1 does not have: b"):
        client.upload_job(rows)

    assert [unit.data.get("b") for unit in client.upload_job(rows, force=True).units] == [None, "2"]


def test_other_columns_need_force(client: Client, draft: Job) -> None:
    with pytest.raises(ValidationError):
        draft.upload([{"review": "a", "other": "b"}])
    assert draft.reload().units_count == 12

    draft.upload([{"review": "a", "other": "b"}], force=True)

    assert draft.units_count == 13


def nested(levels: int) -> list[Any]:
    value: list[Any] = []
    for _ in range(levels - 1):
        value = [value]
    return value


def test_what_looks_like_a_refused_row_is_stored(client: Client) -> None:
    rows = [{"text": "\\u0000"}, {"text": "[" * 99}, {"text": nested(63)}]

    assert [unit.data for unit in client.upload_job(rows).units] == rows


@pytest.mark.parametrize(
    ("rows", "number"),
    [
        ([{"text": "fine"}, ["no", "dict"]], 2),
        ([{"text": "fine"}] * 1200 + [{"text": {1, 2}}], 1201),
        ([{"text": float("inf")}], 1),
        ([{"text": "fine"}, {3: "no text"}], 2),
        ([{"text": "fine"}] * 1200 + [{"text": "N\0L"}], 1201),
        ([{"text": "fine"}, {"N\0L": "fine"}], 2),
        ([{"text": "fine"}, {"text": "\ud800"}], 2),
        ([{"text": "fine"}, {"text": nested(64)}], 2),
    ],
)
def test_a_bad_row_is_reported_and_nothing_is_sent(
    client: Client, rows: list[Any], number: int
) -> None:
    with pytest.raises(InvalidInput, match=f"row {number}") as caught:
        client.upload_job(rows)

    assert caught.value.row == number
    assert list(client.get_jobs()) == []


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"text\nfine\nfine\ncaf\xe9\n", "row 3 is not UTF-8"),
        (b"text,more\nfine,fine\nfine,N\0L\n", "row 2 has the character NUL in column 2"),
        (b"", "no header"),
        (b"text,,more\n1,2,3\n", "column 2"),
    ],
)
def test_an_invalid_csv_is_refused_before_it_is_sent(
    client: Client, tmp_path: Path, content: bytes, said: str
) -> None:
    path = tmp_path / "rows.csv"
    path.write_bytes(content)

    with pytest.raises(InvalidInput, match=said):
        client.upload_job_file(path)

    assert list(client.get_jobs()) == []


def test_an_unknown_file_type_is_refused(client: Client, tmp_path: Path) -> None:
    path = tmp_path / "rows.dat"
    path.write_text("text\nfine\n", encoding="utf-8")

    with pytest.raises(ValueError, match="type_"):
        client.upload_job_file(path)


def test_a_unit_is_read_changed_copied_canceled_and_deleted(client: Client, draft: Job) -> None:
    unit = client.get_unit(draft, draft.units[0].id)
    unit.data = {"review": "Another text", "truth": "bad"}
    unit.update()
    twin = unit.copy(data={"truth": "good"})
    draft.units[1].cancel()
    draft.units[2].delete()

    assert client.get_unit(draft, unit.id).data["review"] == "Another text"
    assert twin.data["truth"] == "good"
    assert client.get_unit(draft, draft.units[1].id).state == "canceled"
    with pytest.raises(NotFound):
        client.get_unit(draft, draft.units[2].id)
    assert draft.reload().units_count == 12


def test_a_single_row_can_be_added(draft: Job) -> None:
    unit = draft.add_unit({"review": "One more", "truth": "good"})

    assert (unit.state, unit.results) == ("new", {"judgments": []})
    assert draft.reload().units_count == 13


def test_units_are_listed_again_after_rows_were_added(draft: Job) -> None:
    more = {"review": "More", "truth": "good"}
    additions: list[Callable[[], object]] = [
        lambda: draft.upload([more]),
        lambda: draft.upload_file(io.StringIO("review,truth\nMore,good\n"), "csv"),
        lambda: draft.upload([{**more, "review": "Keyed"}], key="review"),
        lambda: draft.add_unit(more),
        draft.units[0].copy,
    ]
    counts = [len(draft.units)]

    for add in additions:
        add()
        counts.append(len(draft.units))

    assert counts == [12, 13, 14, 15, 16, 17]


def test_a_deleted_unit_stays_listed_until_a_reload(draft: Job) -> None:
    ids = [unit.id for unit in draft.units]

    draft.units[0].delete()

    assert [unit.id for unit in draft.units] == ids
    assert [unit.id for unit in draft.reload().units] == ids[1:]


def test_rows_marked_golden_become_test_questions(client: Client) -> None:
    job = client.upload_job(
        {"text": f"Row {n}", "_golden": n < 2, "mood_gold": "up" if n < 2 else None}
        for n in range(8)
    )

    job.convert_test_questions()

    assert job.reload().golds_count == 2
    assert [job.get_unit(unit.id).state for unit in job.units[:3]] == ["golden", "golden", "new"]


def test_more_than_a_third_of_the_rows_are_not_made_test_questions(client: Client) -> None:
    job = client.upload_job({"text": f"Row {n}", "mood_gold": "up"} for n in range(9))

    with pytest.raises(ValidationError, match="over 1/3rd"):
        job.mark_test_questions("mood")

    assert job.reload().golds_count == 0


LINES = b'{"id": 1, "text": "a"}\n'


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        (b'{"id": 2, "text": "\\u0000"}', "row 2, column 'text': .*NUL"),
        (b'{"id": 2, "text": "\\ud800"}', "row 2, column 'text': .*lone surrogate"),
        (b'{"id": 2, "text": ' + b"[" * 64 + b"]" * 64 + b"}", "row 2, it .*nested too deeply"),
        (b'{"id": 2, "text": "a", "text": "b"}', "row 2 .*it has 'text' twice"),
        (b'{"id": 2, "text": {"a": 1, "a": 2}}', "row 2 .*it has 'a' twice"),
    ],
)
def test_a_line_that_would_be_refused_is_not_sent_with_a_key(
    client: Client, draft: Job, line: bytes, problem: str
) -> None:
    with pytest.raises(InvalidInput, match=problem) as caught:
        draft.upload_file(io.BytesIO(LINES + line), "json", key="id", force=True)

    assert caught.value.row == 2
    assert draft.reload().units_count == 12


@pytest.mark.parametrize("key", [None, "id"])
@pytest.mark.parametrize("end", [b"\n", b"\r", b"\r\n"])
def test_json_lines_may_have_any_ends(
    client: Client, draft: Job, key: str | None, end: bytes
) -> None:
    file = io.BytesIO(end.join([b'{"id": 1}', b'{"id": 2}', b""]))

    draft.upload_file(file, "json", force=True, **({"key": key} if key else {}))

    assert draft.reload().units_count == 14
