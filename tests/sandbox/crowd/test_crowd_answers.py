"""Answers of simulated contributors: reproducible, and distributed as the profile says."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from random import Random
from typing import Any

import pytest

from crowdflower.cml import Field, parse
from crowdflower.sandbox.clock import Clock
from crowdflower.sandbox.crowd import PROFILES, Profile, confusion
from crowdflower.sandbox.crowd.answers import Respondent, answer
from crowdflower.sandbox.crowd.profiles import assign_profiles, find_profile
from crowdflower.sandbox.crowd.simulation import SimulationSettings
from crowdflower.sandbox.crowd.truth import Truth
from crowdflower.sandbox.rules.work.handout import PageUnit

MOOD = """
<cml:radios name="mood" label="Mood" validates="required">
  <cml:radio label="good"/><cml:radio label="fair"/><cml:radio label="bad"/>
</cml:radios>
"""
PETS = """
<cml:checkboxes name="pets" label="Pets">
  <cml:checkbox label="cat"/><cml:checkbox label="dog"/><cml:checkbox label="bird"/>
</cml:checkboxes>
"""
STARS = '<cml:ratings name="stars" label="Stars" points="5"/>'
SPAM = '<cml:checkbox name="spam" label="Spam" value="spam"/>'
WHY = '<cml:text name="why" label="Why?" validates="required"/>'


def field(cml: str) -> Field:
    return parse(cml).fields[0]


def person(profile: str | Profile, accuracy: float = 1.0, preference: int = 1) -> Respondent:
    return Respondent(find_profile(profile), accuracy, lambda _: preference)


def answers(
    cml: str, right: tuple[str, ...], respondent: Respondent, times: int = 2000, **more: Any
) -> Iterator[Any]:
    question, clock = field(cml), Clock(seed=3)
    for time in range(times):
        yield answer(question, right, respondent, clock.random("answer", time), **more)


def test_the_same_stream_gives_the_same_answer() -> None:
    respondent = person("normal", 0.6)

    first, second = (list(answers(MOOD, ("good",), respondent, 50)) for _ in range(2))

    assert first == second
    assert set(first) == {"good", "fair", "bad"}


@pytest.mark.parametrize(
    ("profile", "low", "high"),
    [("expert", 0.90, 0.97), ("normal", 0.80, 0.90), ("sloppy", 0.52, 0.68)],
)
def test_accuracy_is_drawn_around_the_mean_of_the_profile(
    profile: str, low: float, high: float
) -> None:
    clock = Clock(seed=1)

    drawn = [PROFILES[profile].accuracy(clock.random("accuracy", each)) for each in range(300)]

    assert low < sum(drawn) / len(drawn) < high
    assert len(set(drawn)) == 300


@pytest.mark.parametrize("accuracy", [0.5, 0.7, 0.95])
def test_one_of_several_options_is_right_as_often_as_the_accuracy_says(accuracy: float) -> None:
    values = Counter(answers(MOOD, ("fair",), person("normal", accuracy)))

    assert values["fair"] / 2000 == pytest.approx(accuracy, abs=0.04)
    assert values["good"] == pytest.approx(values["bad"], rel=0.3)


def test_difficulty_lowers_accuracy_to_guessing() -> None:
    respondent = person("normal", 0.9)

    values = Counter(answers(MOOD, ("good",), respondent, difficulty=0.5))
    lost = Counter(answers(MOOD, ("good",), respondent, difficulty=1.0))

    assert values["good"] / 2000 == pytest.approx(1 / 3 + (0.9 - 1 / 3) / 2, abs=0.04)
    assert lost["good"] / 2000 == pytest.approx(1 / 3, abs=0.04)


def test_fatigue_lowers_accuracy_to_guessing_at_most() -> None:
    tired = Respondent(PROFILES["drifter"], 0.9, lambda _: 0, fatigue=5.0)

    assert tired.accuracy_among(4, 0.0) == 0.25


@pytest.mark.parametrize("cml", [MOOD, PETS, STARS, SPAM, WHY])
def test_perfect_contributors_give_the_truth(cml: str) -> None:
    question = field(cml)
    right = {"pets": ("cat", "bird"), "stars": ("4",), "spam": ("spam",), "why": ("So.",)}.get(
        question.name, ("fair",)
    )

    values = list(answers(cml, right, person("perfect"), 30))

    expected = list(right) if question.multiple else right[0]
    assert values == [expected] * 30


def test_each_box_of_several_is_right_as_often_as_the_accuracy_says() -> None:
    values = list(answers(PETS, ("cat", "bird"), person("normal", 0.8)))

    chosen = Counter(value for each in values for value in each or ())
    assert chosen["cat"] / 2000 == pytest.approx(0.8, abs=0.04)
    assert chosen["dog"] / 2000 == pytest.approx(0.2, abs=0.04)
    assert chosen["bird"] / 2000 == pytest.approx(0.8, abs=0.04)


def test_a_required_group_of_checkboxes_gets_a_choice() -> None:
    required = PETS.replace('name="pets"', 'name="pets" validates="required"')

    assert all(answers(required, ("cat",), person("normal", 0.5)))


def test_a_rating_misses_by_one_rather_than_by_more() -> None:
    values = Counter(answers(STARS, ("3",), person("normal", 0.6)))

    assert values["3"] / 2000 == pytest.approx(0.6, abs=0.04)
    assert min(values["2"], values["4"]) > 5 * max(values["1"], values["5"])


def test_a_checkbox_without_a_right_value_stays_unchecked() -> None:
    assert set(answers(SPAM, (), person("perfect"), 20)) == {None}


def test_random_spammers_choose_anything() -> None:
    values = Counter(answers(MOOD, ("good",), person("random spammer")))

    assert {value: round(number / 2000, 1) for value, number in values.items()} == {
        "good": 0.3,
        "fair": 0.3,
        "bad": 0.3,
    }


@pytest.mark.parametrize(("preference", "favourite"), [(0, "good"), (4, "fair"), (11, "bad")])
def test_constant_spammers_always_choose_the_same_option(preference: int, favourite: str) -> None:
    respondent = person("constant spammer", preference=preference)

    assert set(answers(MOOD, ("good",), respondent, 50)) == {favourite}


def test_constant_spammers_always_write_the_same_text() -> None:
    assert len(set(answers(WHY, ("Because.",), person("constant spammer"), 50))) == 1


@pytest.mark.parametrize("preference", range(4))
def test_contrary_contributors_always_give_the_same_wrong_answer(preference: int) -> None:
    respondent = person("contrary", 0.0, preference)

    instead = {
        right: set(answers(MOOD, (right,), respondent, 20)) for right in ("good", "fair", "bad")
    }

    assert all(len(values) == 1 and values != {right} for right, values in instead.items())
    assert len(set.union(*instead.values())) == 3


def test_a_confusion_follows_its_matrix() -> None:
    table = {"fair": {"fair": 0.7, "good": 0.2, "bad": 0.1}}

    values = Counter(answers(MOOD, ("fair",), person(confusion(table))))

    shares = {value: number / 2000 for value, number in values.items()}
    assert shares == pytest.approx(table["fair"], abs=0.03)
    assert set(answers(MOOD, ("good",), person(confusion(table)), 20)) == {"good"}


@pytest.mark.parametrize("row", [{"a": 0.5}, {"a": 1.2, "b": -0.2}, {}])
def test_a_confusion_that_does_not_sum_to_one_is_refused(row: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="probabilities for 'fair'"):
        confusion({"fair": row})


def test_sloppy_contributors_make_typos() -> None:
    values = list(answers(WHY, ("Because it is.",), person("sloppy")))

    typos = [text for text in values if text != "Because it is."]
    assert len(typos) / 2000 == pytest.approx(0.1, abs=0.03)
    assert {"".join(sorted(text)) for text in typos} == {"".join(sorted("Because it is."))}


@pytest.mark.parametrize(
    "validates",
    [
        *("integer", "positiveInteger", "numeric", "digits", "alpha", "alphanum", "date", "email"),
        *("url", "phone", "usPhone", "usZipCode", "stateAbbr", "usAddress", "minLength:120"),
        *("integerRange:{min:40,max:50}", "maxLength:3", "wordCountMin:20"),
    ],
)
def test_default_texts_pass_the_validators(validates: str) -> None:
    cml = f'<cml:text name="x" label="X" validates="required {validates}"/>'

    values = list(answers(cml, (), person("normal"), 10))

    assert parse(cml).check({"x": values[0]}).errors == {}
    assert all(values)


def test_the_example_text_of_a_field_is_never_submitted() -> None:
    cml = WHY.replace("label", 'default="So." label')

    assert set(answers(cml, ("So.",), person("perfect"), 20, remarks=("Well.",))) == {"Well."}


def test_the_code_that_a_row_requires_is_written() -> None:
    code = '<cml:text name="q" validates="required regex" data-validates-regex="^AB07$"/>'

    assert set(answers(code, (), person("normal"), 20)) == {"AB07"}


def test_a_blank_option_is_never_chosen() -> None:
    select = "<cml:select name='q'><cml:option label=''/><cml:option label='a'/></cml:select>"

    for profile in ("random spammer", "constant spammer", "contrary"):
        assert set(answers(select, ("a",), person(profile), 50)) == {"a"}


def test_validators_that_no_text_passes_are_an_error_with_advice() -> None:
    cml = '<cml:text name="code" label="Code" validates="required regex:^[QX]{9}$"/>'

    with pytest.raises(ValueError, match=r"validators of 'code'.*texts={'code': \[\.\.\.\]}"):
        list(answers(cml, (), person("normal"), 1))

    assert list(answers(cml, (), person("normal"), 1, remarks=["QXQXQXQXQ"])) == ["QXQXQXQXQ"]


def test_a_mix_is_divided_without_remainder() -> None:
    profiles = assign_profiles(
        80, {"expert": 0.2, "normal": 0.5, "sloppy": 0.15, "random spammer": 0.15}
    )

    assert Counter(profile.name for profile in profiles) == {
        "expert": 16,
        "normal": 40,
        "sloppy": 12,
        "random_spammer": 12,
    }
    assert len(assign_profiles(7, {"expert": 1, "normal": 1, "sloppy": 1})) == 7


@pytest.mark.parametrize("mix", [{}, {"normal": 0}, {"normal": 2, "expert": -1}])
def test_a_mix_without_a_positive_weight_is_refused(mix: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="mix"):
        assign_profiles(3, dict(mix))


@pytest.mark.parametrize("name", ["genius", "confusion"])
def test_an_unknown_profile_is_refused_with_the_known_ones(name: str) -> None:
    with pytest.raises(ValueError, match=f"Unknown profile '{name}'; known are perfect, expert"):
        find_profile(name)


def truth_about(cml: str, row: dict[str, Any], **sources: Any) -> tuple[str, ...]:
    return Truth(Clock(seed=5), sources).answers_to(field(cml), 1, row)


@pytest.mark.parametrize(
    ("row", "sources", "expected"),
    [
        ({"label": "bad"}, {"mood": "label"}, ("bad",)),
        ({"n": 3}, {"mood": lambda row: "good" if row["n"] > 2 else "bad"}, ("good",)),
        ({"mood_gold": "fair\ngood"}, {}, ("fair",)),
        ({"mood_gold": ["good"], "label": "bad"}, {"mood": "label"}, ("bad",)),
        ({"mood_gold": ["good"], "label": None}, {"mood": "label"}, ("good",)),
        ({"label": " BAD "}, {"mood": "label"}, ("bad",)),
    ],
    ids=["column", "function", "gold", "column before gold", "gold for a blank", "spelling"],
)
def test_the_first_source_with_an_answer_decides(
    row: dict[str, Any], sources: dict[str, Any], expected: tuple[str, ...]
) -> None:
    assert truth_about(MOOD, row, **sources) == expected


@pytest.mark.parametrize(
    ("cml", "value", "expected"),
    [
        (PETS, ["dog", "cat"], ("dog", "cat")),
        (PETS, "dog\ncat\n", ("dog", "cat")),
        (STARS, 4, ("4",)),
        (STARS, 4.0, ("4",)),
        (SPAM, True, ("spam",)),
        (SPAM, "spam", ("spam",)),
        (SPAM, False, ()),
        (SPAM, "no", ()),
        (WHY, "As it is.\nAnd was.", ("As it is.\nAnd was.",)),
    ],
)
def test_a_truth_is_converted_to_submitted_values(
    cml: str, value: object, expected: tuple[str, ...]
) -> None:
    assert truth_about(cml, {"t": value}, **{field(cml).name: "t"}) == expected


def test_a_truth_that_is_not_an_option_is_named() -> None:
    message = "'mood' of unit 1 is 'grim', which is not one of the options: 'good', 'fair', 'bad'"
    with pytest.raises(ValueError, match=message):
        truth_about(MOOD, {"label": "grim"}, mood="label")


def test_a_missing_column_is_named_with_the_existing_ones() -> None:
    with pytest.raises(ValueError, match=r"Unit 1 has no column 'lable' .* it has text, label"):
        truth_about(MOOD, {"text": "", "label": "good"}, mood="lable")


def test_a_drawn_truth_is_reproducible_and_follows_its_probabilities() -> None:
    truth = Truth(Clock(seed=5), {"mood": {"good": 0.8, "bad": 0.2}})
    mood = field(MOOD)

    drawn = [truth.answers_to(mood, unit, {}) for unit in range(1000)]

    assert drawn == [truth.answers_to(mood, unit, {}) for unit in range(1000)]
    counts = Counter(drawn)
    assert counts["good",] / 1000 == pytest.approx(0.8, abs=0.04)
    assert counts["fair",] == 0


def test_probabilities_of_none_of_the_options_are_refused() -> None:
    with pytest.raises(ValueError, match=r"drawn from {'great': 1.0}: its options are"):
        truth_about(MOOD, {}, mood={"great": 1.0})


@pytest.mark.parametrize(
    ("difficulty", "expected"), [(None, 0.0), ("hard", 0.25), (lambda row: row["hard"] * 2, 0.5)]
)
def test_difficulty_comes_from_a_column_or_a_function(difficulty: Any, expected: float) -> None:
    settings = SimulationSettings(Truth(Clock()), difficulty=difficulty)

    assert settings.difficulty_of(PageUnit(1, {"hard": 0.25})) == expected


@pytest.mark.parametrize("found", [None, "very", 1.5, -0.1])
def test_a_difficulty_that_is_not_a_fraction_is_named(found: object) -> None:
    settings = SimulationSettings(Truth(Clock()), difficulty="hard")

    with pytest.raises(ValueError, match=r"difficulty of unit 7 must be a number from 0 to 1"):
        settings.difficulty_of(PageUnit(7, {"hard": found}))


def test_a_missing_column_of_difficulties_is_named_with_the_columns_there_are() -> None:
    settings = SimulationSettings(Truth(Clock()), difficulty="hrad")

    with pytest.raises(ValueError, match=r"Unit 7 has no column 'hrad' .* are: text, hard\."):
        settings.difficulty_of(PageUnit(7, {"text": "a", "hard": 0.5}))


def test_answers_work_with_any_random_generator() -> None:
    assert answer(field(MOOD), ("good",), person("perfect"), Random(1)) == "good"  # noqa: S311 - no secret
