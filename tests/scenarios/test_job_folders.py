"""A job as a folder: pulled, edited, pushed, loaded into another sandbox, and pulled again."""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crowdflower import EditConflict, InvalidInput, NotFound, Sandbox
from crowdflower.exceptions import ApplicationError, ServiceWarning, ValidationError
from crowdflower.job_files.setting_names import LINES

if TYPE_CHECKING:
    from crowdflower.client import Client
    from crowdflower.job import Job

FORM = """
<p>{{ review }}</p>
<cml:radios name="sentiment" label="What does it say?" validates="required" gold="true">
  <cml:radio label="Good" value="positive"/>
  <cml:radio label="Bad" value="negative"/>
</cml:radios>
<cml:checkboxes name="topics" label="About what?" gold="true">
  <cml:checkbox label="Price" value="price"/>
  <cml:checkbox label="Size" value="size"/>
</cml:checkboxes>
"""

QUESTIONS = [
    {
        "review": "Works as it should, every single day.",
        "_golden": True,
        "sentiment_gold": "positive",
        "sentiment_gold_reason": "It works.",
    },
    {
        "review": "Too big, and too expensive.",
        "_golden": True,
        "sentiment_gold": "negative",
        "topics_gold": "price\nsize",
    },
]
ROWS: list[dict[str, Any]] = [{"review": f"Row {number}."} for number in range(6)]

ignore_warnings = pytest.mark.filterwarnings("ignore::crowdflower.exceptions.ServiceWarning")


@pytest.fixture
def box() -> Iterator[Sandbox]:
    with Sandbox() as box:
        yield box


@pytest.fixture
def client(box: Sandbox) -> Client:
    return box.client()


@pytest.fixture
def job(client: Client) -> Job:
    return make_job(client)


@pytest.fixture
def folder(job: Job, tmp_path: Path) -> Path:
    job.save_files(tmp_path / "reviews", rows=True)
    return tmp_path / "reviews"


def make_job(client: Client, **attributes: Any) -> Job:
    """Create a job with two test questions and six rows."""
    settings = {
        "title": "Sentiment of reviews",
        "alias": "reviews",
        "instructions": "<p>Read it.</p>",
        "cml": FORM,
        "included_countries": ["FI", "US"],
        "options": {"after_gold": 4},
    }
    job = client.create_job({**settings, **attributes})
    job.upload([*QUESTIONS, *ROWS])
    job.convert_test_questions()
    job.channels, job.tags = ["cf_internal", "on_demand"], ["spring", "reviews"]
    return job.reload()


def edit(folder: Path, name: str, before: str, after: str) -> None:
    """Replace a piece of a file, as an editor does."""
    path = folder / name
    text = path.read_bytes().decode()
    assert before in text
    path.write_bytes(text.replace(before, after).encode())


def files(folder: Path) -> dict[str, bytes]:
    """Return the content of all files that are the job's, not of the record about its origin."""
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.name[0] != "."}


def no_value(value: Any) -> Any:
    """Return ``None`` for an empty string: in a form, as the API reads it, they are the same."""
    return None if value == "" else value


def changes_sent(box: Sandbox) -> list[str]:
    """Return the requests that were not reads."""
    return [f"{each.verb} {each.path}" for each in box.requests if each.verb != "GET"]


# Nothing is lost


def test_a_pull_writes_readable_files(folder: Path, job: Job) -> None:
    found = files(folder)

    assert found["form.cml"].decode() == FORM
    assert found["instructions.html"] == b"<p>Read it.</p>"
    assert found["style.css"] == found["script.js"] == b""
    assert found["rows.jsonl"].count(b"\n") == 6
    toml = found["job.toml"].decode()
    assert 'included_countries = ["FI", "US"]' in toml
    assert 'tags = ["spring", "reviews"]' in toml
    assert "[options]\n" in toml
    assert job.secret.encode() not in b"".join(path.read_bytes() for path in folder.iterdir())
    assert [each["data"]["review"] for each in json.loads(found["test_questions.json"])] == [
        each["review"] for each in QUESTIONS
    ]
    assert b'"topics_gold": ["price", "size"]' in found["test_questions.json"]


