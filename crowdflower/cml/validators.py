"""Validators of answers: parses ``validates`` into rules that check and normalize an answer.

::

    required  ss-required                       an answer that is not blank
    integer  positiveInteger  numeric  digits   numbers
    integerRange:{min:1,max:9}  range:{…}       numbers in a range, both ends included
    alpha  alphanum  date                       letters; letters and digits; MM/DD/YYYY
    minLength:2  maxLength:9  rangeLength:{…}   number of characters, both ends included
    wordCountMin:5  wordCountMax:50             number of words
    email  url  phone  usPhone  usAddress  usZipCode  stateAbbr
    regex:^[A-Z]+$                              a pattern: see crowdflower.cml.regex
    regex, with data-validates-regex="^{{code}}$"          a pattern that the row completes
    clean:['uppercase']                         rewrites the answer
    user_agent                                  a hidden field that the browser fills

Validators run from left to right on the result of the one before; the first that fails gives the
error. A blank answer fails only ``required``.

The argument of any validator may be in an attribute: ``data-validates-NAME``, or ``-min`` and
``-max`` after it for a range, ``-flags`` for a pattern. ``data-validates-NAME-message`` is the
sentence that contributors see if the answer fails.

Source: CrowdFlower, `Validations <http://crowdflower.com/docs/cml/validations>`_, and Figure Eight,
`Guide to: Validators <https://success.figure-eight.com/hc/en-us/articles/203528865>`_. Attributes
are taken from six independent forms of 2012 to 2018, all of which have a ``regex``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, TypeAlias

from crowdflower.cml import formats
from crowdflower.cml.problems import did_you_mean
from crowdflower.cml.regex import compile_regex
from crowdflower.cml.regex_compiler import RegexError, UnsupportedRegexError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

Rule: TypeAlias = "Callable[[str], str]"
"""Returns the normalized answer; raises :class:`ValueError` with a sentence for contributors."""

MAX_LENGTH: Final = 1_000
"""Characters in one ``validates`` attribute."""

REQUIRED: Final = {"required", "ss-required"}

_NAME = re.compile(r"[A-Za-z][\w-]*")
_ARGUMENT = re.compile(
    r"""\{[^}]*\}|\[(?=\s*['"])(?:'[^']*'|"[^"]*"|[^\]'"])*\]|'[^']*'|"[^"]*"|\S+"""
)
_BOUND = re.compile(r"(?<![\w-])(min|max)['\"]?\s*:\s*['\"]?([^\s,;{}'\"]*)")
_BETWEEN_BOUNDS = " \t\r\n,;{}'\""
_NUMBER = re.compile(r"[-+]?(?:\d{1,15}(?:\.\d{0,15})?|\.\d{1,15})", re.ASCII)
_QUOTED = re.compile(r"'([^']*)'|\"([^\"]*)\"")
_ATTRIBUTE = re.compile(r"data-validates-([\w-]+?)(?:-(?:flags|max|message|min))?")


@dataclass
class Validation:
    """The validators of one question.

    :param names: All validators as written, without their arguments.
    :param rules: The rules to run on an answer, in order.
    :param errors: Sentences about validators with invalid arguments.
    :param unknown: Names of unknown validators, which are not checked.
    :param implied: Names of validators that only an attribute has.
    :param unsupported: Features of patterns that only the hosted service supports.
    """

    names: list[str] = field(default_factory=list)
    rules: list[Rule] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)
    implied: list[str] = field(default_factory=list)
    unsupported: list[str] = field(default_factory=list)

    @property
    def required(self) -> bool:
        """Whether an answer is required."""
        return not REQUIRED.isdisjoint(self.names)


def parse_validators(
    text: str,
    attributes: Mapping[str, str] = MappingProxyType({}),
    is_template: Callable[[str], bool] = lambda _: False,
) -> Validation:
    """Parse a ``validates`` attribute, and those that complete it.

    :param text: The value of ``validates``.
    :param attributes: All attributes of the question. The pattern of a ``regex`` without argument
        is in ``data-validates-regex`` or in ``regex``.
    :param is_template: Whether an argument contains Liquid; such a validator has no rule yet.

    >>> validation = parse_validators("required maxLength:5 clean:['uppercase']")
    >>> validation.required, [rule("ab") for rule in validation.rules]
    (True, ['ab', 'AB'])
    >>> parse_validators("requierd").unknown
    ['requierd']
    >>> own = {"data-validates-regex": "^7$", "data-validates-regex-message": "Not seven."}
    >>> parse_validators("regex", own).rules[0]("8")
    Traceback (most recent call last):
        ...
    ValueError: Not seven.
    """
    validation = Validation()
    if len(text) > MAX_LENGTH:
        validation.errors.append(f"validates is longer than {MAX_LENGTH:,} characters; shorten it.")
        return validation
    listed = list(_split(text))
    validation.implied = _implied(attributes, {name.lower() for name, _ in listed})
    for name, argument in (*listed, *((name, "") for name in validation.implied)):
        validation.names.append(name)
        if name in REQUIRED or name == "user_agent":
            continue
        if name not in _RULE_FACTORIES:
            validation.unknown.append(name)
            continue
        try:
            if rule := _rule(name, argument, attributes, is_template):
                validation.rules.append(rule)
        except UnsupportedRegexError as feature:
            validation.unsupported.append(str(feature))
        except ValueError as error:
            validation.errors.append(f'The validator "{name}" is invalid: {error}.')
    return validation


