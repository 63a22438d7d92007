"""A report that pyarrow reads gives the same table as one that is decoded, whatever is in it."""

from __future__ import annotations

import io
import json
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crowdflower.cml import parse
from crowdflower.exceptions import MalformedResponse, ReportCorrupt, StaleReportWarning
from crowdflower.rows import report_archive
from crowdflower.tables import columns
from crowdflower.tables.answers import Questions
from crowdflower.tables.reading import json_shape, text_loader
from crowdflower.tables.report_tables import ReportSource, judgments_table

if TYPE_CHECKING:
    from responses import RequestsMock

    from crowdflower.job import Job

pa = pytest.importorskip("pyarrow")

CML = """
<cml:radios name="mood" label="Mood"><cml:radio label="Good" value="up"/></cml:radios>
<cml:checkboxes name="topics" label="Topics">
  <cml:checkbox label="Price" value="price"/><cml:checkbox label="Delivery" value="delivery"/>
</cml:checkboxes>
<cml:checkboxes name="why" label="Why?" only-if="mood:[up]">
  <cml:checkbox label="So"/>
</cml:checkboxes>
<cml:ratings name="stars" label="Stars" points="5"/>
<cml:text name="note" label="Note"/>
"""
TEXTS = st.sampled_from(["up", "down", "", "Grüße \U0001f600", 'a\n"b"\\', "5", "2.5", "\0", "{}"])
ODD = st.one_of(
    st.none(),
    st.booleans(),
    st.sampled_from([7, -(2**53) - 1, 2**63, 10**30, 2.5, -0.0, 1e300, "\ud800"]),
    st.lists(TEXTS | st.integers(0, 3) | st.lists(TEXTS, max_size=1), max_size=2),
    st.dictionaries(TEXTS, TEXTS, max_size=1),
)
KINDS = st.sampled_from(
    [
        TEXTS,
        st.lists(TEXTS, max_size=2),
        st.integers(-9, 9),
        st.integers(-9, 9) | st.floats(-9, 9),
        st.booleans(),
        st.none(),
        TEXTS | ODD,
    ]
)
ANSWERS = {"mood": TEXTS, "topics": st.lists(TEXTS), "why": st.lists(TEXTS), "stars": TEXTS}
TIMES = [f"2015-06-25T10:54:{second}+00:00" for second in (20, 21)]
ODD_TIMES = [None, "", "2015-06-25T12:54:20.5+02:00", "2015-06-25 10:54"]


