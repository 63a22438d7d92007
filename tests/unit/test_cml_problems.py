"""Problems and warnings of a form: position, message, and what to do."""

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
        ("<cml:zzz/>", "1:1: There is no tag <cml:zzz>; remove it, or use a tag of HTML."),
        (
            "<cml:text/>",
            "1:1: <cml:text> has no name, because its label has no letters or digits; add name=",
        ),
        (
            "<cml:radios name='a'/>",
            '1:1: <cml:radios> has no options; put <cml:radio label="…"/> between <cml:radios>',
        ),
        ("<cml:ratings name='a'/>", '</cml:ratings>, or add points="5".'),
        (
            "<cml:ratings name='a' points='five'/>",
            '1:1: The points of a rating must be whole numbers, such as points="5".',
        ),
        (
            "<cml:ratings name='a' points='1000'/>",
            "1:1: A rating must have from 1 to 100 points; this one has 1000.",
        ),
        (
            "<cml:radios name='a'><cml:radio/></cml:radios>",
            '1:22: <cml:radio> has no label; add label="…".',
        ),
        (
            "<cml:option label='a'/>",
            "1:1: <cml:option> is outside of a question; put it between <cml:select> and </cml:",
        ),
        (
            "<cml:radios name='a'><cml:option label='b'/>",
            "1:22: <cml:radios> cannot contain <cml:option>; use <cml:radio>.",
        ),
        (
            "<cml:text name='a'><cml:radio label='b'/>",
            "1:20: <cml:text> cannot contain <cml:radio>; only <cml:radios> can.",
        ),
        (
            "<cml:text name='a'/>\n<cml:text label='A'/>",
            '2:1: The name "a" is already used by <cml:text> at 1:1; give one of them another ',
        ),
        (
            "<cml:text label='Judgments'/>",
            '1:1: The name "judgments" is reserved for a column of results and reports; give <cml:',
        ),
        (
            "<cml:group multiple='true' aggregation='true' group_name='_ids'></cml:group>",
            '1:1: The name "_ids" is reserved for a column of results and reports; choose another ',
        ),
        (
            "<cml:text name='a' aggregation='sum'/>",
            '1:20: There is no aggregation "sum"; use agg, avg or all.',
        ),
        (
            "<cml:text name='a' aggregation='agg_0'/>",
            '1:20: There is no aggregation "agg_0"; did you mean "agg_2"?',
        ),
        ("<cml:text name='a' aggregation='agg_٣'/>", "1:20: There is no aggregation"),
        (
            "<cml:text name='a' aggregation='{{ how }}'/>",
            "1:20: aggregation cannot contain Liquid, because it is the same for all rows; use ",
        ),
        (
            "<cml:text label='a",
            "1:11: The value of label in <cml:text> has no closing quote, so everything after it ",
        ),
        ("<cml:text label='a' <p>", "1:1: This tag is never closed; end <cml:text with > or />."),
        (
            "<cml:text label='a <cml:text label='b'/>",
            "1:11: The value of label in <cml:text> runs into the next tag; add its closing quote.",
        ),
        (
            "<cml:group><cml:text name='a'/>",
            "1:1: <cml:group> is never closed, so it contains all that follows; add </cml:group>.",
        ),
        ("</cml:group>", "1:1: </cml:group> has no matching <cml:group>; remove it."),
        (
            "<cml:text name='a' regex='(b'/>",
            "1:20: The pattern '(b' is not a valid regular expression: a group is not closed; add",
        ),
    ],
)
def test_each_problem_has_a_message(cml: str, problem: str) -> None:
    assert any(problem in each for each in problems(cml))


@pytest.mark.parametrize(
    ("only_if", "problem"),
    [
        (
            "rr:[Yes]",
            '1:101: only-if refers to "rr", but no question has that name; did you mean "r"?',
        ),
        (
            "zzz",
            '1:101: only-if refers to "zzz", but no question has that name; choose from: r, t.',
        ),
        ("r:Yes", "1:111: Invalid only-if: write r:[Yes] for an answer."),
        ("r:[]", "1:114: Invalid only-if: a value is missing; write r:[value]."),
        ("r && r", '1:112: Invalid only-if: write "++" for "and".'),
        ("r | r", '1:112: Invalid only-if: write "||" for "or".'),
        ("r=Yes", "1:111: Invalid only-if: write name:[value] for an answer."),
        ("(r", '1:112: Invalid only-if: a parenthesis is not closed; add ")".'),
        ("r)", 'Invalid only-if: ")" has no matching "("; remove it.'),
        ("r r", 'join conditions with "++" or "||"'),
        ("r++", "the name of a question is missing"),
        ("(" * 51 + "r" + ")" * 51, "parentheses are nested more than 50 deep"),
        ("t", "1:82: These only-if depend on each other in a circle: t → t; remove one of them."),
    ],
)
def test_an_invalid_condition_is_reported_with_its_position(only_if: str, problem: str) -> None:
    found = problems(f'{RADIOS}<cml:text name="t" only-if="{only_if}"/>')

    assert any(problem in each for each in found)


