"""Attributes of a job: which values are stored, refused or warned about."""

from __future__ import annotations

from typing import Any

import pytest

from crowdflower.sandbox.errors import Declined, Invalid, Unsupported
from crowdflower.sandbox.rules.jobs import jobs
from crowdflower.sandbox.rules.results import shapes


def update_and_warn(world: Any, job: Any, attributes: dict[str, Any]) -> list[str]:
    """Change a job, and return the warnings."""
    with world.database.transaction() as tx:
        jobs.update(tx, job, attributes)
        return list(tx.warnings)


@pytest.mark.parametrize(
    ("name", "sent", "shown"),
    [
        ("title", "Sentiment of reviews", "Sentiment of reviews"),
        ("instructions", "<b>Read.</b>", "<b>Read.</b>"),
        ("judgments_per_unit", "5", 5),
        ("payment_cents", "7", 7),
        ("payment_cents", 2.5, 2.5),
        ("units_per_assignment", 10, 10),
        ("max_judgments_per_worker", "", None),
        ("auto_order", "true", True),
        ("units_remain_finalized", "false", False),
        ("min_unit_confidence", "80", 0.8),
        ("variable_judgments_mode", "auto_confidence", "auto_confidence"),
        ("send_judgments_webhook", "https://client.example.com/hook", True),
        ("alias", "reviews", "reviews"),
        ("minimum_requirements", None, None),
        ("language", "fi", "fi"),
    ],
)
def test_an_attribute_is_stored_with_its_type(world: Any, name: str, sent: Any, shown: Any) -> None:
    job = world.do(jobs.create, world.account, {})

    changed = world.do(jobs.update, job, {name: sent})

    assert shapes.job(changed)[name] == shown
    assert shapes.job(world.do(jobs.create, world.account, {}))[name] != shown or shown is None


A_COUNT = "Judgments per unit must be a whole number from 1 to 1000000"


@pytest.mark.parametrize(
    ("attributes", "errors"),
    [
        ({"title": "Tiny"}, ["Title is too short (minimum is 5 characters)"]),
        ({"title": "  a    "}, ["Title is too short (minimum is 5 characters)"]),
        ({"title": "t" * 256}, ["Title is too long (maximum is 255 characters)"]),
        (
            {"judgments_per_unit": "many", "units_per_assignment": 0},
            [
                A_COUNT,
                "Units per assignment must be a whole number from 1 to 200",
            ],
        ),
        ({"payment_cents": "-1"}, ["Payment cents must be an amount from 0 to 1000000 cents"]),
        ({"payment_cents": 0.0004}, ["Payment cents must have three decimals at most"]),
        ({"payment_cents": "2.00001"}, ["Payment cents must have three decimals at most"]),
        ({"payment_cents": "sNaN"}, ["Payment cents must be an amount from 0 to 1000000 cents"]),
        ({"judgments_per_unit": "Infinity"}, [A_COUNT]),
        ({"judgments_per_unit": 2.5}, [A_COUNT]),
        ({"judgments_per_unit": True}, [A_COUNT]),
        ({"judgments_per_unit": "3 each"}, [A_COUNT]),
        ({"judgments_per_unit": None}, [A_COUNT]),
        ({"judgments_per_unit": ""}, [A_COUNT]),
        (
            {"max_judgments_per_unit": "5 at most"},
            ["Max judgments per unit must be a whole number from 1 to 1000000"],
        ),
        (
            {"max_judgments_per_worker": "50 each"},
            ["Max judgments per worker must be a whole number from 1 to 1000000"],
        ),
        ({"payment_cents": "5 cents"}, ["Payment cents must be an amount from 0 to 1000000 cents"]),
        ({"payment_cents": "5,00"}, ["Payment cents must be an amount from 0 to 1000000 cents"]),
        ({"payment_cents": ""}, ["Payment cents must be an amount from 0 to 1000000 cents"]),
        ({"payment_cents": "null"}, ["Payment cents must be an amount from 0 to 1000000 cents"]),
        ({"payment_cents": None}, ["Payment cents must be an amount from 0 to 1000000 cents"]),
        (
            {"units_per_assignment": "about 5"},
            ["Units per assignment must be a whole number from 1 to 200"],
        ),
        (
            {"units_per_assignment": "500 per page"},
            ["Units per assignment must be a whole number from 1 to 200"],
        ),
        ({"options": {"reject_at": "high"}}, ["Options reject_at must be a number from 0 to 100"]),
        (
            {"options": {"req_ttl_in_seconds": "nan"}},
            ["Options req_ttl_in_seconds must be a whole number from 1 to 1000000"],
        ),
        ({"options": {"front_load": "maybe"}}, ["Options front_load must be true or false"]),
        ({"auto_order": "maybe"}, ["Auto order must be true or false"]),
        ({"title": ["a", "list"]}, ["Title must be text"]),
        ({"options": "front_load"}, ["Options must be an object"]),
        ({"min_unit_confidence": 101}, ["Min unit confidence must be a number from 0 to 1"]),
        (
            {"variable_judgments_mode": "often"},
            ["Variable judgments mode must be auto_confidence or none"],
        ),
        ({"alias": "42"}, ["Alias must not be a number"]),
        ({"confidence_fields": ["mood"]}, ["The form has no question named mood"]),
        ({"fields": {"mood": "agg"}}, ["The form has no question named mood"]),
        (
            {"fields": {"sentiment": ["agg"]}},
            ["Fields must name an aggregation for each question"],
        ),
        (
            {"options": {"dynamic_judgment_fields": 7}},
            ["Options dynamic_judgment_fields must be a list of names"],
        ),
    ],
)
def test_an_invalid_value_is_named_and_nothing_is_saved(
    world: Any, attributes: dict[str, Any], errors: list[str]
) -> None:
    job = world.job(5)

    with pytest.raises(Declined) as caught:
        world.do(jobs.update, job, {"instructions": "New ones.", **attributes})

    assert caught.value.status == 200
    assert caught.value.body == {"errors": errors}
    assert world.reload(job) == job


