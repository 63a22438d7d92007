"""Reports: their content, byte by byte, and their download."""

from __future__ import annotations

import csv
import io
import json
import tracemalloc
import zipfile
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from crowdflower.sandbox import reports
from crowdflower.sandbox.control.delays import Delays
from crowdflower.sandbox.reports import ReportCache
from crowdflower.sandbox.reports.archive import BLOCK

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from requests import Response

    from crowdflower.sandbox.server.app import Application
    from crowdflower.sandbox.store import Database

    Api = Callable[..., Response]

FULL = """\
_unit_id,_created_at,_golden,_id,_missed,_started_at,_tainted,_channel,_trust,_worker_id,\
_country,_region,_city,_ip,any_comments,sentiment,topics,\
review_id,review_text,sentiment_gold,sentiment_gold_reason
1,6/25/2015 10:54:20,false,1605619374,,6/25/2015 10:54:02,false,clixsense,0.9444,31883685,\
FIN,13,Helsinki,198.51.100.7,Two complaints,negative,"price
delivery",r1,"Late, and cost too much",,
1,6/25/2015 10:12:20,false,1605621852,,6/25/2015 10:12:02,false,neodev,0.85,19596413,\
USA,NY,New York,198.51.100.8,,negative,delivery,r1,"Late, and cost too much",,
1,6/25/2015 10:21:20,false,1605623001,,6/25/2015 10:21:02,false,cf_internal,1.0,30222698,\
CAN,NB,Moncton,203.0.113.9,,neutral,,r1,"Late, and cost too much",,
1,6/25/2015 10:30:20,false,1605623010,,6/25/2015 10:30:02,true,elite,0.5,40010001,\
IND,7,New Delhi,203.0.113.44,,positive,,r1,"Late, and cost too much",,
2,6/25/2015 10:40:20,false,1605624100,,6/25/2015 10:40:02,false,clixsense,0.9444,31883685,\
FIN,13,Helsinki,198.51.100.7,Bilingual,positive,,r2,Würde wieder kaufen,,
4,6/25/2015 10:20:20,true,1605624200,,6/25/2015 10:20:02,false,clixsense,0.9444,31883685,\
FIN,13,Helsinki,198.51.100.7,,negative,price,r4,Terrible,negative,It is strongly negative.
4,6/25/2015 10:00:20,true,1605624300,true,6/25/2015 10:00:02,true,elite,0.5,40010001,\
IND,7,New Delhi,203.0.113.44,,positive,,r4,Terrible,negative,It is strongly negative.
"""

AGGREGATED = """\
_unit_id,_golden,_unit_state,_trusted_judgments,_last_judgment_at,any_comments,\
sentiment,sentiment:confidence,topics,topics:confidence,\
review_id,review_text,sentiment_gold,sentiment_gold_reason
1,false,finalized,3,6/25/2015 10:21:20,Two complaints,negative,0.6421,delivery,1.0,\
r1,"Late, and cost too much",,
2,false,in progress,1,6/25/2015 10:40:20,Bilingual,positive,1.0,,,r2,Würde wieder kaufen,,
4,true,golden,1,,,negative,1.0,price,1.0,r4,Terrible,negative,It is strongly negative.
"""

SOURCE = """\
_unit_id,_created_at,_updated_at,review_id,review_text,sentiment_gold,sentiment_gold_reason
1,6/24/2015 12:45:10,6/24/2015 12:45:10,r1,"Late, and cost too much",,
2,6/24/2015 12:45:10,6/24/2015 12:45:10,r2,Würde wieder kaufen,,
3,6/24/2015 12:45:10,6/24/2015 12:45:10,r3,It is a box.,,
4,6/24/2015 12:45:10,6/24/2015 12:45:10,r4,Terrible,negative,It is strongly negative.
"""


def without(text: str, *columns: str) -> str:
    """Remove columns from CSV."""
    header, *lines = csv.reader(io.StringIO(text, newline=""))
    kept = [place for place, name in enumerate(header) if name not in columns]
    short = io.StringIO(newline="")
    writer = csv.writer(short, lineterminator="\n")
    writer.writerows([line[place] for place in kept] for line in (header, *lines))
    return short.getvalue()


FULL_BY_DEFAULT = without(FULL, "_golden", "_missed")
"""Of 45 published full reports, 44 have neither of these columns."""


def unpack(archive: bytes) -> tuple[str, str]:
    """Return name and text of the single file in an archive."""
    with zipfile.ZipFile(io.BytesIO(archive)) as file:
        (name,) = file.namelist()
        return name, file.read(name).decode("utf-8")


