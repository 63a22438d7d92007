"""The contributors of a job on the desk: the list, and what is done about those who are chosen."""

from __future__ import annotations

import re
from typing import Any

import pytest
from sqlalchemy import select

from crowdflower.client import Client
from crowdflower.job import Job
from crowdflower.sandbox import Sandbox
from crowdflower.sandbox.desk.people.people_list import SORTS
from crowdflower.sandbox.store.tables import account, bonus, message, worker_job
from tests.sandbox.desk_browser import PASSWORD, Browser
from tests.sandbox.desk_jobs import MARKUP, join, launch_job, take, work


def path(job: Job) -> str:
    return f"/desk/jobs/{job.id}/people"


def lines(page: str) -> list[str]:
    """Return the lines of the table as text."""
    rows = re.findall(r"<tr><td>.*?</tr>", page, re.DOTALL)
    return [" ".join(re.sub(r"<[^>]+>", " ", row).split()) for row in rows]


def of(box: Sandbox, table: Any) -> list[Any]:
    with box.database.transaction() as tx:
        return tx.all(select(table).order_by(*table.primary_key))


def balance(box: Sandbox) -> int:
    return int(of(box, account)[0].balance_mc)


def once(desk: Browser, job: Job) -> str:
    found = re.search(r'name="once" value="([^"]+)"', desk.get(path(job)).text)
    assert found is not None
    return found[1]


def test_a_job_without_contributors_says_how_they_come(client: Client, desk: Browser) -> None:
    text = desk.text(path(launch_job(client)))

    assert "No contributors yet" in text
    assert "Search a name" not in text


def test_the_list_says_who_they_are_and_how_they_work(
    box: Sandbox, client: Client, desk: Browser
) -> None:
    job = launch_job(client)
    ada, bo, nameless = join(box), join(box, "Bo"), join(box, None)
    for who, mood in ((ada, "bad"), (bo, "bad"), (nameless, "good")):
        for _ in range(10):
            work(box, job, who, mood, seconds=42)
    box.clock.advance(3600)

    page = desk.get(path(job)).text

    first, second, third = lines(page)
    assert first.startswith(f"Choose Ada, {ada} Ada {ada} · on_demand Working")
    assert "– not tested" in first
    assert "20 0:21 100 % of 20 rows $1.00" in first
    assert second.startswith(f"Choose Bo, {bo} Bo {bo}")
    assert third.startswith(f"Choose Contributor {nameless}, {nameless}")
    assert "0 % of 20 rows" in third
    assert "1–3 of 3" in page


def test_states_are_words_and_filters(box: Sandbox, client: Client, desk: Browser) -> None:
    job = launch_job(client, golds=6, rows=30, options={"front_load": True, "after_gold": 2})
    quick, failed, flagged, removed, quiz = (join(box, name) for name in "QFLRZ")
    work(box, job, failed, "good")
    for who in (quick, flagged, removed):
        work(box, job, who, "bad")
    with box.database.transaction() as tx:
        below = worker_job.update().where(worker_job.c.worker_id == quick)
        tx.run(below.values(state="removed", trust=0.4))
        started = {"job_id": job.id, "worker_id": quiz, "state": "quiz"}
        tx.run(worker_job.insert(), {**started, "first_at": 0, "last_at": 0})
    desk.post(path(job), do="flag", who=[flagged], flag_reason="Too <b>fast</b>")
    desk.post(path(job), do="reject", who=[removed])

    expected = {
        "quiz": (quiz, "In the quiz"),
        "removed": (quick, "Below accuracy"),
        "failed_quiz": (failed, "Did not pass"),
        "flagged": (flagged, "Flagged Too <b>fast</b>"),
        "rejected": (removed, "Removed"),
    }
    for state, (number, words) in expected.items():
        (line,) = lines(desk.get(path(job), state=state).text)
        assert str(number) in line
        assert words.replace("<", "&lt;").replace(">", "&gt;") in line
    assert len(lines(desk.get(path(job), state="low").text)) == 2
    assert "No contributor matches" in desk.text(path(job), state="working")


