"""The test questions of a job on the desk: the list, contests, edits, hidden and switched off."""

from __future__ import annotations

import re
from typing import Any

import pytest
from sqlalchemy import select

from crowdflower.client import Client
from crowdflower.job import Job
from crowdflower.sandbox import Sandbox
from crowdflower.sandbox.desk.golds.gold_list import SORTS
from crowdflower.sandbox.rules.work import contests
from crowdflower.sandbox.store import tables
from crowdflower.sandbox.store.contributor_tables import contest
from tests.sandbox.desk_browser import Browser, readable
from tests.sandbox.desk_jobs import MARKUP, join, launch_job, take, work


def path(job: Job) -> str:
    return f"/desk/jobs/{job.id}/tests"


def lines(page: str) -> list[str]:
    """Return the lines of the table as text."""
    table = page.partition("<table>")[2].partition("</table>")[0]
    return [readable(row) for row in re.findall(r"<tr>.*?</tr>", table, re.DOTALL)[1:]]


def rows(box: Sandbox, query: Any) -> list[Any]:
    with box.database.transaction() as tx:
        return tx.all(query)


def gold_ids(box: Sandbox, job: Job) -> list[int]:
    table = tables.unit
    found = rows(box, select(table).where(table.c.job_id == job.id).order_by(table.c.seq))
    return [row.id for row in found if row.data["text"].startswith("Test")]


def unit(box: Sandbox, number: int) -> Any:
    (found,) = rows(box, select(tables.unit).where(tables.unit.c.id == number))
    return found


def in_job(box: Sandbox, worker: int) -> Any:
    table = tables.worker_job
    (found,) = rows(box, select(table).where(table.c.worker_id == worker))
    return found


def object_to(box: Sandbox, job: Job, worker: int, number: int, text: str = "It is good.") -> int:
    """Let a contributor contest a test question, and return the number of the contest."""
    with box.database.transaction() as tx:
        row = tx.one(select(tables.job).where(tables.job.c.id == job.id))
        return int(contests.submit(tx, row, worker, number, "mood", text).id)


def miss(box: Sandbox, job: Job, name: str | None = "Ada") -> tuple[int, int]:
    """Let a new contributor miss a test question; return both numbers."""
    worker = join(box, name)
    receipt = work(box, job, worker, "good")
    return worker, receipt.feedback[0].unit_id


@pytest.fixture
def job(client: Client) -> Job:
    """A job whose contributors see all of its five test questions, each on a page of its own."""
    return launch_job(client, golds=5, options={"after_gold": 100})


def test_a_job_without_test_questions_says_what_they_are(client: Client, desk: Browser) -> None:
    text = desk.text(path(launch_job(client)))

    assert "No test questions yet" in text
    assert "Make one from a row" in text


def test_too_few_test_questions_are_said(client: Client, desk: Browser) -> None:
    text = desk.text(path(launch_job(client, golds=3)))

    assert "The job has 3 test questions, too few: nobody is tested" in text
    assert "Add 2 more" in text


def test_how_many_people_are_needed_is_said(job: Job, desk: Browser) -> None:
    text = desk.text(path(job))

    assert "With these test questions, one person can judge 5 rows" in text
    assert "So 12 people are needed; 0 took part so far. Add test questions" in text


def test_one_person_who_is_enough_is_one(client: Client, desk: Browser) -> None:
    job = launch_job(client, rows=12, golds=6, units_per_assignment=3, judgments_per_unit=1)

    assert "So 1 person is needed; 0 took part so far." in desk.text(path(job))


def test_the_list_says_what_is_missed_and_contested_and_chosen_instead(
    box: Sandbox, job: Job, desk: Browser
) -> None:
    first, *_ = golds = gold_ids(box, job)
    for name, mood in (("Ada", "good"), ("Bo", "bad"), ("Chidi", "good")):
        worker = join(box, name)
        for _ in golds:
            work(box, job, worker, mood)
    object_to(box, job, worker, first)

    found = lines(desk.get(path(job), sort="row").text)

    assert found[0] == (
        "1 Test 0 Bad In use missed by 67 % of 3 In use 3 67 % 33 % 1 person Good (2 of 2) – "
        "Edit test question 1"
    )
    assert "3 67 % 0 Good (2 of 2)" in found[1]
    for sort in SORTS:
        assert len(lines(desk.get(path(job), sort=sort).text)) == len(golds)
    assert lines(desk.get(path(job), sort="-contested").text)[0].startswith("1 Test 0")
    for odd in ({"sort": "x"}, {"page": "-1"}, {"state": "x"}, {"edit": "0"}, {"edit": "x"}):
        assert desk.get(path(job), **odd).status_code == 200
    assert desk.get(path(job), edit="7").status_code == 404


