"""The form editor of the desk: problems by line, saved or kept as a draft, and the preview."""

from __future__ import annotations

import re
from html import unescape
from typing import TYPE_CHECKING, Any

import pytest

from crowdflower.states import ON_DEMAND
from tests.sandbox.desk_browser import Browser, readable
from tests.sandbox.test_work_pages import PAYLOADS

if TYPE_CHECKING:
    from crowdflower.client import Client
    from crowdflower.job import Job
    from crowdflower.sandbox import Sandbox

GOOD = """<p>{{ review }}</p>
<cml:radios label="The writer finds it" name="verdict" validates="required">
  <cml:radio label="good"/> <cml:radio label="bad"/>
</cml:radios>
<cml:textarea label="What is bad?" name="why" only-if="verdict:[bad]"/>
"""
ROWS = [
    {"sku": f"B-{number}", "review": f"Review {number}", "verdict_gold": "bad" * (number in {2, 5})}
    for number in range(8)
]
pytestmark = [
    pytest.mark.filterwarnings("ignore::crowdflower.exceptions.ServiceWarning"),
    pytest.mark.filterwarnings("ignore:no contributor will be tested"),
]


@pytest.fixture
def job(client: Client) -> Job:
    job = client.upload_job(ROWS)
    settings = {"title": "Reviews", "instructions": "<p>Read well.</p>", "cml": GOOD}
    client.update_job(job.id, {**settings, "custom_key": "sku"})
    job.mark_test_questions("verdict")
    return job.reload()


def url(job: Job) -> str:
    return f"/desk/jobs/{job.id}/form"


def problems(page: str) -> str:
    """Return what stands in the list of problems."""
    return readable(page[page.index('id="problems"') : page.index("<footer")]).partition("> ")[2]


def marks(page: str) -> str:
    found = re.search(r'data-lines="([^"]*)"', page)
    assert found is not None
    return unescape(found[1])


def preview(desk: Browser, job: Job, cml: str = GOOD, **fields: Any) -> str:
    response = desk.post(f"{url(job)}/preview", cml=cml, **fields)
    assert response.status_code == 200
    return response.text


def test_a_form_is_saved_with_its_instructions(desk: Browser, client: Client, job: Job) -> None:
    response = desk.post(
        url(job),
        do="save",
        cml=GOOD.replace("good", "fine").replace("\n", "\r\n"),
        instructions="Read.\r\nThink.",
        css="p {}",
        js="f()",
    )

    assert "The form is saved." in desk.said(response)
    saved = client.jobs[job.id]()
    assert saved["cml"] == GOOD.replace("good", "fine")
    assert saved["instructions"] == "Read.\nThink."
    assert (saved["css"], saved["js"]) == ("p {}", "f()")
    assert saved["fields"] == {"verdict": "agg", "why": "all"}


def test_a_save_that_changes_nothing_warns_of_nothing(desk: Browser, job: Job) -> None:
    said = desk.said(desk.post(url(job), do="save", cml=GOOD, css="", js=""))

    assert "The form is saved. " in said
    assert "no effect" not in said


@pytest.mark.parametrize(
    ("cml", "line", "problem"),
    [
        (GOOD.replace("verdict:[bad]", "verdit:[bad]"), 5, 'refers to "verdit"'),
        (GOOD.replace("cml:textarea", "cml:textaera"), 5, "There is no tag <cml:textaera>"),
        (GOOD + "{% if review %}", 6, "{% if %} is never closed"),
        (GOOD + '<cml:shapes name="where" label="Where?"/>', 6, "shapes"),
        (GOOD + "{% include 'x' %}", 6, "include"),
    ],
)
def test_an_error_is_shown_by_line_and_not_saved(
    desk: Browser, client: Client, job: Job, cml: str, line: int, problem: str
) -> None:
    response = desk.post(url(job), do="save", cml=cml, instructions="Typed <here>.")

    assert response.status_code == 422
    assert f"Line {line}" in problems(response.text)
    assert problem in problems(response.text)
    assert f'"{line}": "bad"' in marks(response.text)
    assert "1 error" in problems(response.text)
    assert "it is not saved; contributors still get the last one" in readable(response.text)
    assert unescape(response.text).count(cml) == 1  # what was typed is still there
    assert "Typed &lt;here&gt;." in response.text
    assert client.jobs[job.id]()["cml"] == GOOD


