"""How the desk names contributors: what they call themselves, with their number."""

from __future__ import annotations

from crowdflower.sandbox.pages.translations import gettext


def contributor_name(display_name: str | None, number: int) -> str:
    """Return what a contributor calls themselves, or "Contributor" and their number.

    >>> contributor_name("Ada", 41007701), contributor_name(None, 41007723)
    ('Ada', 'Contributor 41007723')
    """
    return display_name or gettext("Contributor %(number)d") % {"number": number}


def name_with_number(display_name: str | None, number: int) -> str:
    """Return a contributor's name as one text with their number, since names are not unique.

    >>> name_with_number("Ada", 41007701), name_with_number(None, 41007723)
    ('Ada (41007701)', 'Contributor 41007723')
    """
    name = contributor_name(display_name, number)
    return f"{name} ({number})" if display_name else name
