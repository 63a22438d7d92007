"""What simulated contributors answer: pure in seed, person and question, and true to a profile."""

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
    cml: str, right: tuple[str, ...], who: Respondent, times: int = 2000, **more: Any
) -> Iterator[Any]:
    question, clock = field(cml), Clock(seed=3)
    for time in range(times):
        yield answer(question, right, who, clock.chance("answer", time), **more)


def test_the_same_stream_gives_the_same_answer() -> None:
    who = person("normal", 0.6)

    first, second = (list(answers(MOOD, ("good",), who, 50)) for _ in range(2))

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

    drawn = [PROFILES[profile].accuracy(clock.chance("accuracy", each)) for each in range(300)]

    assert low < sum(drawn) / len(drawn) < high
    assert len(set(drawn)) == 300


@pytest.mark.parametrize("accuracy", [0.5, 0.7, 0.95])
def test_one_of_several_options_is_right_as_often_as_the_accuracy_says(accuracy: float) -> None:
    given = Counter(answers(MOOD, ("fair",), person("normal", accuracy)))

    assert given["fair"] / 2000 == pytest.approx(accuracy, abs=0.04)
    assert given["good"] == pytest.approx(given["bad"], rel=0.3)


def test_difficulty_draws_everybody_towards_guessing() -> None:
    who = person("normal", 0.9)

    given = Counter(answers(MOOD, ("good",), who, difficulty=0.5))
    lost = Counter(answers(MOOD, ("good",), who, difficulty=1.0))

    assert given["good"] / 2000 == pytest.approx(1 / 3 + (0.9 - 1 / 3) / 2, abs=0.04)
    assert lost["good"] / 2000 == pytest.approx(1 / 3, abs=0.04)


def test_fading_stops_at_guessing() -> None:
    tired = Respondent(PROFILES["drifter"], 0.9, lambda _: 0, fatigue=5.0)

    assert tired.accuracy_among(4, 0.0) == 0.25


@pytest.mark.parametrize("cml", [MOOD, PETS, STARS, SPAM, WHY])
def test_the_perfect_give_the_truth(cml: str) -> None:
    question = field(cml)
    right = {"pets": ("cat", "bird"), "stars": ("4",), "spam": ("spam",), "why": ("So.",)}.get(
        question.name, ("fair",)
    )

    given = list(answers(cml, right, person("perfect"), 30))

    expected = list(right) if question.multiple else right[0]
    assert given == [expected] * 30


def test_each_box_of_several_is_right_as_often_as_the_accuracy_says() -> None:
    given = list(answers(PETS, ("cat", "bird"), person("normal", 0.8)))

    chosen = Counter(value for each in given for value in each or ())
    assert chosen["cat"] / 2000 == pytest.approx(0.8, abs=0.04)
    assert chosen["dog"] / 2000 == pytest.approx(0.2, abs=0.04)
    assert chosen["bird"] / 2000 == pytest.approx(0.8, abs=0.04)


def test_somebody_who_must_choose_a_box_chooses_one() -> None:
    required = PETS.replace('name="pets"', 'name="pets" validates="required"')

    assert all(answers(required, ("cat",), person("normal", 0.5)))


def test_a_rating_misses_by_one_rather_than_by_more() -> None:
    given = Counter(answers(STARS, ("3",), person("normal", 0.6)))

    assert given["3"] / 2000 == pytest.approx(0.6, abs=0.04)
    assert min(given["2"], given["4"]) > 5 * max(given["1"], given["5"])


def test_a_box_that_is_not_to_be_checked_is_left_alone() -> None:
    assert set(answers(SPAM, (), person("perfect"), 20)) == {None}


def test_random_spammers_choose_anything() -> None:
    given = Counter(answers(MOOD, ("good",), person("random spammer")))

    assert {value: round(number / 2000, 1) for value, number in given.items()} == {
        "good": 0.3,
        "fair": 0.3,
        "bad": 0.3,
    }


@pytest.mark.parametrize(("preference", "favourite"), [(0, "good"), (4, "fair"), (11, "bad")])
def test_constant_spammers_have_a_favourite(preference: int, favourite: str) -> None:
    who = person("constant spammer", preference=preference)

    assert set(answers(MOOD, ("good",), who, 50)) == {favourite}


def test_constant_spammers_write_one_and_the_same_remark() -> None:
    assert len(set(answers(WHY, ("Because.",), person("constant spammer"), 50))) == 1


@pytest.mark.parametrize("preference", range(4))
def test_the_contrary_swap_the_truth_for_something_else_always_the_same(preference: int) -> None:
    who = person("contrary", 0.0, preference)

    instead = {right: set(answers(MOOD, (right,), who, 20)) for right in ("good", "fair", "bad")}

    assert all(len(given) == 1 and given != {right} for right, given in instead.items())
    assert len(set.union(*instead.values())) == 3


def test_a_confusion_follows_its_table() -> None:
    table = {"fair": {"fair": 0.7, "good": 0.2, "bad": 0.1}}

    given = Counter(answers(MOOD, ("fair",), person(confusion(table))))

    shares_given = {value: number / 2000 for value, number in given.items()}
    assert shares_given == pytest.approx(table["fair"], abs=0.03)
    assert set(answers(MOOD, ("good",), person(confusion(table)), 20)) == {"good"}


@pytest.mark.parametrize("row", [{"a": 0.5}, {"a": 1.2, "b": -0.2}, {}])
def test_a_confusion_that_does_not_sum_to_one_is_refused(row: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="'fair' is taken for"):
        confusion({"fair": row})