@pytest.mark.parametrize(
    ("cml", "line", "problem"),
    [
        (GOOD + "{{ verdict_gold }}", 6, "“verdict_gold” belongs to the test questions"),
        ("\n{% if verdict_gold == 'bad' %}!{% endif %}" + GOOD, 2, "“verdict_gold” belongs"),
        (GOOD + "{{ verdict_gold | upcase }}\n<b onclick='f()'>", 7, "onclick of <b>"),
        (GOOD + "<cml:text name='who'>", 6, "<cml:text> is never closed; end it with />."),
        (GOOD + "\n{{ sku }}", 7, "“sku” is the key of the rows"),
    ],
)
def test_a_probable_mistake_is_a_warning_by_line(
    desk: Browser, client: Client, job: Job, cml: str, line: int, problem: str
) -> None:
    checked = desk.post(url(job), do="check", cml=cml)

    assert checked.status_code == 200
    assert problem in problems(checked.text)
    assert f"Line {line}" in problems(checked.text)
    assert f'"{line}": "warn"' in marks(checked.text)
    assert "0 errors" in problems(checked.text)
    assert client.jobs[job.id]()["cml"] == GOOD

    assert "The form is saved." in desk.said(desk.post(url(job), do="save", cml=cml))


@pytest.mark.parametrize(
    ("cml", "problem"),
    [
        (" \n", "There is no form. Write it, or insert a question."),
        (
            '<cml:text label="Why?" name="verdict"/>',
            "No question must be answered. Give at least one question",
        ),
        (
            GOOD + "<p>{{ shop }}</p>",
            "A column of the form is not in the data. No row has a column “shop”",
        ),
        (GOOD + "<p>{{ Review }}</p>", "Did you mean “review”?"),
    ],
)
def test_what_a_launch_refuses_is_an_error_of_a_draft_that_can_be_saved(
    desk: Browser, client: Client, job: Job, cml: str, problem: str
) -> None:
    checked = problems(desk.post(url(job), do="check", cml=cml).text)

    assert problem in checked
    assert "1 error" in checked
    assert checked.endswith("· The job cannot be launched like this")
    assert "The form is saved." in desk.said(desk.post(url(job), do="save", cml=cml))
    launch = desk.text(f"/desk/jobs/{job.id}/new/launch")
    head, _, text = problem.partition(". ")
    assert head in launch
    assert text in launch


def test_a_launched_job_has_a_warning_of_a_column_that_is_not_there(
    desk: Browser, client: Client, job: Job
) -> None:
    job.launch(6, channels=[ON_DEMAND])

    checked = desk.post(url(job), do="check", cml=GOOD + "{{ shop }}").text

    assert "0 errors, 1 warning" in problems(checked)


def test_problems_without_a_line_are_said_too(desk: Browser, job: Job) -> None:
    def check(cml: str) -> str:
        return problems(desk.post(url(job), do="check", cml=cml).text)

    assert "The form is too long" in check("x" * 300_000)
    assert check(GOOD) == "Problems No problem found."


RENAMED = GOOD.replace('name="verdict"', 'name="opinion"').replace("verdict:", "opinion:")


