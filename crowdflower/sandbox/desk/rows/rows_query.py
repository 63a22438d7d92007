"""Which rows of a job a list shows: read from an address, and written to one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple
from urllib.parse import urlencode

from crowdflower.sandbox.desk.fields.typed_numbers import find_whole
from crowdflower.sandbox.pages.translations import gettext

if TYPE_CHECKING:
    from collections.abc import Mapping

STATES: Final = ("judgable", "finalized", "new", "canceled", "golden")
"""States to choose from; ``golden`` stands for hidden test questions too."""

ONLY: Final = ("low", "short", "contested", "unanswered")

SORTS: Final = ("agreement", "last")
"""Orders other than that of the upload."""

LOW_AGREEMENT: Final = 0.7

MAX_TEXT: Final = 200
"""Characters of a search."""


class RowsQuery(NamedTuple):
    """A search, filters, an order and a page of it."""

    text: str = ""
    state: str = ""
    question: str = ""
    answer: str = ""
    only: str = ""
    sort: str = ""
    page: int = 1

    @property
    def is_filtered(self) -> bool:
        """Whether it leaves out rows."""
        return bool(self.text or self.state or self.question or self.only)

    @property
    def answer_filter(self) -> str:
        """The question and its answer as in an address; empty for any answer."""
        return f"{self.question}:{self.answer}" if self.question else ""

    def parameters(self, **changes: object) -> str:
        """Return it as the query of an address, with other parameters beside or instead."""
        own: dict[str, object] = {
            "q": self.text,
            "state": self.state,
            "answer": self.answer_filter,
            "only": self.only,
            "sort": self.sort,
            "page": self.page if self.page > 1 else "",
        }
        return urlencode({name: str(value) for name, value in (own | changes).items() if value})

    def in_words(self) -> str:
        """Return what it looks for; empty if it shows all rows."""
        found = [state_words()[self.state]] if self.state else []
        if self.only:
            found.append(only_words()[self.only])
        if self.question:
            found.append(f"{self.question} = {self.answer}")
        if self.text:
            found.append(gettext("“%(text)s”") % {"text": self.text})
        return ", ".join(found)


def state_words() -> dict[str, str]:
    """Return the states of rows in words."""
    return {
        "judgable": gettext("Open"),
        "finalized": gettext("Finished"),
        "new": gettext("Not ordered"),
        "canceled": gettext("Canceled"),
        "golden": gettext("Test question"),
        "hidden_gold": gettext("Hidden test question"),
    }


def only_words() -> dict[str, str]:
    """Return what to look closer at, in words."""
    return {
        "low": gettext("Agreement under 0.70"),
        "short": gettext("Finished with too few judgments"),
        "contested": gettext("Contested"),
        "unanswered": gettext("Nobody’s answer yet"),
    }


def read_query(args: Mapping[str, str]) -> tuple[RowsQuery, list[str]]:
    """Read the query of an address.

    :returns: The query, and a sentence for each parameter that means nothing and is left out.

    >>> read_query({"state": "new", "answer": "mood:good", "page": "2"})[0].parameters()
    'state=new&answer=mood%3Agood&page=2'
    >>> read_query({"sort": "size"})[1]
    ['Rows cannot be sorted by “size”. They are in the order of their upload.']
    """
    problems = []
    state, only, sort = (args.get(name, "") for name in ("state", "only", "sort"))
    if state and state not in STATES:
        problems.append(_say(gettext("No row is ever in the state “%(value)s”."), state))
        state = ""
    if only and only not in ONLY:
        problems.append(_say(gettext("There is no filter “%(value)s”."), only))
        only = ""
    if sort and sort not in SORTS:
        said = gettext(
            "Rows cannot be sorted by “%(value)s”. They are in the order of their upload."
        )
        problems.append(_say(said, sort))
        sort = ""
    question, colon, answer = args.get("answer", "").partition(":")
    if args.get("answer") and not (question and colon):
        said = gettext("Write an answer as question:answer, not “%(value)s”.")
        problems.append(_say(said, question))
        question = answer = ""
    number = args.get("page", "") or "1"
    page = find_whole(number) or 0
    if page < 1:
        problems.append(
            _say(gettext("There is no page “%(value)s”. This is the first one."), number)
        )
        page = 1
    text = args.get("q", "").strip()
    if len(text) > MAX_TEXT:
        said = gettext("The search has more than %(value)s characters; the rest is left out.")
        problems.append(_say(said, str(MAX_TEXT)))
        text = text[:MAX_TEXT]
    return RowsQuery(text, state, question, answer, only, sort, page), problems


def _say(text: str, value: str) -> str:
    return text % {"value": value[:60]}