def test_who_is_much_faster_than_most_is_marked(
    box: Sandbox, client: Client, desk: Browser
) -> None:
    job = launch_job(client)
    for name in ("Ada", "Bo", "Chidi"):
        work(box, job, join(box, name), seconds=60)
    work(box, job, join(box, "Eve"), seconds=4)

    (fast,) = lines(desk.get(path(job), state="fast").text)

    assert "Eve" in fast
    assert "0:02 15× faster than most" in fast
    assert len(lines(desk.get(path(job)).text)) == 4


def test_a_contributor_with_an_open_page_is_at_work(
    box: Sandbox, client: Client, desk: Browser
) -> None:
    job = launch_job(client)
    work(box, job, join(box, "Ada"))
    take(box, job, join(box, "Bo"))

    (line,) = lines(desk.get(path(job), state="now").text)
    box.clock.advance(4000)

    assert "Bo" in line
    assert line.endswith("now")
    assert "No contributor matches" in desk.text(path(job), state="now")


def test_search_sort_and_pages(box: Sandbox, client: Client, desk: Browser) -> None:
    job = launch_job(client, rows=5)
    numbers = [join(box, f"Person {number:02}") for number in range(52)]
    with box.database.transaction() as tx:
        for place, number in enumerate(numbers):
            values = {"trust": place / 100, "judgments_count": 60 - place, "golds_seen": 10}
            who = {"job_id": job.id, "worker_id": number, "state": "working"}
            tx.run(worker_job.insert(), {**who, **values, "first_at": 0, "last_at": place})

    first = desk.get(path(job), sort="trust").text
    assert "1–50 of 52" in first
    assert "Person 00" in lines(first)[0]
    assert "51–52 of 52" in desk.text(path(job), sort="trust", page=2)
    assert 'aria-sort="ascending"' in first
    assert "Person 51" in lines(desk.get(path(job)).text)[0]
    assert "Person 00" in lines(desk.get(path(job), sort="-judgments").text)[0]
    assert len(lines(desk.get(path(job), q="person 1").text)) == 10
    (line,) = lines(desk.get(path(job), q=str(numbers[7])).text)
    assert "Person 07" in line
    for nothing in ("%", "_", "nobody", "'; --", "9" * 30):
        assert "No contributor matches" in desk.text(path(job), q=nothing)
    for sort in SORTS:
        assert len(lines(desk.get(path(job), sort=sort).text)) == 50
    for odd in (
        {"sort": "x"},
        {"page": "-4"},
        {"page": "x"},
        {"page": "9" * 30},
        {"state": "x"},
        {"q": "\0"},
    ):
        assert desk.get(path(job), **odd).status_code == 200


def test_everyone_chosen_gets_the_message(box: Sandbox, client: Client, desk: Browser) -> None:
    job = launch_job(client)
    who = [join(box, name) for name in ("Ada", "Bo", "Chidi")]
    for each in who:
        work(box, job, each)

    response = desk.post(
        path(job), do="message", who=[*who[:2], who[0]], message=" Thank you.\r\n\r\n☕ "
    )

    assert "The message was sent to 2 contributors." in desk.said(response)
    assert [(each.worker_id, each.text) for each in of(box, message)] == [
        (number, "Thank you.\n\n☕") for number in who[:2]
    ]


def test_a_bonus_is_paid_once_however_often_it_is_sent(
    box: Sandbox, client: Client, desk: Browser
) -> None:
    job = launch_job(client)
    ada, bo = join(box), join(box, "Bo")
    work(box, job, ada)
    work(box, job, bo)
    before = balance(box)
    fields = {"do": "bonus", "who": [ada, bo, ada], "cents": "25", "bonus_reason": "Careful"}
    fields["once"] = once(desk, job)

    first = desk.said(desk.post(path(job), **fields))
    again = desk.said(desk.post(path(job), **fields))

    assert "2 contributors got a bonus of $0.25 each. With the fee it cost $0.60." in first
    assert "This was done before." in again
    assert [(each.worker_id, each.amount_cents, each.reason) for each in of(box, bonus)] == [
        (ada, 25, "Careful"),
        (bo, 25, "Careful"),
    ]
    assert before - balance(box) == 60_000
    assert "$0.25 bonus" in desk.text(path(job))
    assert desk.post(path(job), **{**fields, "once": once(desk, job)}).status_code == 303
    assert len(of(box, bonus)) == 4, "another form is another bonus"