@pytest.mark.parametrize("name", ["payment_cents", "judgments_per_unit", "min_unit_confidence"])
def test_a_number_that_is_too_large_is_refused(world: Any, name: str) -> None:
    job = world.job(5)

    with pytest.raises(Invalid, match=r"1\.00e\+40 is too large"):
        world.do(jobs.update, job, {name: 10**40})

    assert world.reload(job) == job


def test_mistakes_in_a_form_are_listed_with_the_other_errors(world: Any) -> None:
    job = world.job(5)

    with pytest.raises(Declined) as caught:
        world.do(jobs.update, job, {"title": "Tiny", "cml": '<cml:txt label="x"/>'})

    errors = caught.value.body["errors"]
    assert errors[0].startswith("Title is too short")
    assert "line 1, column 1" in errors[1]
    assert world.reload(job) == job


def test_mistakes_in_a_form_are_only_warned_about_when_a_job_is_created(world: Any) -> None:
    with world.database.transaction() as tx:
        job = jobs.create(tx, world.account, {"cml": '<cml:txt label="x"/>'})
        warnings = list(tx.warnings)

    assert job.cml == '<cml:txt label="x"/>'
    assert job.fields is None
    assert len(warnings) == 1


def test_features_of_the_hosted_service_only_are_refused_by_name(world: Any) -> None:
    job = world.job(5)

    for attributes in (
        {"cml": '<cml:shapes label="x" name="x"/>'},
        {"variable_judgments_mode": "external"},
        {"uri": "https://example.com/feed"},
    ):
        with pytest.raises(Unsupported) as caught:
            world.do(jobs.update, job, attributes)
        assert caught.value.status == 501

    assert world.reload(job) == job


def test_unknown_and_read_only_attributes_are_ignored_with_a_warning(world: Any) -> None:
    job = world.job(5)

    warnings = update_and_warn(
        world, job, {"judgements": 3, "secret": "mine", "title": "A new title"}
    )

    assert warnings == ["Ignored, since they are read-only or unknown: judgements, secret"]
    assert world.reload(job).title == "A new title"
    assert world.reload(job).secret == job.secret