def test_invalid_points_are_reported_once() -> None:
    assert problems("<cml:ratings name='a' points='five'/>") == [
        '1:1: The points of a rating must be whole numbers, such as points="5".'
    ]


def test_a_cycle_of_conditions_is_listed_completely() -> None:
    (problem,) = problems(
        "<cml:text name='a' only-if='b'/><cml:group only-if='c'><cml:text name='b'/></cml:group>"
        "<cml:text name='c' only-if='!a'/><cml:text name='d' only-if='c'/>"
    )

    assert "depend on each other in a circle: a → b → c → a" in problem


def test_a_group_must_follow_the_rules_of_linked_answers() -> None:
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


def test_linked_answers_need_a_column_and_keys_of_their_own() -> None:
    group = "<cml:group multiple='true' aggregation='true' group_name='{}'>{}</cml:group>"
    first = group.format("people", "<cml:text name='first'/>")

    same_as_question = problems(group.format("who", "<cml:text name='who'/>"))
    same_as_group = problems(first + "\n" + group.format("people", "<cml:text name='last'/>"))
    same_as_share = problems(group.format("people", "<cml:text name='confidence'/>"))

    assert same_as_question == [
        (
            '1:1: group_name="who" is already the name of a question or of another group; choose '
            "another group_name."
        )
    ]
    assert [problem[:24] for problem in same_as_group] == ['2:1: group_name="people"']
    assert same_as_share == [
        (
            '1:1: A group with group_name cannot contain a question named "confidence", because '
            "results use that key for the confidence in each entry; rename the question."
        )
    ]


def test_a_group_name_without_multiple_gives_a_warning() -> None:
    form = parse(
        "<cml:group aggregation='true' group_name='people'><cml:text name='a'/></cml:group>"
    )

    assert [str(warning) for warning in form.warnings] == [
        (
            "1:1: group_name has no effect, because contributors can fill in this group only once; "
            'add multiple="true".'
        )
    ]


def test_a_question_in_a_repeated_group_takes_one_answer() -> None:
    (problem,) = problems(
        "<cml:group multiple='true'><cml:text name='a' multiple='true'/></cml:group>"
    )

    assert (
        'takes several answers, which does not work in a group with multiple="true"; use' in problem
    )


@pytest.mark.parametrize(
    ("cml", "warning"),
    [
        (
            "<cml:text name='a' validate='required'/>",
            '1:20: <cml:text> has no attribute "validate"; did you mean "validates"?',
        ),
        (
            "<cml:text name='a' validates='required requird'/>",
            '1:20: There is no validator "requird", so it is not checked; did you mean "required"?',
        ),
        (
            "<cml:text name='a' matcher='fuzzy'/>",
            'There is no matcher "fuzzy", so it is ignored; use exact, strict or regex.',
        ),
        (
            "<cml:text name='a'/><!-- b",
            "1:21: This comment is never closed and hides everything after it; add -->.",
        ),
        (
            "<cml:text name='a'/><img alt=\"b>",
            "1:26: The value of alt in <img> has no closing quote, so everything after it ",
        ),
        (
            "<cml:select name='a' default='C'><cml:option label='A'/>",
            '1:22: default="C" is not the label of an option; use the label of an option.',
        ),
        (
            "<cml:radios name='a'><cml:radio label='b'/><cml:radio label='c' value='b'/>",
            '1:44: Two options have the value "b", so their answers cannot be told apart; give ',
        ),
        (
            "<cml:ratings name='a'><cml:rating label='good'/></cml:ratings>",
            '1:1: "good" is not a number, so it cannot be averaged; give each option a numeric ',
        ),
        (
            RADIOS + "<cml:text name='t' only-if='r:[Yess]'/>",
            '1:101: only-if: "r" has no option "Yess"; did you mean "Yes"?',
        ),
        (
            RADIOS + "<cml:text name='t' only-if='r:[2]'/>",
            'only-if refers to option 2 of "r", but its options are numbered from 0 to 1; use one ',
        ),
        (
            "<cml:instructions>a</cml:instructions><cml:text name='a'/>",
            "1:1: <cml:instructions> is outside of a question and has no effect; put it inside ",
        ),
    ],
)
def test_a_probable_mistake_is_a_warning(cml: str, warning: str) -> None:
    assert any(warning in each for each in warnings(cml))


def test_a_good_form_has_no_warnings() -> None:
    cml = RADIOS + "<cml:text label='Why?' only-if='r:[no]' class='x' data-y='z' id='w'/>"

    assert warnings(cml) == []