@pytest.mark.parametrize(
    ("cml", "problem"),
    [
        (
            RENAMED,
            (
                "2 test questions check nobody. The correct answer is to “verdict”, which the form "
                'does not ask. Keep that name, or add gold="src:verdict_gold" to the question'
            ),
        ),
        (GOOD.replace("required", 'required" gold="false'), "2 test questions check nobody."),
        ('<cml:text label="Why?" validates="required"/>', "2 test questions check nobody."),
        (
            GOOD.replace('"bad"', '"poor"').replace("[bad]", "[poor]"),
            (
                "Nobody can pass 2 test questions. The correct answer of “verdict” is “bad”, and "
                "the choices are good, poor."
            ),
        ),
    ],
)
def test_a_launched_job_loses_its_test_questions_only_if_that_is_confirmed(
    desk: Browser, client: Client, job: Job, cml: str, problem: str
) -> None:
    job.launch(6, channels=[ON_DEMAND])
    assert "Save anyway" not in desk.get(url(job)).text

    refused = desk.post(url(job), do="save", cml=cml)

    assert refused.status_code == 422
    assert problem in problems(refused.text)
    assert "The form is not saved yet; contributors still get the last one." in readable(
        refused.text
    )
    assert client.jobs[job.id]()["cml"] == GOOD
    assert 'name="do" value="save-anyway"' in refused.text

    saved = desk.post(url(job), do="save-anyway", cml=cml)

    assert "The form is saved." in desk.said(saved)
    assert client.jobs[job.id]()["cml"] == cml
    again = desk.post(
        url(job), do="save", cml=cml + "<!-- the same loss is not asked for twice -->"
    )
    assert again.status_code == 303


def test_a_gold_column_of_its_own_keeps_the_test_questions(
    desk: Browser, client: Client, job: Job
) -> None:
    job.launch(6, channels=[ON_DEMAND])
    cml = RENAMED.replace('name="opinion"', 'name="opinion" gold="src:verdict_gold"')

    assert "The form is saved." in desk.said(desk.post(url(job), do="save", cml=cml))
    assert client.jobs[job.id]()["gold"]["opinion"] == "verdict_gold"


def test_an_error_is_not_saved_by_the_confirmation(desk: Browser, client: Client, job: Job) -> None:
    job.launch(6, channels=[ON_DEMAND])

    refused = desk.post(url(job), do="save-anyway", cml=RENAMED + "<cml:txt/>")

    assert refused.status_code == 422
    assert "Save anyway" not in refused.text
    assert client.jobs[job.id]()["cml"] == GOOD


def test_a_draft_only_warns_of_test_questions_without_use(
    desk: Browser, client: Client, job: Job
) -> None:
    checked = problems(desk.post(url(job), do="check", cml=RENAMED).text)
    assert "Warning: 2 test questions check nobody." in checked

    assert "The form is saved." in desk.said(desk.post(url(job), do="save", cml=RENAMED))
    assert "2 test questions check nobody" in desk.text(f"/desk/jobs/{job.id}/new/launch")


def test_a_row_with_which_the_form_does_not_work_is_named(desk: Browser, client: Client) -> None:
    job = client.upload_job([{"names": ["a", "b"]}, {"names": []}])
    cml = (
        '<cml:radios label="Who?" name="who" validates="required">{% for each in names %}'
        '<cml:radio label="{{ each }}"/>{% endfor %}</cml:radios>'
    )

    page = desk.post(url(job), do="check", cml=cml).text

    assert "Row 2: With this row, the form has an error" in problems(page)


def test_a_draft_is_kept_beside_the_form_in_use(desk: Browser, client: Client, job: Job) -> None:
    broken = GOOD + "<cml:txt/>"
    before = client.jobs[job.id]()

    said = desk.said(desk.post(url(job), do="draft", cml=broken, instructions="Later."))

    assert "Saved as a draft." in said
    assert "This is a draft" in said
    page = desk.get(url(job)).text
    assert "&lt;cml:txt/&gt;" in page
    assert "Later." in page
    assert "There is no tag <cml:txt>" in problems(page)
    assert client.jobs[job.id]() == before  # no call shows it
    assert "form_draft" not in str(
        client.jobs[client.copy_job(job.id, all_units=False, gold=False).id]()
    )

    assert "The draft is gone." in desk.said(desk.post(url(job), do="drop"))
    assert "&lt;cml:txt/&gt;" not in desk.get(url(job)).text


