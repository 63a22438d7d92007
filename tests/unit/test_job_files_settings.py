"""``job.toml``: written in a fixed order, read with errors that name the line, comments kept."""

from __future__ import annotations

import sys
import tomllib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from crowdflower.job_files import JobFileError
from crowdflower.job_files.content import derived_from, settings_of
from crowdflower.job_files.setting_names import (
    COUNTRY_LISTS,
    LINES,
    SETTING_NAMES,
    TABLES,
    TEXT_FILES,
)
from crowdflower.job_files.settings_file import read_settings, write_settings
from crowdflower.models.fields import Attribute
from crowdflower.models.job_fields import JobFields
from crowdflower.sandbox.rules.settings.attributes import ATTRIBUTE_TYPES, OLD_NAMES

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
scalars = st.one_of(
    st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), texts
)
values = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(texts.filter(bool), inner, max_size=3)
    ),
    max_leaves=6,
)
lines = [name for group in LINES.values() for name in group if name not in {"channels", "tags"}]
job_settings = st.fixed_dictionaries(
    {},
    optional={
        **dict.fromkeys(lines, st.one_of(scalars, st.lists(scalars, max_size=3))),
        **dict.fromkeys(["channels", "tags"], st.lists(texts.filter(str.strip), max_size=3)),
        **dict.fromkeys(TABLES, st.dictionaries(texts.filter(bool), values, max_size=4)),
    },
)


quick = hypothesis_settings(deadline=None, max_examples=50)


def in_order(found: dict[str, Any]) -> dict[str, Any]:
    return {name: found[name] for name in SETTING_NAMES if name in found}


def test_the_files_have_every_setting_that_the_client_or_the_sandbox_accepts() -> None:
    declared = {name for name, each in vars(JobFields).items() if isinstance(each, Attribute)}
    accepted = {*ATTRIBUTE_TYPES, *COUNTRY_LISTS}
    separate = {"channels", "tags", "gold"}

    assert {*SETTING_NAMES, *TEXT_FILES} - separate == (declared | accepted) - OLD_NAMES.keys()


def test_no_setting_is_written_twice() -> None:
    assert len(SETTING_NAMES) == len({*SETTING_NAMES, *TEXT_FILES}) - len(TEXT_FILES)


@quick
@given(job_settings)
def test_any_settings_are_read_as_they_were_written(wanted: dict[str, Any]) -> None:
    assert read_settings(write_settings(wanted), "job.toml") == in_order(wanted)


@quick
@given(job_settings, job_settings)
def test_any_file_can_be_changed_to_any_settings(
    before: dict[str, Any], wanted: dict[str, Any]
) -> None:
    changed = write_settings(wanted, write_settings(before))

    assert read_settings(changed, "job.toml") == in_order(wanted)


@quick
@given(job_settings)
def test_settings_that_are_the_same_leave_the_file_as_it_is(wanted: dict[str, Any]) -> None:
    file = write_settings(wanted)

    assert write_settings(wanted, file) == file


def test_the_order_is_that_of_the_table_and_not_of_the_service() -> None:
    one = write_settings({"title": "Mood", "payment_cents": 10, "options": {"a": 1}})
    other = write_settings({"options": {"a": 1}, "payment_cents": 10, "title": "Mood"})

    assert one == other
    assert one.index(b"title") < one.index(b"payment_cents") < one.index(b"[options]")


def test_comments_and_order_of_an_edited_file_are_kept() -> None:
    edited = b"""# Ask Ada before you change the pay.
payment_cents = 12  # was 10
title = 'Mood'

[options]
after_gold = 4 # short quiz
"""

    changed = write_settings(
        {"title": "Mood of reviews", "payment_cents": 12, "options": {"after_gold": 5, "new": "x"}},
        edited,
    )

    assert (
        changed.decode()
        == """# Ask Ada before you change the pay.
payment_cents = 12  # was 10
title = "Mood of reviews"

[options]
after_gold = 5 # short quiz
new = "x"
"""
    )


def test_lines_that_are_added_to_a_file_without_comments_get_the_usual_order() -> None:
    wanted = {"title": "Mood", "payment_cents": 12, "options": {"after_gold": 4}}

    assert write_settings(wanted, b"payment_cents = 12") == write_settings(wanted)
    kept = b"payment_cents = 12\ntitle = 'Mood'\noptions.after_gold = 4"
    assert write_settings(wanted, kept) == kept


def test_a_file_that_cannot_be_parsed_is_written_anew() -> None:
    assert write_settings({"title": "Mood"}, b"title = ") == write_settings({"title": "Mood"})