@pytest.mark.parametrize(
    ("query", "name", "text"),
    [
        ("type=full", "f{job}.csv", FULL_BY_DEFAULT),
        ("full=true", "f{job}.csv", FULL_BY_DEFAULT),
        ("type=aggregated", "a{job}.csv", AGGREGATED),
        ("full=false", "a{job}.csv", AGGREGATED),
        ("", "a{job}.csv", AGGREGATED),
        ("type=source", "source{job}.csv", SOURCE),
    ],
)
def test_each_report_has_the_name_columns_order_and_quotes_of_the_service(
    api: Api, judged_job: int, query: str, name: str, text: str
) -> None:
    response = api("GET", f"/jobs/{judged_job}.csv?{query}", allow_redirects=True)

    assert response.headers["Content-Type"] == "application/zip"
    assert unpack(response.content) == (name.format(job=judged_job), text)


def test_the_full_report_tells_test_questions_if_the_job_wants_it(
    api: Api, judged_job: int
) -> None:
    api("PUT", f"/jobs/{judged_job}", json={"job": {"options": {"ignore_gold": "false"}}})

    response = api("GET", f"/jobs/{judged_job}.csv?type=full", allow_redirects=True)

    assert unpack(response.content)[1] == FULL


def trusted_only(body: dict[str, Any]) -> dict[str, Any]:
    """Return the JSON of a unit without its tainted judgments."""
    judgments = [each for each in body["results"]["judgments"] if not each["tainted"]]
    return {**body, "results": {**body["results"], "judgments": judgments}}


def test_the_json_report_has_a_line_for_each_unit_with_its_trusted_judgments(
    api: Api, judged_job: int
) -> None:
    """So it is in the reports of a job of 2014; ``judgments_count`` counts all judgments."""
    response = api("GET", f"/jobs/{judged_job}.csv?type=json", allow_redirects=True)

    name, text = unpack(response.content)
    unit_json = [api("GET", f"/jobs/{judged_job}/units/{number}").json() for number in (1, 2, 3, 4)]
    lines = [json.loads(line) for line in text.splitlines()]
    assert name == f"job_{judged_job}.json"
    assert lines == [trusted_only(unit) for unit in unit_json]
    assert [len(unit["results"]["judgments"]) for unit in lines] == [3, 1, 0, 1]
    assert [unit["judgments_count"] for unit in lines] == [4, 1, 0, 2]
    assert "Würde" in text


def test_the_json_report_has_tainted_judgments_if_the_job_wants_it(
    api: Api, judged_job: int
) -> None:
    """The vendor's own test suite sets this option of the reports."""
    api("PUT", f"/jobs/{judged_job}", json={"job": {"options": {"include_tainted": True}}})

    response = api("GET", f"/jobs/{judged_job}.csv?type=json", allow_redirects=True)

    lines = [json.loads(line) for line in unpack(response.content)[1].splitlines()]
    unit_json = [api("GET", f"/jobs/{judged_job}/units/{number}").json() for number in (1, 2, 3, 4)]
    assert lines == unit_json


def test_hidden_test_questions_are_almost_like_finished_units(api: Api, judged_job: int) -> None:
    """So it is in the reports of a job of 2014, with three hidden test questions."""
    api("PUT", f"/jobs/{judged_job}/units/4", json={"unit": {"state": "hidden_gold"}})

    response = api("GET", f"/jobs/{judged_job}.csv?type=aggregated", allow_redirects=True)

    *_, hidden = csv.DictReader(io.StringIO(unpack(response.content)[1]))
    assert (hidden["_unit_state"], hidden["_golden"]) == ("golden", "false")
    assert hidden["_last_judgment_at"] == "6/25/2015 10:20:20"
    assert api("GET", f"/jobs/{judged_job}/units/4").json()["agreement"] == 0.75


def test_a_report_is_downloaded_in_two_steps_and_the_second_needs_no_key(
    api: Api, judged_job: int
) -> None:
    ready = api("GET", f"/jobs/{judged_job}.csv?type=full")

    path = ready.headers["Location"].removeprefix("https://sandbox.invalid")
    response = api("GET", path, key=None, version="..")
    assert ready.status_code == 302
    assert path.startswith("/reports/")
    assert response.status_code == 200
    assert f"filename=f{judged_job}.csv.zip" in response.headers["Content-Disposition"]
    assert int(response.headers["Content-Length"]) == len(response.content)