def test_a_declined_objection_changes_nothing(box: Sandbox, job: Job, desk: Browser) -> None:
    ada, number = miss(box, job)
    contested = object_to(box, job, ada, number, "The first line\nsays so.")

    page = desk.text(path(job))
    said = desk.said(desk.post(path(job), do="decline", contest=contested))
    again = desk.post(path(job), do="decline", contest=contested)
    other = desk.post(path(job), do="agree", contest=contested)

    assert "Contested 1 Accept an objection: that answer counts as right" in page
    assert "Correct: Bad · missed by 1 of 1 (100 %)" in page
    assert f"Ada {ada} , Good : The first line says so." in page
    assert "The objection was declined: the answer stays wrong." in said
    assert again.status_code == 303
    assert other.status_code == 422
    assert "was decided before" in other.text
    (stored,) = rows(box, select(contest))
    assert stored.accepted is False
    assert in_job(box, ada).golds_forgiven == 0


def test_an_accepted_objection_is_forgiven_to_that_contributor(
    box: Sandbox, job: Job, desk: Browser
) -> None:
    contested, people = [], []
    for name in ("Ada", "Bo"):
        worker = join(box, name)
        number = max(
            each.unit_id for _ in range(5) for each in work(box, job, worker, "good").feedback
        )
        contested.append(object_to(box, job, worker, number))
        people.append(worker)

    said = desk.said(desk.post(path(job), do="agree", contest=contested[0]))

    assert "The objection was accepted: the answer counts as right." in said
    assert "Contested 1" in said
    assert [in_job(box, each).golds_forgiven for each in people] == [1, 0]
    assert unit(box, number).state == "golden"


def test_a_question_is_kept_against_all_objections(box: Sandbox, job: Job, desk: Browser) -> None:
    first, *_ = gold_ids(box, job)
    for name in ("Ada", "Bo"):
        worker = join(box, name)
        for _ in range(5):
            work(box, job, worker, "good")
        object_to(box, job, worker, first)

    said = desk.said(desk.post(path(job), do="keep", unit=first))
    again = desk.said(desk.post(path(job), do="keep", unit=first))

    assert "The test question stays as it is: 2 objections were declined." in said
    assert "0 objections were declined." in again
    assert {each.accepted for each in rows(box, select(contest))} == {False}


def test_a_question_is_taken_out_and_everyone_is_forgiven(
    box: Sandbox, client: Client, desk: Browser
) -> None:
    job = launch_job(client, golds=6, options={"after_gold": 1})
    ada, number = miss(box, job)
    assert in_job(box, ada).state == "removed"
    object_to(box, job, ada, number)

    page = desk.text(path(job))
    said = desk.said(desk.post(path(job), do="take_out", unit=number))
    again = desk.post(path(job), do="take_out", unit=number)

    assert "1 contributor is accurate enough again. 2 judgments count again." in page
    assert "The test question is switched off, and everyone who missed it is forgiven." in said
    assert "Contested" not in lines(said)
    assert again.status_code == 303
    assert (unit(box, number).state, unit(box, number).missed_count) == ("new", 0)
    assert (in_job(box, ada).state, in_job(box, ada).trust) == ("working", 1.0)
    assert [each.accepted for each in rows(box, select(contest))] == [True]


def test_switching_off_says_if_too_few_are_left_and_is_undone(
    box: Sandbox, job: Job, desk: Browser
) -> None:
    first, *others = gold_ids(box, job)

    said = desk.said(desk.post(path(job), do="take_out", unit=first))
    off = desk.get(path(job), state="off").text
    on = desk.said(desk.post(f"{path(job)}?state=off", do="on", unit=first))

    assert "The rest are too few to be used: nobody is tested until you add more." in said
    assert "The job has 4 test questions, too few" in said
    assert lines(off) == ["1 Test 0 Bad – Switch on : row 1"]
    assert "The test question is in use." in on
    assert "No test question matches" in on
    assert len(lines(desk.get(path(job)).text)) == len(others) + 1


def test_only_a_row_with_an_answer_can_be_switched_on(
    box: Sandbox, client: Client, desk: Browser
) -> None:
    job = launch_job(client, golds=5)
    ordinary = max(row.id for row in rows(box, select(tables.unit.c.id)))

    response = desk.post(path(job), do="on", unit=ordinary)

    assert response.status_code == 422
    assert "This row has no accepted answer." in response.text
    assert unit(box, ordinary).state == "judgable"


def test_a_hidden_question_is_shown_as_such(box: Sandbox, job: Job, desk: Browser) -> None:
    first, *_ = gold_ids(box, job)

    said = desk.said(desk.post(path(job), do="hide", unit=first))

    assert "The test question is hidden" in said
    (line,) = lines(desk.get(path(job), state="hidden_gold").text)
    assert "Hidden" in line
    assert "no longer hidden" in desk.said(desk.post(path(job), do="show", unit=first))
    assert unit(box, first).state == "golden"