def test_a_strict_transaction_refuses_what_was_warned_about(make_world: Any) -> None:
    world = make_world(strict=True)
    job = world.job(5)

    def update_strictly(tx: Any, *arguments: Any) -> None:
        jobs.update(tx, *arguments)
        tx.refuse_warnings()

    with pytest.raises(Invalid, match=r"unknown: judgements$"):
        world.do(update_strictly, job, {"judgements": 3, "title": "A new title"})
    with pytest.raises(Invalid, match="reject_att"):
        world.do(update_strictly, job, {"options": {"reject_att": 80}})
    assert world.reload(job) == job

    world.do(update_strictly, job, {"title": "A new title"})
    assert world.reload(job).title == "A new title"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("max_work_per_network", 3),
        ("desired_requirements", {"min_score": 1}),
        ("schedule_fifo", True),
        ("js", "alert(1)"),
        ("pages_per_assignment", 2),
        ("order_approved", False),
        ("execution_mode", "builder"),
        ("public_data", "true"),
        ("expected_judgments_per_unit", 4),
    ],
)
def test_settings_without_effect_are_warned_about(world: Any, name: str, value: Any) -> None:
    job = world.job(5)

    (warning,) = update_and_warn(world, job, {name: value})

    assert warning.startswith(f"{name} is stored, but has no effect in the sandbox")


@pytest.mark.parametrize(
    ("option", "value", "why"),
    [
        ("mail_to", "ada@example.com", "no mail is sent"),
        ("calibrated_unit_time", 5, "pages may be submitted at any time"),
        ("logical_aggregation", False, "never count"),
        ("include_unfinished", "false", "every judged unit"),
        ("reject_att", 80, 'it is not a known option; did you mean "reject_at"?'),
        ("mood", {"a": ["1"]}, "it is not a known option."),
    ],
)
def test_an_option_without_effect_is_warned_about(
    world: Any, option: str, value: Any, why: str
) -> None:
    job = world.job(5)

    (warning,) = update_and_warn(world, job, {"options": {option: value}})

    assert warning.startswith(f"options.{option} is stored, but has no effect")
    assert why in warning


@pytest.mark.parametrize("form", [None, "<cml:text name='why'/>"], ids=["blank", "with a form"])
def test_sending_back_the_json_of_a_job_warns_of_nothing_without_effect(
    world: Any, form: str | None
) -> None:
    job = world.do(jobs.create, world.account, {"cml": form})
    countries = {"included_countries", "excluded_countries"}  # an empty list of these is refused
    shown = {name: value for name, value in shapes.job(job).items() if name not in countries}

    (warning,) = update_and_warn(world, job, shown)

    assert warning.startswith("Ignored, since they are read-only")
    changed = shapes.job(world.reload(job))
    assert {name: changed[name] for name in shown} == shown


def test_a_form_can_be_sent_under_its_name_of_2012(world: Any) -> None:
    job = world.do(jobs.create, world.account, {"problem": world.form})

    kept = world.do(jobs.update, job, {"problem": None})

    assert kept.cml == job.cml == world.form


def test_options_are_merged_and_unknown_ones_stored_as_sent(world: Any) -> None:
    job = world.job(5)

    changed = world.do(jobs.update, job, {"options": {"after_gold": 7, "mood": {"a": ["1"]}}})

    assert changed.options["after_gold"] == 7
    assert changed.options["mood"] == {"a": ["1"]}
    assert changed.options["track_clones"] is True


@pytest.mark.parametrize(
    ("name", "sent", "kept"),
    [
        ("front_load", "1", True),
        ("front_load", 1, True),
        ("logical_aggregation", "false", False),
        ("hide_correct_answers", "true", True),
        ("after_gold", "7", 7),
        ("req_ttl_in_seconds", "600", 600),
        ("reject_at", "70", 70),
        ("reject_at", "62.5", 62.5),
        ("calibrated_unit_time", "5", 5),
        ("dynamic_judgment_fields", "sentiment", ["sentiment"]),
        ("keywords", "7", "7"),
        ("after_gold", "", ""),
    ],
)
def test_an_option_has_the_same_type_from_a_form_and_from_json(
    world: Any, name: str, sent: Any, kept: Any
) -> None:
    job = world.job(5)

    changed = world.do(jobs.update, job, {"options": {name: sent}})

    assert changed.options[name] == kept
    assert type(changed.options[name]) is type(kept)