def test_a_job_that_is_loaded_into_another_sandbox_gives_the_same_files(
    folder: Path, tmp_path: Path
) -> None:
    with Sandbox.load(folder, seed=5) as box:
        job = box.client().get_job(box.job_ids[0])
        job.save_files(tmp_path / "again", rows=True)
        loaded = job.json

    assert files(tmp_path / "again") == files(folder)
    assert (loaded["state"], loaded["units_count"], loaded["golds_count"]) == ("unordered", 8, 2)


def test_a_job_that_is_pushed_to_another_account_gives_the_same_files(
    folder: Path, tmp_path: Path
) -> None:
    with Sandbox(seed=5) as box:
        client = box.client()
        job = client.push_files(folder, create=True, rows=True)
        assert job is not None
        job.save_files(tmp_path / "again", rows=True)

        assert files(tmp_path / "again") == files(folder)
        assert not client.compare_files(folder)


def test_a_push_after_a_pull_sends_nothing_and_a_pull_after_it_writes_nothing(
    box: Sandbox, client: Client, job: Job, folder: Path
) -> None:
    box.forget_requests()

    pushed = client.push_files(folder)

    assert pushed is not None
    assert pushed.id == job.id
    assert changes_sent(box) == []
    assert job.save_files(folder) == []


texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=40)
ATTRIBUTES = {
    **dict.fromkeys(["css", "js", "instructions", "project_number", "custom_key"], texts),
    "title": texts.map(lambda text: f"Title {text}"),
    **dict.fromkeys(
        [name for name in LINES["Switches of the service"] if name != "execution_mode"],
        st.booleans(),
    ),
    **dict.fromkeys(
        [
            *("judgments_per_unit", "units_per_assignment", "pages_per_assignment"),
            *("max_judgments_per_worker", "max_judgments_per_ip", "auto_order_threshold"),
            *("time_per_page", "min_assignment_duration", "gold_per_assignment", "quiz_length"),
        ],
        st.integers(1, 50),
    ),
    "payment_cents": st.integers(0, 500) | st.sampled_from([2.5, 0.125]),
    "min_unit_confidence": st.floats(0.01, 1).map(lambda x: round(x, 3)),
    "units_remain_finalized": st.booleans(),
    "variable_judgments_mode": st.sampled_from(["none", "auto_confidence"]),
    "included_countries": st.lists(st.sampled_from(["FI", "US", "DE", "IN"]), unique=True),
    "fields": st.just({"sentiment": "agg", "topics": "cagg_0.5"}),
    "confidence_fields": st.just(["topics"]),
    "options": st.dictionaries(
        st.sampled_from(["after_gold", "reject_at"]), st.integers(1, 99)
    ).flatmap(
        lambda known: st.dictionaries(
            st.sampled_from(["note", "x-y", "a.b", "ü"]),
            texts | st.integers() | st.lists(texts, max_size=2),
        ).map(lambda unknown: known | unknown)
    ),
    "minimum_requirements": st.just({"priority": 1, "skill_scores": {"level_3": 1}}),
}
jobs = st.fixed_dictionaries({}, optional=ATTRIBUTES)
gold_rows = st.lists(
    st.fixed_dictionaries(
        {
            "review": texts,
            "sentiment_gold": st.lists(texts, max_size=3),
            "stars": st.none() | st.integers() | texts | st.lists(st.integers()),
        },
        optional={
            "sentiment_gold_reason": texts,
            "topics_gold": st.sampled_from(["price", "price\nsize", ["size"], None]),
            "_gold_pool": st.sampled_from(["quiz", "work", "", None]),
        },
    ),
    max_size=4,
)