def test_a_byte_order_mark_is_ignored() -> None:
    assert read_settings(b"\xef\xbb\xbftitle = 'Mood'", "job.toml") == {"title": "Mood"}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            "titel = 'Mood'",
            "job.toml, line 1: titel is not a setting of a job; did you mean title?",
        ),
        (
            "title = 'Mood'\n\npayment_cent = 1",
            "job.toml, line 3: payment_cent is not a setting of a job; did you mean payment_cents?",
        ),
        ("'units_per_assignmnt' = 1", "line 1: .* did you mean units_per_assignment"),
        ("[option]\na = 1", "line 1: option is not a setting of a job; did you mean options"),
        ("x = 1", "line 1: x is not a setting of a job$"),
        ("cml = '<p>'", "line 1: cml is not a setting of this file: write it to form.cml"),
        ("title = 'a'\ntitle = 'b'", "line 2: it is not TOML: Cannot overwrite a value"),
        ("title = ", "job.toml, line 1: it is not TOML: Invalid value"),
        ("[title", "it is not TOML"),
        ("tags = 'a'", 'line 1: tags must be a list of names, such as tags = \\["reviews"\\]'),
        ("channels = [1]", "line 1: channels must be a list of names"),
        ("channels = ['']", "line 1: channels must be a list of names"),
        ("options = 3", "line 1: options must be a table: write \\[options\\] above its lines"),
        ("[title]\na = 1", "line 1: title must be a value, not a table"),
        ("title = 2024-05-01", "title is a date or a time; write it as text, in quotes"),
        ("[options]\na = [12:00:00]", "options.a is a date or a time"),
        ("payment_cents = inf", "payment_cents must be a finite number, not inf"),
        ("[options]\na = nan", "options.a must be a finite number, not nan"),
    ],
)
def test_a_mistake_is_named_with_its_line_and_the_remedy(content: str, message: str) -> None:
    with pytest.raises(JobFileError, match=message):
        read_settings(content.encode(), "job.toml")


def test_a_file_in_another_encoding_is_refused() -> None:
    with pytest.raises(JobFileError, match=r"job.toml: it is not UTF-8"):
        read_settings("title = 'Grüße'".encode("latin-1"), "job.toml")


def test_without_toml_kit_the_error_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tomlkit", None)

    with pytest.raises(ImportError, match=r"pip install 'crowdflower-client\[cli\]'"):
        write_settings({"title": "Mood"})
    assert read_settings(b"title = 'Mood'", "job.toml") == {"title": "Mood"}


def test_null_becomes_an_empty_string_and_countries_codes() -> None:
    job = {
        "id": 7,
        "secret": "s3cret",
        "alias": None,
        "included_countries": [{"code": "FI", "name": "Finland"}, "US"],
        "options": {"mail_to": None, "list": [None, {"a": None}]},
        "units_count": 4,
    }

    found = settings_of(job, ["cf_internal"], ["spring"])

    assert found == {
        "alias": "",
        "channels": ["cf_internal"],
        "tags": ["spring"],
        "included_countries": ["FI", "US"],
        "options": {"mail_to": "", "list": ["", {"a": ""}]},
    }
    assert tomllib.loads(write_settings(found).decode()) == found


DERIVABLE = {"fields", "confidence_fields", "gold"}
FORM = '<cml:text label="Why?"/><cml:ratings label="Stars" points="5"/>'


@pytest.mark.parametrize(
    ("attributes", "kept"),
    [
        ({"fields": {"why": "all", "stars": "avg"}, "confidence_fields": []}, {}),
        ({"fields": {"why": "all", "stars": "agg"}}, {"fields": {"stars": "agg"}}),
        ({"fields": None, "confidence_fields": None, "gold": None}, {}),
        (
            {"fields": {"why": "agg", "stars": "agg"}, "confidence_fields": ["why"]},
            {"fields": {"why": "agg", "stars": "agg"}, "confidence_fields": ["why"]},
        ),
        ({"gold": {"why": "why_gold", "stars": "points"}}, {"gold": {"stars": "points"}}),
    ],
)
def test_what_the_service_derives_from_the_form_is_not_a_setting(
    attributes: dict[str, Any], kept: dict[str, Any]
) -> None:
    found = settings_of({"cml": FORM, **attributes}, [], [])

    assert {
        name: found[name] for name in ("fields", "confidence_fields", "gold") if name in found
    } == kept


def test_fields_of_rows_in_a_loop_are_derived_too() -> None:
    cml = '{% for x in list %}<cml:text label="{{x}}"/>{% endfor %}<cml:text label="Why?"/>'

    found = settings_of({"cml": cml, "fields": {"a": "all", "why": "agg"}}, [], [])

    assert found["fields"] == {"why": "agg"}


def test_a_form_with_mistakes_derives_nothing() -> None:
    assert derived_from("<cml:text") == ({}, {}, False)