def test_the_url_of_a_report_cannot_be_guessed(api: Api, judged_job: int) -> None:
    location = api("GET", f"/jobs/{judged_job}.csv?type=full").headers["Location"]
    *_, token, name = location.split("/")

    assert len(token) == 32
    for guess in (token[:-1], token.upper() + "x", "..", "0" * 32):
        assert api("GET", f"/reports/{guess}/{name}", version="..").status_code == 404


def test_regenerate_returns_ok(api: Api, job: int) -> None:
    response = api("POST", f"/jobs/{job}/regenerate", data={"type": "full"})

    assert response.content == b"OK"
    assert response.status_code == 200


def test_a_report_is_ready_after_the_configured_number_of_requests(
    database: Database, api: Api, app: Application, job: int
) -> None:
    app.services.reports = ReportCache(Delays({"report": 2}))

    def poll() -> int:
        return api("GET", f"/jobs/{job}.csv?type=full").status_code

    first = [poll() for _ in range(4)]
    api("POST", f"/jobs/{job}/regenerate?type=full")
    again = [poll() for _ in range(3)]

    assert first == [202, 202, 302, 302]
    assert again == [202, 202, 302]
    app.services.reports.close()


def test_a_report_that_is_not_ready_has_the_message_of_the_service(
    app: Application, api: Api, job: int
) -> None:
    app.services.reports = ReportCache(Delays({"report": 1}))

    response = api("GET", f"/jobs/{job}.csv?type=json")

    text = "Your CSV is being generated.  Try again in 10 seconds."
    assert response.status_code == 202
    assert response.json() == {"notice": {"message": text}}
    app.services.reports.close()


def test_the_gold_report_has_a_row_for_each_test_question(api: Api, judged_job: int) -> None:
    response = api("GET", f"/jobs/{judged_job}.csv?type=gold_report", allow_redirects=True)

    name, text = unpack(response.content)
    assert name == f"job_{judged_job}_gold_report.csv"
    assert text.splitlines() == [
        (
            "_id,_pct_missed,_judgments,_gold_case,_difficulty,_hidden,_contention,_pct_contested,"
            "_gold_pool,_sentiment,sentiment_gold,sentiment_gold_reason,review_id,review_text,"
            "_golden"
        ),
        "4,0.50,2,,0,false,,0.0,,positive,negative,It is strongly negative.,r4,Terrible,true",
    ]


def test_the_workset_has_a_row_for_each_contributor(api: Api, judged_job: int) -> None:
    response = api("GET", f"/jobs/{judged_job}.csv?type=workset", allow_redirects=True)

    name, text = unpack(response.content)
    header, *lines = text.splitlines()
    assert name == f"workset{judged_job}.csv"
    assert header == (
        "worker_id,external_type,judgments_count,missed_count,golds_count,forgiven_count,channel,"
        "country,region,city,last_ip,flagged_at,rejected_at,bonus,flag_reason,trust_overall,"
        "submission_rate"
    )
    assert len(lines) == 4
    assert lines[2] == (
        "31883685,clixsense,1,0,0,0,clixsense,FIN,13,Helsinki,198.51.100.7,,,0,,0.9444,"
    )


def test_the_workset_has_the_time_format_of_other_reports(
    api: Api, judged_job: int, database: Database
) -> None:
    database.clock.set(datetime(2015, 6, 25, 9, 54, 20, tzinfo=UTC).timestamp())
    api("PUT", f"/jobs/{judged_job}/workers/31883685", json={"flag": "Copies and pastes"})
    api("PUT", f"/jobs/{judged_job}/workers/31883685/reject", json={"reject": "He does"})

    response = api("GET", f"/jobs/{judged_job}.csv?type=workset", allow_redirects=True)

    lines = csv.DictReader(io.StringIO(unpack(response.content)[1]))
    assert [(each["flagged_at"], each["rejected_at"]) for each in lines][2:] == [
        ("6/25/2015 09:54:20", "6/25/2015 09:54:20"),
        ("", ""),
    ]


def test_an_unknown_type_of_report_is_refused(api: Api, job: int) -> None:
    response = api("GET", f"/jobs/{job}.csv?type=fulll")

    assert response.status_code == 422
    assert "full, aggregated, json" in response.json()["error"]["message"]


