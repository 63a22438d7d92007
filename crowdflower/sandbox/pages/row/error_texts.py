"""Errors of answers in the language of the page: the check of forms writes them in English."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, Final

from crowdflower.sandbox.pages.translations import gettext

if TYPE_CHECKING:
    from collections.abc import Callable

N_: Final[Callable[[str], str]] = str
"""Marks a text for the catalogue that is translated later."""

ERROR_TEXTS: Final = (
    N_("Please answer this question."),
    N_("This answer does not have the required format."),
    N_("An answer can have at most %(most)s characters; this one has %(size)s."),
    N_("An answer cannot contain the character NUL or a lone surrogate."),
    N_("Answer this for each of the %(most)s entries, not only for %(size)s."),
    N_("Enter a number from %(low)s to %(high)s."),
    N_("Enter a number of at least %(low)s."),
    N_("Enter a number of at most %(high)s."),
    N_("Enter at least %(low)s characters; this has %(size)s."),
    N_("Enter at most %(high)s characters; this has %(size)s."),
    N_("Enter at least %(low)s words; this has %(size)s."),
    N_("Enter at most %(high)s words; this has %(size)s."),
    N_("Enter a whole number, such as 10 or -5."),
    N_("Enter a whole number above zero, such as 5."),
    N_("Enter a number, such as 10, 1.5 or -2.4."),
    N_("Enter digits and punctuation only, such as 10:10-99."),
    N_("Enter letters only, such as ABCabc."),
    N_("Enter letters and digits only, such as ahfd723nd."),
    N_("Enter an existing date as MM/DD/YYYY, such as 01/21/2010."),
    N_("Enter an e-mail address, such as ada@example.com."),
    N_("Enter a web address, such as https://example.com/page."),
    N_("Enter the address of the page itself, not of a search engine."),
    N_("Enter a telephone number, such as +1 415 555 0100."),
    N_("Enter a telephone number of ten digits, such as (415) 555-0100."),
    N_("Enter an address with number and street, such as 1 Main St."),
    N_("Enter a ZIP code, such as 94103 or 94103-1234."),
    N_("Enter the two-letter abbreviation of a state, such as CA."),
)
"""What the check of a form says about an answer, with names for what varies."""

_PLACEHOLDER: Final = re.compile(r"%\\\((\w+)\\\)s|%\((\w+)\)s")


def error_text(error: str) -> str:
    """Return the error of an answer in the language of the page.

    A text that is not known, such as one that the requester wrote, is returned as it is.

    >>> error_text("Enter at least 10 characters; this has 4.")
    'Enter at least 10 characters; this has 4.'
    """
    for text, pattern in _patterns():
        if found := pattern.fullmatch(error):
            values = found.groupdict()
            return gettext(text) % values if values else gettext(text)
    return error


@cache
def _patterns() -> tuple[tuple[str, re.Pattern[str]], ...]:
    return tuple((text, re.compile(_pattern(text))) for text in ERROR_TEXTS)


def _pattern(text: str) -> str:
    """Return a text as a regular expression, with a named group for each placeholder."""
    return _PLACEHOLDER.sub(lambda name: rf"(?P<{name[1] or name[2]}>\S+)", re.escape(text))