def test_a_bonus_that_one_of_them_cannot_get_is_paid_to_nobody(
    box: Sandbox, client: Client, desk: Browser
) -> None:
    job = launch_job(client)
    ada, bo = join(box), join(box, "Bo")
    work(box, job, ada)
    work(box, job, bo)
    desk.post(path(job), do="reject", who=[bo])
    before, key = balance(box), once(desk, job)
    fields = {"do": "bonus", "cents": "25", "bonus_reason": "Careful", "once": key}

    response = desk.post(path(job), who=[ada, bo], **fields)

    assert response.status_code == 422
    assert f"Bo ({bo}) has no judgment in this job" in response.text
    assert "Nobody was paid." in response.text
    assert 'value="25"' in response.text, "what was typed is kept"
    assert response.text.count(" checked") == 2
    assert '<details class="menu" open>' in response.text
    assert (of(box, bonus), of(box, message), balance(box)) == ([], [], before)
    assert desk.post(path(job), who=[ada], **fields).status_code == 303, "the key is not used up"


def test_a_bonus_beyond_the_balance_is_paid_to_nobody() -> None:
    with Sandbox(seed=3, desk=PASSWORD, balance_cents=5000) as box:
        desk = Browser(box)
        desk.sign_in()
        job = launch_job(box.client())
        who = [join(box, name) for name in ("Ada", "Bo", "Chidi")]
        for each in who:
            work(box, job, each)
        before = balance(box)

        response = desk.post(path(job), do="bonus", who=who, cents="2000")

        assert response.status_code == 422
        assert "With the fee this costs $72.00, and the balance is $" in response.text
        assert (of(box, bonus), balance(box)) == ([], before)


@pytest.mark.parametrize("cents", ["", "0", "-5", "2.5", "2001", "1e3", "9" * 40, "abc", "²"])
def test_a_bonus_is_a_number_of_cents(
    box: Sandbox, client: Client, desk: Browser, cents: str
) -> None:
    job = launch_job(client)
    ada = join(box)
    work(box, job, ada)

    response = desk.post(path(job), do="bonus", who=[ada], cents=cents)

    assert response.status_code == 422
    assert "“Cents for each of them” is a whole number from 1 to 2,000" in response.text
    assert of(box, bonus) == []


def test_a_flag_stops_pages_and_is_removed_again(
    box: Sandbox, client: Client, desk: Browser
) -> None:
    job, other = launch_job(client), launch_job(client)
    ada, bo = join(box), join(box, "Bo")
    for each in (job, other):
        work(box, each, ada)
        work(box, each, bo)
    flag = {"do": "flag", "who": [ada, bo], "flag_reason": "Too fast", "persist": "yes"}

    first = desk.said(desk.post(path(job), **flag))
    again = desk.said(desk.post(path(job), **flag))

    assert "2 contributors were flagged and get no more pages." in first
    assert "For 2 contributors nothing changed: it was done before." in again
    assert len(lines(desk.get(path(other), state="flagged").text)) == 2
    assert "Too fast" in desk.text(path(other), state="flagged")
    gone = desk.said(desk.post(path(job), do="unflag", who=[ada]))
    assert "1 contributor is no longer flagged." in gone
    (line,) = lines(desk.get(path(job), state="flagged").text)
    assert "Bo" in line