@ignore_warnings
@settings(deadline=None, max_examples=25, suppress_health_check=list(HealthCheck))
@given(attributes=jobs, golds=gold_rows, rows=st.lists(st.fixed_dictionaries({"review": texts})))
def test_any_job_survives_the_way_through_its_files(
    tmp_path_factory: pytest.TempPathFactory,
    attributes: dict[str, Any],
    golds: list[dict[str, Any]],
    rows: list[dict[str, Any]],
) -> None:
    one, other = (tmp_path_factory.mktemp("job") for _ in range(2))
    with Sandbox() as box:
        client = box.client()
        first = {"title": "Sentiment", "instructions": "Read it.", "cml": FORM}
        job = client.create_job(first)
        for row in golds:
            job.add_unit(row, golden=True)
        if rows:
            job.upload(rows, force=True)
        client.update_job(job.id, {**attributes, "instructions": "Read it."})
        job.reload().save_files(one, rows=True)
        shown = job.json

    with Sandbox.load(one, seed=9) as box:
        again = box.client().get_job(box.job_ids[0])
        again.save_files(other, rows=True)
        loaded = again.json

    assert files(other) == files(one)
    assert [no_value(loaded[name]) for name in attributes] == [
        no_value(shown[name]) for name in attributes
    ]


@ignore_warnings
@pytest.mark.parametrize(
    "cml",
    [
        "",
        "<cml:text",
        '<cml:text label="Your code" validates="required regex" data-validates-regex="{{code}}"/>',
        '{% for w in words %}<cml:text label="{{w}}"/>{% endfor %}<cml:text label="Why?"/>',
        '<cml:select label="Verb"><cml:option label=""/><cml:option label="{{ x }}"/></cml:select>',
        '<cml:group name="g" multiple="true"><cml:text label="A"/></cml:group>',
        '<audio src="{{clip}}" controls="controls"></audio>\r\n<cml:textarea label="What?"/>\r\n',
        '\ufeff<cml:text label="क्या?" name="answer_{{chunk_00}}"/>',
    ],
)
def test_any_form_survives_the_way_through_its_files(tmp_path: Path, cml: str) -> None:
    with Sandbox() as box:
        job = box.client().create_job({"title": "A form", "cml": cml or None})
        job.save_files(tmp_path / "one")
        shown = job.json

    with Sandbox.load(tmp_path / "one") as box:
        again = box.client().get_job(box.job_ids[0])
        again.save_files(tmp_path / "other")
        loaded = again.json

    assert files(tmp_path / "one") == files(tmp_path / "other")
    assert no_value(loaded["cml"]) == no_value(shown["cml"]) == no_value(cml)
    assert loaded["fields"] == shown["fields"]


# What a push sends


def test_a_push_shows_the_difference_and_sends_only_that(
    box: Sandbox, client: Client, job: Job, folder: Path
) -> None:
    edit(folder, "job.toml", "payment_cents = 10", "payment_cents = 12  # Ada agreed")
    edit(folder, "job.toml", "after_gold = 4", "after_gold = 5")
    edit(folder, "form.cml", 'label="Bad"', 'label="Poor"')
    box.forget_requests()

    changes = client.compare_files(folder)

    assert changes_sent(box) == []
    assert (
        str(changes)
        == f"""\
job {job.id} "Sentiment of reviews", unordered
job.toml:
  payment_cents       10 -> 12
  options.after_gold  4 -> 5
form.cml:
  --- in the job
  +++ in the folder
  @@ -3,5 +3,5 @@
   <cml:radios name="sentiment" label="What does it say?" validates="required" gold="true">
     <cml:radio label="Good" value="positive"/>
  -  <cml:radio label="Bad" value="negative"/>
  +  <cml:radio label="Poor" value="negative"/>
   </cml:radios>
   <cml:checkboxes name="topics" label="About what?" gold="true">"""
    )
    pushed = client.push_files(folder)
    assert pushed is not None
    assert (pushed.payment_cents, pushed.options["after_gold"]) == (12, 5)
    assert changes_sent(box) == [f"PUT /v1/jobs/{job.id}.json"]
    assert not client.compare_files(folder)
    assert job.save_files(folder) == []
    assert b"# Ada agreed" in (folder / "job.toml").read_bytes()


