"""What the rules warn of and refuse is said at the desk with labels, in the reader's language."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import crowdflower
from crowdflower._types import Message
from crowdflower.sandbox.api.unsupported import UNSUPPORTED
from crowdflower.sandbox.desk.account.feature_names import FEATURES
from crowdflower.sandbox.desk.messages.message_words import TEXTS, from_json, in_words
from crowdflower.sandbox.desk.messages.repairs import REPAIRS
from crowdflower.sandbox.desk.settings.setting_labels import setting_labels
from crowdflower.sandbox.errors import in_json
from crowdflower.sandbox.pages import translations
from crowdflower.sandbox.rules.settings.attributes import ATTRIBUTE_TYPES, OPTION_TYPES
from tests.sandbox.desk.test_new_job import ready, reviews, save_form, start, upload
from tests.sandbox.desk_browser import readable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from crowdflower.client import Client
    from crowdflower.sandbox import Sandbox
    from tests.sandbox.desk_browser import Browser

ROOT = Path(crowdflower.__file__).parent
CODE_ARGUMENT = {"Message": 1, "_about_alias": 1, "unable": 2}
"""Functions that make a message, with the place of its code."""

NAMES = sorted(each for each in {*ATTRIBUTE_TYPES, *OPTION_TYPES} if "_" in each)
ATTRIBUTE = re.compile(rf"\b(?:{'|'.join(NAMES)})\b")
ROW_ID = re.compile(r"\b\d{7,}\b")


def coded_messages() -> Iterator[tuple[str, set[str] | None]]:
    """Yield the code and the names of the values of each message in the code of the package.

    The names are ``None`` if the values come from elsewhere.
    """
    for path in ROOT.rglob("*.py"):
        for function in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(function, ast.FunctionDef | ast.Module):
                yield from _in_function(function)


def _in_function(function: ast.FunctionDef | ast.Module) -> Iterator[tuple[str, set[str] | None]]:
    dicts: dict[str, set[str]] = {}
    nodes = [*ast.walk(function)] if isinstance(function, ast.FunctionDef) else function.body
    for node in nodes:
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Dict):
            keys = {key.value for key in node.value.keys if isinstance(key, ast.Constant)}
            dicts |= {each.id: keys for each in node.targets if isinstance(each, ast.Name)}
    for node in nodes if isinstance(function, ast.FunctionDef) else _calls(nodes):
        name = (
            node.func.id if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) else ""
        )
        if isinstance(node, ast.Call) and name in CODE_ARGUMENT:
            code = node.args[CODE_ARGUMENT[name]] if len(node.args) > CODE_ARGUMENT[name] else None
            if isinstance(code, ast.Constant):
                yield code.value, _names(node, dicts)


def _calls(nodes: list[ast.stmt]) -> Iterator[ast.AST]:
    for node in nodes:
        if not isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield from ast.walk(node)


def _names(call: ast.Call, dicts: dict[str, set[str]]) -> set[str] | None:
    names = {"row"}  # of ``unable``
    for keyword in call.keywords:
        if keyword.arg is not None:
            names.add(keyword.arg)
        elif isinstance(keyword.value, ast.Name) and keyword.value.id in dicts:
            names |= dicts[keyword.value.id]
        else:
            return None
    return names


MESSAGES = {code: names for code, names in coded_messages() if names is not None}
FAULT = {"kind": "impossible", "question": "Is it 100 % good?", "column": "good_gold"}


def test_every_message_has_words_and_all_words_are_used() -> None:
    assert {code for code, _ in coded_messages()} == TEXTS.keys()
    assert REPAIRS.keys() <= TEXTS.keys()


def test_each_repair_of_a_setting_is_a_field() -> None:
    assert {each.setting for each in REPAIRS.values() if each.setting} <= setting_labels().keys()


@pytest.mark.parametrize("language", ["en", "de", "es"])
@pytest.mark.parametrize("code", sorted(TEXTS))
def test_words_use_only_values_of_the_message(code: str, language: str) -> None:
    translations.use_language(language)
    try:
        for number in (0, 1, 2):
            values: dict[str, Any] = dict.fromkeys(MESSAGES.get(code, ()), number)
            if code == "gold_fault":
                values = {**FAULT, "count": number, "answers": ["a"], "options": ["b"]}
                values["unit_ids"] = ()
            if "attribute" in values:
                values["attribute"] = "title"
            said = in_words(Message("the text of the API", code, **values))
            assert said != "the text of the API"
            assert "%(" not in said
            assert ATTRIBUTE.search(said) is None
    finally:
        translations.use_language("en")


def test_other_texts_are_said_as_they_are() -> None:
    assert in_words("100 % of it.") == "100 % of it."
    assert in_words(Message("A text of a plugin.", "unknown")) == "A text of a plugin."


def test_a_message_comes_back_from_an_event() -> None:
    inner = Message("must be 1", "not_whole_number", least=1, most=2000)
    message = Message("Title must be 1", "attribute", attribute="title", problem=inner)

    stored = in_json([message, "A plain text."])["messages"]

    assert [in_words(from_json(each)) for each in stored] == [
        "Title: Write a whole number from 1 to 2,000.",
        "A plain text.",
    ]
    assert in_json(["A plain text."]) == {}


@pytest.fixture(autouse=True)
def warnings(recwarn: pytest.WarningsRecorder) -> pytest.WarningsRecorder:
    """The warnings of the client, which are not the subject."""
    return recwarn


def change(client: Client, job: int, **attributes: Any) -> None:
    """Change attributes of a job by the API."""
    current = client.get_job(job)
    for name, value in attributes.items():
        setattr(current, name, value)
    current.update()


WRONG_SETTINGS = [
    ("title", "Hm", "Write a title of at least 5 characters."),
    ("alias", "77", "An alias cannot be a number alone."),
    ("channels", "nowhere", "There is no channel nowhere."),
]


@pytest.mark.parametrize(("name", "value", "said"), WRONG_SETTINGS)
def test_a_wrong_setting_is_said_in_a_sentence(
    desk: Browser, client: Client, name: str, value: str, said: str
) -> None:
    job = ready(desk, client)

    page = readable(desk.post(f"/desk/jobs/{job}/settings", do="save", **{name: value}).text)

    assert said in page
    assert "This must be" not in page
    assert ATTRIBUTE.search(page) is None


def test_warnings_about_settings_name_their_labels(desk: Browser, client: Client) -> None:
    job = ready(desk, client)
    changed = {"judgments_per_unit": "5", "max_judgments_per_unit": "2"}

    said = desk.said(desk.post(f"/desk/jobs/{job}/settings", do="save", **changed))

    assert (
        "“At most, where people disagree” is 2, fewer than “Judgments for each row”: every row"
        " still gets 5 judgments." in said
    )


@pytest.mark.parametrize(
    ("settings", "said", "link"),
    [
        (
            {"variable_judgments_mode": "true", "max_judgments_per_unit": "9"},
            "“Agreement that is enough” is empty",
            "new/settings#min_unit_confidence",
        ),
        (
            {"variable_judgments_mode": "true", "min_unit_confidence": "70"},
            "“At most, where people disagree” is empty",
            "new/settings#max_judgments_per_unit",
        ),
        (
            {"front_load": "false", "after_gold": "50"},
            "or switch on “Begin with a quiz”",
            "new/settings#after_gold",
        ),
        (
            {"front_load": "false", "gold_per_assignment": "0"},
            "Nobody will be tested: pages have no test question",
            "new/settings#gold_per_assignment",
        ),
        (
            {"units_per_assignment": "10"},
            "Nobody will be tested: the job has 12 test questions, and they are asked from 13 on.",
            "new/settings#units_per_assignment",
        ),
        ({}, "Test questions run out before the rows do.", "tests"),
    ],
)
def test_a_launch_check_leads_to_where_it_is_put_right(
    desk: Browser, client: Client, settings: dict[str, str], said: str, link: str
) -> None:
    job = ready(desk, client, reviews(60, golds=12))
    desk.post(f"/desk/jobs/{job}/new/settings", do="save", **settings)

    page = desk.get(f"/desk/jobs/{job}/new/launch").text

    lines = [readable(each) for each in page.split("<li>") if link in each]
    assert any(said in line for line in lines), readable(page)
    for each in page.split('<ul class="checks">')[1].split("</ul>")[0].split("<li>"):
        assert ATTRIBUTE.search(readable(each)) is None
        assert ROW_ID.search(readable(each)) is None


def test_a_fault_of_test_questions_is_said_as_on_their_page(desk: Browser, client: Client) -> None:
    job = ready(desk, client, reviews(12, golds=3))
    cml = (
        "<p>{{ review }}</p><cml:radios label='Is it good?' name='verdict' gold='true'"
        " validates='required'><cml:radio label='yes'/><cml:radio label='no'/></cml:radios>"
    )
    change(client, job, cml=cml)

    for path in ("/desk/events", f"/desk/jobs/{job}/new/launch"):
        page = desk.text(path)
        assert "Nobody can pass 3 test questions" in page
        assert "Nobody can answer the test question" not in page


def test_media_that_pages_do_not_load_are_checked_before_the_launch(
    desk: Browser, client: Client
) -> None:
    job = ready(desk, client, "photo\n" + "http://example.org/a.png\n" * 6)
    cml = "<img src='{{ photo }}'><cml:text label='Why?' validates='required'/>"
    save_form(desk, job, cml)

    page = desk.get(f"/desk/jobs/{job}/new/launch").text

    assert "Row 1: pages do not load http://example.org/a.png." in readable(page)
    assert f'href="/desk/new?job={job}"' in page


def test_a_warning_without_a_place_has_no_link(desk: Browser, client: Client) -> None:
    job = ready(desk, client)
    change(client, job, minimum_requirements={"min_score": 3})

    page = desk.get(f"/desk/jobs/{job}/new/launch").text

    line = next(each for each in page.split("<li>") if "Contributors have no levels" in each)
    assert "href" not in line.split("</li>")[0]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("a,b\n1,2,3\n", "Row 2 has 3 cells, and the header has 2."),
        ("a,A\n1,2\n", "The columns “a” and “A” would both be named “a”. Rename one."),
        (b"a\n\xff\n", "Row 2 is not UTF-8."),
        ('[{"a": 1}]', "The file is one JSON array."),
        ('{"a": 1, "a": 2}', "Row 1 has “a” twice."),
        ('{"a": 1}\n7', "Row 2 is not a JSON object with a value for each column."),
        ('{"a": nothing}', "Row 1 is not valid JSON at its character 7"),
    ],
)
def test_a_file_that_is_refused_is_described(
    desk: Browser, content: str | bytes, said: str
) -> None:
    name = "rows.json" if str(content).startswith(("{", "[")) else "rows.csv"

    page = readable(upload(desk, content, name).text)

    assert said in page
    assert "Unable to parse" not in page


def test_rows_with_other_columns_are_described(desk: Browser) -> None:
    job = start(desk)

    page = readable(upload(desk, "sku,color\n1,red\n", path=f"/desk/new?job={job}").text)

    assert "Row 1 has other columns than the job. It lacks: review. It has more: color." in page
    assert "force=true" not in page


def test_acts_that_are_refused_are_described(desk: Browser, client: Client) -> None:
    job = ready(desk, client)
    desk.post(f"/desk/jobs/{job}/new/launch", do="launch", units="9")
    path = f"/desk/jobs/{job}"

    def refused(**fields: str) -> str:
        response = desk.post(path, **fields)
        assert response.status_code == 422
        return readable(response.text)

    assert "Only a job that is paused or finished can be resumed." in refused(do="resume")
    assert "Write a cap above $0.00, of at most" in refused(do="cap", cap="0")
    unit = next(each for each in client.get_job(job).units if each.state == "golden")
    more = desk.post(f"{path}/rows/{unit.id}", do="more", judgments="2")
    assert "Row 1 is not ordered, or was canceled." in readable(more.text)


def test_an_order_that_is_too_dear_says_what_is_there(
    box: Sandbox, desk: Browser, client: Client
) -> None:
    job = ready(desk, client)
    desk.post(f"/desk/jobs/{job}/new/launch", do="launch", units="3")
    current = client.get_job(job)
    current.channels = ["elite"]
    current.payment_cents = 500_000
    current.update()

    page = readable(desk.post(f"/desk/jobs/{job}", do="order", units="6").text)

    assert "There is not enough money: this costs $" in page
    assert "crowdflower.com" not in page


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("ftp://example.org", "Send webhooks to: Write a whole web address"),
        ("http://me:secret@example.org", "Send webhooks to: Write a whole web address"),
    ],
)
def test_an_address_for_webhooks_is_checked_in_words(
    desk: Browser, client: Client, address: str, said: str
) -> None:
    job = ready(desk, client)
    fields = {"do": "save_address", "webhook_uri": address}

    page = readable(desk.post(f"/desk/jobs/{job}/reports", **fields).text)

    assert said in page
    assert "Webhook uri" not in page


def test_events_have_the_words_of_the_desk(desk: Browser, client: Client) -> None:
    job = ready(desk, client)
    change(client, job, judgments_per_unit=5, max_judgments_per_unit=2)

    for path in ("/desk/events", f"/desk/jobs/{job}/reports"):
        page = desk.text(path)
        assert "“At most, where people disagree” is 2, fewer than" in page
        assert "max_judgments_per_unit is 2" not in page


def test_orders_that_could_not_be_placed_by_themselves_are_described(
    box: Sandbox, desk: Browser, client: Client
) -> None:
    job = ready(desk, client)
    orders = {"auto_order": True, "auto_order_threshold": 100, "auto_order_timeout": 60}
    change(client, job, **orders)
    save_form(desk, job, client.get_job(job).cml or "", instructions="")

    box.clock.advance(3600)

    assert "New rows were not ordered. The instructions are missing" in desk.text("/desk/events")


def test_what_this_server_lacks_has_a_name(desk: Browser) -> None:
    page = desk.text("/desk/not-implemented")

    assert "Advice on the pay" in page
    assert "undeleting a job" not in page
    assert {each.feature for each in UNSUPPORTED} <= FEATURES.keys()
