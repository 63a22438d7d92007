"""Validators: name the fields pass, how they are normalized, and which are refused."""

from __future__ import annotations

import pytest

from crowdflower.cml import CMLError, parse


def check(validates: str, answer: str) -> tuple[object, str | None]:
    """The stored answer, and the error."""
    form = parse(f'<cml:text name="q" validates="{validates}"/>')
    result = form.check({"q": answer})
    return result.answers.get("q"), result.errors.get("q")


@pytest.mark.parametrize(
    ("validates", "answer", "stored"),
    [
        ("integer", " -5 ", "-5"),
        ("positiveInteger", "10", "10"),
        ("numeric", "-2.4", "-2.4"),
        ("numeric", "+.5", "+.5"),
        ("digits", "100(2)", "100(2)"),
        ("digits", "10:10-99", "10:10-99"),
        ("integerRange:{min:1,max:100}", "100", "100"),
        ("integerRange:{ min: 1, max: 100 }", "1", "1"),
        ("integerRange:{min:-5}", "-5", "-5"),
        ("range:{min:0.5,max:1.5}", "1.25", "1.25"),
        ("alpha", "Äpfel", "Äpfel"),
        ("alpha", "हिन्दी", "हिन्दी"),
        ("alphanum", "ahfd723nd", "ahfd723nd"),
        ("alphanum", "ที่7", "ที่7"),
        ("date", "02/29/2016", "02/29/2016"),
        ("minLength:2", "ab", "ab"),
        ("maxLength:2", "ab", "ab"),
        ("rangeLength:{min:2,max:3}", "abc", "abc"),
        ("wordCountMin:2", "two words", "two words"),
        ("wordCountMax:2", "two words", "two words"),
        ("url", " HTTPS://Example.COM/A?b#c ", "https://example.com/A?b#c"),
        ("url:['non-search']", "http://example.com/google.com", "http://example.com/google.com"),
        ("email", "ada@Example.COM", "ada@example.com"),
        ("phone", "+358 9 1234567", "+358 9 1234567"),
        ("usPhone", "1-800-111-1111", "(800) 111-1111"),
        ("usPhone", "(123) 456.7890", "(123) 456-7890"),
        ("usAddress", "1  Main   St", "1 Main St"),
        ("usZipCode", "94103-1234", "94103-1234"),
        ("stateAbbr", "ca", "CA"),
        ("regex:^[A-Z]{2}$", "FI", "FI"),
        ("regex:/^fi$/i", "FI", "FI"),
        ("regex:['^a b$']", "a b", "a b"),
        ("clean:['uppercase']", "ab", "AB"),
        ("clean:['lowercase','trim']", " AB ", "ab"),
        ("clean:['multipleWhitespace']", "a \n b", "a b"),
        ("clean:['titlecase']", "ada lovelace", "Ada Lovelace"),
        ("clean:[whitespace]", " a  b ", "a b"),
        ("clean:['trim'] maxLength:2", "  ab  ", "ab"),
        ("integer, maxLength:3", "123", "123"),
    ],
)
def test_a_valid_answer_is_normalized(validates: str, answer: str, stored: str) -> None:
    assert check(validates, answer) == (stored, None)


@pytest.mark.parametrize(
    ("validates", "answer"),
    [
        ("integer", "1.5"),
        ("integer", "١"),
        ("integer", "9" * 400),
        ("positiveInteger", "0"),
        ("positiveInteger", "-3"),
        ("numeric", "1e5"),
        ("numeric", "NaN"),
        ("digits", "12a"),
        ("integerRange:{min:1,max:100}", "101"),
        ("integerRange:{min:1,max:100}", "1.5"),
        ("range:{min:0.5}", "0.4"),
        ("alpha", "ab1"),
        ("alphanum", "a b"),
        ("date", "02/30/2016"),
        ("date", "2/3/2016"),
        ("date", "01/01/0000"),
        ("minLength:2", "a"),
        ("maxLength:2", "abc"),
        ("rangeLength:{min:2,max:3}", "abcd"),
        ("wordCountMin:2", "one"),
        ("wordCountMax:2", "one two three"),
        ("url", "example.com"),
        ("url", "http://localhost/"),
        ("url", "ftp://example.com"),
        ("url", "http://exa mple.com"),
        ("url", "javascript:alert(1)"),
        ("url", "http://example.com:99999"),
        ("url:['non-search']", "https://www.google.com/search?q=a"),
        ("email", "ada@"),
        ("email", "ada lovelace@example.com"),
        ("email", "a" * 300 + "@example.com"),
        ("phone", "12345"),
        ("phone", "call me 1234567"),
        ("usPhone", "12345"),
        ("usAddress", "Main St"),
        ("usZipCode", "9410"),
        ("stateAbbr", "XX"),
        ("regex:^[A-Z]{2}$", "fi"),
    ],
)
def test_an_invalid_answer_gets_a_sentence_on_what_to_enter(validates: str, answer: str) -> None:
    stored, error = check(validates, answer)

    assert stored is None
    assert error is not None
    assert error.endswith(".")