def test_channels_and_tags_have_requests_of_their_own(
    box: Sandbox, client: Client, job: Job, folder: Path
) -> None:
    edit(folder, "job.toml", '"cf_internal", "on_demand"', '"clixsense"')
    edit(folder, "job.toml", 'tags = ["spring", "reviews"]', "tags = []")
    box.forget_requests()

    client.push_files(folder)

    assert changes_sent(box) == [f"PUT /v1/jobs/{job.id}/{name}" for name in ("channels", "tags")]
    assert (job.channels, job.tags) == (["clixsense"], [])
    edit(folder, "job.toml", '["clixsense"]', "[]")
    client.push_files(folder)
    assert job.channels == []


def test_the_order_of_names_and_how_lines_end_are_no_differences(
    client: Client, folder: Path
) -> None:
    edit(folder, "job.toml", '["spring", "reviews"]', '["reviews", "spring"]')
    path = folder / "form.cml"
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n").rstrip())

    assert not client.compare_files(folder)


def test_an_empty_string_removes_a_value(client: Client, job: Job, folder: Path) -> None:
    job.max_judgments_per_worker = 20
    job.update()
    job.save_files(folder)
    edit(folder, "job.toml", "max_judgments_per_worker = 20", 'max_judgments_per_worker = ""')
    edit(folder, "job.toml", 'included_countries = ["FI", "US"]', "included_countries = []")

    pushed = client.push_files(folder)

    assert pushed is not None
    assert (pushed.max_judgments_per_worker, pushed.included_countries) == (None, [])


def test_what_is_missing_in_the_folder_stays_in_the_job_and_is_named(
    client: Client, job: Job, folder: Path
) -> None:
    job.css = "p { color: red }"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ServiceWarning)
        job.update()
    job.save_files(folder)
    (folder / "style.css").unlink()
    (folder / "test_questions.json").unlink()
    edit(folder, "job.toml", "payment_cents = 10\n", "")

    changes = client.compare_files(folder)

    assert not changes
    (note,) = changes.notes
    assert note == (
        "not in the folder, and left as it is in the job: style.css, test_questions.json,"
        " payment_cents"
    )
    client.push_files(folder)
    assert job.reload().css == "p { color: red }"


def test_test_questions_are_added_changed_and_left(
    box: Sandbox, client: Client, job: Job, folder: Path
) -> None:
    path = folder / "test_questions.json"
    first, second = json.loads(path.read_bytes())
    first["data"]["review"] += " Really."
    first["state"], first["gold_pool"] = "hidden_gold", "work"
    third = {"data": {"review": "New.", "sentiment_gold": ["positive"]}, "gold_pool": "quiz"}
    path.write_text(json.dumps([third, first]), encoding="utf-8")
    box.forget_requests()

    changes = client.compare_files(folder)
    client.push_files(folder)

    lines = str(changes).splitlines()
    review = first["data"]["review"]
    assert lines[1:3] == [
        "test_questions.json:",
        '  + review: "New.", sentiment_gold: ["positive"]',
    ]
    assert lines[3].startswith(f'  ~ review: "{review}"')
    assert lines[4] == f'      review: "{QUESTIONS[0]["review"]}" -> "{review}"'
    assert lines[5:7] == [
        '      state: "golden" -> "hidden_gold"',
        '      gold_pool: no value -> "work"',
    ]
    assert lines[7].endswith("(not in the folder; it stays in the job)")
    assert lines[8:] == ["test questions that are not in the folder, and stay in the job: 1"]
    assert len(changes_sent(box)) == 3
    found = job.get_test_questions()
    assert [(each["data"]["review"], each["state"], each["gold_pool"]) for each in found] == [
        ("Works as it should, every single day. Really.", "hidden_gold", "work"),
        (second["data"]["review"], "golden", None),
        ("New.", "golden", "quiz"),
    ]
    assert [each.after for each in client.compare_files(folder).questions] == [None]


def test_test_questions_that_the_folder_lacks_are_deleted_on_request(
    client: Client, job: Job, folder: Path
) -> None:
    (folder / "test_questions.json").write_text("[]", encoding="utf-8")

    client.push_files(folder, delete=True)

    assert job.reload().golds_count == 0
    assert job.units_count == 6
    assert not client.compare_files(folder)