def test_rejected_judgments_are_gone_and_their_rows_open(
    box: Sandbox, client: Client, desk: Browser
) -> None:
    job = launch_job(client, rows=2, judgments_per_unit=1)
    other = launch_job(client, rows=4, judgments_per_unit=1)
    ada = join(box)
    work(box, job, ada)
    work(box, other, ada)

    assert "Their rows are not asked again" in desk.text(path(job)), "the job is finished"
    assert "their rows are asked again" in desk.text(path(other))
    first = desk.said(desk.post(path(other), do="reject", who=[ada]))
    again = desk.said(desk.post(path(other), do="reject", who=[ada]))

    assert "2 judgments were removed." in first
    assert "0 judgments were removed. For 1 contributor nothing changed" in again
    assert client.get_job(other.id).judgments_count == 0
    assert client.get_job(job.id).judgments_count == 2


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"do": "flag"}, "Choose one or more contributors first."),
        ({"do": "flag", "who": ["x"]}, "Choose contributors by the boxes of the table."),
        ({"do": "flag", "who": ["9" * 30]}, "Choose contributors by the boxes of the table."),
        ({"do": "flag", "who": ["1", "{ada}"]}, "Contributor 1 has not worked on this job."),
        ({"do": "flag", "who": [*range(201)]}, "Choose at most 200 contributors at a time."),
        ({"do": "", "who": ["{ada}"]}, "Press the button of what is to be done."),
        ({"do": "delete", "who": ["{ada}"]}, "Press the button of what is to be done."),
        ({"do": "message", "who": ["{ada}"], "message": " \r\n "}, "Write the message first."),
        (
            {"do": "message", "who": ["{ada}"], "message": "x" * 1001},
            "The message has 1001 characters. Use at most 1000.",
        ),
        (
            {"do": "message", "who": ["{ada}"], "message": "a\u202eb"},
            "The message has characters that cannot be shown.",
        ),
        (
            {"do": "flag", "who": ["{ada}"], "flag_reason": "a\0b"},
            "The reason has characters that cannot be shown.",
        ),
        (
            {"do": "flag", "who": ["{ada}"], "flag_reason": "x" * 201},
            "The reason has 201 characters. Use at most 200.",
        ),
    ],
)
def test_what_is_not_possible_is_said_and_nothing_is_done(
    box: Sandbox, client: Client, desk: Browser, fields: dict[str, Any], problem: str
) -> None:
    job = launch_job(client)
    ada = join(box)
    work(box, job, ada)
    fields = {**fields, "who": [str(each).format(ada=ada) for each in fields.get("who", [])]}

    response = desk.post(path(job), **fields)

    assert response.status_code == 422
    assert problem in response.text
    assert of(box, message) == []
    assert [each.flagged_at for each in of(box, worker_job)] == [None]


def test_an_act_is_for_contributors_of_this_job_only(
    box: Sandbox, client: Client, desk: Browser
) -> None:
    job, other = launch_job(client), launch_job(client)
    ada, bo = join(box), join(box, "Bo")
    work(box, job, ada)
    work(box, other, bo)

    response = desk.post(path(job), do="reject", who=[ada, bo])

    assert response.status_code == 422
    assert f"Contributor {bo} has not worked on this job." in response.text
    assert [each.rejected_at for each in of(box, worker_job)] == [None, None]


def test_an_act_comes_back_to_the_same_part_of_the_list(
    box: Sandbox, client: Client, desk: Browser
) -> None:
    job = launch_job(client)
    ada = join(box)
    work(box, job, ada)

    response = desk.post(f"{path(job)}?q=Ada&sort=name", do="flag", who=[ada])

    assert response.headers["Location"] == f"{path(job)}?q=Ada&sort=name"


def test_texts_of_people_are_shown_as_text(box: Sandbox, client: Client, desk: Browser) -> None:
    job = launch_job(client, title=f"Moods {MARKUP}")
    mallory = join(box, MARKUP)
    work(box, job, mallory)
    desk.post(path(job), do="flag", who=[mallory], flag_reason=MARKUP)

    page = desk.get(path(job), q=MARKUP).text
    refused = desk.post(
        path(job), do="bonus", who=[mallory], cents=MARKUP, bonus_reason=MARKUP, message=MARKUP
    )

    assert len(lines(page)) == 1
    assert refused.status_code == 422
    for html in (page, refused.text):
        assert "<script>alert" not in html
        assert "<img src=x" not in html
    assert refused.text.count("&lt;script&gt;alert(1)") >= 5
