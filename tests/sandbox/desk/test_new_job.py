"""A new job in five steps, in process: files of all kinds, columns, the first form, the launch."""

from __future__ import annotations

import io
import json
import re
from typing import TYPE_CHECKING, Any

import pytest
from werkzeug.datastructures import FileStorage
from werkzeug.test import encode_multipart

from crowdflower.sandbox.rules.jobs import jobs
from tests.sandbox.desk_browser import Browser, readable

if TYPE_CHECKING:
    from werkzeug.test import TestResponse

    from crowdflower.client import Client
    from crowdflower.sandbox import Sandbox

TITLE = "What does the review say?"
MARKUP = "<script>alert(1)</script>"


def reviews(rows: int = 12, golds: int = 3) -> str:
    """Return a CSV file: a key, a text, and correct answers to some rows."""
    answers = ["good", "bad", "neither"]
    lines = [
        f'R-{number},"It is fine, mostly ({number}).",{answer}'
        for number in range(rows)
        for answer in [answers[number % 3] if number < golds else ""]
    ]
    return "\n".join(["sku,review,verdict_gold", *lines]) + "\n"


def upload(
    desk: Browser,
    content: str | bytes,
    name: str = "reviews.csv",
    path: str = "/desk/new",
    **fields: Any,
) -> TestResponse:
    """Post a file of rows to step 1."""
    data = content.encode() if isinstance(content, str) else content
    given = {"title": TITLE, "do": "upload", "token": fields.pop("token", None) or desk.token()}
    file = FileStorage(io.BytesIO(data), name)
    # Werkzeug's client would leave the temporary file of a large body open.
    boundary, body = encode_multipart({**given, **fields, "rows": file})
    kind = f"multipart/form-data; boundary={boundary}"
    return desk.http.post(path, data=body, content_type=kind)


def start(desk: Browser, content: str | None = None) -> int:
    """Upload a file, and return the number of the draft."""
    response = upload(desk, content or reviews())
    assert response.status_code == 303, readable(response.text)
    return int(response.headers["Location"].split("/")[3])


def columns(desk: Browser, job: int, **fields: Any) -> TestResponse:
    return desk.post(f"/desk/jobs/{job}/new/columns", **fields)


def save_form(desk: Browser, job: int, cml: str, instructions: str = "Read it.") -> TestResponse:
    path = f"/desk/jobs/{job}/new/form"
    return desk.post(path, do="save", cml=cml, instructions=instructions)


def ready(desk: Browser, client: Client, content: str | None = None) -> int:
    """Make a draft that can be launched."""
    job = start(desk, content)
    assert columns(desk, job).status_code == 303
    assert save_form(desk, job, client.get_job(job).cml or "").status_code == 303
    return job


def typed(page: str, name: str) -> str:
    """Return what stands in a field of a page."""
    return re.search(rf'<input[^>]* name="{name}" value="([^"]*)"', page)[1]  # type: ignore[index]


def test_a_file_becomes_a_draft_whose_columns_are_shown(desk: Browser, client: Client) -> None:
    response = upload(desk, reviews())
    page = desk.said(response)

    job = client.get_job(int(response.headers["Location"].split("/")[3]))
    assert (job.title, job.state, job.units_count) == (TITLE, "unordered", 12)
    assert "12 rows read from reviews.csv." in page
    assert "It is fine, mostly (0)." in page
    assert TITLE in desk.text("/desk/", state="unordered")


def test_steps_that_are_done_the_current_one_and_those_to_come_differ(desk: Browser) -> None:
    job = start(desk)

    page = desk.get(f"/desk/jobs/{job}/new/form").text

    steps = re.findall(r"<li.*?</li>", page.partition('class="steps"')[2].partition("</ol>")[0])
    assert [("(done)" in step, "aria-current" in step) for step in steps] == [
        *[(True, False)] * 2,
        (False, True),
        *[(False, False)] * 2,
    ]


@pytest.mark.parametrize("start_with", ["", "\ufeff"])
def test_a_file_may_begin_with_a_byte_order_mark(
    desk: Browser, client: Client, start_with: str
) -> None:
    job = start(desk, start_with + "Größe,text\n1,ä\n2,ö\n")

    assert [unit.data for unit in client.get_job(job).units] == [
        {"größe": "1", "text": "ä"},
        {"größe": "2", "text": "ö"},
    ]