def test_a_new_job_gets_everything_in_the_folder(client: Client, tmp_path: Path) -> None:
    folder = tmp_path / "new"
    folder.mkdir()
    (folder / "job.toml").write_text(
        'title = "Sentiment of reviews"\npayment_cents = 7\ngold_per_assignment = 2\n'
        'channels = ["cf_internal"]\ntags = ["spring"]\n[options]\nafter_gold = 3\n',
        encoding="utf-8",
    )
    (folder / "form.cml").write_text(FORM, encoding="utf-8")
    (folder / "instructions.html").write_text("<p>Read it.</p>", encoding="utf-8")
    (folder / "test_questions.json").write_text(
        json.dumps([{"data": {"review": "New.", "sentiment_gold": ["positive"]}}]), encoding="utf-8"
    )
    with pytest.raises(NotFound, match="this account has no job of this folder; name its job"):
        client.push_files(folder)

    job = client.push_files(folder, create=True)

    assert job is not None
    assert (job.payment_cents, job.gold_per_assignment, job.options["after_gold"]) == (7, 2, 3)
    assert (job.golds_count, job.channels, job.tags) == (1, ["cf_internal"], ["spring"])
    again = client.push_files(folder, create=True)
    assert again is not None
    assert again.id == job.id
    (note,) = client.compare_files(folder).notes
    assert note.endswith("variable_judgments_mode and 12 more")
    assert [path.name for path in job.save_files(folder)] == ["style.css", "script.js", "job.toml"]
    assert client.compare_files(folder).notes == ()


def test_a_new_job_is_shown_before_it_is_made(folder: Path) -> None:
    shown: list[str] = []

    def refuse(changes: object) -> bool:
        shown.append(str(changes))
        return False

    with Sandbox(seed=5) as box:
        box.client().push_files(folder, create=True, confirm=refuse)
        assert list(box.client().get_jobs()) == []

    lines = shown[0].splitlines()
    assert lines[:2] == ["a new job", "job.toml:"]
    assert '  title                        "Sentiment of reviews"' in lines
    assert lines[-5:-3] == ["form.cml: 10 lines", "instructions.html: 1 line"]


# What is refused before anything is sent


def refused(box: Sandbox, client: Client, folder: Path, **how: Any) -> str:
    """Push, and return why it was refused; nothing was sent."""
    box.forget_requests()
    with pytest.raises((InvalidInput, NotFound)) as caught:
        client.push_files(folder, **how)
    assert changes_sent(box) == []
    return str(caught.value)


def test_a_change_in_the_job_is_not_overwritten_unseen(
    box: Sandbox, client: Client, job: Job, folder: Path
) -> None:
    edit(folder, "job.toml", "payment_cents = 10", "payment_cents = 12")
    job.payment_cents = 15
    job.title = "Mood of reviews"
    job.update()

    problem = refused(box, client, folder)

    assert problem == (
        "the job was changed since the last pull, and nothing was sent: payment_cents, title; pull"
        " first, or overwrite it with force"
    )
    pushed = client.push_files(folder, force=True)
    assert pushed is not None
    assert (pushed.payment_cents, pushed.title) == (12, "Sentiment of reviews")


def test_a_pull_between_keeps_both_changes(client: Client, job: Job, folder: Path) -> None:
    edit(folder, "job.toml", "payment_cents = 10", "payment_cents = 12")
    job.title = "Mood of reviews"
    job.update()
    with pytest.raises(EditConflict):
        client.push_files(folder)

    job.save_files(folder)
    pushed = client.push_files(folder)

    assert pushed is not None
    assert (pushed.payment_cents, pushed.title) == (12, "Mood of reviews")


def test_a_pull_does_not_lose_an_edit(client: Client, job: Job, folder: Path) -> None:
    edit(folder, "job.toml", "payment_cents = 10", "payment_cents = 12")
    edit(folder, "form.cml", "Bad", "Poor")
    job.payment_cents, job.cml = 15, FORM.replace("Good", "Fine")
    job.update()
    before = files(folder)

    with pytest.raises(EditConflict) as caught:
        job.save_files(folder)

    assert str(caught.value) == (
        f"edits in {folder} would be lost: payment_cents, form.cml (payment_cents  15 -> 12); push"
        " them, or replace them with force"
    )
    assert files(folder) == before
    job.save_files(folder, force=True)
    assert b"payment_cents = 15" in files(folder)["job.toml"]
    assert not client.compare_files(folder)