def message_of(name: str, attributes: Mapping[str, str]) -> str:
    """Return the form's own sentence about an answer that fails a validator, or ``""``."""
    return attributes.get(f"data-validates-{name.lower()}-message", "").strip()


def _implied(attributes: Mapping[str, str], listed: set[str]) -> list[str]:
    """Find validators whose argument is in an attribute, but which ``validates`` does not list."""
    known = {name.lower(): name for name in VALIDATORS}
    found = dict[str, None]()
    for attribute in attributes:
        match = _ATTRIBUTE.fullmatch(attribute)
        if match and match[1] not in listed and not attribute.endswith(("-flags", "-message")):
            found[known.get(match[1], match[1])] = None
    return list(found)


def _rule(
    name: str,
    argument: str,
    attributes: Mapping[str, str],
    is_template: Callable[[str], bool],
) -> Rule | None:
    """Make the rule of one validator; ``None`` if it depends on the row, or accepts everything."""
    key = f"data-validates-{name.lower()}"
    if is_template(" ".join(value for each, value in attributes.items() if each.startswith(key))):
        return None
    if name == "regex" and not argument and key in attributes:
        pattern = attributes[key]
        if not pattern:
            return None
        # As in JavaScript, "m" concerns ^ and $ only, which makes no difference in one line.
        rule = _regex_rule(pattern, attributes.get(f"{key}-flags", "").replace("m", ""))
    else:
        rule = _RULE_FACTORIES[name](argument or _argument(name, key, attributes))
    message = message_of(name, attributes)
    return _with_message(rule, message) if message else rule


def _argument(name: str, key: str, attributes: Mapping[str, str]) -> str:
    """Return the argument of a validator that is in attributes."""
    bounds = [
        f"{bound}:{attributes[f'{key}-{bound}'].strip()}"
        for bound in ("min", "max")
        if f"{key}-{bound}" in attributes
    ]
    bare = attributes.get("regex", "").strip() if name == "regex" else ""
    return attributes.get(key, "").strip() or (f"{{{','.join(bounds)}}}" if bounds else bare)


def _with_message(rule: Rule, message: str) -> Rule:
    def with_message(answer: str) -> str:
        try:
            return rule(answer)
        except ValueError:
            raise ValueError(message) from None

    return with_message


def _split(text: str) -> Iterator[tuple[str, str]]:
    """Split into names and arguments; brackets and quotes in an argument may contain spaces."""
    at = 0
    while at < len(text):
        if text[at].isspace() or text[at] == ",":
            at += 1
            continue
        name = _NAME.match(text, at) or re.compile(r"\S+").match(text, at)
        at = name.end() if name else at + 1
        argument = None
        if text[at : at + 1] == ":":
            argument = _ARGUMENT.match(text, at + 1)
            at = argument.end() if argument else at + 1
        yield (name.group() if name else ""), (argument.group() if argument else "")


def _parse_bounds(argument: str, *, whole: bool) -> tuple[float | None, float | None]:
    """Parse ``{min:1,max:9}``; one bound may be missing."""
    bounds = {}
    for name, value in _BOUND.findall(argument):
        if not _NUMBER.fullmatch(value) or (whole and not float(value).is_integer()):
            kind = "whole number" if whole else "number"
            raise ValueError(f'its {name} must be a {kind}, such as {name}:5, not "{value:.30}"')
        bounds[name] = float(value)
    if not bounds or _BOUND.sub("", argument).strip(_BETWEEN_BOUNDS):
        raise ValueError("it needs bounds, such as {min:1,max:9}")
    low, high = bounds.get("min"), bounds.get("max")
    if low is not None and high is not None and low > high:
        raise ValueError(f"min {low:g} is greater than max {high:g}")
    return low, high


def _parse_count(argument: str) -> int:
    if not re.fullmatch(r"\d{1,9}", argument, re.ASCII):
        raise ValueError("it needs a whole number after a colon, such as :5")
    return int(argument)


