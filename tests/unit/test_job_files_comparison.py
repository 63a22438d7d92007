"""What differs between a folder and a job, and what a pull keeps, takes and refuses to lose."""

from __future__ import annotations

from typing import Any

import pytest

from crowdflower._types import MISSING
from crowdflower.job_files import JobContent, TestQuestion
from crowdflower.job_files.change_text import question_lines, setting_lines
from crowdflower.job_files.comparison import (
    QUESTIONS,
    QuestionChange,
    SettingChange,
    absent_settings,
    changed_questions,
    changed_settings,
    digest,
    questions_digest,
)
from crowdflower.job_files.merge import merge
from crowdflower.job_files.pull_record import PullRecord


def question(text: str, *answers: str, **others: Any) -> TestQuestion:
    return TestQuestion({"text": text, "mood_gold": list(answers)}, **others)


def content(*questions: TestQuestion, **settings: Any) -> JobContent:
    return JobContent(settings, questions)


def record(folder: JobContent, job: JobContent) -> PullRecord:
    found = PullRecord(7)
    found.learn(folder, job)
    return found


@pytest.mark.parametrize(
    ("name", "one", "other"),
    [
        ("payment_cents", 12, "12"),
        ("payment_cents", 12.0, 12),
        ("auto_order", True, "true"),
        ("max_judgments_per_unit", None, ""),
        ("options.x", {"a": [1, None]}, {"a": ["1", ""]}),
        ("cml", "a\r\nb", "a\nb\n"),
        ("instructions", "\ufeffa", "a"),
        ("tags", ["b", "a"], ["a", "b", "a"]),
    ],
)
def test_values_that_are_sent_alike_are_the_same(name: str, one: object, other: object) -> None:
    assert digest(name, one) == digest(name, other)


@pytest.mark.parametrize(
    ("name", "one", "other"),
    [
        ("payment_cents", 12, 12.5),
        ("auto_order", True, False),
        ("title", "a\r\nb", "a\nb"),
        ("cml", "a\n\n", "a"),
        ("included_countries", [], ""),
        ("options.x", ["a", "b"], ["b", "a"]),
    ],
)
def test_other_values_differ(name: str, one: object, other: object) -> None:
    assert digest(name, one) != digest(name, other)


def test_each_option_is_compared_for_itself() -> None:
    folder = content(title="Mood", options={"after_gold": 4, "front_load": True})
    job = content(title="Mood", options={"after_gold": 10, "front_load": True, "mail_to": "a@b.c"})

    assert list(changed_settings(folder, job)) == [SettingChange("options.after_gold", 10, 4)]
    assert absent_settings(folder, job) == ["options.mail_to"]


def test_a_setting_that_the_service_does_not_show_differs() -> None:
    changes = list(changed_settings(content(schedule_fifo=True), content()))

    assert changes == [SettingChange("schedule_fifo", MISSING, True)]
    assert list(setting_lines(changes)) == ["job.toml:", "  schedule_fifo  not shown -> true"]


def test_what_has_no_value_is_not_absent() -> None:
    job = content(title="Mood", alias="", excluded_countries=[], css="p {}")

    assert absent_settings(JobContent({"title": "Mood"}), job) == ["css"]


def test_test_questions_are_matched_by_their_row_in_any_order() -> None:
    there = [question("a", "x"), question("b", "y"), question("c", "z")]
    here = [question("c", "z"), question("a", "x", "w"), question("new", "y")]

    found = changed_questions(content(*here), content(*there))

    assert found == [
        QuestionChange(there[0], here[1]),
        QuestionChange(None, here[2]),
        QuestionChange(there[1], None),
    ]


def test_an_edited_row_in_the_same_place_is_the_same_test_question() -> None:
    there = [question("I like it very much."), question("I do not like it at all.")]
    here = [question("I like it very much."), question("I do not like it at all!")]

    assert changed_questions(content(*here), content(*there)) == [QuestionChange(there[1], here[1])]


def test_another_row_in_the_same_place_is_another_test_question() -> None:
    there, here = question("I like it very much."), question("Broken on arrival, twice.")

    assert changed_questions(content(here), content(there)) == [
        QuestionChange(None, here),
        QuestionChange(there, None),
    ]


def test_two_test_questions_with_the_same_row_are_two() -> None:
    there = [question("a", "x"), question("a", "y")]

    assert changed_questions(content(*there), content(*there)) == []
    assert changed_questions(content(there[0]), content(*there)) == [QuestionChange(there[1], None)]


@pytest.mark.parametrize(
    "data",
    [
        {"text": "a", "mood_gold": "x\ny"},
        {"text": "a", "mood_gold": ["x", " y "], "mood_gold_reason": [""]},
        {"_golden": True, "text": "a", "mood_gold": ["x", "y"], "other_gold": None},
    ],
)
def test_answers_are_the_same_as_a_list_and_as_lines(data: dict[str, Any]) -> None:
    here, there = TestQuestion(data), question("a", "x", "y")

    assert changed_questions(content(here), content(there)) == []
    assert questions_digest(content(here)) == questions_digest(content(there))