def test_files_of_somebody_else_are_neither_replaced_nor_deleted(job: Job, tmp_path: Path) -> None:
    (tmp_path / "form.cml").write_text("my form", encoding="utf-8")
    (tmp_path / "rows.jsonl").write_text("my rows", encoding="utf-8")
    (tmp_path / "notes.txt").write_text("my notes", encoding="utf-8")
    (tmp_path / "job.toml").write_text("not [ TOML", encoding="utf-8")
    before = files(tmp_path)

    with pytest.raises(InvalidInput, match="it is not TOML"):
        job.save_files(tmp_path)
    (tmp_path / "job.toml").unlink()
    with pytest.raises(EditConflict, match=r"edits in .* would be lost: form.cml"):
        job.save_files(tmp_path)
    (tmp_path / "form.cml").unlink()
    with pytest.raises(EditConflict, match=r"rows.jsonl was not written by the last pull"):
        job.save_files(tmp_path, rows=True)

    assert files(tmp_path) == {name: before[name] for name in ("notes.txt", "rows.jsonl")}
    job.save_files(tmp_path, rows=True, force=True)
    assert (tmp_path / "notes.txt").read_text(encoding="utf-8") == "my notes"


def test_another_job_is_not_pulled_into_the_folder(client: Client, job: Job, folder: Path) -> None:
    other = client.create_job({"title": "Another job"})

    with pytest.raises(EditConflict, match=rf"has job {job.id}, not {other.id}: pull into another"):
        other.save_files(folder)

    other.save_files(folder, force=True)
    assert b'title = "Another job"' in files(folder)["job.toml"]


def test_edits_of_the_object_that_were_not_sent_are_named(job: Job, folder: Path) -> None:
    job.payment_cents = 12

    with pytest.raises(InvalidInput, match="payment_cents was assigned but not sent"):
        job.save_files(folder)


def test_a_form_with_mistakes_is_not_sent(box: Sandbox, client: Client, folder: Path) -> None:
    edit(folder, "form.cml", 'name="topics"', 'name="sentiment"')

    problem = refused(box, client, folder)

    assert problem.startswith("nothing was sent, since the form has mistakes: form.cml:7:")
    with pytest.raises(ApplicationError):
        client.push_files(folder, force=True)


def test_a_column_that_no_row_has_is_shown_and_no_obstacle(client: Client, folder: Path) -> None:
    edit(folder, "form.cml", "{{ review }}", "{{ reveiw }}")

    changes = client.compare_files(folder)

    assert [each.partition(" The columns")[0] for each in changes.problems] == [
        'form.cml:2:7: No row has a column "reveiw", which the form prints; did you mean "review"?'
    ]
    with pytest.warns(ServiceWarning, match="reveiw"):
        client.push_files(folder)


def test_a_job_without_form_or_title_keeps_no_change(
    box: Sandbox, client: Client, tmp_path: Path
) -> None:
    client.create_job({"title": "A draft"}).save_files(tmp_path)
    edit(tmp_path, "job.toml", "payment_cents = 10", "payment_cents = 12")

    assert "instructions.html and form.cml must not be empty" in refused(box, client, tmp_path)


def test_a_team_can_only_be_set_on_creation(box: Sandbox, client: Client, folder: Path) -> None:
    edit(folder, "job.toml", 'team_id = ""', 'team_id = "a-team"')

    assert "team_id can only be set when the job is created" in refused(box, client, folder)


def test_test_questions_of_a_running_job_are_not_deleted(
    box: Sandbox, client: Client, job: Job, folder: Path
) -> None:
    with pytest.warns(UserWarning, match="no contributor will be tested"):
        job.launch(6, channels=["cf_internal", "on_demand"])
    (folder / "test_questions.json").write_text("[]", encoding="utf-8")

    problem = refused(box, client, folder, delete=True)

    assert problem == "nothing was sent: the job is running: pause it to delete test questions"