def test_an_edit_forgives_answers_that_are_right_now(box: Sandbox, job: Job, desk: Browser) -> None:
    ada, number = miss(box, job)
    address = f"{path(job)}?edit={number}"
    form = desk.get(address).text
    fields = {"do": "save", "unit": number, "accepted[mood]": ["bad", "good"], "hidden": "yes"}

    said = desk.post(address, **fields, **{"reason[mood]": "Both <i>fit</i>"})

    assert 'name="accepted[mood]" value="bad" checked' in form
    assert 'name="accepted[mood]" value="good">' in form
    assert said.headers["Location"] == path(job)
    text = desk.said(said)
    assert "1 answer that counted as wrong is right now, and is forgiven." in text
    assert "Both <i>fit</i>" in text
    after = unit(box, number)
    assert after.state == "hidden_gold"
    assert after.data["mood_gold"] == ["bad", "good"]
    assert after.data["mood_gold_reason"] == ["Both <i>fit</i>"]
    assert after.data["text"].startswith("Test")
    assert in_job(box, ada).trust == 1.0


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"do": "save", "accepted[mood]": "ugly"}, "What is the mood?: contributors cannot answer"),
        ({"do": "save", "accepted[mood]": " "}, "Choose at least one accepted answer"),
        ({"do": "save"}, "Choose at least one accepted answer"),
        (
            {"do": "save", "accepted[mood]": "bad", "reason[mood]": "x" * 1001},
            "The reason has 1001 characters.",
        ),
        ({"do": "save", "unit": "x"}, "The form lacks the number of the test question."),
        ({"do": "hide", "unit": "9" * 30}, "The form lacks the number of the test question."),
        ({"do": "agree"}, "The form lacks the number of the test question."),
        ({"do": "delete"}, "Press the button of what is to be done."),
        ({}, "Press the button of what is to be done."),
    ],
)
def test_what_is_not_possible_is_said_and_nothing_is_done(
    box: Sandbox, job: Job, desk: Browser, fields: dict[str, str], problem: str
) -> None:
    first, *_ = gold_ids(box, job)
    before = unit(box, first)

    response = desk.post(f"{path(job)}?edit={first}", **{"unit": str(first), **fields})

    assert response.status_code == 422
    assert problem in readable(response.text)
    assert unit(box, first) == before


def test_what_was_typed_stays_after_a_refusal(box: Sandbox, job: Job, desk: Browser) -> None:
    first, *_ = gold_ids(box, job)
    fields = {"accepted[mood]": ["good", "ugly"], "reason[mood]": "Since <b>", "hidden": "yes"}

    page = desk.post(f"{path(job)}?edit={first}", do="save", unit=first, **fields).text

    assert 'value="good" checked' in page
    assert 'value="bad">' in page
    assert "Since &lt;b&gt;</textarea>" in page
    assert 'name="hidden" value="yes" checked' in page


def test_typed_answers_are_checked_as_those_of_contributors(
    box: Sandbox, client: Client, desk: Browser
) -> None:
    cml = '<p>{{ text }}</p><cml:text label="How many?" name="mood" validates="required integer"/>'
    job = launch_job(client, golds=5, cml=cml)
    first, *_ = gold_ids(box, job)
    address = f"{path(job)}?edit={first}"

    refused = desk.post(address, do="save", unit=first, **{"accepted[mood]": "12\nmany"})
    saved = desk.post(address, do="save", unit=first, **{"accepted[mood]": "12\r\n\r\n 13 "})

    assert refused.status_code == 422
    assert "How many?: contributors cannot answer “many”." in readable(refused.text)
    assert "12\nmany</textarea>" in refused.text
    assert saved.status_code == 303
    assert unit(box, first).data["mood_gold"] == ["12", "13"]


def test_rows_and_contests_of_another_job_do_not_exist(
    box: Sandbox, client: Client, job: Job, desk: Browser
) -> None:
    other = launch_job(client, golds=5)
    ada, number = miss(box, other)
    contested = object_to(box, other, ada, number)

    for do in ("keep", "take_out", "hide", "show", "on", "save"):
        assert desk.post(path(job), do=do, unit=number).status_code == 404
    for do in ("agree", "decline"):
        assert desk.post(path(job), do=do, contest=contested).status_code == 404
    assert unit(box, number).state == "golden"
    assert [each.decided_at for each in rows(box, select(contest))] == [None]


def test_texts_of_people_are_shown_as_text(box: Sandbox, client: Client, desk: Browser) -> None:
    cml = (
        '<p>{{ text }}</p><cml:text label="&lt;script&gt;alert(1)&lt;/script&gt;" name="mood"'
        ' gold="true" validates="required"/>'
    )
    job = launch_job(client, golds=5, cml=cml, title=f"Moods {MARKUP}")
    mallory = join(box, MARKUP)
    number = work(box, job, mallory, MARKUP).feedback[0].unit_id
    object_to(box, job, mallory, number, MARKUP)
    data = {"text": MARKUP * 9, "mood_gold": MARKUP, "mood_gold_reason": MARKUP}
    row = job.get_unit(number)
    row.data = data
    row.update()

    page = desk.get(path(job), edit=number)

    assert page.status_code == 200
    assert page.text.count("&lt;script&gt;alert(1)") >= 8
    assert "<script>alert" not in page.text
    assert "<img src=x" not in page.text


def test_the_contributor_reads_the_decision(box: Sandbox, job: Job, desk: Browser) -> None:
    ada, number = miss(box, job)
    take(box, job, ada)
    contested = object_to(box, job, ada, number)

    desk.post(path(job), do="agree", contest=contested)

    (stored,) = rows(box, select(contest))
    assert (stored.accepted, stored.read_at) == (True, None), "unread in their inbox"
