"""The settings of a job on the desk: saved, refused by field, and what they mean for cost."""

from __future__ import annotations

from html import unescape
from typing import TYPE_CHECKING, Any

import pytest

from tests.sandbox.desk_browser import Browser, readable

if TYPE_CHECKING:
    from crowdflower.client import Client
    from crowdflower.job import Job

FORM = '<p>{{ text }}</p><cml:text label="Why?" name="why" validates="required"/>'
pytestmark = pytest.mark.filterwarnings("ignore::crowdflower.exceptions.ServiceWarning")


@pytest.fixture
def job(client: Client) -> Job:
    job = client.upload_job([{"text": f"row {number}"} for number in range(20)])
    client.update_job(job.id, {"title": "Reviews", "instructions": "Read.", "cml": FORM})
    client.set_job_channels(job.id, ["cf_internal"])
    return job.reload()


def as_json(client: Client, job: Job) -> Any:
    return client.jobs[job.id]()


def url(job: Job) -> str:
    return f"/desk/jobs/{job.id}/settings"


def save(desk: Browser, job: Job, **fields: Any) -> str:
    return desk.said(desk.post(url(job), do="save", **fields))


def field(page: str, name: str) -> str:
    """Return the tag of a field, unescaped."""
    start = page.index(f' id="{name}"')
    return unescape(page[page.rindex("<", 0, start) : page.index(">", start)])


def test_a_setting_is_saved_as_the_api_would_save_it(desk: Browser, job: Job) -> None:
    said = save(
        desk,
        job,
        title="What do reviews say?",
        judgments_per_unit="5",
        units_per_assignment="4",
        payment_cents="12.5",
        req_ttl_in_seconds="90",
        max_judgments_per_worker="40",
        reject_at="62.5",
        front_load=["false", "true"],
        variable_judgments_mode=["false", "true"],
        max_judgments_per_unit="7",
        min_unit_confidence="80",
        alias="reviews",
        language="pt-BR",
    )

    assert "The settings are saved." in said
    job.reload()
    assert job.title == "What do reviews say?"
    assert (job.judgments_per_unit, job.max_judgments_per_unit) == (5, 7)
    assert (job.units_per_assignment, job.payment_cents) == (4, 12.5)
    assert (job.alias, job.language, job.max_judgments_per_worker) == ("reviews", "pt-BR", 40)
    assert job.min_unit_confidence == 0.8
    assert job.variable_judgments_mode == "auto_confidence"
    assert job.options["req_ttl_in_seconds"] == 5400
    assert job.options["reject_at"] == 62.5
    assert job.options["front_load"] is True
    assert job.options["track_clones"] is True  # options that are not on the page stay


def test_what_is_shown_and_sent_back_changes_nothing(desk: Browser, client: Client) -> None:
    untitled = client.create_job({})  # its title is too short for the rules
    before = as_json(client, untitled)
    page = desk.get(url(untitled)).text
    names = ("title", "language", "judgments_per_unit", "payment_cents", "reject_at", "after_gold")
    sent = {name: field(page, name).split('value="')[1].split('"')[0] for name in names}

    save(desk, untitled, **sent, front_load="false")

    after = as_json(client, untitled)
    assert {**after, "updated_at": None} == {**before, "updated_at": None}


def test_an_unticked_box_switches_off(desk: Browser, job: Job) -> None:
    save(desk, job, front_load=["false", "true"])
    save(desk, job, front_load=["false"])

    assert job.reload().options["front_load"] is False


def test_an_empty_limit_is_no_limit(desk: Browser, job: Job) -> None:
    save(desk, job, max_judgments_per_worker="40")
    save(desk, job, max_judgments_per_worker="")

    assert job.reload().max_judgments_per_worker is None


@pytest.mark.parametrize(
    ("name", "typed", "problem"),
    [
        ("units_per_assignment", "0", "“Rows on a page” is a whole number from 1 to 200, not"),
        ("units_per_assignment", "5 rows", "from 1 to 200, not “5 rows”."),
        (
            "judgments_per_unit",
            "",
            "“Judgments for each row” is a whole number from 1 to 1,000",
        ),
        ("judgments_per_unit", "9" * 30, "from 1 to 1,000,000, not “99999999999999999999…”."),
        ("payment_cents", "-1", "“Pay for a page” is a number from 0 to 1,000,000 with at most 3"),
        ("payment_cents", "2,5", "such as 2.5, not “2,5”."),
        ("reject_at", "101", "“Accuracy needed” is a number from 0 to 100 with at most 3 decimals"),
        ("min_unit_confidence", "1000", "“Agreement that is enough” is a number from 0 to 100"),
        ("req_ttl_in_seconds", "soon", "“Time for a page” is a whole number from 1 to 10,080"),
        ("req_ttl_in_seconds", "1e3", "not “1e3”."),
        ("req_ttl_in_seconds", "١٢", "not “١٢”."),
        ("req_ttl_in_seconds", "NaN", "not “NaN”."),
        (
            "after_gold",
            "1,00",
            "“Checked after” is a whole number from 0 to 1,000,000, not “1,00”.",
        ),
        ("title", "Hi", "Write a title of at least 5 characters."),
        ("alias", "77", "An alias cannot be a number alone."),
        ("language", "<b>", "Write the code of a language, such as en or pt-BR."),
        ("channels", "nowhere", "There is no channel nowhere."),
        ("tags", "x" * 101, "At most 20 tags, each of 100 characters or fewer."),
    ],
)
def test_an_error_stands_at_its_field_and_nothing_is_lost(
    desk: Browser, client: Client, job: Job, name: str, typed: str, problem: str
) -> None:
    before = as_json(client, job)

    response = desk.post(url(job), do="save", **{"gold_per_assignment": "6", name: typed})

    assert response.status_code == 422
    text = readable(response.text)
    assert "Nothing was saved yet." in text
    assert "Please check 1 setting" in text
    assert problem in text
    assert f'href="#{name}"' in response.text
    assert f'id="{name}-error"' in response.text
    assert 'value="6"' in field(response.text, "gold_per_assignment")
    if name != "channels":
        assert f'value="{typed}"' in field(response.text, name)
        assert 'aria-invalid="true"' in field(response.text, name)
    assert as_json(client, job) == before