def test_rows_are_uploaded_only_to_a_job_without_rows_and_not_ordered_by_accident(
    box: Sandbox, client: Client, job: Job, folder: Path
) -> None:
    client.push_files(folder, rows=True)
    assert job.reload().units_count == 8
    with (folder / "rows.jsonl").open("a", encoding="utf-8") as file:
        file.write('{"review": "One more."}\n')
    assert "the job has 6 rows already" in refused(box, client, folder, rows=True)
    (folder / "rows.jsonl").unlink()
    assert "has no rows to upload" in refused(box, client, folder, rows=True)
    edit(folder, "job.toml", "auto_order = false", "auto_order = true")
    assert "auto_order is on" in refused(box, client, folder, rows=True)


def test_an_unknown_job_is_an_error(box: Sandbox, client: Client, folder: Path) -> None:
    assert refused(box, client, folder, job="nobody") == "this account has no job 'nobody'"
    assert "there is no such folder" in refused(box, client, folder / "missing")


def test_a_job_is_found_by_its_alias_where_the_record_is_of_another_account(
    folder: Path,
) -> None:
    with Sandbox(seed=5) as box:
        client = box.client()
        with pytest.raises(NotFound, match="this account has no job with the alias 'reviews'"):
            client.compare_files(folder)
        job = make_job(client)

        assert client.compare_files(folder).job["id"] == job.id


def test_nothing_is_sent_without_confirmation(box: Sandbox, client: Client, folder: Path) -> None:
    edit(folder, "job.toml", "payment_cents = 10", "payment_cents = 12")
    box.forget_requests()
    shown: list[str] = []

    def refuse(changes: object) -> bool:
        shown.append(str(changes))
        return False

    assert client.push_files(folder, confirm=refuse) is None
    assert "payment_cents  10 -> 12" in shown[0]
    assert changes_sent(box) == []


# Interrupted


def test_a_push_that_failed_halfway_says_what_was_sent_and_the_next_one_finishes(
    box: Sandbox, client: Client, job: Job, folder: Path
) -> None:
    edit(folder, "job.toml", "payment_cents = 10", "payment_cents = 12")
    path = folder / "test_questions.json"
    new: list[dict[str, Any]] = [
        {"data": {"review": f"New {number}.", "sentiment_gold": ["positive"]}}
        for number in range(3)
    ]
    new[1]["state"] = "hidden_gold"
    path.write_text(json.dumps(json.loads(path.read_bytes()) + new), encoding="utf-8")
    box.faults.next(status=422, path=f"/jobs/{job.id}/units/*", verb="PUT")

    with pytest.raises(ValidationError) as caught:
        client.push_files(folder)
    assert str(caught.value).endswith("; sent before: settings, 1 of 3 test questions; push again")
    assert job.reload().golds_count == 4
    client.push_files(folder)

    assert job.reload().payment_cents == 12
    states = [each["state"] for each in job.get_test_questions()]
    assert states == ["golden", "golden", "golden", "hidden_gold", "golden"]
    assert not client.compare_files(folder)


def test_a_creation_that_failed_halfway_makes_no_second_job(folder: Path) -> None:
    with Sandbox(seed=5) as box:
        client = box.client()
        box.faults.next(status=422, path="/jobs/*/units", verb="POST")

        with pytest.raises(ValidationError, match=r"sent before: the new job \d+; push again"):
            client.push_files(folder, create=True)
        client.push_files(folder, create=True)

        assert [job.golds_count for job in client.get_jobs()] == [2]


def test_a_value_that_the_service_shows_otherwise_is_warned_of_once(
    client: Client, job: Job, folder: Path
) -> None:
    edit(folder, "job.toml", 'support_email = "owner@example.com"', "support_email = 'a@b.c '")
    edit(folder, "job.toml", 'tags = ["spring", "reviews"]', "tags = [' spring ', 'reviews']")

    with pytest.warns(UserWarning, match="sent, but the service shows another value of tags"):
        client.push_files(folder)

    assert not client.compare_files(folder)
    assert job.reload().support_email == "a@b.c "
    job.save_files(folder)
    assert b"' spring '" in files(folder)["job.toml"]