@pytest.mark.parametrize("separator", [";", "\t", "|"])
def test_a_file_may_have_other_separators(desk: Browser, client: Client, separator: str) -> None:
    lines = ["sku,review", 'R-1,"one, two; three\n| ""four"""', 'R-2,"last"']
    content = "\n".join(line.replace(",", separator, 1) for line in lines)

    job = start(desk, content)

    assert [unit.data for unit in client.get_job(job).units] == [
        {"sku": "R-1", "review": 'one, two; three\n| "four"'},
        {"sku": "R-2", "review": "last"},
    ]


def test_a_large_cell_may_have_other_separators(desk: Browser, client: Client) -> None:
    cell = "x" * 200_000  # beyond the limit of the csv module

    job = start(desk, f'sku;review\n1;{cell}\n2;"{cell};"\n')

    assert [unit.data["review"] for unit in client.get_job(job).units] == [cell, f"{cell};"]


def test_a_file_may_be_json_lines(desk: Browser, client: Client) -> None:
    rows = [{"text": "a", "tags": {"x": 1}}, {"text": "b", "tags": {}}]

    response = upload(desk, "\n".join(map(json.dumps, rows)), "rows.jsonl")

    job = int(response.headers["Location"].split("/")[3])
    assert [unit.data for unit in client.get_job(job).units] == rows
    assert '{"x": 1}' in desk.text(f"/desk/jobs/{job}/new/columns")


