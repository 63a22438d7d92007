"""Output of Liquid: markup between tags, text inside a tag.

A value of a row may have markup, which is shown cleaned. It must not change the form around it: not
close a tag, not begin a question, not end an attribute. So a value is made to fit the place where
the template prints it.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from enum import Enum, auto
from functools import lru_cache
from typing import TYPE_CHECKING

from liquid import Markup, escape

from crowdflower.cml.liquid import Liquid
from crowdflower.cml.problems import CMLError, Source
from crowdflower.cml.scanner import scan
from crowdflower.sandbox.forms.sanitizer import sanitize_value

if TYPE_CHECKING:
    from collections.abc import Iterator

    from crowdflower.cml.scanner import Attribute, Tag


class Place(Enum):
    """A kind of place in a form."""

    TEXT = auto()
    """Between tags."""

    TAG = auto()
    """In a tag but in no value; in a comment; in a script."""

    VALUE = auto()
    """In an attribute, in quotes."""

    UNQUOTED = auto()
    """In an attribute, without quotes."""

    LABEL = auto()
    """In an attribute of CML that contains markup, in quotes."""


MARKUP_ATTRIBUTES = {"instructions", "label"}
"""Attributes of CML that contain markup."""

_ENDS_VALUE = re.compile(r"[\s/=`]")
_WITHOUT_REFERENCE = "\v\x1c\x1d\x1e\x1f\x85"
_QUOTES = {ord(each): f"&#{ord(each)};" for each in "\"'<>"}


def insert(text: str, place: Place) -> str:
    """Return a value as it is written into a form.

    :param text: A value of a row, or :class:`~liquid.Markup`: text that was captured or escaped.

    >>> insert("<b>R&D</b>", Place.TEXT), insert("<b>R&D</b>", Place.VALUE)
    ('<b>R&amp;D</b>', '&lt;b&gt;R&amp;D&lt;/b&gt;')
    >>> insert(Markup("R&amp;D"), Place.VALUE)
    'R&amp;D'
    """
    is_markup = isinstance(text, Markup)
    if place is Place.TEXT:
        return text if is_markup else sanitize_value(text)
    if is_markup and place is Place.TAG:
        return text
    if is_markup and place is not Place.LABEL:
        text = str(text).translate(_QUOTES)
    else:
        text = str(escape(str.__str__(text)))
    if place is not Place.UNQUOTED:
        return text
    return _ENDS_VALUE.sub(_reference, text) or "&#32;"


def _reference(found: re.Match[str]) -> str:
    """Return a character reference; a space for white space that HTML has no reference for."""
    character = " " if found.group() in _WITHOUT_REFERENCE else found.group()
    return f"&#{ord(character)};"


def find_place(source: str, offset: int) -> Place:
    """Return the place at an offset in a form.

    >>> source = '<p class="{{ a }}">{{ b }}</p>'
    >>> find_place(source, 10).name, find_place(source, 19).name
    ('VALUE', 'TEXT')
    """
    starts, places = _map_places(source)
    return places[bisect_right(starts, offset) - 1]


@lru_cache(8)
def _map_places(source: str) -> tuple[list[int], list[Place]]:
    """List where each place begins."""
    text = Source(source)
    starts, places = [0], [Place.TEXT]
    try:
        masked = Liquid(text).mask(source)
        for start, end, tag in scan(text, masked):
            starts.append(start)
            places.append(Place.TAG)
            for attribute, place in _values(tag, masked):
                starts += (attribute.value_start, attribute.value_end)
                places += (place, Place.TAG)
            starts.append(end)
            places.append(Place.TEXT)
    except CMLError:  # too many problems: whatever follows is not known to be text
        starts.append(starts[-1])
        places.append(Place.TAG)
    return starts, places


def _values(tag: Tag | None, masked: str) -> Iterator[tuple[Attribute, Place]]:
    if tag is None:
        return
    for name, attribute in tag.attributes.items():
        if attribute.value_start == attribute.value_end:
            continue
        if masked[attribute.value_start - 1] not in "\"'":
            yield attribute, Place.UNQUOTED
        else:
            has_markup = tag.kind and name in MARKUP_ATTRIBUTES
            yield attribute, Place.LABEL if has_markup else Place.VALUE