# A sandbox that starts with folders


def test_a_sandbox_starts_with_several_jobs(client: Client, folder: Path, tmp_path: Path) -> None:
    client.create_job({"title": "Another job", "alias": "another"}).save_files(tmp_path / "another")

    with Sandbox.load(folder, tmp_path / "another") as box:
        jobs = [box.client().get_job(job_id) for job_id in box.job_ids]

    assert [job.alias for job in jobs] == ["reviews", "another"]


def test_a_job_with_the_alias_stays_as_it_is(folder: Path, tmp_path: Path) -> None:
    database = tmp_path / "crowd.db"
    with Sandbox.load(folder, database=database) as box:
        box.client().update_job(box.job_ids[0], {"payment_cents": 50})
    with Sandbox.load(folder, folder, database=database) as box:
        assert len(set(box.job_ids)) == 1
        assert [job.payment_cents for job in box.client().get_jobs()] == [50]
        box.reset()
        assert box.job_ids == []


def test_loading_a_job_orders_nothing_and_keeps_channels_of_the_service(folder: Path) -> None:
    edit(folder, "job.toml", "auto_order = false", "auto_order = true")
    edit(folder, "job.toml", 'auto_order_threshold = ""', "auto_order_threshold = 2")
    edit(folder, "job.toml", '["cf_internal", "on_demand"]', '["prodege", "on_demand"]')

    with Sandbox.load(folder) as box:
        job = box.client().get_job("reviews")
        assert (job.state, job.auto_order, job.channels) == (
            *("unordered", True),
            ["on_demand", "prodege"],
        )
        assert [line["kind"] for line in box.ledger()] == ["credit"]
        assert box.events() == []


def test_gold_columns_that_are_not_those_of_the_form_are_kept(
    client: Client, tmp_path: Path
) -> None:
    job = client.create_job({"title": "Mood of reviews", "cml": FORM})
    job.upload({"review": f"Row {n}.", "mood": "positive" if n < 2 else None} for n in range(9))
    job.mark_test_questions("sentiment", "mood")
    job.save_files(tmp_path / "one", rows=True)

    with Sandbox.load(tmp_path / "one") as box:
        again = box.client().get_job(box.job_ids[0])
        again.save_files(tmp_path / "other", rows=True)

        assert again["gold"]["sentiment"] == "mood"
        assert again.get_test_questions()[0]["answers"]["sentiment"]["accepted"] == ["positive"]
    assert files(tmp_path / "one") == files(tmp_path / "other")
    assert b'[gold]\nsentiment = "mood"' in files(tmp_path / "one")["job.toml"]


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        ('mode = "none"', 'mode = "external"', "The sandbox cannot ask a webhook server"),
        ("payment_cents = 10", "payment_cents = -1", "Payment cents must be an amount from 0"),
        ('title = "Sentiment of reviews"', 'title = "No"', "Title is too short"),
        ('"FI", "US"', '"Finland"', "Invalid format of included_countries"),
    ],
)
def test_a_value_that_the_sandbox_refuses_is_named(
    folder: Path, before: str, after: str, message: str
) -> None:
    edit(folder, "job.toml", before, after)

    with pytest.raises(ValueError, match=f"{folder}: the sandbox cannot load it: .*{message}"):
        Sandbox.load(folder)


def test_a_row_that_cannot_be_read_loads_nothing(box: Sandbox, folder: Path) -> None:
    with (folder / "rows.jsonl").open("a", encoding="utf-8") as file:
        file.write("[]\n")
    edit(folder, "job.toml", 'alias = "reviews"', 'alias = "again"')

    with pytest.raises(ValueError, match=r"rows.jsonl, line 7: it must be a JSON object"):
        box.load_job(folder)

    assert [job.alias for job in box.client().get_jobs()] == ["reviews"]