def test_a_saved_draft_becomes_the_form(desk: Browser, client: Client, job: Job) -> None:
    better = GOOD.replace("good", "fine")
    desk.post(url(job), do="draft", cml=better)

    said = desk.said(desk.post(url(job), do="save", cml=better))

    assert "This is a draft" not in said
    assert client.jobs[job.id]()["cml"] == better


def test_a_change_in_another_place_is_not_overwritten_unseen(
    desk: Browser, client: Client, job: Job
) -> None:
    def base(page: str) -> str:
        found = re.search(r'name="base" value="(\w+)"', page)
        assert found is not None
        return found[1]

    opened = base(desk.get(url(job)).text)
    client.update_job(job.id, {"cml": GOOD.replace("good", "theirs")})

    refused = desk.post(url(job), do="save", base=opened, cml=GOOD.replace("good", "mine"))

    assert refused.status_code == 422
    assert "The form was changed in another place" in readable(refused.text)
    assert "mine" in refused.text
    assert "theirs" in client.jobs[job.id]()["cml"]

    again = desk.post(
        url(job), do="save", base=base(refused.text), cml=GOOD.replace("good", "mine")
    )
    assert again.status_code == 303
    assert "mine" in client.jobs[job.id]()["cml"]


def test_a_running_job_with_answers_says_what_a_change_means(
    box: Sandbox, desk: Browser, job: Job
) -> None:
    job.launch(6, channels=["on_demand"])
    box.crowd.add(6, truth={"verdict": lambda _: "bad"})
    box.crowd.run(job)
    count = job.reload().judgments_count

    page = desk.get(url(job)).text
    checked = desk.post(url(job), do="check", cml=GOOD.replace("verdict", "opinion"))

    assert f"{count} judgments were given with this form" in readable(page)
    assert "The question “verdict” is gone, and has answers" in problems(checked.text)


def test_an_unknown_act_is_refused(desk: Browser, job: Job) -> None:
    response = desk.post(url(job), do="explode", cml=GOOD)

    assert response.status_code == 422
    assert "Choose what to do with the form" in readable(response.text)


def test_columns_are_offered_with_what_they_are(desk: Browser, job: Job) -> None:
    page = desk.get(url(job)).text

    assert 'data-put="{{ review }}"' in page
    text = readable(page)
    assert "Contributors never see what belongs to test questions: verdict_gold" in text
    assert "The key of the rows should not be shown: sku." in text


def test_the_preview_is_the_page_of_a_contributor(desk: Browser, job: Job) -> None:
    page = preview(desk, job, GOOD + "<i>{{ verdict_gold }}</i>", row="3", instructions="Look.")

    text = readable(page)
    assert "3 of 8 Test question" in text
    assert "Review 2" in text
    assert "The writer finds it" in text
    assert "Look." in text
    assert "<i></i>" in page  # the correct answer is not there
    assert "<button" in page
    assert " disabled>Submit" in page


def test_the_preview_of_a_test_question_is_found_by_its_number(desk: Browser, job: Job) -> None:
    assert "Review 5" in preview(desk, job, row="2", of="tests")


@pytest.mark.parametrize(
    ("number", "shown"),
    [("0", "1 of 8"), ("99", "8 of 8"), ("x", "1 of 8"), ("9" * 40, "1 of 8"), ("²", "1 of 8")],
)
def test_the_preview_takes_the_nearest_row(
    desk: Browser, job: Job, number: str, shown: str
) -> None:
    assert shown in readable(preview(desk, job, row=number))


def test_the_preview_stores_nothing(desk: Browser, client: Client, job: Job) -> None:
    before = client.jobs[job.id]()

    preview(desk, job, '<cml:text label="Typed" validates="required"/>', instructions="Typed.")

    assert client.jobs[job.id]() == before
    assert "Typed" not in desk.get(url(job)).text
    assert "The writer finds it" in desk.text(f"{url(job)}/preview")  # of the form in use


