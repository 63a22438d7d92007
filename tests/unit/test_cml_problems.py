"""What a form gets wrong is said with its place, and with what to do."""

from __future__ import annotations

import pickle

import pytest

from crowdflower.cml import CMLError, Problem, parse

RADIOS = "<cml:radios name='r'><cml:radio label='Yes'/><cml:radio label='No'/></cml:radios>"


def problems(cml: str) -> list[str]:
    with pytest.raises(CMLError) as caught:
        parse(cml)
    return [str(problem) for problem in caught.value.problems]


def warnings(cml: str) -> list[str]:
    return [str(warning) for warning in parse(cml).warnings]


@pytest.mark.parametrize(
    ("cml", "problem"),
    [
        (
            "<p>\n  <cml:radois label='a'/>",
            "2:3: There is no tag <cml:radois>; did you mean <cml:radios>?",
        ),
        ("<cml:zzz/>", "1:1: There is no tag <cml:zzz>."),
        (
            "<cml:text/>",
            '1:1: <cml:text> has no name: its label holds no letter or digit; add name="…".',
        ),
        (
            "<cml:radios name='a'/>",
            '1:1: <cml:radios> has nothing to choose from; put <cml:radio label="…"/> ',
        ),
        ("<cml:ratings name='a'/>", 'or say points="5".'),
        (
            "<cml:ratings name='a' points='five'/>",
            '1:1: A rating counts in whole numbers, such as points="5".',
        ),
        ("<cml:ratings name='a' points='1000'/>", "1:1: A rating has 1 to 100 points."),
        (
            "<cml:radios name='a'><cml:radio/></cml:radios>",
            '1:22: <cml:radio> needs a label; add label="…".',
        ),
        (
            "<cml:option label='a'/>",
            "1:1: <cml:option> stands alone; put it between <cml:select> and </cml:select>.",
        ),
        (
            "<cml:radios name='a'><cml:option label='b'/>",
            "1:22: <cml:option> stands in <cml:radios>, which takes <cml:radio>.",
        ),
        (
            "<cml:text name='a'><cml:radio label='b'/>",
            "1:20: <cml:radio> stands in <cml:text>, which takes no options.",
        ),
        (
            "<cml:text name='a'/>\n<cml:text label='A'/>",
            '2:1: The name "a" is taken by <cml:text> at 1:1; give one of them another',
        ),
        (
            "<cml:text label='Judgments'/>",
            '1:1: Results have something of their own under the name "judgments"; give <cml:text> ',
        ),
        (
            "<cml:group multiple='true' aggregation='true' group_name='_ids'></cml:group>",
            '1:1: Results have something of their own under the name "_ids"; choose another ',
        ),
        (
            "<cml:text name='a' aggregation='sum'/>",
            '1:20: There is no aggregation "sum"; say agg, avg or all.',
        ),
        (
            "<cml:text name='a' aggregation='agg_0'/>",
            '1:20: There is no aggregation "agg_0"; did you mean "agg_2"?',
        ),
        ("<cml:text name='a' aggregation='agg_٣'/>", "1:20: There is no aggregation"),
        (
            "<cml:text name='a' aggregation='{{ how }}'/>",
            "1:20: aggregation cannot differ from row to row, and so cannot hold Liquid; say agg, ",
        ),
        (
            "<cml:text label='a",
            "1:11: The quote of label in <cml:text> is never closed; all that follows is lost.",
        ),
        ("<cml:text label='a' <p>", "1:1: This tag is never closed; end <cml:text with > or />."),
        (
            "<cml:text label='a <cml:text label='b'/>",
            "1:11: The value of label in <cml:text> runs into the next tag; close its quote.",
        ),
        (
            "<cml:group><cml:text name='a'/>",
            "1:1: <cml:group> is never closed, and so covers everything below; add </cml:group>.",
        ),
        ("</cml:group>", "1:1: </cml:group> closes nothing that is open."),
        (
            "<cml:text name='a' regex='(b'/>",
            "1:20: The pattern '(b' does not work: a bracket is open; add \")\".",
        ),
    ],
)
def test_each_mistake_has_its_sentence(cml: str, problem: str) -> None:
    assert any(problem in each for each in problems(cml))


@pytest.mark.parametrize(
    ("only_if", "problem"),
    [
        ("rr:[Yes]", '1:101: only-if names "rr", and no question has that name; did you mean "r"?'),
        ("zzz", '1:101: only-if names "zzz", and no question has that name; there are: r, t.'),
        ("r:Yes", "1:111: This only-if cannot be read: write r:[Yes] for an answer."),
        ("r:[]", "1:114: This only-if cannot be read: a value is missing; write r:[value]."),
        ("r && r", '1:112: This only-if cannot be read: write "++" for "and".'),
        ("r | r", '1:112: This only-if cannot be read: write "||" for "or".'),
        ("r=Yes", "1:111: This only-if cannot be read: write name:[value] for an answer."),
        ("(r", '1:112: This only-if cannot be read: a bracket is open; add ")".'),
        ("r)", "a bracket closes that was never opened"),
        ("r r", 'join conditions with "++" or "||"'),
        ("r++", "the name of a question is missing"),
        ("(" * 51 + "r" + ")" * 51, "brackets nest deeper than 50"),
        ("t", "1:82: Whether this is shown depends on itself: t → t; remove one only-if."),
    ],
)
def test_a_condition_that_cannot_be_followed_says_where(only_if: str, problem: str) -> None:
    found = problems(f'{RADIOS}<cml:text name="t" only-if="{only_if}"/>')

    assert any(problem in each for each in found)


