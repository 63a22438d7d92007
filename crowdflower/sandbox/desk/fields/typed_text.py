"""Reads what a requester typed: text for contributors, and what a list is searched for."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING, Final

from crowdflower.sandbox.errors import Invalid
from crowdflower.sandbox.pages.translations import gettext

if TYPE_CHECKING:
    from werkzeug.datastructures import MultiDict

MAX_MESSAGE_LENGTH: Final = 1000
"""Characters of a message."""

MAX_REASON_LENGTH: Final = 200
"""Characters of a reason."""

MAX_SEARCH_LENGTH: Final = 100
"""Characters of a search that are used; SQLite takes no pattern of 50,000."""

_INVISIBLE: Final = frozenset({"Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp"})
"""Categories of characters that are not shown, or that change the order of others."""

_ALLOWED: Final = frozenset("\n\t\u200c\u200d")
"""Line breaks, tabs, and two joiners that are part of words in some scripts, and of emoji."""


def read_text(form: MultiDict[str, str], name: str, label: str, limit: int) -> str | None:
    """Return a string of a form with its white space at the ends removed; ``None`` if it is blank.

    Line breaks and tabs are kept.

    :param label: What the field is called on the page.
    :param limit: Maximum number of characters.
    :raises Invalid: The text is too long, or has characters that are not printable.

    >>> from werkzeug.datastructures import MultiDict
    >>> read_text(MultiDict({"reason": " Good work "}), "reason", "The reason", 200)
    'Good work'
    """
    text = form.get(name, "").replace("\r\n", "\n").replace("\r", "\n").strip()
    if len(text) > limit:
        problem = gettext("%(label)s has %(count)d characters. Use at most %(limit)d.")
        raise Invalid(problem % {"label": label, "count": len(text), "limit": limit})
    if any(unicodedata.category(each) in _INVISIBLE for each in text if each not in _ALLOWED):
        problem = gettext("%(label)s has characters that cannot be shown. Remove them.")
        raise Invalid(problem % {"label": label})
    return text or None


def read_search(args: MultiDict[str, str]) -> str:
    r"""Return what a list is searched for: the field ``q`` of an address, as far as it is used.

    >>> from werkzeug.datastructures import MultiDict
    >>> read_search(MultiDict({"q": " shoes\0 "}))
    'shoes'
    """
    return args.get("q", "").replace("\0", "").strip()[:MAX_SEARCH_LENGTH]