def test_the_preview_says_why_a_form_cannot_be_shown(desk: Browser, job: Job) -> None:
    text = readable(preview(desk, job, "<cml:txt/>"))

    assert "The form cannot be shown" in text
    assert "line 1, column 1: There is no tag <cml:txt>" in text


def test_a_job_without_rows_has_a_preview(desk: Browser, client: Client) -> None:
    job = client.create_job({"title": "Reviews"})

    text = readable(preview(desk, job))

    assert "No row yet: columns are blank." in text
    assert "The writer finds it" in text


def test_the_frame_has_no_rights_and_the_desk_may_show_it(desk: Browser, job: Job) -> None:
    page = desk.get(url(job))
    shown = desk.post(f"{url(job)}/preview", cml=GOOD)

    assert 'sandbox="allow-scripts"></iframe>' in page.text
    assert "frame-src 'self'" in page.headers["Content-Security-Policy"]
    assert "frame-ancestors 'none'" in page.headers["Content-Security-Policy"]
    policy = shown.headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; script-src http://localhost https://localhost;")
    assert "'unsafe" not in policy
    for rule in ("form-action 'none'", "frame-ancestors 'self'", "base-uri 'none'"):
        assert rule in policy
    assert policy.endswith("; sandbox allow-scripts")


def test_the_policy_of_the_frame_cannot_be_extended_by_a_host(desk: Browser, job: Job) -> None:
    host = "localhost; script-src *"

    response = desk.http.get(f"{url(job)}/preview", headers={"Host": host})

    assert response.status_code >= 400
    assert "script-src *" not in response.headers.get("Content-Security-Policy", "")


def test_the_preview_needs_a_session_and_a_token(
    desk: Browser, stranger: Browser, job: Job
) -> None:
    assert stranger.get(f"{url(job)}/preview").status_code == 303
    assert desk.post(f"{url(job)}/preview", cml=GOOD, token=None).status_code == 403
    foreign = desk.http.post(
        f"{url(job)}/preview",
        data={"cml": GOOD, "token": desk.token()},
        headers={"Origin": "https://evil.example"},
    )
    assert foreign.status_code == 403


def _is_inert(page: str) -> bool:
    """Return whether a page has nothing active but its own script."""
    tags = re.findall(r"<[a-zA-Z][^>]*>", page)
    scripts = [tag for tag in tags if tag.lower().startswith("<script")]
    dangerous = re.compile(
        r"""[\s"'/]on[a-z]+\s*=|javascript:|<(iframe|object|embed|base|meta http|
        style|svg\ (?!class|viewBox)|math)""",
        re.IGNORECASE | re.VERBOSE,
    )
    ours = len(scripts) == 1 and scripts[0].startswith('<script src="/desk.js')
    found = [tag for tag in tags if dangerous.search(re.sub(r'"[^"]*"', '""', tag))]
    return ours and not [tag for tag in found if ' sandbox="allow-scripts"' not in tag]


@pytest.mark.parametrize("payload", PAYLOADS)
def test_markup_of_others_is_inert_in_editor_and_preview(
    desk: Browser, client: Client, payload: str
) -> None:
    payload = payload.replace("\ufdd0", "").replace("\ufdd1", "")
    job = client.upload_job([{"review": payload, f"<b>{payload}": "x", "plain": "y"}])
    client.update_job(job.id, {"title": f"Reviews {payload}"[:255], "instructions": payload})
    quoted = payload.replace('"', "&quot;")
    cml = f'<p>{{{{ review }}}}</p>{payload}<cml:text label="{quoted}" name="why"/>'

    editor = desk.post(url(job), do="check", cml=cml, instructions=payload, css=payload, js=payload)
    shown = [
        preview(desk, job, cml, instructions=payload),
        preview(desk, job, f'{{{{ review }}}}<cml:text label="{quoted}" name="why"/>'),
    ]

    assert _is_inert(editor.text)
    assert all(map(_is_inert, shown))
    assert "Reviews" in editor.text