def test_validators_run_in_order_on_the_result_of_the_one_before() -> None:
    assert check("minLength:3 integer", "a") == (None, "Enter at least 3 characters; this has 1.")
    assert check("clean:['uppercase'] regex:^[A-Z]+$", "abc") == ("ABC", None)
    assert check("regex:^[A-Z]+$ clean:['uppercase']", "abc")[1] is not None


def test_a_blank_answer_fails_only_required() -> None:
    assert check("integer minLength:5 email", "  ") == ("", None)
    assert check("integer required", "  ") == (None, "Please answer this question.")
    assert check("ss-required", "") == (None, "Please answer this question.")


def test_the_error_of_a_range_with_one_bound_names_it() -> None:
    assert check("range:{max:5}", "6") == (None, "Enter a number of at most 5.")
    assert check("range:{min:5}", "4") == (None, "Enter a number of at least 5.")


def test_each_of_several_answers_is_validated() -> None:
    form = parse("<cml:text name='q' multiple='true' validates='integer'/>")

    assert form.check({"q": [" 1", "2"]}).answers == {"q": ["1", "2"]}
    assert form.check({"q": ["1", "b"]}).errors == {"q": "Enter a whole number, such as 10 or -5."}


def test_a_bare_regex_uses_the_regex_attribute() -> None:
    form = parse("<cml:text name='q' validates='required regex' regex='^a+$'/>")

    assert form.check({"q": "aa"}).answers == {"q": "aa"}
    assert "q" in form.check({"q": "ab"}).errors
    assert form.fields[0].matching.how == "any"


@pytest.mark.parametrize(
    ("validates", "problem"),
    [
        (
            "maxLength",
            'The validator "maxLength" is invalid: it needs a whole number after a colon',
        ),
        (
            "minLength:x",
            '"minLength" is invalid: it needs a whole number after a colon, such as :5.',
        ),
        ("integerRange:{}", "it needs bounds, such as {min:1,max:9}"),
        ("range:{mni:1,max:5}", "it needs bounds, such as {min:1,max:9}"),
        ("range:{min:x,max:5}", 'its min must be a number, such as min:5, not "x"'),
        ("range:{min:1,max:}", 'its max must be a number, such as max:5, not ""'),
        ("integerRange:{min:a,max:9}", 'its min must be a whole number, such as min:5, not "a"'),
        ("integerRange:{min:1.5}", 'its min must be a whole number, such as min:5, not "1.5"'),
        ("rangeLength:{min:x}", 'its min must be a whole number, such as min:5, not "x"'),
        (
            'range" data-validates-range-min="x" data-validates-range-max="5',
            'its min must be a number, such as min:5, not "x"',
        ),
        ("integerRange:{min:5,max:1}", "min 5 is greater than max 1"),
        ("regex", "it needs a pattern, such as regex:^[A-Z]+$"),
        ("regex:(a", "its pattern '(a' is not a valid regular expression: a group is not closed"),
        ("clean:['upercase']", 'there is no cleaning "upercase"; did you mean "uppercase"?'),
        ("integer " * 126, "validates is longer than 1,000 characters; shorten it."),
    ],
)
def test_an_invalid_validator_is_a_problem(validates: str, problem: str) -> None:
    with pytest.raises(CMLError) as caught:
        parse(f'<cml:text name="q" validates="{validates}"/>')

    assert problem in str(caught.value)


def test_an_unsupported_pattern_is_not_a_problem() -> None:
    form = parse(r"<cml:text name='q' validates='regex:^(?=a)b' regex='(.)\1'/>")

    assert [each.subject for each in form.unsupported] == ["validates:regex", "gold:regex"]
    assert form.check({"q": "anything"}).errors == {}


# A form in which the code of a study is in the row; from six independent forms of 2012 to 2018.
SURVEY = """<cml:text name="q" validates="required ss-required regex" default="Enter here..."
 data-validates-regex="^{{code}}$" data-validates-regex-message="Please copy the code."/>"""


def test_a_pattern_in_an_attribute_may_depend_on_the_row() -> None:
    template = parse(SURVEY)
    form = parse(SURVEY.replace("{{code}}", "AB07"), rendered=True)

    assert template.has_liquid
    assert template.fields[0].validators == ("required", "ss-required", "regex")
    assert template.warnings == ()
    assert form.check({"q": "AB07"}).answers == {"q": "AB07"}
    assert form.check({"q": "AB07x"}).errors == {"q": "Please copy the code."}
    assert form.check({"q": "Enter here..."}).errors == {"q": "Please answer this question."}