def _without_argument(rule: Rule) -> Callable[[str], Rule]:
    """Return a factory for a rule without an argument; an argument is ignored."""
    return lambda _: rule


def _number_range(number_rule: Rule, *, whole: bool) -> Callable[[str], Rule]:
    def factory(argument: str) -> Rule:
        low, high = _parse_bounds(argument, whole=whole)

        def rule(answer: str) -> str:
            number = float(number_rule(answer))
            if (low is not None and number < low) or (high is not None and number > high):
                raise ValueError(f"Enter a number {_range_text(low, high)}.")
            return answer.strip()

        return rule

    return factory


def _range_text(low: float | None, high: float | None) -> str:
    if low is None:
        return f"of at most {high:g}"
    return f"of at least {low:g}" if high is None else f"from {low:g} to {high:g}"


def _length_rule(unit: str, measure: Callable[[str], int], low: int, high: int | None) -> Rule:
    def rule(answer: str) -> str:
        size = measure(answer)
        if size < low:
            raise ValueError(f"Enter at least {low} {unit}; this has {size}.")
        if high is not None and size > high:
            raise ValueError(f"Enter at most {high} {unit}; this has {size}.")
        return answer

    return rule


def _word_count(answer: str) -> int:
    return len(answer.split())


def _range_length(argument: str) -> Rule:
    low, high = _parse_bounds(argument, whole=True)
    return _length_rule("characters", len, int(low or 0), None if high is None else int(high))


def _regex(argument: str) -> Rule:
    text = argument
    flags = ""
    if quoted := _QUOTED.search(argument) if argument[:1] in {"'", '"', "["} else None:
        text = quoted.group(1) or quoted.group(2) or ""
    elif slashes := re.fullmatch(r"/(.+)/([a-z]*)", argument):
        text, flags = slashes.groups()
    if not text:
        raise ValueError("it needs a pattern, such as regex:^[A-Z]+$")
    return _regex_rule(text, flags)


def _regex_rule(text: str, flags: str) -> Rule:
    try:
        regex = compile_regex(text, flags)
    except UnsupportedRegexError:
        raise
    except RegexError as error:
        message = f"its pattern {text!r} is not a valid regular expression: {error}"
        raise ValueError(message) from None

    def rule(answer: str) -> str:
        if not regex.search(answer):
            raise ValueError("This answer does not have the required format.")
        return answer

    return rule


def _clean(argument: str) -> Rule:
    names = [one or other for one, other in _QUOTED.findall(argument)]
    names = names or [argument.strip("[]{} ")]
    unknown = [name for name in names if name not in formats.CLEANERS]
    if unknown:
        hint = (
            did_you_mean(unknown[0], formats.CLEANERS)
            or f"; choose from: {', '.join(formats.CLEANERS)}"
        )
        raise ValueError(f'there is no cleaning "{unknown[0]}"{hint}')

    def rule(answer: str) -> str:
        for name in names:
            answer = formats.CLEANERS[name](answer)
        return answer

    return rule


_RULE_FACTORIES: Final[dict[str, Callable[[str], Rule]]] = {
    "alpha": _without_argument(formats.alpha),
    "alphanum": _without_argument(formats.alphanum),
    "clean": _clean,
    "date": _without_argument(formats.date),
    "digits": _without_argument(formats.digits),
    "email": _without_argument(formats.email),
    "integer": _without_argument(formats.integer),
    "integerRange": _number_range(formats.integer, whole=True),
    "maxLength": lambda argument: _length_rule("characters", len, 0, _parse_count(argument)),
    "minLength": lambda argument: _length_rule("characters", len, _parse_count(argument), None),
    "numeric": _without_argument(formats.numeric),
    "phone": _without_argument(formats.phone),
    "positiveInteger": _without_argument(formats.positive_integer),
    "range": _number_range(formats.numeric, whole=False),
    "rangeLength": _range_length,
    "regex": _regex,
    "stateAbbr": _without_argument(formats.state_abbreviation),
    "url": lambda argument: formats.web_address(non_search="non-search" in argument),
    "usAddress": _without_argument(formats.us_address),
    "usPhone": _without_argument(formats.us_phone),
    "usZipCode": _without_argument(formats.us_zip_code),
    "wordCountMax": lambda argument: _length_rule("words", _word_count, 0, _parse_count(argument)),
    "wordCountMin": lambda argument: _length_rule(
        "words", _word_count, _parse_count(argument), None
    ),
}

VALIDATORS: Final = (*sorted(REQUIRED), *_RULE_FACTORIES, "user_agent")
"""All supported validators."""