def test_an_empty_option_counts_as_not_set(world: Any) -> None:
    nothing = dict.fromkeys(["after_gold", "reject_at", "req_ttl_in_seconds", "front_load"], "")

    job = world.launch_job(20, golds=8, options=nothing)

    assert world.take(job, world.worker()).mode == "work"


@pytest.mark.parametrize(
    "sent", [["FI", "US"], '["FI", "US"]', [{"code": "FI", "name": "Finland"}, "USA"], ["fi", "us"]]
)
def test_countries_are_sent_as_codes_and_returned_with_names(world: Any, sent: Any) -> None:
    job = world.job(5)

    changed = world.do(jobs.update, job, {"included_countries": sent})

    assert shapes.job(changed)["included_countries"] == [
        {"code": "FI", "name": "Finland"},
        {"code": "US", "name": "United States"},
    ]


@pytest.mark.parametrize(
    "sent", ["[US, CX]", "[]", 7, 0, False, ["XX"], [["US"]], ["US"] * 21, {"US": 1}]
)
def test_invalid_lists_of_countries_are_refused_with_the_services_message(
    world: Any, sent: Any
) -> None:
    job = world.job(5)

    with pytest.raises(Invalid) as caught:
        world.do(jobs.update, job, {"included_countries": sent})

    assert caught.value.status == 422
    assert caught.value.body == {"error": "Invalid format of included_countries attribute"}


@pytest.mark.parametrize("name", ["included_countries", "excluded_countries"])
@pytest.mark.parametrize("sent", [[], "", None, [""], [None], "null", {}])
def test_an_empty_list_of_countries_is_accepted(world: Any, name: str, sent: Any) -> None:
    """Scripts copy the settings of a job; in a form, an empty list is one empty value."""
    job = world.job(5, **{name: ["FI"]})

    warnings = update_and_warn(world, job, {name: sent})

    assert shapes.job(world.reload(job))[name] == []
    assert warnings == []


def test_countries_may_follow_the_empty_value_of_a_form(world: Any) -> None:
    """Rails puts an empty field before the fields of a list."""
    changed = world.do(jobs.update, world.job(5), {"included_countries": ["", "FI"]})

    assert changed.included_countries == ["FI"]


@pytest.mark.parametrize(
    ("name", "sent", "stored"),
    [
        ("units_per_assignment", "5 per page", 5),
        ("units_per_assignment", " 5. rows", 5),
        ("gold_per_assignment", "1 (one)", 1),
        ("units_per_assignment", "{5}", 5),
        ("min_unit_confidence", "0.7 or more", 0.7),
        ("auto_order_threshold", "4units", 4),
        ("options", {"after_gold": "8 rows"}, {"after_gold": 8}),
        ("options", {"reject_at": "70%"}, {"reject_at": 70}),
        ("options", {"req_ttl_in_seconds": "900s"}, {"req_ttl_in_seconds": 900}),
    ],
)
def test_text_behind_the_number_of_a_setting_is_left_out_with_a_warning(
    world: Any, name: str, sent: Any, stored: Any
) -> None:
    """As Rails converts a text to a number."""
    job = world.job(5)

    warnings = update_and_warn(world, job, {name: sent})

    found = getattr(world.reload(job), name)
    assert (found if name != "options" else {key: found[key] for key in stored}) == stored
    assert len(warnings) == 1
    assert "is not a number" in warnings[0]
    assert repr(next(iter(sent.values())) if name == "options" else sent) in warnings[0]


@pytest.mark.parametrize("sent", ["5.5", 5.5])
def test_the_fraction_of_a_whole_number_is_left_out_with_a_warning(world: Any, sent: Any) -> None:
    job = world.job(5)

    warnings = update_and_warn(world, job, {"units_per_assignment": sent})

    assert world.reload(job).units_per_assignment == 5
    assert warnings == [f"units_per_assignment is not a whole number: {sent!r} was read as 5."]


