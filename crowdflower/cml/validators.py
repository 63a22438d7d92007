"""What an answer must look like, and how it is put in shape: the ``validates`` of a question.

::

    required  ss-required                       something that is not blank
    integer  positiveInteger  numeric  digits   numbers
    integerRange:{min:1,max:9}  range:{…}       numbers between two, both included
    alpha  alphanum  date                       letters; letters and digits; MM/DD/YYYY
    minLength:2  maxLength:9  rangeLength:{…}   characters, both ends included
    wordCountMin:5  wordCountMax:50             words
    email  url  phone  usPhone  usAddress  usZipCode  stateAbbr
    regex:^[A-Z]+$                              see crowdflower.cml.patterns
    clean:['uppercase']                         rewrites the answer
    user_agent                                  a hidden field that the browser fills

They run from left to right, and the first that fails is the answer's error; those behind it see
what those before it made of the answer. Nothing but ``required`` minds a blank answer.

Source: CrowdFlower, `Validations <http://crowdflower.com/docs/cml/validations>`_, and Figure Eight,
`Guide to: Validators <https://success.figure-eight.com/hc/en-us/articles/203528865>`_.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, TypeAlias

from crowdflower.cml import formats
from crowdflower.cml.pattern_syntax import PatternError, PatternUnsupportedError
from crowdflower.cml.patterns import pattern
from crowdflower.cml.problems import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Rule: TypeAlias = "Callable[[str], str]"
"""From an answer to the answer in shape; raises :class:`ValueError` with a sentence if it fails."""

LONGEST: Final = 1_000
"""Characters in one ``validates``."""

REQUIRED: Final = {"required", "ss-required"}

_NAME = re.compile(r"[A-Za-z][\w-]*")
_ARGUMENT = re.compile(
    r"""\{[^}]*\}|\[(?=\s*['"])(?:'[^']*'|"[^"]*"|[^\]'"])*\]|'[^']*'|"[^"]*"|\S+"""
)
_BOUND = re.compile(r"(min|max)['\"]?\s*:\s*['\"]?(-?\d{1,15}(?:\.\d{1,15})?)(?![\d.])")
_QUOTED = re.compile(r"'([^']*)'|\"([^\"]*)\"")


@dataclass
class Validation:
    """What ``validates`` asks of one question.

    :param names: All validators as written, without their arguments.
    :param rules: What is run on an answer, in order.
    :param errors: What cannot be read, each a sentence.
    :param unknown: Names that nothing here knows, and that are therefore not checked.
    :param unsupported: What only the hosted service can check.
    """

    names: list[str] = field(default_factory=list)
    rules: list[Rule] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)
    unsupported: list[str] = field(default_factory=list)

    @property
    def required(self) -> bool:
        """Whether an answer must be there."""
        return not REQUIRED.isdisjoint(self.names)


def read(text: str, regex: str = "") -> Validation:
    """Read what stands in ``validates``.

    :param text: The attribute.
    :param regex: The question's ``regex`` attribute, which ``regex`` without an argument means.

    >>> rules = read("required maxLength:5 clean:['uppercase']")
    >>> rules.required, [rule("ab") for rule in rules.rules]
    (True, ['ab', 'AB'])
    >>> read("requierd").unknown
    ['requierd']
    """
    validation = Validation()
    if len(text) > LONGEST:
        validation.errors.append(f"There is room for {LONGEST:,} characters of validators.")
        return validation
    for name, argument in _words(text):
        validation.names.append(name)
        if name in REQUIRED or name == "user_agent":
            continue
        if name not in _MAKERS:
            validation.unknown.append(name)
            continue
        try:
            validation.rules.append(_MAKERS[name](argument or (regex if name == "regex" else "")))
        except PatternUnsupportedError as error:
            validation.unsupported.append(f'The pattern of "regex" uses {error}')
        except ValueError as error:
            validation.errors.append(f'The validator "{name}" cannot be used: {error}.')
    return validation


def _words(text: str) -> Iterator[tuple[str, str]]:
    """Cut into names and arguments; an argument may hold blanks between brackets or quotes."""
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


def _between(argument: str) -> tuple[float | None, float | None]:
    """Read ``{min:1,max:9}``, one of them or both."""
    bounds = {name: float(value) for name, value in _BOUND.findall(argument)}
    if not bounds:
        raise ValueError("write its bounds as {min:1,max:9}")
    low, high = bounds.get("min"), bounds.get("max")
    if low is not None and high is not None and low > high:
        raise ValueError(f"min {low:g} is above max {high:g}")
    return low, high