@pytest.mark.parametrize(
    ("content", "name", "problem"),
    [
        ("", "a.csv", "a.csv is empty."),
        ("sku,review\n", "a.csv", "a.csv has no row to judge."),
        ("\n\n", "a.csv", "its first row must name the columns"),
        ("a,b\n1,2\n1,2,3\n", "a.csv", "Row 3 has 3 cells, and the header has 2."),
        ("a,A\n1,2\n", "a.csv", "would both be named “a”"),
        ("a,,b\n1,2,3\n", "a.csv", "gives no name of a column"),
        ('a,b\n1,"2\n', "a.csv", "Row 2 is not valid CSV"),
        ("a;b\n1;2;3\n", "a.csv", "Row 2 has 3 cells"),
        ('a;b\n1;"2"3\n', "a.csv", "Row 2 is not valid CSV"),
        ("a,b\n1,2\n".encode("utf-16"), "a.csv", "is encoded in UTF-16"),
        ("a,b\n1,2\n".encode("utf-16-le"), "a.csv", "Save the file as “CSV UTF-8”."),
        ("a,b\n1,ä\n".encode("latin-1"), "a.csv", "Row 2 is not UTF-8."),
        (b"PK\x03\x04\x00\x00", "a.xlsx", "a.xlsx is an Excel workbook or a zip archive"),
        (bytes(range(256)), "a.csv", "No row was stored"),
        ("[{}]", "a.json", "The file is one JSON array."),
        ('{"a": 1}\n{"a": ', "a.jsonl", "Row 2 is not valid JSON"),
        (",".join(f"c{n}" for n in range(100_000)) + "\n1\n", "a.csv", "and 5,000 are the most"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_and_leaves_no_job(
    desk: Browser, client: Client, content: str | bytes, name: str, problem: str
) -> None:
    response = upload(desk, content, name)

    assert response.status_code == 422
    assert problem in readable(response.text)
    assert f'value="{TITLE}"' in response.text
    assert list(client.get_jobs()) == []


def test_a_header_of_a_million_columns_is_refused(desk: Browser, client: Client) -> None:
    response = upload(desk, "a," * 1_000_000 + "b\n")

    assert response.status_code == 422
    assert list(client.get_jobs()) == []


def test_a_file_above_the_limit_is_refused_on_a_page(box: Sandbox, desk: Browser) -> None:
    token = desk.token()
    box.app.config["MAX_CONTENT_LENGTH"] = 2000

    response = upload(desk, reviews(200), token=token)

    assert response.status_code == 413
    assert "too large" in readable(response.text)
    assert response.content_type.startswith("text/html")


@pytest.mark.parametrize("title", ["", "abc", "x" * 256])
def test_a_title_is_checked_before_the_file(desk: Browser, client: Client, title: str) -> None:
    response = upload(desk, reviews(), title=title)

    assert response.status_code == 422
    assert "Write a title of at" in readable(response.text)
    assert list(client.get_jobs()) == []


def test_no_file_is_said_and_a_job_without_data_can_be_made(desk: Browser, client: Client) -> None:
    assert "Choose a file" in readable(desk.post("/desk/new", title=TITLE, do="upload").text)

    refused = upload(desk, "a\n1\n", "rows.csv", do="blank")
    assert "You chose rows.csv." in readable(refused.text)
    assert [*client.get_jobs()] == []

    response = desk.post("/desk/new", title=TITLE, do="blank")

    assert "No rows yet" in desk.said(response)
    assert [job.units_count for job in client.get_jobs()] == [0]


def test_a_form_that_is_sent_twice_makes_one_job(desk: Browser, client: Client) -> None:
    for _ in range(2):
        assert upload(desk, reviews(), once="7").status_code == 303

    assert len(list(client.get_jobs())) == 1


def test_rows_are_added_to_a_draft_and_others_are_refused(desk: Browser, client: Client) -> None:
    job = start(desk)
    path = f"/desk/new?job={job}"

    assert upload(desk, reviews(3, 0), path=path).status_code == 303
    refused = upload(desk, "other\n1\n", path=path)

    assert refused.status_code == 422
    assert "It lacks: sku, review. It has more: other." in readable(refused.text)
    assert client.get_job(job).units_count == 15
    assert upload(desk, "other\n1\n", path=path, force="true").status_code == 303
    assert client.get_job(job).units_count == 16


def test_rows_are_added_to_a_job_that_was_launched(desk: Browser, client: Client) -> None:
    number = ready(desk, client)
    desk.post(f"/desk/jobs/{number}/new/launch", do="launch", units=9)
    path = f"/desk/new?job={number}"
    assert 'name="title"' not in desk.get(path).text

    response = upload(desk, reviews(4, 0), path=path, title="Another title")

    job = client.get_job(number)
    assert response.headers["Location"] == f"/desk/jobs/{number}"
    assert (job.units_count, job.title, job.state) == (16, TITLE, "running")
    assert desk.post(path, do="delete").status_code == 422


def test_few_files_are_taken_at_a_time(box: Sandbox) -> None:
    assert box.app.kind_of("POST", "/desk/new") == "file"
    assert box.app.kind_of("GET", "/desk/new") == "read"


def test_a_copy_is_a_draft(desk: Browser, client: Client) -> None:
    job = ready(desk, client)
    assert "Copy it" in desk.text("/desk/new", copy=job)

    response = desk.post("/desk/new", do="copy", copy=job, what="all_units", title="A second one")

    copied = client.get_job(int(response.headers["Location"].split("/")[3]))
    assert (copied.title, copied.units_count, copied.cml) == (
        "A second one",
        12,
        client.get_job(job).cml,
    )


def test_a_draft_can_be_deleted(desk: Browser, client: Client) -> None:
    job = start(desk)

    desk.said(desk.post(f"/desk/new?job={job}", do="delete"))

    assert list(client.get_jobs()) == []
    assert desk.get(f"/desk/jobs/{job}/new/columns").status_code == 404


def test_columns_have_roles_by_name_and_content(desk: Browser) -> None:
    page = desk.get(f"/desk/jobs/{start(desk)}/new/columns").text

    assert [
        page.split(f'name="role-{number}"')[1].split(" selected")[0].rsplit('value="', 1)[1][:-1]
        for number in range(3)
    ] == ["key", "shown", "answer"]


def test_columns_make_test_questions_and_a_form(desk: Browser, client: Client) -> None:
    number = start(desk)

    response = columns(desk, number)

    job = client.get_job(number)
    assert response.headers["Location"] == f"/desk/jobs/{number}/new/form"
    assert job.cml == (
        "<p>{{ review }}</p>\n\n"
        '<cml:radios label="Verdict" name="verdict" validates="required">\n'
        '  <cml:radio label="bad" value="bad"/>\n'
        '  <cml:radio label="good" value="good"/>\n'
        '  <cml:radio label="neither" value="neither"/>\n'
        "</cml:radios>"
    )
    assert (job.golds_count, job.gold) == (3, {"verdict": "verdict_gold"})
    assert client.jobs[number]().get("custom_key") == "sku"


def test_columns_can_be_changed_until_the_form_is_edited(desk: Browser, client: Client) -> None:
    number = start(desk)
    columns(desk, number)

    columns(desk, number, **{"role-0": "shown", "role-2": "kept"})

    job = client.get_job(number)
    assert "{{ sku }}" in (job.cml or "")
    assert "verdict" not in (job.cml or "")
    assert job.golds_count == 0
    save_form(desk, number, '<p>{{ review }}</p><cml:text label="Why?" validates="required"/>')
    assert "Make a new form" in desk.text(f"/desk/jobs/{number}/new/columns")
    refused = columns(desk, number, **{"role-0": "shown"})
    assert refused.status_code == 422
    assert "The form was edited" in readable(refused.text)
    assert columns(desk, number, anew="true", **{"role-0": "shown"}).status_code == 303
    assert "{{ sku }}" in (client.get_job(number).cml or "")


def test_a_draft_of_the_form_is_kept_and_not_overwritten(desk: Browser, client: Client) -> None:
    number = ready(desk, client)
    path = f"/desk/jobs/{number}/new"
    typed = '<cml:txt label="Unfinished?"/>'

    refused = desk.post(f"{path}/form", do="save", cml=typed)
    desk.said(desk.post(f"{path}/form", do="draft", cml=typed))

    assert (refused.status_code, client.get_job(number).cml) != (303, typed)
    assert "Unfinished?" in desk.get(f"{path}/form").text
    assert "The form has a draft" in desk.text(f"{path}/launch")
    assert columns(desk, number, **{"role-0": "shown"}).status_code == 422
    assert columns(desk, number, anew="true").status_code == 303
    assert "Unfinished?" not in desk.get(f"{path}/form").text


def test_settings_are_saved_or_only_worked_out(desk: Browser, client: Client) -> None:
    number = ready(desk, client)
    path = f"/desk/jobs/{number}/new/settings"

    shown = desk.post(path, do="estimate", judgments_per_unit="7")
    refused = desk.post(path, do="save", judgments_per_unit="many")
    assert (shown.status_code, refused.status_code) == (200, 422)
    assert client.get_job(number).judgments_per_unit != 7

    response = desk.post(path, do="save", judgments_per_unit="7", channels="elite")

    assert response.headers["Location"] == f"/desk/jobs/{number}/new/launch"
    assert client.get_job(number).judgments_per_unit == 7


def test_going_back_and_forth_changes_nothing(desk: Browser, client: Client) -> None:
    number = ready(desk, client)
    before = client.jobs[number]()

    for step in ("columns", "form", "settings", "launch"):
        assert desk.get(f"/desk/jobs/{number}/new/{step}").status_code == 200
    assert columns(desk, number).status_code == 303

    after = client.jobs[number]()
    assert {**after, "updated_at": before["updated_at"]} == before


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (reviews(6, 3), "at most a third of all rows can be"),
        (reviews(6, 0), "No row has a correct answer in it."),
    ],
)
def test_answers_that_cannot_be_test_questions_are_refused(
    desk: Browser, client: Client, content: str, problem: str
) -> None:
    number = start(desk, content)

    refused = columns(desk, number)

    assert refused.status_code == 422
    assert "The column verdict_gold:" in readable(refused.text)
    assert problem in readable(refused.text)
    assert not client.get_job(number).cml
    assert columns(desk, number, **{"role-2": "kept"}).status_code == 303


def test_of_thousands_of_columns_the_first_are_shown(desk: Browser, client: Client) -> None:
    names, cells = ",".join(f"c{number}" for number in range(5000)), ",".join(["v"] * 5000)
    number = start(desk, f"{names}\n{cells}\n{cells}\n")
    assert "4,800 more columns stay as they are" in desk.text(f"/desk/jobs/{number}/new/columns")

    assert columns(desk, number, **{"role-0": "kept"}).status_code == 303

    cml = client.get_job(number).cml or ""
    assert "{{ c29 }}" in cml
    assert "{{ c0 }}" not in cml
    assert "{{ c30 }}" not in cml


def test_of_many_columns_it_is_said_how_many_are_shown_at_first(desk: Browser) -> None:
    said = "At first, 30 columns are."
    header = ",".join(f"c{number}" for number in range(40))
    few, many = start(desk), start(desk, f"{header}\n{',' * 39}\n")

    assert said in desk.text(f"/desk/jobs/{many}/new/columns")
    assert said not in desk.text(f"/desk/jobs/{few}/new/columns")


def test_two_keys_are_refused(desk: Browser) -> None:
    refused = columns(desk, start(desk), **{"role-0": "key", "role-1": "key"})

    assert "Choose one key of the rows, not 2: sku, review." in readable(refused.text)


def test_a_whole_job_is_launched_once(box: Sandbox, desk: Browser, client: Client) -> None:
    number = ready(desk, client)
    path = f"/desk/jobs/{number}/new/launch"
    page = desk.text(path)
    assert "Launch 9 rows" in page
    assert "3 test questions are" in page or "3 test questions" in page

    response = desk.post(path, do="launch", units=9, once="1")
    again = desk.post(path, do="launch", units=9, once="1")

    assert response.headers["Location"] == f"/desk/jobs/{number}"
    assert again.status_code == 303
    assert client.get_job(number).state == "running"
    assert len({entry["order_id"] for entry in box.ledger() if entry["kind"] == "reserve"}) <= 1
    assert desk.get(path).headers["Location"] == f"/desk/jobs/{number}"
    assert "This job was launched" in readable(columns(desk, number).text) or (
        columns(desk, number).status_code == 303
    )


def test_a_paid_launch_reserves_what_the_page_says(
    box: Sandbox, desk: Browser, client: Client
) -> None:
    number = ready(desk, client)
    client.get_job(number).channels = ["elite"]
    path = f"/desk/jobs/{number}/new/launch"
    assert "Reserved now $10.00" in desk.text(path, units=5)

    desk.post(path, do="launch", units=5, cap="12.50")

    assert [entry["amount_mc"] for entry in box.ledger() if entry["kind"] == "reserve"] == [
        -1_000_000
    ]
    with box.database.snapshot() as tx:
        assert jobs.load(tx, number).cap_mc == 1_250_000


def test_a_form_without_its_button_launches_nothing(desk: Browser, client: Client) -> None:
    number = ready(desk, client)

    refused = desk.post(f"/desk/jobs/{number}/new/launch", units=9)

    assert refused.status_code == 422
    assert client.get_job(number).state == "unordered"


@pytest.mark.parametrize("act", ["launch", "credit"])
def test_money_moves_only_for_the_rows_whose_cost_was_shown(
    box: Sandbox, desk: Browser, client: Client, act: str
) -> None:
    number = ready(desk, client)
    client.get_job(number).channels = ["elite"]
    path = f"/desk/jobs/{number}/new/launch"
    before = box.ledger()

    refused = desk.post(path, do=act, units=4, shown=9, cap="77", once="1")

    assert refused.status_code == 422
    assert "They are now those of 4 rows" in readable(refused.text)
    assert "Launch 4 rows" in readable(refused.text)
    assert (typed(refused.text, "shown"), typed(refused.text, "cap")) == ("4", "77")
    assert box.ledger() == before
    assert client.get_job(number).state == "unordered"

    desk.post(path, do="launch", units="4", shown=4, once="1")

    assert client.get_job(number).ping()["ordered_units"] == 4


def test_the_cost_of_other_rows_is_shown_and_what_was_typed_is_kept(
    desk: Browser, client: Client
) -> None:
    number = ready(desk, client)
    client.get_job(number).channels = ["elite"]
    path = f"/desk/jobs/{number}/new/launch"

    shown = desk.post(path, do="costs", units=" 4 ", shown=9, cap="77", once="1")

    assert shown.headers["Location"].endswith("/new/launch?units=4&cap=77")
    page = desk.get(shown.headers["Location"]).text
    assert (typed(page, "units"), typed(page, "shown"), typed(page, "cap")) == ("4", "4", "77")
    assert desk.post(path, do="launch", units=9, shown=9, once="1").status_code == 303, "went back"


@pytest.mark.parametrize("units", ["0", "-1", "many", "10", "1e3", "٣", ""])
@pytest.mark.parametrize("act", ["costs", "launch", "credit"])
def test_a_wrong_number_of_rows_is_named_and_kept(
    desk: Browser, client: Client, units: str, act: str
) -> None:
    number = ready(desk, client)

    refused = desk.post(f"/desk/jobs/{number}/new/launch", do=act, units=units, shown=9)

    assert refused.status_code == 422
    assert "“Rows to launch with” is a whole number from 1 to 9" in readable(refused.text)
    assert typed(refused.text, "units") == units
    assert client.get_job(number).state == "unordered"
    assert desk.get(f"/desk/jobs/{number}/new/launch", units=units).status_code == 422


@pytest.mark.parametrize("cap", ["-1", "1.234", "12,50", "many", "NaN", "0"])
def test_a_cap_that_is_no_amount_is_refused(desk: Browser, client: Client, cap: str) -> None:
    number = ready(desk, client)
    client.get_job(number).channels = ["elite"]

    refused = desk.post(f"/desk/jobs/{number}/new/launch", do="launch", units=5, cap=cap)

    assert refused.status_code == 422
    assert client.get_job(number).state == "unordered"


def test_missing_money_is_said_and_can_be_added(
    box: Sandbox, desk: Browser, client: Client
) -> None:
    number = ready(desk, client)
    job = client.get_job(number)
    job.channels = ["elite"]
    job.payment_cents = 100_000
    job.update()
    path = f"/desk/jobs/{number}/new/launch"
    page = desk.get(path).text
    assert "too few" in readable(page)
    assert "disabled" in page.split('value="launch"')[1][:10]
    assert desk.post(path, do="launch", units=9).status_code == 422
    before = desk.text("/desk/money")

    added = desk.post(path, do="credit", units=9, shown=9, cap="5,000")

    assert "of play money was added." in desk.said(added)
    assert added.headers["Location"].endswith("?units=9&cap=5%2C000")
    assert desk.text("/desk/money") != before
    assert "There is enough money" in desk.post(path, do="credit", units=9, shown=9).text

    assert desk.post(path, do="launch", units=9).status_code == 303
    assert client.get_job(number).state == "running"


@pytest.mark.parametrize(
    ("cml", "instructions", "problem"),
    [
        (
            "<p>{{ shop }}</p><cml:text label='Why?' validates='required'/>",
            "Read.",
            "is not in the data",
        ),
        ("<cml:text label='Why?'/>", "Read.", "No question must be answered"),
        ("<cml:text label='Why?' validates='required'/>", "", "The instructions are missing"),
        (
            "<p>{{ verdict_gold }}</p><cml:text label='Why?' name='verdict' validates='required'/>",
            "Read.",
            "The form prints correct answers",
        ),
    ],
)
def test_what_stands_in_the_way_is_listed(
    desk: Browser, client: Client, cml: str, instructions: str, problem: str
) -> None:
    number = ready(desk, client)
    save_form(desk, number, cml, instructions)

    assert problem in desk.text(f"/desk/jobs/{number}/new/launch")


def test_a_draft_without_anything_says_all_that_is_missing(desk: Browser) -> None:
    location = desk.post("/desk/new", title=TITLE, do="blank").headers["Location"]
    page = desk.text(location.replace("columns", "launch"))

    for problem in ("The instructions are missing", "There is no form", "There are no rows"):
        assert problem in page


def test_markup_in_a_file_is_text_on_every_page(desk: Browser, client: Client) -> None:
    content = json.dumps({MARKUP: MARKUP, 'a"b': "{{ x }}", "n_gold": MARKUP}) + "\n"
    content += "".join(json.dumps({MARKUP: f"{MARKUP}{n}", 'a"b': ""}) + "\n" for n in range(5))
    response = upload(desk, content, f"{MARKUP}.jsonl", title=MARKUP)
    number = int(response.headers["Location"].split("/")[3])
    pages = [desk.get(response.headers["Location"]).text]

    assert columns(desk, number).status_code == 303
    pages += [
        desk.get(f"/desk/jobs/{number}/new/{step}").text
        for step in ("columns", "form", "settings", "launch")
    ]

    assert client.get_job(number).golds_count == 1
    for page in [*pages, desk.get(f"/desk/new?job={number}").text, desk.get("/desk/new").text]:
        assert "<script>alert" not in page
        assert "style=" not in page


def test_a_job_of_another_account_or_without_a_session_is_not_found(
    box: Sandbox, desk: Browser, stranger: Browser
) -> None:
    assert desk.get("/desk/jobs/999/new/launch").status_code == 404
    assert desk.get("/desk/new?job=999").status_code == 404
    assert desk.get("/desk/new?job=x").status_code == 404
    assert stranger.get("/desk/new").status_code == 303
    assert desk.post("/desk/new", token=None, title=TITLE, do="blank").status_code == 403


def test_a_large_file_is_stored_by_short_transactions(desk: Browser, client: Client) -> None:
    number = start(desk, reviews(2500, 30))

    assert client.get_job(number).units_count == 2500
    assert "first 1,000 rows" in desk.text(f"/desk/jobs/{number}/new/columns")