def test_the_sloppy_slip_in_what_they_write() -> None:
    given = list(answers(WHY, ("Because it is.",), person("sloppy")))

    slips = [text for text in given if text != "Because it is."]
    assert len(slips) / 2000 == pytest.approx(0.1, abs=0.03)
    assert {"".join(sorted(text)) for text in slips} == {"".join(sorted("Because it is."))}


@pytest.mark.parametrize(
    "validates",
    [
        *("integer", "positiveInteger", "numeric", "digits", "alpha", "alphanum", "date", "email"),
        *("url", "phone", "usPhone", "usZipCode", "stateAbbr", "usAddress", "minLength:120"),
        *("integerRange:{min:40,max:50}", "maxLength:3", "wordCountMin:20"),
    ],
)
def test_what_is_written_passes_the_validators(validates: str) -> None:
    cml = f'<cml:text name="x" label="X" validates="required {validates}"/>'

    given = list(answers(cml, (), person("normal"), 10))

    assert parse(cml).check({"x": given[0]}).errors == {}
    assert all(given)


def test_nobody_writes_the_example_that_is_not_an_answer() -> None:
    cml = WHY.replace("label", 'default="So." label')

    assert set(answers(cml, ("So.",), person("perfect"), 20, remarks=("Well.",))) == {"Well."}


def test_a_text_that_nobody_can_write_is_named_with_a_way_out() -> None:
    cml = '<cml:text name="code" label="Code" validates="required regex:^[QX]{9}$"/>'

    with pytest.raises(ValueError, match=r"validators of 'code'.*texts={'code': \[\.\.\.\]}"):
        list(answers(cml, (), person("normal"), 1))

    assert list(answers(cml, (), person("normal"), 1, remarks=["QXQXQXQXQ"])) == ["QXQXQXQXQ"]


def test_a_mix_is_divided_to_the_last_head() -> None:
    kinds = assign_profiles(
        80, {"expert": 0.2, "normal": 0.5, "sloppy": 0.15, "random spammer": 0.15}
    )

    assert Counter(kind.name for kind in kinds) == {
        "expert": 16,
        "normal": 40,
        "sloppy": 12,
        "random_spammer": 12,
    }
    assert len(assign_profiles(7, {"expert": 1, "normal": 1, "sloppy": 1})) == 7


@pytest.mark.parametrize("mix", [{}, {"normal": 0}, {"normal": 2, "expert": -1}])
def test_a_mix_of_nobody_is_refused(mix: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="mix"):
        assign_profiles(3, dict(mix))


@pytest.mark.parametrize("name", ["genius", "confusion"])
def test_a_profile_that_is_not_there_is_refused_with_those_that_are(name: str) -> None:
    with pytest.raises(ValueError, match=f"No profile '{name}'; there are perfect, expert, normal"):
        find_profile(name)


def truth_about(cml: str, row: dict[str, Any], **given: Any) -> tuple[str, ...]:
    return Truth(Clock(seed=5), given).answers_to(field(cml), 1, row)


@pytest.mark.parametrize(
    ("row", "given", "expected"),
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
def test_the_first_source_that_knows_decides(
    row: dict[str, Any], given: dict[str, Any], expected: tuple[str, ...]
) -> None:
    assert truth_about(MOOD, row, **given) == expected


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
def test_a_value_is_read_as_its_question_would_submit_it(
    cml: str, value: object, expected: tuple[str, ...]
) -> None:
    assert truth_about(cml, {"t": value}, **{field(cml).name: "t"}) == expected


def test_a_truth_that_is_no_option_is_named() -> None:
    with pytest.raises(
        ValueError, match="'mood' of unit 1 is 'grim', and its options are 'good', 'fair', 'bad'"
    ):
        truth_about(MOOD, {"label": "grim"}, mood="label")


def test_a_column_that_is_not_there_is_named_with_those_that_are() -> None:
    with pytest.raises(ValueError, match="column 'lable', and unit 1 has only text, label"):
        truth_about(MOOD, {"text": "", "label": "good"}, mood="lable")


def test_a_truth_that_is_made_up_is_kept_and_follows_its_odds() -> None:
    truth = Truth(Clock(seed=5), {"mood": {"good": 0.8, "bad": 0.2}})
    mood = field(MOOD)

    made_up = [truth.answers_to(mood, unit, {}) for unit in range(1000)]

    assert made_up == [truth.answers_to(mood, unit, {}) for unit in range(1000)]
    counted = Counter(made_up)
    assert counted["good",] / 1000 == pytest.approx(0.8, abs=0.04)
    assert counted["fair",] == 0


def test_odds_of_none_of_the_options_are_refused() -> None:
    with pytest.raises(ValueError, match=r"drawn from {'great': 1.0}, and its options are"):
        truth_about(MOOD, {}, mood={"great": 1.0})


@pytest.mark.parametrize(
    ("difficulty", "expected"), [(None, 0.0), ("hard", 0.25), (lambda row: row["hard"] * 2, 0.5)]
)
def test_difficulty_comes_from_a_column_or_a_function(difficulty: Any, expected: float) -> None:
    world = SimulationSettings(Truth(Clock()), difficulty=difficulty)

    assert world.difficulty_of(PageUnit(1, {"hard": 0.25})) == expected


@pytest.mark.parametrize("found", [None, "very", 1.5, -0.1])
def test_a_difficulty_that_is_no_fraction_is_named(found: object) -> None:
    world = SimulationSettings(Truth(Clock()), difficulty="hard")

    with pytest.raises(ValueError, match=r"difficulty of unit 7 is .*from 0 to 1"):
        world.difficulty_of(PageUnit(7, {"hard": found}))


def test_streams_work_with_any_generator_of_chance() -> None:
    assert answer(field(MOOD), ("good",), person("perfect"), Random(1)) == "good"  # noqa: S311 - no secret