def _count(argument: str) -> int:
    if not re.fullmatch(r"\d{1,9}", argument, re.ASCII):
        raise ValueError("write a number behind it, such as :5")
    return int(argument)


def _plain(rule: Rule) -> Callable[[str], Rule]:
    """Make a validator of a rule that takes no argument; one that comes is let pass."""
    return lambda _: rule


def _number_between(shape: Rule) -> Callable[[str], Rule]:
    def make(argument: str) -> Rule:
        low, high = _between(argument)

        def rule(answer: str) -> str:
            number = float(shape(answer))
            if (low is not None and number < low) or (high is not None and number > high):
                raise ValueError(f"Enter a number {_range_text(low, high)}.")
            return answer.strip()

        return rule

    return make


def _range_text(low: float | None, high: float | None) -> str:
    if low is None:
        return f"of at most {high:g}"
    return f"of at least {low:g}" if high is None else f"from {low:g} to {high:g}"


def _size(unit: str, measure: Callable[[str], int], low: int, high: int | None) -> Rule:
    def rule(answer: str) -> str:
        size = measure(answer)
        if size < low:
            raise ValueError(f"Enter at least {low} {unit}; this has {size}.")
        if high is not None and size > high:
            raise ValueError(f"Enter at most {high} {unit}; this has {size}.")
        return answer

    return rule


def _words_in(answer: str) -> int:
    return len(answer.split())


def _range_length(argument: str) -> Rule:
    low, high = _between(argument)
    return _size("characters", len, int(low or 0), None if high is None else int(high))


def _regex(argument: str) -> Rule:
    text = argument
    flags = ""
    if quoted := _QUOTED.search(argument) if argument[:1] in {"'", '"', "["} else None:
        text = quoted.group(1) or quoted.group(2) or ""
    elif slashes := re.fullmatch(r"/(.+)/([a-z]*)", argument):
        text, flags = slashes.groups()
    if not text:
        raise ValueError("a pattern is missing; write regex:^[A-Z]+$")
    try:
        wanted = pattern(text, flags)
    except PatternUnsupportedError:
        raise
    except PatternError as error:
        raise ValueError(f"its pattern {text!r} does not work: {error}") from None

    def rule(answer: str) -> str:
        if not wanted.found_in(answer):
            raise ValueError("This does not have the form that is asked for.")
        return answer

    return rule


def _clean(argument: str) -> Rule:
    wanted = [one or other for one, other in _QUOTED.findall(argument)]
    wanted = wanted or [argument.strip("[]{} ")]
    unknown = [name for name in wanted if name not in formats.CLEANERS]
    if unknown:
        hint = (
            did_you_mean(unknown[0], formats.CLEANERS)
            or f"; there are {', '.join(formats.CLEANERS)}"
        )
        raise ValueError(f'it cannot clean by "{unknown[0]}"{hint}')

    def rule(answer: str) -> str:
        for name in wanted:
            answer = formats.CLEANERS[name](answer)
        return answer

    return rule


_MAKERS: Final[dict[str, Callable[[str], Rule]]] = {
    "alpha": _plain(formats.alpha),
    "alphanum": _plain(formats.alphanum),
    "clean": _clean,
    "date": _plain(formats.date),
    "digits": _plain(formats.digits),
    "email": _plain(formats.email),
    "integer": _plain(formats.integer),
    "integerRange": _number_between(formats.integer),
    "maxLength": lambda argument: _size("characters", len, 0, _count(argument)),
    "minLength": lambda argument: _size("characters", len, _count(argument), None),
    "numeric": _plain(formats.numeric),
    "phone": _plain(formats.phone),
    "positiveInteger": _plain(formats.positive_integer),
    "range": _number_between(formats.numeric),
    "rangeLength": _range_length,
    "regex": _regex,
    "stateAbbr": _plain(formats.state_abbreviation),
    "url": lambda argument: formats.web_address(non_search="non-search" in argument),
    "usAddress": _plain(formats.us_address),
    "usPhone": _plain(formats.us_phone),
    "usZipCode": _plain(formats.us_zip_code),
    "wordCountMax": lambda argument: _size("words", _words_in, 0, _count(argument)),
    "wordCountMin": lambda argument: _size("words", _words_in, _count(argument), None),
}

KNOWN: Final = (*sorted(REQUIRED), *_MAKERS, "user_agent")
"""Every validator that is checked here."""
