"""What a job in memory shows and sends, and what a launch of it warns of."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import pytest

from crowdflower.exceptions import InvalidInput, ServiceWarning
from crowdflower.sandbox import Sandbox

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from crowdflower.client import Client
    from crowdflower.job import Job

FORM = """<p>{{t}}</p><cml:radios label="V" name="v" validates="required"><cml:radio label="y"/>
<cml:radio label="n"/></cml:radios>"""


@pytest.fixture
def client() -> Iterator[Client]:
    with Sandbox() as box:
        yield box.client()


def make_job(client: Client, rows: int = 6, marked: int = 0, **settings: Any) -> Job:
    """Return a job with a form, the first rows of which have a known answer."""
    known = {"_golden": "true", "v_gold": "y"}
    job = client.upload_job(
        {"t": str(n), **(known if n < marked else dict.fromkeys(known) if marked else {})}
        for n in range(rows)
    )
    client.update_job(job.id, {"title": "What is it", "instructions": "Look.", "cml": FORM})
    if settings:
        client.update_job(job.id, settings)
    return client.get_job(job.id)


# Warnings of a launch


def test_what_the_client_said_before_a_launch_is_not_repeated_after_it(client: Client) -> None:
    job = make_job(client)

    with pytest.warns(UserWarning, match="units_count 9") as warned:
        job.launch(9)

    assert [str(each.message) for each in warned] == [
        "the order has units_count 9, but only 6 units are left; they will be ordered"
    ]


def test_a_problem_of_the_test_questions_is_told_once(client: Client) -> None:
    job = make_job(client, 34, marked=4)
    job.convert_test_questions()

    with pytest.warns(UserWarning, match="no contributor will be tested: ") as warned:
        job.launch(20)

    assert len(warned) == 1


def test_a_warning_after_a_payment_names_the_order(client: Client) -> None:
    job = make_job(client, 4)

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(
            ServiceWarning, match=r"at least 5 units .*; the order (\d+) was"
        ) as said:
            job.launch(2)

    placed = int(str(said.value).partition("the order ")[2].split()[0])
    assert client.get_order(job, placed).id == placed
    assert client.operations.pending() == []
    assert job.state == "running"


def test_a_warning_before_a_payment_spends_nothing(client: Client) -> None:
    job = make_job(client)

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(UserWarning, match="only 6 units are left"):
            job.launch(9)

    assert job.reload().state == "unordered"
    assert client.operations.pending() == []


@pytest.mark.parametrize(
    "pay",
    [
        lambda job: job.launch(6),
        lambda job: job.client.debit_order(job, 6, ["on_demand"]),
    ],
    ids=["launch", "debit_order"],
)
def test_an_order_is_refused_while_a_price_is_not_sent(
    client: Client, pay: Callable[[Job], object]
) -> None:
    job = make_job(client)
    job.payment_cents = 1

    with pytest.raises(InvalidInput, match=r"^payment_cents was assigned but not sent; call upd"):
        pay(job)

    assert job.reload().state == "unordered"


def test_a_dry_run_names_a_price_that_is_not_sent(client: Client) -> None:
    job = make_job(client)
    job.payment_cents = 1

    problems = job.launch(6, dry_run=True).problems

    assert any(each.startswith("payment_cents was assigned but not sent") for each in problems)


def test_a_form_that_was_not_sent_is_warned_of(client: Client) -> None:
    job = make_job(client)
    job.cml = FORM.replace("V", "W")
    job.title = "Other"

    with pytest.warns(UserWarning, match="^cml and title were assigned but not sent; call update"):
        job.launch(6)


def test_an_order_of_all_units_that_were_read_tells_of_newer_ones(client: Client) -> None:
    job = make_job(client)
    client.get_job(job.id).upload([{"t": "q"}] * 4)

    with pytest.warns(UserWarning, match="^the job has 10 units, 6 when it was read$"):
        job.launch(job.units_count)


@pytest.mark.parametrize("ordered", [5, 10])
def test_another_number_of_units_is_meant_as_it_is(client: Client, ordered: int) -> None:
    job = make_job(client, 4)
    client.get_job(job.id).upload([{"t": "q"}] * 6)

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        job.launch(ordered)


def test_rows_that_are_marked_and_not_converted_are_told_of(client: Client) -> None:
    job = make_job(client, 30, marked=8)

    with pytest.warns(ServiceWarning, match="^8 rows have _golden, but are not test questions; co"):
        job.launch(20)


def test_an_answer_that_is_no_option_is_told_of(client: Client) -> None:
    job = make_job(client, 60, marked=12, units_per_assignment=5)
    job.convert_test_questions()
    first, second, third = (unit for unit in job.units[:3])
    for unit, answers in ((first, ["Y", "maybe"]), (second, ["Maybe"]), (third, ["No"])):
        unit.data["v_gold"] = answers
        unit.update()

    with pytest.warns(ServiceWarning, match="^Nobody can answer") as warned:
        job.launch(10)

    (message,) = (str(each.message) for each in warned if "Nobody" in str(each.message))
    assert message.startswith(
        f"Nobody can answer the test question {second.id} right: v has the answer"
        ' "Maybe", and the options are y, n; the same holds for 1 more; the order '
    )


@pytest.mark.parametrize(
    ("form", "answer"),
    [
        (FORM, "N"),
        (FORM.replace('label="y"', 'label="{{t}}"'), "1"),
        ('<p>{{t}}</p><cml:text label="V" name="v" validates="required" gold="true"/>', "why"),
    ],
    ids=["option", "liquid", "text"],
)
def test_an_answer_that_can_be_given_is_not_told_of(client: Client, form: str, answer: str) -> None:
    job = make_job(client, 60, marked=12, units_per_assignment=5, cml=form)
    job.convert_test_questions()
    for unit in job.units[:12]:
        unit.data["v_gold"] = [answer]
        unit.update()

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        job.launch(10)


# A job shows what calls changed


def test_calls_that_change_a_job_have_it_read_again(client: Client) -> None:
    job = make_job(client)
    unit = job.units[0]

    unit.copy()
    assert job.units_count == 7
    unit.data["v_gold"] = ["y"]
    unit.golden = True
    unit.update()
    assert job.golds_count == 1
    job.reset_test_questions()
    client.debit_order(job, 5, ["on_demand"])
    assert job.state == "running"


def test_options_that_were_set_show_beside_a_change_in_place(client: Client) -> None:
    job = make_job(client)
    options = job.options
    options["reject_at"] = 61

    job.set_options(after_gold=7)

    assert job.options is options
    assert (options["after_gold"], options["reject_at"]) == (7, 61)
    assert job.json["options"]["after_gold"] == 7
    job.update()
    assert (job.options["after_gold"], job.options["reject_at"]) == (7, 61)


def test_an_option_removed_in_place_stays_removed_when_the_job_is_read(client: Client) -> None:
    job = make_job(client, options={"after_gold": 9})
    del job.options["after_gold"]

    job.set_options(reject_at=61)

    assert "after_gold" not in job.options
    assert job.options["reject_at"] == 61


def test_options_are_needed_to_set_options(client: Client) -> None:
    with pytest.raises(InvalidInput, match="set_options needs an option"):
        make_job(client).set_options()