@pytest.mark.parametrize(
    "changed",
    [
        question("a", "y", "x"),
        question("a", "x", "y", gold_pool="work"),
        question("a", "x", "y", state="hidden_gold"),
        TestQuestion({"text": "a", "mood_gold": ["x", "y"], "mood_gold_reason": ["Read it."]}),
        TestQuestion({"text": "a", "mood_gold": ["x", "y"], "stars": 5}),
    ],
)
def test_other_answers_pool_state_or_columns_differ(changed: TestQuestion) -> None:
    there = question("a", "x", "y")

    assert changed_questions(content(changed), content(there)) == [QuestionChange(there, changed)]


def test_a_column_that_a_job_uses_for_answers_is_not_part_of_the_row() -> None:
    gold = {"mood": "right"}
    there = TestQuestion({"text": "a", "right": ["x"]})
    here = TestQuestion({"text": "a", "right": ["y"]})

    found = changed_questions(content(here, gold=gold), content(there, gold=gold))

    assert found == [QuestionChange(there, here)]


def test_changes_are_lines_for_people() -> None:
    changes = [
        SettingChange("title", "Mood", "Mood of\x1b[2J reviews"),
        SettingChange("auto_order", False, True),
        SettingChange("alias", "", "reviews"),
        SettingChange("cml", "<p>\r\nold\r\n", "<p>\nnew\n"),
    ]

    assert list(setting_lines(changes)) == [
        "job.toml:",
        '  title       "Mood" -> "Mood of\\u001b[2J reviews"',
        "  auto_order  false -> true  (spends money: rows are ordered as they are added)",
        '  alias       no value -> "reviews"',
        "form.cml:",
        "  --- in the job",
        "  +++ in the folder",
        "  @@ -1,2 +1,2 @@",
        "   <p>",
        "  -old",
        "  +new",
    ]


def test_changes_of_test_questions_are_lines_for_people() -> None:
    before, after = question("a", "x"), question("a", "y", gold_pool="quiz")
    changes = [
        QuestionChange(None, before),
        QuestionChange(before, after),
        QuestionChange(before, None),
    ]

    assert list(question_lines(changes)) == [
        "test_questions.json:",
        '  + text: "a", mood_gold: ["x"]',
        '  ~ text: "a", mood_gold: ["y"]',
        '      mood_gold: ["x"] -> ["y"]',
        '      gold_pool: no value -> "quiz"',
        '  - text: "a", mood_gold: ["x"]  (not in the folder; it stays in the job)',
    ]
    assert list(question_lines(changes, deletes=True))[-1] == '  - text: "a", mood_gold: ["x"]'


BEFORE = content(question("a", "x"), title="Mood", css="p {}", options={"after_gold": 4})


def test_a_pull_keeps_an_edit_of_what_the_job_has_not_changed() -> None:
    here = content(question("a", "x"), title="Mood!", css="p {}", options={"after_gold": 4})
    there = content(question("a", "x"), title="Mood", css="q {}", options={"after_gold": 5})

    merged = merge(here, there, record(BEFORE, BEFORE))

    assert merged.content == JobContent(
        {"title": "Mood!", "css": "q {}", "options": {"after_gold": 5}}
    )
    assert (merged.kept, merged.lost) == ({"title"}, ())


def test_a_pull_loses_an_edit_of_what_the_job_has_changed_too() -> None:
    here = content(question("b", "x"), title="Mood!", css="p {}")
    there = content(question("c", "x"), title="Mood?", css="p {}")

    assert merge(here, there, record(BEFORE, BEFORE)).lost == ("title", QUESTIONS)


def test_without_a_record_each_difference_is_an_edit() -> None:
    here, there = content(title="Mood!", css="p {}"), content(title="Mood", css="p {}", js="f()")

    merged = merge(here, there, None)

    assert merged.lost == ("title",)
    assert merged.content.settings["js"] == "f()"


def test_the_same_edit_on_both_sides_is_none() -> None:
    here = there = content(question("a", "x"), title="Mood!")

    merged = merge(here, there, record(BEFORE, BEFORE))

    assert (merged.kept, merged.lost) == (frozenset(), ())


def test_a_setting_that_is_gone_from_the_job_is_taken_out_unless_it_was_edited() -> None:
    there = content(question("a", "x"), title="Mood", css="p {}", options={})
    edited = content(question("a", "x"), title="Mood", css="p {}", options={"after_gold": 9})

    merged = merge(BEFORE, there, record(BEFORE, BEFORE))

    assert merged.content.settings["options"] == {}
    assert merge(edited, there, record(BEFORE, BEFORE)).lost == ("options.after_gold",)


def test_a_setting_that_the_service_does_not_show_is_kept() -> None:
    here = content(title="Mood", schedule_fifo=True)

    merged = merge(here, content(title="Mood"), None)

    assert merged.content.settings == {"title": "Mood", "schedule_fifo": True}


def test_a_value_that_the_service_shows_in_its_own_way_is_neither_an_edit_nor_a_change() -> None:
    here, there = content(title="mood of reviews"), content(title="Mood Of Reviews")

    merged = merge(here, there, record(here, there))

    assert merged.content.settings == {"title": "mood of reviews"}
    assert (merged.kept, merged.lost) == (frozenset(), ())


def test_a_file_that_was_deleted_is_written_again() -> None:
    here = JobContent({"title": "Mood", "options": {"after_gold": 4}}, BEFORE.test_questions)

    assert merge(here, BEFORE, record(BEFORE, BEFORE)).content.settings["css"] == "p {}"