def test_numbers_may_have_commas_between_thousands_in_every_field(desk: Browser, job: Job) -> None:
    save(
        desk,
        job,
        judgments_per_unit="1,000",
        max_judgments_per_worker=" 12,000 ",
        payment_cents="1,250.50",
        req_ttl_in_seconds="1,440",
        min_unit_confidence="62.5",
        reject_at="70.0",
    )

    after = job.reload()
    assert after.judgments_per_unit == 1000
    assert after.max_judgments_per_worker == 12000
    assert after.payment_cents == 1250.5
    assert after.options["req_ttl_in_seconds"] == 86400
    assert after.min_unit_confidence == 0.625
    assert after.options["reject_at"] == 70


def test_countries_are_one_list(desk: Browser, job: Job) -> None:
    save(desk, job, which_countries="only", countries="fi, DE us")
    assert [each["code"] for each in job.reload().included_countries] == ["FI", "DE", "US"]

    save(desk, job, which_countries="except", countries="FI, DE, US")
    job.reload()
    assert [each["code"] for each in job.excluded_countries] == ["FI", "DE", "US"]
    assert job.included_countries == []

    save(desk, job, which_countries="all", countries="FI, DE, US")
    assert job.reload().excluded_countries == []


@pytest.mark.parametrize(
    ("codes", "problem"),
    [
        ("FI, Atlantis", "“Atlantis” is not the code of a country."),
        ("", "Write at least one code, or choose all countries."),
        ("FI DE US FR ES IT SE NO DK PL CZ AT CH NL BE PT GR IE HU RO BG", "At most 20 countries."),
    ],
)
def test_a_list_of_countries_that_cannot_be_used_is_refused(
    desk: Browser, job: Job, codes: str, problem: str
) -> None:
    response = desk.post(url(job), do="save", which_countries="only", countries=codes)

    assert response.status_code == 422
    assert problem in readable(response.text)


def test_channels_and_tags_are_replaced(desk: Browser, job: Job) -> None:
    save(desk, job, channels=["", "cf_internal", "on_demand"], tags="round one, spring")

    assert job.channels == ["cf_internal", "on_demand"]
    assert job.tags == ["round one", "spring"]

    save(desk, job, channels=[""], tags="")

    assert job.channels == []
    assert job.tags == []


def test_warnings_of_the_rules_are_said(desk: Browser, job: Job) -> None:
    said = save(desk, job, judgments_per_unit="4", max_judgments_per_unit="2")

    assert "every row still gets 4 judgments" in said


def test_the_effect_on_the_cost_is_worked_out_without_saving(desk: Browser, job: Job) -> None:
    shown = desk.post(
        url(job),
        do="estimate",
        judgments_per_unit="2",
        units_per_assignment="10",
        payment_cents="50",
        channels=["", "on_demand"],
        variable_judgments_mode=["false", "true"],
        min_unit_confidence="70",
        max_judgments_per_unit="4",
    )

    assert shown.status_code == 200
    text = readable(shown.text)
    assert "Expected cost of 20 rows $2.40" in text  # 2 passes of 2 pages, 60 cents each
    assert "At most $4.80" in text
    assert "An hour pays, at a minute a page $30.00" in text
    assert "People needed at least 2" in text
    assert 'value="50"' in field(shown.text, "payment_cents")
    assert job.reload().payment_cents == 10


def test_the_effect_names_what_will_not_work(desk: Browser, job: Job) -> None:
    shown = desk.post(
        url(job),
        do="estimate",
        channels=[""],
        variable_judgments_mode=["false", "true"],
        min_unit_confidence="70",
    )

    text = readable(shown.text)
    assert "No channel is chosen: nobody can work on the job." in text
    assert "At most no limit" in text
    assert "Nothing limits the cost" in text


def test_few_test_questions_are_a_warning(desk: Browser, client: Client) -> None:
    rows = [{"text": f"row {number}", "why_gold": "x" if number < 3 else ""} for number in range(9)]
    job = client.upload_job(rows)
    client.update_job(job.id, {"title": "Reviews", "instructions": "Read.", "cml": FORM})
    job.mark_test_questions("why")

    text = desk.text(url(job))

    assert "Nobody will be tested: the job has 3 test questions, and they are asked from 8" in text
    assert "Expected cost of 6 rows" in text


def test_only_own_contributors_cost_nothing(desk: Browser, job: Job) -> None:
    text = desk.text(url(job))

    assert "Expected cost of 20 rows free" in text
    assert "They are not paid for." in text


@pytest.mark.parametrize("name", ["title", "alias", "tags", "countries", "language"])
def test_markup_in_a_setting_is_text(desk: Browser, client: Client, job: Job, name: str) -> None:
    hostile = '"><script>alert(1)</script>'
    fields = {"which_countries": "only"} if name == "countries" else {}

    response = desk.post(url(job), do="save", **fields, **{name: hostile})

    page = response.text or desk.get(url(job)).text
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert" in page or name not in {"title", "tags"}
