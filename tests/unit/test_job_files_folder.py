"""The folder of a job: files that are missing, odd, or not files, and how they are replaced."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crowdflower.job_files import JobContent, JobFileError, JobFolder, TestQuestion
from crowdflower.job_files.folder import BYTE_ORDER_MARK
from crowdflower.job_files.question_file import (
    read_questions,
    read_rows,
    write_questions,
    write_row,
)

json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=5,
)
rows = st.dictionaries(st.text(max_size=8), json_values, max_size=4)
questions = st.builds(
    TestQuestion,
    rows,
    st.sampled_from(["golden", "hidden_gold"]),
    st.sampled_from([None, "quiz", "work"]),
)


@pytest.fixture
def folder(tmp_path: Path) -> JobFolder:
    return JobFolder(tmp_path / "reviews")


CONTENT = JobContent(
    {"title": "Mood", "cml": "<p>{{ text }}</p>", "css": "", "js": "", "instructions": "Grüße\r\n"},
    (TestQuestion({"text": "Fine.", "mood_gold": ["good"]}),),
)


def test_a_job_is_read_as_it_was_written(folder: JobFolder) -> None:
    paths = folder.write(CONTENT, [{"text": "a\u2028b"}, {"text": None}])

    assert folder.read() == CONTENT
    assert list(folder.rows()) == [{"text": "a\u2028b"}, {"text": None}]
    assert [path.name for path in paths] == [
        *("rows.jsonl", "form.cml", "style.css", "script.js", "instructions.html"),
        *("test_questions.json", "job.toml"),
    ]
    assert sorted(path.name for path in folder.path.iterdir()) == sorted(
        each.name for each in paths
    )


def test_only_files_that_differ_are_replaced(folder: JobFolder) -> None:
    folder.write(CONTENT)

    assert folder.write(CONTENT) == []
    assert folder.write(JobContent({"title": "Mood of reviews"})) == [folder.path / "job.toml"]
    assert (folder.path / "form.cml").read_text(encoding="utf-8") == "<p>{{ text }}</p>"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n",
        "a\r\nb\rc\n",
        "  trailing  \t",
        BYTE_ORDER_MARK,
        f"{BYTE_ORDER_MARK}{BYTE_ORDER_MARK}x",
        "\0\x1b[2J\x85\u2028",
        "नमस्ते 👩\u200d🚀 \u202e",
    ],
)
def test_any_text_is_read_as_it_was_written(folder: JobFolder, text: str) -> None:
    folder.write(JobContent({"title": "Mood", "cml": text}))

    assert folder.read().settings["cml"] == text


def test_a_byte_order_mark_of_an_editor_is_not_part_of_the_text(folder: JobFolder) -> None:
    folder.write(CONTENT)
    (folder.path / "style.css").write_bytes(b"\xef\xbb\xbfp { color: red }")

    assert folder.read().settings["css"] == "p { color: red }"


def test_a_file_that_is_missing_says_nothing_and_an_empty_one_says_empty(
    folder: JobFolder,
) -> None:
    folder.write(CONTENT)
    (folder.path / "style.css").unlink()
    (folder.path / "test_questions.json").unlink()

    found = folder.read()

    assert "css" not in found.settings
    assert found.settings["js"] == ""
    assert found.test_questions is None
    assert not folder.has_rows
    assert list(folder.rows()) == []


def test_a_folder_without_settings_is_not_that_of_a_job(folder: JobFolder) -> None:
    with pytest.raises(JobFileError, match="there is no such folder"):
        folder.read()
    folder.path.mkdir()
    (folder.path / "form.cml").write_text("<p>", encoding="utf-8")

    with pytest.raises(JobFileError, match=r"it has no job.toml: it is not the folder of a job"):
        folder.read()
    assert folder.read_partly() == JobContent({"cml": "<p>"})


def test_a_path_that_is_not_a_folder_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()

    with pytest.raises(JobFileError, match="it is a file, not a folder"):
        JobFolder(file)
    with pytest.raises(JobFileError, match="a folder must be a string or a Path, not an int"):
        JobFolder(7)  # type: ignore[arg-type]


def test_a_symbolic_link_is_neither_read_nor_replaced(folder: JobFolder, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("s3cret", encoding="utf-8")
    folder.write(CONTENT)
    link = folder.path / "form.cml"
    link.unlink()
    link.symlink_to(secret)

    with pytest.raises(JobFileError, match=r"form.cml: it is a symbolic link"):
        folder.read()
    with pytest.raises(JobFileError, match=r"form.cml: it is not a regular file, and is not"):
        folder.replace("form.cml", [b"new"])
    assert secret.read_text(encoding="utf-8") == "s3cret"


@pytest.mark.parametrize("kind", ["pipe", "folder"])
def test_what_is_not_a_regular_file_is_refused_at_once(folder: JobFolder, kind: str) -> None:
    folder.write(CONTENT)
    path = folder.path / "script.js"
    path.unlink()
    if kind == "pipe":
        os.mkfifo(path)
    else:
        path.mkdir()

    with pytest.raises(JobFileError, match=r"script.js: it"):
        folder.read()


def test_a_file_in_another_encoding_is_named_with_its_line(folder: JobFolder) -> None:
    folder.write(CONTENT)
    (folder.path / "form.cml").write_bytes("a\nb\nGrüße".encode("latin-1"))

    with pytest.raises(JobFileError, match=r"form.cml, line 3: it is not UTF-8"):
        folder.read()


def test_half_of_a_surrogate_pair_cannot_be_a_text_and_can_be_in_a_row(folder: JobFolder) -> None:
    with pytest.raises(JobFileError, match=r"form.cml: it cannot be written as UTF-8: character 2"):
        folder.write(JobContent({"title": "Mood", "cml": "a\ud800"}))
    assert not (folder.path / "job.toml").exists()
    folder.write(JobContent({"title": "Mood"}), [{"text": "\ud800"}])

    assert list(folder.rows()) == [{"text": "\ud800"}]


def test_a_write_that_fails_leaves_every_file_whole_and_no_settings(folder: JobFolder) -> None:
    def rows() -> object:
        yield {"text": "a"}
        raise RuntimeError

    with pytest.raises(RuntimeError):
        folder.write(CONTENT, rows())  # type: ignore[arg-type]

    assert list(folder.path.iterdir()) == []


def test_what_a_killed_process_left_behind_is_overwritten(folder: JobFolder) -> None:
    folder.path.mkdir()
    (folder.path / ".job.toml.part").write_text("half", encoding="utf-8")

    folder.write(CONTENT)

    assert folder.read() == CONTENT
    assert not (folder.path / ".job.toml.part").exists()


def test_the_permissions_of_a_file_are_kept(folder: JobFolder) -> None:
    folder.write(CONTENT)
    path = folder.path / "form.cml"
    path.chmod(0o640)

    folder.replace("form.cml", [b"<p>"])

    assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_a_folder_that_cannot_be_written_to_is_an_error(
    folder: JobFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder.path.mkdir()

    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "replace", refuse)

    with pytest.raises(JobFileError, match=r"form.cml: it cannot be written: Permission denied"):
        folder.write(CONTENT)
    assert list(folder.path.iterdir()) == []


@settings(deadline=None)
@given(st.lists(questions, max_size=4))
def test_any_test_questions_are_read_as_they_were_written(wanted: list[TestQuestion]) -> None:
    assert read_questions(write_questions(wanted), "q.json") == tuple(wanted)


@settings(deadline=None)
@given(st.lists(rows, max_size=4))
def test_any_rows_are_read_as_they_were_written(wanted: list[dict[str, object]]) -> None:
    file = b"".join(map(write_row, wanted))

    assert list(read_rows(file.splitlines(keepends=True), "rows.jsonl")) == wanted


def test_a_test_question_has_a_line_for_each_column() -> None:
    question = TestQuestion({"text": "Hi", "q_gold": ["a", "b"]}, "hidden_gold", "work")

    assert (
        write_questions([question]).decode()
        == """[
  {
    "data": {
      "text": "Hi",
      "q_gold": ["a", "b"]
    },
    "state": "hidden_gold",
    "gold_pool": "work"
  }
]
"""
    )


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("[", "q.json, line 1: it is not JSON"),
        ('[\n{"data": {}},\n]', "q.json, line [23]: it is not JSON"),
        ("{}", "it must be an array of test questions, not a dict"),
        ("[1]", 'test question 1: it must be an object with the columns of its row in "data"'),
        ('[{"data": {}}, {"text": "a"}]', "test question 2: it must be an object with the columns"),
        ('[{"data": {}, "text": "a"}]', "test question 1: text is none of data, state, gold_pool"),
        ('[{"data": {}, "state": "new"}]', "state must be one of golden, hidden_gold, not 'new'"),
        ('[{"data": {}, "gold_pool": 1}]', "gold_pool must be text or null, not an int"),
        ('[{"data": {"a": 1, "a": 2}}]', "a is there twice in one object"),
        ('[{"data": {"a": NaN}}]', "NaN is not JSON"),
        ("[" * 100_000, "it is nested too deeply"),
    ],
)
def test_a_mistake_in_test_questions_is_named_with_its_place(content: str, message: str) -> None:
    with pytest.raises(JobFileError, match=message):
        read_questions(content.encode(), "q.json")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b'{"a": 1}\n[]\n', "rows.jsonl, line 2: it must be a JSON object, not a list"),
        (b'{"a": 1}\n\n{"a":\n', "rows.jsonl, line 3: it is not JSON"),
        (b'{"a": "\xe4"}\n', "rows.jsonl, line 1: it is not UTF-8"),
    ],
)
def test_a_mistake_in_rows_is_named_with_its_line(content: bytes, message: str) -> None:
    with pytest.raises(JobFileError, match=message):
        list(read_rows(content.splitlines(keepends=True), "rows.jsonl"))