def test_problems_are_in_the_order_of_the_form_and_at_most_fifty() -> None:
    with pytest.raises(CMLError) as caught:
        parse("<cml:a/>\n" * 60 + "<cml:group>")

    lines = [problem.line for problem in caught.value.problems]
    assert lines == list(range(1, 51))
    assert str(caught.value).startswith("50 problems in this form:\n1:1: ")


def test_an_error_can_be_pickled() -> None:
    error = CMLError([Problem("Wrong.", 2, 3, "cml:text")])

    again = pickle.loads(pickle.dumps(error))  # noqa: S301 - our own

    assert again.problems == error.problems
    assert str(again) == "2:3: Wrong."


RADIO = "<cml:radio label='a'/>"


@pytest.mark.parametrize(
    ("cml", "warning"),
    [
        (
            f"\n<cml:radios name='q'>{RADIO}",
            (
                "2:1: <cml:radios> is never closed, so each <cml:radio> that follows is part of "
                "it; add </cml:radios>."
            ),
        ),
        (
            f"<cml:radios name='q'>{RADIO}\n<cml:text name='t'/>",
            (
                "1:1: <cml:radios> is not closed before <cml:text> of line 2, so it ends there; "
                "add </cml:radios> before that."
            ),
        ),
        (
            "<cml:select name='q'><cml:option label='a'/>\n<cml:shapes name='s'/>",
            (
                "1:1: <cml:select> is not closed before <cml:shapes> of line 2, so it ends there; "
                "add </cml:select> before that."
            ),
        ),
        ("<cml:text name='t'>", "1:1: <cml:text> is never closed; end it with />."),
        (
            "<cml:text name='t'>\n<cml:textarea name='u'/>",
            (
                "1:1: <cml:text> is not closed before <cml:textarea> of line 2, so it ends there; "
                "end it with />."
            ),
        ),
        (
            f"<cml:radios name='q'><cml:instructions>Why\n{RADIO}</cml:radios>",
            (
                "1:22: <cml:instructions> is not closed before <cml:radio> of line 2, so all text "
                "until there is part of it; add </cml:instructions> before that."
            ),
        ),
        (
            "<cml:text name='t'/><cml:group><cml:instructions>Why</cml:group>",
            (
                "1:32: <cml:instructions> is not closed before </cml:group> of line 1, so all text "
                "until there is part of it; add </cml:instructions> before that."
            ),
        ),
        (
            "<cml:text name='t'/>\n</cml:text>",
            "2:1: </cml:text> has no matching <cml:text> and has no effect; remove it.",
        ),
        (
            "<cml:text name='t'/></cml:instructions>",
            (
                "1:21: </cml:instructions> has no matching <cml:instructions> and has no effect; "
                "remove it."
            ),
        ),
    ],
)
def test_a_tag_that_is_not_closed_or_not_opened_is_a_warning(cml: str, warning: str) -> None:
    assert warnings(cml) == [warning]


@pytest.mark.parametrize(
    "cml",
    [
        f"<cml:radios name='q'>{RADIO}\n<cml:text name='t'/></cml:radios>",
        f"<cml:group>\n<cml:radios name='q'>{RADIO}</cml:group></cml:radios>",
    ],
)
def test_tags_that_are_closed_in_the_wrong_order_give_one_warning(cml: str) -> None:
    (warning,) = warnings(cml)

    assert "<cml:radios> is not closed before" in warning
    assert "of line 2, so it ends there; add </cml:radios> before that." in warning


def test_a_checkbox_after_open_checkboxes_is_an_option_of_them_which_a_warning_explains() -> None:
    cml = (
        "<cml:checkboxes name='topics'><cml:checkbox label='price'/>\n"
        "<cml:checkbox name='agreed' label='I agree'/>"
    )

    assert [field.name for field in parse(cml).fields] == ["topics"]
    assert warnings(cml) == [
        (
            "1:1: <cml:checkboxes> is never closed, so each <cml:checkbox> that follows is part of "
            "it; add </cml:checkboxes>."
        )
    ]


@pytest.mark.parametrize(
    "cml",
    [
        "<cml:radios name='q'><cml:radio label='a'><cml:radio label='b'></cml:radios>",
        "<cml:text name='t'><cml:gold strict='true'></cml:text>",
        "<cml:checkboxes name='c'><cml:checkbox label='a'></cml:checkbox></cml:checkboxes>",
        "<cml:text name='t'></cml:text><cml:checkbox label='a'></cml:checkbox>",
        "<cml:text name='t'><cml:instructions>Why</cml:instructions></cml:text>",
    ],
)
def test_open_options_and_closed_questions_give_no_warning(cml: str) -> None:
    assert warnings(cml) == []