def test_a_row_without_a_pattern_accepts_every_answer() -> None:
    cml = '<cml:text name="q" validates="regex" data-validates-regex="{{code}}"/>'

    assert parse(cml).warnings == ()
    assert parse(cml.replace("{{code}}", ""), rendered=True).check({"q": "x"}).errors == {}


@pytest.mark.parametrize(
    ("attributes", "valid", "invalid", "error"),
    [
        # From forms of 2012 and 2016.
        (
            'validates="regex" data-validates-regex="^yes$" data-validates-regex-flags="i"',
            "YES",
            "yess",
            "This answer does not have the required format.",
        ),
        (
            """validates="required regex" data-validates-regex="['a-z]+@" """,
            "o'neil@",
            "ONEIL@",
            "This answer does not have the required format.",
        ),
        # The other validators, by the same rule.
        (
            'validates="minLength:3" data-validates-minLength-message="Too short!"',
            "abc",
            "ab",
            "Too short!",
        ),
        ('validates="maxLength" data-validates-maxlength="3"', "abc", "abcd", None),
        ('validates="integerRange" data-validates-integerRange="{min:1,max:9}"', "9", "10", None),
        (
            'validates="range" data-validates-range-min="1" data-validates-range-max="2"',
            "1.5",
            "2.5",
            "Enter a number from 1 to 2.",
        ),
        ('validates="integerRange" data-validates-integerRange-min="1"', "7", "0", None),
        (
            'validates="required" data-validates-required-message="Say something."',
            "x",
            " ",
            "Say something.",
        ),
    ],
)
def test_a_validator_may_have_its_argument_and_its_message_in_attributes(
    attributes: str, valid: str, invalid: str, error: str | None
) -> None:
    form = parse(f'<cml:text name="q" {attributes}/>')

    assert form.warnings == ()
    assert form.check({"q": valid}).answers == {"q": valid}
    failed = form.check({"q": invalid}).errors["q"]
    assert error in {None, failed}


def test_a_validator_that_only_an_attribute_has_is_checked_with_a_warning() -> None:
    form = parse(
        '<cml:text name="q" data-validates-regex="^a$"/>'
        '<cml:text name="r" validates="required" data-validates-clicked="x"/>'
        '<cml:text name="s" validates="regex" data-validates-regex=""/>'
    )

    assert "q" in form.check({"q": "b"}).errors
    implied, unknown, blank = form.warnings
    assert 'add "regex" to validates' in implied.message
    assert 'no validator "clicked", so it is not checked' in unknown.message
    assert "is blank, so it accepts every answer" in blank.message


def test_a_message_without_its_validator_has_no_effect() -> None:
    # From the manual of a survey server of 2015.
    form = parse(
        '<cml:text name="q" validates="required" data-validates-regex-message="Copy it."/>'
    )

    assert form.warnings == ()
    assert form.check({"q": "anything"}).errors == {}


def test_a_pattern_in_an_attribute_leaves_the_regex_attribute_to_test_questions() -> None:
    form = parse(
        '<cml:text name="q" validates="regex" data-validates-regex="^a" regex="{seed}" flags="i"/>'
    )

    assert "q" in form.check({"q": "b"}).errors
    assert form.missed({"q": "ABC"}, {"q": ["abc"]}) == ()


@pytest.mark.parametrize("pattern", ["(a", "a" * 201])
def test_an_invalid_pattern_in_an_attribute_is_a_problem(pattern: str) -> None:
    with pytest.raises(CMLError, match='1:20: The validator "regex" is invalid'):
        parse(f'<cml:text name="q" validates="regex" data-validates-regex="{pattern}"/>')


@pytest.mark.parametrize(
    ("attributes", "warning"),
    [
        ("data-validates-regex-flags='iyx'", 'data-validates-regex-flags has unknown flags, "x"'),
        ("data-validates-flags='i'", "data-validates-flags has no effect"),
        ("data-validates-message='No.'", "data-validates-message has no effect"),
    ],
)
def test_messages_and_flags_without_effect_are_a_warning(attributes: str, warning: str) -> None:
    pattern = "validates='required regex' data-validates-regex='^a' data-validates-regex-flags='i'"
    if "regex-flags" in attributes:
        pattern = pattern.removesuffix(" data-validates-regex-flags='i'")
    usual = "data-validates-regex-message='No.' data-validates-required-message='No.'"

    (problem,) = parse(f"<cml:text name='q' {pattern} {usual} {attributes}/>").warnings

    assert problem.message.startswith(warning)
