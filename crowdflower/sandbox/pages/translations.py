"""Texts of the pages in the reader's language, from gettext catalogues.

A page has one language, chosen when its request begins. A text without a translation stays English.
"""

from __future__ import annotations

import gettext as catalogues
from contextvars import ContextVar
from functools import cache
from pathlib import Path
from typing import Final

LOCALES: Final = Path(__file__).with_name("locales")
"""Folder of the catalogues: ``de/LC_MESSAGES/pages.mo``."""

DOMAIN: Final = "pages"

_language: ContextVar[str] = ContextVar("language", default="en")


@cache
def _catalogue(language: str) -> catalogues.NullTranslations:
    return catalogues.translation(DOMAIN, LOCALES, [language], fallback=True)


@cache
def languages() -> tuple[str, ...]:
    """Return the languages that the pages have, English first."""
    found = sorted(path.parent.parent.name for path in LOCALES.glob(f"*/LC_MESSAGES/{DOMAIN}.mo"))
    return ("en", *found)


def use_language(language: str | None) -> str:
    """Write the texts of this request in a language, or in English if the pages do not have it.

    :param language: A language tag, such as ``de`` or ``de-AT``.
    :returns: The language that is used.
    """
    wanted = (language or "en").lower().replace("_", "-")
    short = wanted.partition("-")[0]
    used = next((each for each in (wanted, short) if each in languages()), "en")
    _language.set(used)
    return used


def page_language() -> str:
    """Return the language of the texts of this request."""
    return _language.get()


def gettext(text: str) -> str:
    """Return a text in the language of the request."""
    return _catalogue(_language.get()).gettext(text)


def ngettext(singular: str, plural: str, number: int) -> str:
    """Return the text for a number, in the language of the request."""
    return _catalogue(_language.get()).ngettext(singular, plural, number)