def test_a_report_is_up_to_date(api: Api, job: int) -> None:
    before = api("GET", f"/jobs/{job}.csv?type=source", allow_redirects=True)
    api("POST", f"/jobs/{job}/units", json={"unit": {"data": {"review_id": "g"}}})
    after = api("GET", f"/jobs/{job}.csv?type=source", allow_redirects=True)

    assert unpack(before.content)[1].count("\n") == 7
    assert unpack(after.content)[1].count("\n") == 8


def test_a_report_of_a_job_without_a_form_or_rows_has_a_header(api: Api) -> None:
    blank = api("POST", "/jobs").json()["id"]

    lines = {
        kind: unpack(api("GET", f"/jobs/{blank}.csv?type={kind}", allow_redirects=True).content)[1]
        for kind in ("full", "aggregated", "json", "source")
    }

    assert lines["full"].startswith("_unit_id,_created_at,")
    assert lines["full"].count("\n") == 1
    assert lines["aggregated"].startswith("_unit_id,_golden,_unit_state")
    assert lines["source"] == "_unit_id,_created_at,_updated_at\n"
    assert lines["json"] == ""


def test_every_redirect_leads_to_a_report(api: Api, judged_job: int) -> None:
    sent = [
        api("GET", f"/jobs/{judged_job}.csv?type=full").headers["Location"].partition("reports/")[2]
        for _ in range(8)
    ]

    answers = [api("GET", f"/reports/{path}", key=None, version="..") for path in sent]

    assert {unpack(response.content) for response in answers} == {
        (f"f{judged_job}.csv", FULL_BY_DEFAULT)
    }


def test_a_column_with_the_name_of_another_gets_a_prefix() -> None:
    columns = ["sentiment", "_golden", "text"]
    header = next(reports.full_report({"sentiment": "agg"}, columns, []))
    with_golden = next(reports.full_report({"sentiment": "agg"}, columns, [], gold_columns=True))

    assert header[-4:] == ["sentiment", "_golden", "orig_sentiment", "text"]
    assert with_golden[-4:] == ["sentiment", "orig__golden", "orig_sentiment", "text"]


@pytest.mark.parametrize(
    ("wrong", "cell"),
    [
        ([], ""),
        (["positive", "neutral"], "positive\nneutral"),
        ([["price", "delivery"], ["price"]], "price|delivery\nprice"),
    ],
)
def test_the_gold_report_has_wrong_answers_before_accepted_ones(
    wrong: list[Any], cell: str
) -> None:
    """The column is in a file of 2014; that each answer has a line is our choice."""
    row = SimpleNamespace(**{**vars(ROW), "data": {"id_gold": "a"}, "rejected": {"id": wrong}})

    header, line = reports.gold_report({"id": "id_gold"}, ["id_gold", "id"], [row])

    assert header[9:] == ["orig__id", "id_gold", "id_gold_reason", "id", "_golden"]
    assert line[9:11] == [cell, "a"]


def test_two_questions_with_one_gold_column_print_it_once() -> None:
    gold = {"first": "known", "second": "known"}

    header, line = reports.gold_report(gold, ["known"], [ROW])

    assert header[9:] == ["_first", "known", "known_reason", "_second", "_golden"]
    assert len(line) == len(header)


@pytest.mark.parametrize("kind", ["full", "aggregated", "source"])
def test_numbers_of_a_row_keep_all_their_digits(api: Api, judged_job: int, kind: str) -> None:
    data = {"review_id": 48.858222, "review_text": [1e-7, 2.00005]}
    api("PUT", f"/jobs/{judged_job}/units/1", json={"unit": {"data": data}})

    response = api("GET", f"/jobs/{judged_job}.csv?type={kind}", allow_redirects=True)

    first = next(csv.DictReader(io.StringIO(unpack(response.content)[1])))
    assert (first["review_id"], first["review_text"]) == ("48.858222", "1e-07\n2.00005")


CLASHING = {
    column: f"what was in {column}"
    for column in ("sentiment", "orig_sentiment", "_unit_id", "orig__unit_id", "_id", "orig__id")
}
ROW = SimpleNamespace(
    id=7, state="golden", data=CLASHING, trusted_judgments=1, last_judgment_at=None, results={},
    judgments=1, missed_count=0, difficulty=0, gold_pool=None, rejected={},
    contested_count=0, contention=[],
    created_at=0, updated_at=0,
)  # fmt: skip
ANSWER = SimpleNamespace(
    id=8, worker_id=9, data={"sentiment": "positive"}, golden=True, missed=False, tainted=False,
    rejected=False, created_at=0, started_at=0, channel="elite", trust=1.0,
    country="FIN", region=None, city=None, ip=None,
)  # fmt: skip