@pytest.mark.parametrize("name", ["judgments_per_unit", "payment_cents"])
@pytest.mark.parametrize("sent", ["1e2", "1_0", "5.", "\uff15", "\u0665", "1e-1", "{5}"])
def test_a_number_that_decides_a_price_has_ascii_digits(world: Any, name: str, sent: str) -> None:
    job = world.job(5)

    with pytest.raises(Declined):
        update_and_warn(world, job, {name: sent})


@pytest.mark.parametrize(
    ("sent", "stored"),
    [(word, True) for word in ("on", "t", "Yes", "TRUE")]
    + [(word, False) for word in ("off", "F", "no")],
)
def test_a_boolean_has_the_spellings_of_rails(world: Any, sent: str, stored: bool) -> None:
    job = world.job(5)

    update_and_warn(world, job, {"public_data": sent})

    assert world.reload(job).public_data is stored


@pytest.mark.parametrize("empty", [None, "", []])
@pytest.mark.parametrize(
    "name",
    [
        "auto_order",
        "execution_mode",
        "gold_per_assignment",
        "options",
        "pages_per_assignment",
        "public_data",
        "units_per_assignment",
        "variable_judgments_mode",
    ],
)
def test_an_empty_value_leaves_a_setting_that_must_have_one_as_it_is(
    world: Any, name: str, empty: Any
) -> None:
    """Jobs of 2012 show ``pages_per_assignment`` as null, and scripts copy it to other jobs."""
    job = world.job(5)
    before = getattr(world.reload(job), name)

    warnings = update_and_warn(world, job, {name: empty, "project_number": "PN7"})

    after = world.reload(job)
    if (name, empty) != ("execution_mode", ""):
        assert getattr(after, name) == before
        assert f"{name} is empty, and was left as it is." in warnings
    assert after.project_number == "PN7"


@pytest.mark.parametrize(
    ("name", "sent", "stored"),
    [
        ("max_judgments_per_worker", "null", None),
        ("minimum_requirements", "null", None),
        ("webhook_uri", "null", None),
        ("gold_per_assignment", "null", 1),
        ("title", "null and void", "null and void"),
    ],
)
def test_the_word_null_is_no_value_where_it_cannot_be_one(
    world: Any, name: str, sent: str, stored: Any
) -> None:
    """A client in JavaScript encodes ``null`` so in the body of a form."""
    job = world.job(5, max_judgments_per_worker=9, gold_per_assignment=1)

    update_and_warn(world, job, {name: sent})

    assert getattr(world.reload(job), name) == stored


@pytest.mark.parametrize(
    ("sent", "kept"),
    [({"max_judgments_per_unit": 2}, (3, 2)), ({"judgments_per_unit": 7}, (7, 5))],
)
def test_a_maximum_below_the_number_of_judgments_is_kept_with_a_warning(
    world: Any, sent: dict[str, int], kept: tuple[int, int]
) -> None:
    """The vendor's test suite sets ``max_judgments_per_unit`` to 2 and reads 2."""
    job = world.job(5, judgments_per_unit=3, max_judgments_per_unit=5)

    (warning,) = update_and_warn(world, job, sent)
    silent = update_and_warn(world, job, {"title": "Sentiment of reviews"})

    shown = shapes.job(world.reload(job))
    assert (shown["judgments_per_unit"], shown["max_judgments_per_unit"]) == kept
    assert f"every unit still gets {kept[0]} judgments" in warning
    assert silent == []


def test_a_new_job_is_warned_about_a_maximum_below_the_default(world: Any) -> None:
    with world.database.transaction() as tx:
        created = jobs.create(tx, world.account, {"max_judgments_per_unit": 2})
        warnings = list(tx.warnings)

    assert (created.judgments_per_unit, created.max_judgments_per_unit) == (3, 2)
    assert "every unit still gets 3 judgments" in warnings[0]


