"""Formats of answers that validators require.

Each function takes what a contributor typed and returns it in canonical form, so that two spellings
of a value agree with each other and with a test question. On invalid input it raises
:class:`ValueError` with a sentence for the contributor.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import TYPE_CHECKING, Final
from unicodedata import category
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Callable

_INTEGER = re.compile(r"-?\d{1,300}", re.ASCII)
_NUMBER = re.compile(r"[+-]?(?:\d{1,300}(?:\.\d{0,300})?|\.\d{1,300})", re.ASCII)
_DATE = re.compile(r"\d{2}/\d{2}/\d{4}", re.ASCII)
_EMAIL = re.compile(r"[^\s@<>\"(),:;\[\]]{1,64}@([^\s@.]{1,63}\.)+[^\s@.]{2,63}")
_HOST = re.compile(r"(?=.{4,253}$)(?:[^\s./:@_-][^\s./:@]{0,62}\.)+[^\s./:@\d-][^\s./:@]{1,62}")
_ZIP_CODE = re.compile(r"\d{5}(?:-\d{4})?", re.ASCII)
_SEARCH_HOSTS = re.compile(r"(?:^|\.)(?:google|bing|yahoo|duckduckgo|baidu|yandex|ask|aol)\.")
_STATES: Final = frozenset(
    [
        *("AL", "AK", "AZ", "AR", "CA", "CO", "CT", "DE", "FL", "GA", "HI", "ID", "IL", "IN"),
        *("IA", "KS", "KY", "LA", "ME", "MD", "MA", "MI", "MN", "MS", "MO", "MT", "NE", "NV"),
        *("NH", "NJ", "NM", "NY", "NC", "ND", "OH", "OK", "OR", "PA", "RI", "SC", "SD", "TN"),
        *("TX", "UT", "VT", "VA", "WA", "WV", "WI", "WY", "DC", "AS", "GU", "MP", "PR", "VI"),
    ]
)


def integer(answer: str) -> str:
    """A whole number.

    >>> integer(" -5 ")
    '-5'
    """
    text = answer.strip()
    if not _INTEGER.fullmatch(text):
        raise ValueError("Enter a whole number, such as 10 or -5.")
    return text


def positive_integer(answer: str) -> str:
    """A positive whole number."""
    text = answer.strip()
    if not _INTEGER.fullmatch(text) or int(text) <= 0:
        raise ValueError("Enter a whole number above zero, such as 5.")
    return text


def numeric(answer: str) -> str:
    """A number, whole or not.

    >>> numeric("-2.4")
    '-2.4'
    """
    text = answer.strip()
    if not _NUMBER.fullmatch(text):
        raise ValueError("Enter a number, such as 10, 1.5 or -2.4.")
    return text


def digits(answer: str) -> str:
    """Digits and punctuation, such as ``10:10-99`` or ``100(2)``."""
    text = answer.strip()
    if not all(each.isdecimal() or category(each)[0] in "PS" for each in text):
        raise ValueError("Enter digits and punctuation only, such as 10:10-99.")
    return text


def alpha(answer: str) -> str:
    """Letters, of any script."""
    text = answer.strip()
    if not _without_marks(text).isalpha():
        raise ValueError("Enter letters only, such as ABCabc.")
    return text


def alphanum(answer: str) -> str:
    """Letters and digits, of any script."""
    text = answer.strip()
    if not _without_marks(text).isalnum():
        raise ValueError("Enter letters and digits only, such as ahfd723nd.")
    return text


def _without_marks(text: str) -> str:
    """Remove what belongs to the letter before: vowel signs of Hindi and Thai, accents."""
    return "".join(each for each in text if category(each)[0] != "M")


def date(answer: str) -> str:
    """An existing date, as MM/DD/YYYY.

    >>> date("02/29/2016")
    '02/29/2016'
    >>> date("02/30/2016")
    Traceback (most recent call last):
        ...
    ValueError: Enter an existing date as MM/DD/YYYY, such as 01/21/2010.
    """
    text = answer.strip()
    try:
        if _DATE.fullmatch(text):
            datetime.strptime(text, "%m/%d/%Y")  # noqa: DTZ007 - a date has no time zone
            return text
    except ValueError:
        pass
    raise ValueError("Enter an existing date as MM/DD/YYYY, such as 01/21/2010.")


def email(answer: str) -> str:
    """An e-mail address; only its syntax is checked."""
    text = answer.strip()
    if len(text) > 254 or not _EMAIL.fullmatch(text):  # noqa: PLR2004 - RFC 5321, section 4.5.3.1
        raise ValueError("Enter an e-mail address, such as ada@example.com.")
    name, _, host = text.rpartition("@")
    return f"{name}@{host.lower()}"


def web_address(*, non_search: bool = False) -> Callable[[str], str]:
    """A web address; nothing is fetched. Scheme and host become lower case.

    >>> web_address()("HTTP://Example.com/A")
    'http://example.com/A'
    """

    def rule(answer: str) -> str:
        text = answer.strip()
        try:
            parts = urlsplit(text)
            host = parts.hostname or ""
            usable = parts.port != 0
        except ValueError:
            parts, host, usable = urlsplit(""), "", False
        if any(each.isspace() for each in text) or parts.scheme not in {"http", "https"}:
            usable = False
        if not usable or not _HOST.fullmatch(host):
            raise ValueError("Enter a web address, such as https://example.com/page.")
        if non_search and _SEARCH_HOSTS.search(host):
            raise ValueError("Enter the address of the page itself, not of a search engine.")
        return parts._replace(netloc=parts.netloc.lower()).geturl()

    return rule


def phone(answer: str) -> str:
    """A telephone number of any country: 7 to 15 digits."""
    text = answer.strip()
    count = sum(each.isdecimal() for each in text)
    if not 7 <= count <= 15 or not re.fullmatch(r"[\d\s()+./x-]+", text):  # noqa: PLR2004 - E.164
        raise ValueError("Enter a telephone number, such as +1 415 555 0100.")
    return text


def us_phone(answer: str) -> str:
    """A telephone number of the United States.

    >>> us_phone("800.111.1111")
    '(800) 111-1111'
    """
    number = re.sub(r"[\s()+.-]", "", answer)
    match = re.fullmatch(r"1?(\d{3})(\d{3})(\d{4})", number, re.ASCII)
    if match is None:
        raise ValueError("Enter a telephone number of ten digits, such as (415) 555-0100.")
    return "({}) {}-{}".format(*match.groups())


def us_address(answer: str) -> str:
    """A street address of the United States: a number and a street at least."""
    text = " ".join(answer.split())
    if not re.match(r"\d[\w-]* +\S*[^\W\d_]", text) and not re.match(
        r"(?i)p\.? ?o\.? box \d", text
    ):
        raise ValueError("Enter an address with number and street, such as 1 Main St.")
    return text


def us_zip_code(answer: str) -> str:
    """A ZIP code, with or without its last four digits."""
    text = answer.strip()
    if not _ZIP_CODE.fullmatch(text):
        raise ValueError("Enter a ZIP code, such as 94103 or 94103-1234.")
    return text


def state_abbreviation(answer: str) -> str:
    """The two-letter abbreviation of a state of the United States, in capitals.

    >>> state_abbreviation("ca")
    'CA'
    """
    text = answer.strip().upper()
    if text not in _STATES:
        raise ValueError("Enter the two-letter abbreviation of a state, such as CA.")
    return text


def _collapse_space(answer: str) -> str:
    return " ".join(answer.split())


CLEANERS: Final[dict[str, Callable[[str], str]]] = {
    "uppercase": str.upper,
    "lowercase": str.lower,
    "titlecase": str.title,
    "trim": str.strip,
    "whitespace": _collapse_space,
    "multipleWhitespace": _collapse_space,
}
"""Functions of the validator ``clean``, by name."""