@pytest.mark.parametrize(
    "lines",
    [
        [*reports.full_report({"sentiment": "agg"}, CLASHING, [(ROW, [ANSWER])])],
        [*reports.aggregated_report({"sentiment": "agg"}, CLASHING, [ROW])],
        [*reports.source_report([*CLASHING], [ROW])],
        [*reports.gold_report({"sentiment": "sentiment_gold"}, [*CLASHING], [ROW])],
    ],
)
def test_column_names_are_unique(lines: list[list[str]]) -> None:
    header, row = lines

    assert len(header) == len({*header})
    assert {*CLASHING.values()} <= {*row}


@pytest.mark.parametrize(
    ("how", "result", "cells"),
    [
        ("agg", {"agg": "yes", "confidence": 0.66666}, ["yes", "0.6667"]),
        ("agg_2", {"agg": ["a", "b"], "confidence": [0.7, 0.5]}, ["a\nb", "0.7\n0.5"]),
        ("cagg_0.5", {"agg": [], "confidence": []}, ["", ""]),
        ("agg", {"agg": None, "confidence": None}, ["", ""]),
        ("agg", None, ["", ""]),
        ("avg", {"avg": 3.66667, "variance": 0.22222}, ["3.6667", "0.2222"]),
        ("all", ["one", None, ["two", "three"], "four"], ["one\ntwo|three\nfour"]),
        ("all", [], [""]),
        (
            reports.LINKED,
            [{"first": "Zoë", "last": "", "confidence": 0.5}],
            ['[{"first":"Zoë","last":"","confidence":0.5}]'],
        ),
        (reports.LINKED, [], ["[]"]),
        (reports.LINKED, None, [""]),
    ],
)
def test_each_aggregation_has_its_cells(how: str, result: Any, cells: list[str]) -> None:
    class Unit:
        id = 1
        state = "finalized"
        data: dict[str, Any] = {}  # noqa: RUF012
        trusted_judgments = 1
        last_judgment_at = 0.0
        results = {"q": result}  # noqa: RUF012

    header, row = reports.aggregated_report({"q": how}, [], [Unit])

    assert row[5:] == cells
    assert len(header) == len(row)


@pytest.mark.parametrize(
    "text",
    [
        "plain",
        "a,b",
        'say "hi"',
        "two\nlines",
        "lone\rreturn",
        "a\r\nb",
        " blank ",
        "=1+1",
        "",
        "é",
    ],
)
def test_any_cell_round_trips_through_csv(tmp_path: Path, text: str) -> None:
    reports.write_archive(tmp_path / "r.zip", "r.csv", 1435148651, [["a", "b"], [text, "end"]])

    _, content = unpack((tmp_path / "r.zip").read_bytes())

    assert content.startswith("a,b\n")
    assert content.endswith("end\n")
    assert list(csv.reader(io.StringIO(content, newline="")))[1] == [text, "end"]


def test_a_report_of_many_blocks_is_complete(tmp_path: Path) -> None:
    lines = [[str(number), "é" * (number % 300)] for number in range(3000)]

    reports.write_archive(tmp_path / "r.zip", "r.csv", 1435148651, lines)

    _, content = unpack((tmp_path / "r.zip").read_bytes())
    assert len(content) > 2 * BLOCK
    assert list(csv.reader(io.StringIO(content, newline=""))) == lines


def test_the_same_report_is_the_same_file(tmp_path: Path) -> None:
    for name in ("one", "two"):
        reports.write_archive(tmp_path / name, "r.csv", 1435148651, [["a"], ["b"]])

    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


def test_memory_does_not_grow_with_the_report(tmp_path: Path) -> None:
    def rows() -> Iterator[list[str]]:
        for number in range(50_000):
            yield [str(number), "some text that is about as long as any"]

    tracemalloc.start()

    reports.write_archive(tmp_path / "r.zip", "r.csv", 1435148651, rows())

    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 1_000_000


def test_a_made_report_says_how_long_it_is_and_what_it_is_as_of(
    api: Api, app: Application, judged_job: int
) -> None:
    for kind in ("full", "json", "source"):
        api("GET", f"/jobs/{judged_job}.csv?type={kind}")

    made = [app.services.reports.latest(judged_job, kind) for kind in ("full", "json", "source")]

    assert [each.lines for each in made if each] == [7, 4, 4]
    assert {each.last_judgment_id for each in made if each} == {1605624300}
    assert {each.made_at for each in made if each} == {app.services.database.clock.now()}