def test_units_get_their_judgments_although_the_maximum_is_lower(world: Any) -> None:
    job = world.launch_job(
        5,
        judgments_per_unit=2,
        max_judgments_per_unit=1,
        variable_judgments_mode="auto_confidence",
        min_unit_confidence=0.9,
    )

    world.finish(job, [world.worker() for _ in range(3)])

    row = world.reload(job)
    assert (row.state, row.judgments_count) == ("finished", 10)


@pytest.mark.parametrize("option", ["dynamic_judgment_fields", "confidence_fields"])
@pytest.mark.parametrize(
    ("names", "deciding"),
    [(["question"], ["sentiment"]), (["", "mood", "sentiment"], ["sentiment"])],
)
def test_options_may_name_questions_that_the_form_does_not_have_yet(
    world: Any, option: str, names: list[str], deciding: list[str]
) -> None:
    """The vendor's test suite sets the option of a job without a form, and reads it back."""
    job = world.job(5)

    (warning,) = update_and_warn(world, job, {"options": {option: names}})

    shown = shapes.job(world.reload(job))
    assert shown["options"][option] == [name for name in names if name]
    assert shown["confidence_fields"] == deciding
    assert f"The form has no question named {names[-1] if len(names) == 1 else 'mood'}" in warning


def test_options_of_a_job_without_a_form_decide_when_they_come_again(world: Any) -> None:
    with world.database.transaction() as tx:
        job = jobs.create(tx, world.account, {"options": {"dynamic_judgment_fields": ["like"]}})

    cml = """<cml:text label="Like it?" name="like" aggregation="agg"/>
    <cml:text label="Why?" name="why" aggregation="agg"/>"""
    changed = world.do(jobs.update, job, {"cml": cml})
    assert changed.confidence_fields == ["like", "why"]
    changed = world.do(jobs.update, job, {"options": {"dynamic_judgment_fields": ["like"]}})
    assert changed.confidence_fields == ["like"]


def test_countries_are_included_or_excluded_and_null_clears_them(world: Any) -> None:
    job = world.job(5, included_countries=["FI"])

    with pytest.raises(Invalid, match="not both"):
        world.do(jobs.update, job, {"excluded_countries": ["US"]})
    changed = world.do(jobs.update, job, {"included_countries": None, "excluded_countries": ["US"]})

    assert (changed.included_countries, changed.excluded_countries) == ([], ["US"])


@pytest.mark.parametrize("alias", ["upload", " ", " reviews", "12", "a/b", "a.b"])
def test_an_alias_that_looks_like_an_id_or_a_path_is_refused(world: Any, alias: str) -> None:
    with pytest.raises(Declined, match="Alias must"):
        world.do(jobs.create, world.account, {"alias": alias})


def test_an_alias_must_be_unique(world: Any) -> None:
    job = world.do(jobs.create, world.account, {"alias": "reviews"})

    with pytest.raises(Declined, match="already been taken"):
        world.do(jobs.create, world.account, {"alias": "reviews"})

    assert world.do(jobs.update, job, {"alias": "reviews"}).alias == "reviews"


TWO = """
<cml:radios label="Mood" validates="required"><cml:radio label="good"/></cml:radios>
<cml:radios label="Topic"><cml:radio label="price"/></cml:radios>
"""


@pytest.mark.parametrize(
    "choice",
    [
        {"confidence_fields": ["topic"]},
        {"options": {"confidence_fields": ["topic"]}},
        {"options": {"dynamic_judgment_fields": ["topic"]}},
    ],
)
def test_deciding_questions_can_be_set_and_stay_set(world: Any, choice: dict[str, Any]) -> None:
    job = world.do(jobs.create, world.account, {"cml": TWO})
    assert job.confidence_fields == ["mood", "topic"]

    chosen = world.do(jobs.update, job, choice)
    again = world.do(jobs.update, job, {"cml": TWO + '<cml:text label="Why"/>'})

    assert chosen.confidence_fields == ["topic"]
    assert again.confidence_fields == ["topic"]
    assert again.fields == {"mood": "agg", "topic": "agg", "why": "all"}


def test_derived_deciding_questions_follow_a_new_form(world: Any) -> None:
    job = world.do(jobs.create, world.account, {"cml": TWO})

    changed = world.do(jobs.update, job, {"cml": world.form})

    assert changed.confidence_fields == ["sentiment"]
    assert changed.gold == {"sentiment": "sentiment_gold"}