@st.composite
def reports(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Return units; in some reports, a few values and names differ from the others."""
    answers = {**ANSWERS, draw(st.sampled_from(["note", "trust", "other"])): draw(KINDS)}
    rows = {name: draw(KINDS) for name in draw(st.sets(st.sampled_from(["id", "data", "mood"])))}
    if draw(st.booleans()):
        answers = {
            name: draw(st.sampled_from([kind, kind | ODD])) for name, kind in answers.items()
        }
    is_odd = draw(st.booleans())
    rare = st.integers(0, 30).map(lambda number: is_odd and number == 1)
    times = st.sampled_from([*TIMES, *(ODD_TIMES if is_odd else [])])
    units = []
    for unit in range(draw(st.integers(2, 12))):
        row = draw(st.fixed_dictionaries(rows))
        judgments = []
        for judgment in range(draw(st.sampled_from([0, 1, 1, 3]))):
            optional = {"new": TEXTS} if draw(rare) else {}
            each = {
                "id": 100 * unit + judgment,
                "created_at": draw(times),
                "started_at": TIMES[0],
                "external_type": draw(TEXTS),
                "golden": draw(st.booleans()),
                "missed": draw(st.sampled_from([None, True, False])),
                "rejected": None,
                "tainted": False,
                "country": draw(st.sampled_from(["FIN", "USA", None])),
                "city": 7 if draw(rare) else "H",
                "job_id": 7,
                "worker_id": 5,
                "trust": draw(st.sampled_from([1, 0.5, None])),
                "data": draw(st.fixed_dictionaries(optional, optional=answers)),
                "unit_data": row,
            }
            if draw(rare):
                del each["city"]
            judgments.append(None if draw(rare) else each)
        results = {"judgments": judgments, "mood": {"agg": draw(TEXTS), "confidence": 0.5}}
        found = {
            "id": unit,
            "data": row,
            "judgments_count": len(judgments),
            "state": draw(st.sampled_from(["finalized", "judgable"])),
            "updated_at": draw(times),
            "results": draw(st.sampled_from([None, {}])) if draw(rare) else results,
        }
        units.append(found)
    return units


def packed(units: list[Any], separator: str = "\n") -> io.BytesIO:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as zipped:
        zipped.writestr("job_7.json", separator.join(["", *map(json.dumps, units)]))
    return archive


@contextmanager
def small_texts(size: int) -> Iterator[list[bool]]:
    """Let texts have few lines; yield a list of which of them pyarrow read."""
    fast: list[bool] = []
    append = text_loader.TextLoader._append_arrow

    def recorded(loader: Any, reading: Any) -> bool:
        fast.append(append(loader, reading))
        return fast[-1]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(report_archive, "TEXT", size)
        patch.setattr(text_loader, "TEXT", size)
        patch.setattr(columns, "VALUES_PER_BLOCK", 8)
        patch.setattr(text_loader.TextLoader, "_append_arrow", recorded)
        yield fast


def table(archive: io.BytesIO, *, form: bool, rows: bool, decoded: bool, counts: Any = id) -> Any:
    """Return the types and values of a table, or its error."""
    found = parse(CML) if form else None
    source = ReportSource(
        Questions.of(found, found.aggregations() if found else {}),
        units=lambda: report_archive.rows(archive, "json"),
        regenerate=lambda: None,
        read_job=dict,
        judgments_of=lambda unit: [{"id": unit, "data": {"mood": "late"}}],
        clock=time,
        texts=None if decoded else lambda count: (counts(count), report_archive.texts(archive))[1],
    )
    try:
        arrow = judgments_table(source, row_columns=rows).to_arrow()
    except (MalformedResponse, ReportCorrupt) as error:
        return type(error)
    values = [list(map(repr, column.to_pylist())) for column in arrow.columns]
    kinds = [
        column.combine_chunks().dictionary.to_pylist() if pa.types.is_dictionary(column.type) else 0
        for column in arrow.columns
    ]
    return str(arrow.schema), values, kinds


@settings(max_examples=60, deadline=None)
@given(reports(), st.booleans(), st.booleans(), st.sampled_from([1000, 3000]))
def test_a_table_is_the_same_whether_pyarrow_reads_it(
    units: list[dict[str, Any]], form: bool, rows: bool, size: int
) -> None:
    archive = packed(units)
    wanted = table(archive, form=form, rows=rows, decoded=True)

    with small_texts(size):
        assert table(archive, form=form, rows=rows, decoded=False) == wanted


def unit(number: int, **more: Any) -> dict[str, Any]:
    """Return a unit as most of a report."""
    answers = {
        "mood": "up" if number % 3 else "down",
        "topics": ["price"],
        "stars": "4",
        **more.pop("answers", {}),
    }
    judgment = {"id": number, "worker_id": 5, "created_at": TIMES[0], "data": answers}
    return {
        "id": number,
        "state": "finalized",
        "judgments_count": 1,
        "data": {"text": "Fine."},
        "results": {"judgments": [{**judgment, **more.pop("judgment", {})}]},
        **more,
    }


UNITS = list(map(unit, range(60)))


def test_pyarrow_reads_all_but_the_first_lines_and_counts_the_judgments() -> None:
    counts: list[Any] = []

    with small_texts(1000) as fast:
        found = table(packed(UNITS), form=True, rows=True, decoded=False, counts=counts.append)

    assert len(fast) > 5
    assert all(fast)
    assert counts[0]() == 60
    assert found == table(packed(UNITS), form=True, rows=True, decoded=True)


@pytest.mark.parametrize(
    "odd",
    [
        unit(7, answers={"asked_later": "yes"}),
        unit(7, answers={"mood": 5}),
        unit(7, answers={"topics": "price"}),
        unit(7, answers={"stars": "many"}),
        unit(7, judgment={"created_at": "2015-06-25"}),
        unit(7, judgment={"worker_id": 2**64}),
        unit(7, judgment={"tainted": 1}),
        unit(7, judgments_count=2),
        unit(7, data={"text": "Fine.", "colour": "red"}),
        unit(7, answers={"mood": "\ud800"}),
        unit(7, results=[]),
    ],
)
def test_lines_that_differ_are_decoded(odd: dict[str, Any]) -> None:
    units = [*UNITS[:30], odd, *UNITS[30:]]

    with small_texts(1000) as fast:
        found = table(packed(units), form=True, rows=True, decoded=False)

    assert found == table(packed(units), form=True, rows=True, decoded=True)
    assert fast.count(True) > 5


def test_each_failure_doubles_how_much_is_decoded_before_the_next_attempt() -> None:
    units = [unit(number, answers={f"question_{number}": "yes"}) for number in range(200)]

    with small_texts(300) as fast:
        found = table(packed(units), form=False, rows=False, decoded=False)

    assert 3 < len(fast) < 40
    assert found == table(packed(units), form=False, rows=False, decoded=True)


@pytest.mark.parametrize("line", ["{oops", "[1]", '{"id": 1} {"id": 2}', '{"id": "\\xff"}'])
def test_a_line_that_is_not_json_is_an_error_with_its_number(line: str) -> None:
    lines = [*map(json.dumps, UNITS), line]
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as zipped:
        zipped.writestr("job_7.json", "\n".join(lines))
    source = ReportSource(
        Questions(),
        units=lambda: iter(()),
        regenerate=lambda: None,
        read_job=dict,
        judgments_of=lambda _: [],
        clock=time,
        texts=lambda _: report_archive.texts(archive),
    )

    with small_texts(1000), pytest.raises(ReportCorrupt, match=r"(line|row) 61"):
        judgments_table(source)


def test_a_report_of_one_line_is_not_read_into_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(report_archive.csv_format, "MAX_LINE", 1000)
    monkeypatch.setattr(report_archive, "TEXT", 100)

    with pytest.raises(ReportCorrupt, match="line 2 is longer than 1,000"):
        list(report_archive.texts(packed(["x" * 5000])))


def test_a_line_longer_than_a_block_of_pyarrow_is_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_shape, "BLOCK", 2000)
    units = [*UNITS, unit(60, answers={"mood": "x" * 5000}), *UNITS]

    with small_texts(1000) as fast:
        found = table(packed(units), form=True, rows=False, decoded=False)

    assert found == table(packed(units), form=True, rows=False, decoded=True)
    assert not all(fast)


def test_a_table_of_a_report_that_was_built_too_early_warns(api: RequestsMock, job: Job) -> None:
    job.absorb({**job.json, "judgments_count": 61})
    api.get("https://api.appen.com/v1/jobs/712034.csv", body=packed(UNITS).getvalue())

    with small_texts(1000) as fast, pytest.warns(StaleReportWarning, match="60 of 61 judgments"):
        found = job.judgments().to_arrow()

    assert len(found) == 60
    assert any(fast)