def test_points_that_cannot_be_read_are_one_mistake() -> None:
    assert problems("<cml:ratings name='a' points='five'/>") == [
        '1:1: A rating counts in whole numbers, such as points="5".'
    ]


def test_a_circle_of_conditions_is_shown_whole() -> None:
    (problem,) = problems(
        "<cml:text name='a' only-if='b'/><cml:group only-if='c'><cml:text name='b'/></cml:group>"
        "<cml:text name='c' only-if='!a'/><cml:text name='d' only-if='c'/>"
    )

    assert "depends on itself: a → b → c → a" in problem


def test_a_group_is_held_to_the_rules_of_linked_answers() -> None:
    assert problems("<cml:group aggregation='true'></cml:group>") == [
        (
            "1:12: CML <cml:group> requires 'group_name' attribute to be set when 'aggregation' is "
            'present; add group_name="…", the column of the linked answers.'
        )
    ]
    assert problems("<cml:group group_name='g'></cml:group>") == [
        (
            "1:1: CML <cml:group> 'aggregation' attribute must be set to 'true' when 'group-name' "
            'is present; add aggregation="true".'
        )
    ]
    assert problems("<cml:group group_name='g' aggregation='true' name='n'></cml:group>") == [
        "1:46: CML <cml:group> cannot use name when group_name is present; remove name."
    ]


def test_linked_answers_have_a_column_and_keys_of_their_own() -> None:
    group = "<cml:group multiple='true' aggregation='true' group_name='{}'>{}</cml:group>"
    first = group.format("people", "<cml:text name='first'/>")

    same_as_question = problems(group.format("who", "<cml:text name='who'/>"))
    same_as_group = problems(first + "\n" + group.format("people", "<cml:text name='last'/>"))
    same_as_share = problems(group.format("people", "<cml:text name='confidence'/>"))

    assert same_as_question == [
        (
            '1:1: group_name="who" is the name of a question or of another group already; choose '
            "one of its own."
        )
    ]
    assert [problem[:24] for problem in same_as_group] == ['2:1: group_name="people"']
    assert same_as_share == [
        (
            '1:1: Beside the answers of each entry stands its "confidence"; give the question of '
            "that name another one."
        )
    ]


def test_a_group_that_cannot_repeat_links_nothing_and_says_so() -> None:
    form = parse(
        "<cml:group aggregation='true' group_name='people'><cml:text name='a'/></cml:group>"
    )

    assert [str(warning) for warning in form.warnings] == [
        (
            "1:1: Answers are linked only where the group may be filled in several times; add "
            'multiple="true".'
        )
    ]


def test_what_repeats_takes_one_answer_each_time() -> None:
    (problem,) = problems(
        "<cml:group multiple='true'><cml:text name='a' multiple='true'/></cml:group>"
    )

    assert "takes several answers and stands in a group that repeats" in problem


@pytest.mark.parametrize(
    ("cml", "warning"),
    [
        (
            "<cml:text name='a' validate='required'/>",
            '1:20: <cml:text> has no attribute "validate"; did you mean "validates"?',
        ),
        (
            "<cml:text name='a' validates='required requird'/>",
            '1:20: Nothing here knows the validator "requird", so it is not checked; did you ',
        ),
        ("<cml:text name='a' matcher='fuzzy'/>", 'Nothing here knows the matcher "fuzzy"'),
        (
            "<cml:text name='a'/><!-- b",
            "1:21: This comment never ends and hides all that follows; add -->.",
        ),
        (
            "<cml:text name='a'/><img alt=\"b>",
            "1:26: The quote of alt in <img> is never closed; all that follows is lost.",
        ),
        (
            "<cml:select name='a' default='C'><cml:option label='A'/>",
            '1:22: No option has the label "C"; write the label of one.',
        ),
        (
            "<cml:radios name='a'><cml:radio label='b'/><cml:radio label='c' value='b'/>",
            '1:44: Two options submit "b", so that no answer tells them apart.',
        ),
        (
            "<cml:ratings name='a'><cml:rating label='good'/></cml:ratings>",
            '1:1: "good" is not a number, and so cannot be part of an average',
        ),
        (
            RADIOS + "<cml:text name='t' only-if='r:[Yess]'/>",
            '1:101: only-if waits for "Yess", and "r" has no such option; did you mean "Yes"?',
        ),
        (
            RADIOS + "<cml:text name='t' only-if='r:[2]'/>",
            'only-if asks for option 2 of "r", and a number is a place that counts from 0',
        ),
        (
            "<cml:instructions>a</cml:instructions><cml:text name='a'/>",
            "1:1: <cml:instructions> stands outside of any question.",
        ),
    ],
)
def test_what_is_probably_not_meant_is_a_warning(cml: str, warning: str) -> None:
    assert any(warning in each for each in warnings(cml))


def test_a_good_form_has_no_warnings() -> None:
    cml = RADIOS + "<cml:text label='Why?' only-if='r:[no]' class='x' data-y='z' id='w'/>"

    assert warnings(cml) == []


def test_problems_come_in_the_order_of_the_form_and_end_after_fifty() -> None:
    with pytest.raises(CMLError) as caught:
        parse("<cml:a/>\n" * 60 + "<cml:group>")

    lines = [problem.line for problem in caught.value.problems]
    assert lines == list(range(1, 51))
    assert str(caught.value).startswith("50 problems in this form:\n1:1: ")


def test_an_error_survives_a_trip_between_processes() -> None:
    error = CMLError([Problem("Wrong.", 2, 3, "cml:text")])

    again = pickle.loads(pickle.dumps(error))  # noqa: S301 - our own

    assert again.problems == error.problems
    assert str(again) == "2:3: Wrong."