def test_the_aggregation_of_a_question_can_be_changed(world: Any) -> None:
    job = world.do(jobs.create, world.account, {"cml": TWO})

    changed = world.do(jobs.update, job, {"fields": {"topic": "agg_2"}})

    assert changed.fields == {"mood": "agg", "topic": "agg_2"}
    with pytest.raises(Declined, match="tagg"):
        world.do(jobs.update, job, {"fields": {"topic": "tagg"}})


def test_a_chosen_aggregation_stays_when_the_form_is_saved_again(world: Any) -> None:
    job = world.do(jobs.create, world.account, {"cml": TWO})
    world.do(jobs.update, job, {"fields": {"topic": "agg_2"}})

    again = world.do(jobs.update, job, {"cml": TWO + '<cml:text label="Why"/>'})
    other = world.do(jobs.update, job, {"cml": TWO.replace("Topic", "Theme")})

    assert again.fields == {"mood": "agg", "topic": "agg_2", "why": "all"}
    assert other.fields == {"mood": "agg", "theme": "agg"}


def test_a_derived_aggregation_follows_a_new_form(world: Any) -> None:
    job = world.do(jobs.create, world.account, {"cml": TWO})
    counted = TWO.replace('label="Topic"', 'label="Topic" aggregation="agg_2"')

    changed = world.do(jobs.update, job, {"cml": counted})

    assert changed.fields == {"mood": "agg", "topic": "agg_2"}


def test_a_question_without_a_confidence_no_longer_decides(world: Any) -> None:
    job = world.do(jobs.create, world.account, {"cml": TWO})

    changed = world.do(jobs.update, job, {"fields": {"topic": "all"}})

    assert changed.confidence_fields == ["mood"]


def test_choosing_a_deciding_question_without_confidence_is_warned_about(world: Any) -> None:
    job = world.do(jobs.create, world.account, {"cml": TWO + '<cml:text label="Why"/>'})

    (warning,) = update_and_warn(world, job, {"confidence_fields": ["mood", "why"]})

    assert warning.startswith("The answers to why have no confidence")


def test_a_job_without_a_form_has_no_questions(world: Any) -> None:
    job = world.do(jobs.create, world.account, {"cml": TWO})

    changed = world.do(jobs.update, job, {"cml": None})

    assert (changed.fields, changed.gold, changed.confidence_fields) == (None, {}, None)


def test_quiz_mode_enabled_shows_whether_the_quiz_is_on(world: Any) -> None:
    few = world.job(20, golds=7, options={"front_load": True})
    enough = world.job(20, golds=8, options={"front_load": True})

    assert not shapes.job(few)["quiz_mode_enabled"]
    assert shapes.job(enough)["quiz_mode_enabled"]
    assert enough.gold_per_assignment == 1


def test_warnings_about_a_form_are_given_when_it_is_saved(world: Any) -> None:
    job = world.job(5)

    warnings = update_and_warn(
        world, job, {"cml": '<cml:text label="Why" validates="required shiny"/>'}
    )

    assert len(warnings) == 1
    assert "line 1, column" in warnings[0]
    assert "shiny" in warnings[0]


@pytest.mark.parametrize(
    ("value", "stored", "said"),
    [
        (7, 0.07, ["min_unit_confidence is above 1: 7 was read as percent, 0.07."]),
        ("80", 0.8, ["min_unit_confidence is above 1: 80 was read as percent, 0.8."]),
        ("80%", 0.8, ["min_unit_confidence is not a number: '80%' was read as 0.8."]),
        (1, 1.0, []),
        ("0.7", 0.7, []),
        (None, None, []),
    ],
)
def test_a_confidence_above_1_is_percent_and_a_warning_says_so(
    world: Any, value: object, stored: float | None, said: list[str]
) -> None:
    job = world.job(5)

    warnings = update_and_warn(world, job, {"min_unit_confidence": value})

    assert world.reload(job).min_unit_confidence == stored
    assert warnings == said
