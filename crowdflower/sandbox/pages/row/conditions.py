"""Conditions of ``only-if`` for a page: as data for its script, and in words without one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from crowdflower.cml.only_if import AllOf, Answered, AnyOf, Chosen, Not, Reference
from crowdflower.sandbox.forms.sanitizer import plain_text
from crowdflower.sandbox.pages.translations import gettext

if TYPE_CHECKING:
    from collections.abc import Mapping

    from crowdflower.cml import Field
    from crowdflower.cml.only_if import Condition


def condition_data(condition: Condition) -> list[Any]:
    """Return a condition as lists that are JSON.

    >>> from crowdflower.cml import parse
    >>> form = parse('<cml:checkbox label="Spam"/><cml:text label="Why?" only-if="!spam"/>')
    >>> condition_data(form.fields[1].only_if)
    ['not', ['chosen', 'spam', 'Spam']]
    """
    match condition:
        case Not(part):
            return ["not", condition_data(part)]
        case AllOf(parts) | AnyOf(parts):
            kind = "all" if isinstance(condition, AllOf) else "any"
            return [kind, *map(condition_data, parts)]
        case Chosen(name, value) | Reference(name, str(value)):
            return ["chosen", name, value]
        case Reference(name, None, "unchecked"):
            return ["not", ["answered", name]]
        case Answered(name) | Reference(name):
            return ["answered", name]


def condition_in_words(condition: Condition, questions: Mapping[str, Field]) -> str:
    """Return a condition as the end of a sentence that begins with “Only if”.

    :param questions: The questions of the form by name; their labels are what contributors see.

    >>> from crowdflower.cml import parse
    >>> form = parse('<cml:text label="Who?"/><cml:text label="Why?" only-if="!who"/>')
    >>> condition_in_words(form.fields[1].only_if, {each.name: each for each in form.fields})
    '“Who?” is not answered'
    """
    return _words(condition_data(condition), questions, negated=False)


def _words(data: list[Any], questions: Mapping[str, Field], *, negated: bool) -> str:
    kind, *rest = data
    if kind == "not":
        return _words(rest[0], questions, negated=not negated)
    if kind in {"all", "any"}:
        # De Morgan's laws: a negated “and” is the “or” of the negations.
        joint = gettext(" and ") if (kind == "all") != negated else gettext(" or ")
        parts = [_words(part, questions, negated=negated) for part in rest]
        nested = [part[0] in {"all", "any"} and part[0] != kind for part in rest]
        return joint.join(
            f"({part})" if inner else part for part, inner in zip(parts, nested, strict=True)
        )
    name, *value = rest
    field = questions.get(name)
    label = plain_text(field.label) if field else name
    options = {option.value: plain_text(option.label) for option in field.options} if field else {}
    if field is not None and field.kind == "checkbox":
        yes, no = gettext("“%(question)s” is ticked"), gettext("“%(question)s” is not ticked")
    elif not value:
        yes, no = gettext("“%(question)s” is answered"), gettext("“%(question)s” is not answered")
    else:
        yes = gettext("“%(question)s” is “%(answer)s”")
        no = gettext("“%(question)s” is not “%(answer)s”")
    answer = options.get(value[0]) or value[0] if value else ""
    return (no if negated else yes) % {"question": label or name, "answer": answer}
