"""Job.preview(): the form with a row, as contributors see it, and nothing of it runs."""

from __future__ import annotations

import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import requests

from crowdflower import Client, Job, Sandbox, Unit
from crowdflower.exceptions import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Iterator

CML = """
<h2>{{ product }}</h2> <p>{{ review }}</p>
<cml:radios label="Is it good?" validates="required" gold="true">
  <cml:radio label="yes"/> <cml:radio label="no"/>
</cml:radios>
<cml:text label="Why not?" only-if="is_it_good:[no]" validates="minLength:5"/>
"""
ROWS = [{"product": f"Lamp {n}", "review": f"Review {n}."} for n in range(8)]


@pytest.fixture
def box() -> Iterator[Sandbox]:
    with Sandbox() as box:
        yield box


@pytest.fixture
def client(box: Sandbox) -> Client:
    return box.client()


@pytest.fixture
def job(client: Client) -> Job:
    job = client.create_job({"title": "Lamps", "instructions": "<p>Read it.</p>", "cml": CML})
    job.upload(ROWS)
    return client.get_job(job.id)


class Tags(HTMLParser):
    """Collects the start tags of a page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def row_in(page: str) -> str:
    """Return the HTML of the row of a page, without the id of the unit."""
    html = page.partition('<div class="body written" dir="auto">')[2].partition("</section>")[0]
    return re.sub(r"\bu\d+", "u", re.sub(r"(\s|</div>)+$", "", html))


def sent(box: Sandbox) -> list[str]:
    return [f"{each.verb} {each.path}" for each in box.requests]


def test_the_first_row_is_shown_by_default(box: Sandbox, job: Job) -> None:
    box.forget_requests()

    preview = job.preview()

    for text in ("<title>Lamps</title>", "<p>Read it.</p>", "<h2>Lamp 0</h2>", "Is it good?"):
        assert text in preview.html
    assert sent(box) == [f"GET /v1/jobs/{job.id}/units.json"]
    assert repr(preview) == (
        f"<Preview of job {job.id}, unit {job.units[0].id}: open() shows it in a browser>"
    )


def test_it_is_the_form_of_the_page_that_contributors_get(box: Sandbox, job: Job) -> None:
    job.units_per_assignment = 1
    job.update()
    job.launch(8, channels=["cf_internal"])
    with requests.Session() as browser:
        url = box.work_url(job)
        page = browser.post(url, data={"name": "Ada"}, timeout=60).text
    number = int(re.findall(r"Lamp (\d+)", page)[0])

    html = job.preview(number).html

    assert 'data-required="1"' in html
    assert "Only if “Is it good?” is “no”." in html
    assert row_in(html) == row_in(page)


@pytest.mark.parametrize("row", [3, -5, {"product": "Lamp 3", "review": "Review 3."}])
def test_a_row_is_an_index_or_a_dict(job: Job, row: Any) -> None:
    assert "<h2>Lamp 3</h2>" in job.preview(row).html


def test_a_row_is_a_unit(client: Client, job: Job) -> None:
    assert "<h2>Lamp 3</h2>" in job.preview(job.units[3]).html
    assert "<h2>Lamp 3</h2>" in job.preview(client.get_unit(job, job.units[3].id)).html


def test_units_that_were_read_are_not_read_again(box: Sandbox, job: Job) -> None:
    _ = job.units
    box.forget_requests()

    job.preview(3)
    job.preview({"product": "Desk"})

    assert sent(box) == []


def test_only_the_first_page_of_a_long_list_is_read(box: Sandbox, client: Client) -> None:
    job = client.create_job({"title": "Lamps", "cml": CML})
    job.upload({"product": f"Lamp {n}"} for n in range(3500))
    box.forget_requests()

    assert "<h2>Lamp 7</h2>" in client.get_job(job.id).preview(7).html

    assert sent(box) == [f"GET /v1/jobs/{job.id}.json", f"GET /v1/jobs/{job.id}/units.json"]


def test_unsent_changes_are_shown_and_not_sent(box: Sandbox, job: Job) -> None:
    job.cml = "<p>{{ review }}</p><cml:text label='Why?'/>"
    box.forget_requests()

    assert "Why?" in job.preview({"review": "Fine."}).html

    assert sent(box) == []


def test_a_job_of_which_only_the_id_is_known_is_read_first(
    box: Sandbox, client: Client, job: Job
) -> None:
    bare = Job(client, id=job.id)
    bare.title = "Desks"

    html = bare.preview({"product": "Desk"}).html

    assert "<h2>Desk</h2>" in html
    assert "<title>Desks</title>" in html


def test_a_job_without_a_client_is_shown_with_a_dict() -> None:
    assert "Good" in Job(id=7, cml="{{ review }}<cml:text label='Why?'/>").preview(
        {"review": "Good"}
    ).html  # fmt: skip


def test_services_of_2012_call_the_form_problem() -> None:
    assert "Why?" in Job(id=7, problem="<cml:text label='Why?'/>").preview({}).html


def test_accepted_answers_are_left_out(client: Client) -> None:
    row = {"review": "Fine.", "is_it_good_gold": "yes", "is_it_good_gold_reason": "Because."}
    cml = f"{{{{ is_it_good_gold }}}}{{{{ is_it_good_gold_reason }}}}{CML}"

    html = Job(client, id=7, cml=cml).preview(row).html

    assert "Because." not in html
    assert "yes" not in html.partition("<h2>")[0]


HOSTILE = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<iframe src=https://evil.example></iframe>",
    "<svg onload=alert(1)>",
    "<form action=https://evil.example><button>Submit</button></form>",
    "<a href='javascript:alert(1)'>here</a>",
    "</iframe><script>alert(1)</script>",
    "<meta http-equiv=refresh content='0;url=https://evil.example'>",
    "<style>*{display:none}</style>",
    "\ud800",
]


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_what_strangers_wrote_does_not_run(text: str) -> None:
    job = Job(id=7, title=text, instructions=text, cml="{{ review }}<cml:text label='Why?'/>")

    preview = job.preview({"review": text})

    tags = Tags(preview.html).found
    names = [tag for tag, _ in tags]
    assert not {"script", "iframe", "svg", "object"} & {*names}
    assert (names.count("form"), names.count("meta"), names.count("style")) == (1, 4, 1)
    assert not any(name.startswith("on") for _, attributes in tags for name in attributes)
    assert not any("javascript:" in (each.get("href") or "") for _, each in tags)
    assert preview.html.encode("utf-8")


def test_a_notebook_shows_the_page_in_a_frame_that_can_do_nothing(job: Job) -> None:
    preview = job.preview()

    (frame,) = Tags(preview._repr_html_()).found

    tag, attributes = frame
    assert tag == "iframe"
    assert attributes["sandbox"] in {None, ""}
    assert attributes["srcdoc"] == preview.html


def test_the_page_itself_forbids_scripts_and_forms(job: Job) -> None:
    policies = [
        each["content"] for tag, each in Tags(job.preview().html).found if "http-equiv" in each
    ]

    assert len(policies) == 1
    assert policies[0]
    assert policies[0].startswith("default-src 'none';")
    assert "form-action 'none'" in policies[0]
    assert "script-src" not in policies[0]


def test_a_page_is_saved_once(job: Job, tmp_path: Path) -> None:
    preview = job.preview()
    path = preview.save(tmp_path / "form.html")

    assert path.read_text(encoding="utf-8") == preview.html
    with pytest.raises(FileExistsError):
        preview.save(path)
    assert preview.save(str(path), overwrite=True) == path


SCRIPT = """
import warnings
from crowdflower import Job
warnings.simplefilter("always")
print(Job(id=7, cml="<cml:text label='Why?'/>").preview({}).open())
"""


@pytest.mark.skipif(sys.platform == "win32", reason="the browser here is a shell script")
@pytest.mark.parametrize(("status", "warning"), [(0, ""), (1, "no browser could be started")])
def test_a_browser_is_opened_on_a_private_file(tmp_path: Path, status: int, warning: str) -> None:
    browser, seen = tmp_path / "browser", tmp_path / "seen"
    browser.write_text(f'#!/bin/sh\necho "$1" > {seen}\nexit {status}\n', encoding="utf-8")
    browser.chmod(0o700)

    process = subprocess.run(  # noqa: S603 - our own Python
        [sys.executable, "-c", SCRIPT],
        env={"BROWSER": f"{browser} %s", "TMPDIR": str(tmp_path), "PATH": str(tmp_path),
             "PYTHONPATH": ":".join(sys.path)},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )  # fmt: skip

    path = Path(process.stdout.strip())
    assert seen.read_text(encoding="utf-8").strip() == path.as_uri()
    assert "Why?" in path.read_text(encoding="utf-8")
    assert path.stat().st_mode & 0o777 == 0o600
    assert (warning in process.stderr) if warning else process.stderr == ""


@pytest.mark.parametrize(
    ("attributes", "row", "message"),
    [
        ({}, {}, "job 7 has no form to preview: assign its cml"),
        ({"cml": None}, {}, "no form"),
        ({"cml": ""}, {}, "no form"),
        ({"cml": 5}, {}, "no form"),
        ({"cml": "<cml:txt label='a'/>"}, {}, r"line 1, column 1: There is no tag <cml:txt>"),
        ({"cml": "{% unles x %}<cml:text label='a'/>"}, {}, "Liquid has no tag"),
        ({"cml": "<cml:shapes label='a'/>"}, {}, "cannot be shown: .*shapes"),
        (
            {"cml": "{% for x in names %}<cml:text label='{{ x }}'/>{% endfor %}"},
            {"names": ["a", "a"]},
            "Rendered for this row, the form is invalid",
        ),
        ({"cml": CML}, "0", "row must be an index, a unit or a dict, not a str"),
        ({"cml": CML}, None, "not None"),
        ({"cml": CML}, True, "not a bool"),
        ({"cml": CML}, 1.0, "not a float"),
        ({"cml": CML}, Unit(Job(id=7), id=5), "the data of job 7, unit 5 must be a dict, not None"),
    ],
)
def test_what_cannot_be_shown_is_an_error(
    attributes: dict[str, Any], row: Any, message: str
) -> None:
    job = Job(id=7, **attributes)

    with pytest.raises(InvalidInput, match=message):
        job.preview(row)


@pytest.mark.parametrize("index", [8, 5000, -9])
def test_a_row_that_does_not_exist_is_an_error(job: Job, index: int) -> None:
    with pytest.raises(InvalidInput, match=f"job {job.id} has no row {index}; .* pass a dict"):
        job.preview(index)


def test_a_job_without_rows_is_shown_with_a_dict_only(client: Client) -> None:
    job = client.create_job({"title": "Lamps", "cml": CML})

    with pytest.raises(InvalidInput, match="has no row 0"):
        job.preview()
    assert "<h2>Desk</h2>" in job.preview({"product": "Desk"}).html


@pytest.mark.parametrize("value", [None, 7, ["a"], {"a": 1}, True])
def test_settings_of_any_type_are_shown(value: Any) -> None:
    job = Job(id=7, cml=CML, title=value, instructions=value, language=value, gold=value)

    assert "Is it good?" in job.preview({"review": value}).html


BLOCKED = """
import sys
sys.modules["flask"] = None
from crowdflower import Job
try:
    Job(id=7, cml="<cml:text label='Why?'/>").preview({})
except ImportError as error:
    print(error)
"""


def test_without_the_extra_the_error_names_it() -> None:
    process = subprocess.run(  # noqa: S603 - our own Python
        [sys.executable, "-c", BLOCKED], capture_output=True, text=True, check=True, timeout=60
    )

    assert "preview() shows a page of the sandbox" in process.stdout
    assert "pip install 'crowdflower-client[sandbox]'" in process.stdout
