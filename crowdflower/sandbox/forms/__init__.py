"""Forms of jobs: CML with Liquid, filled in for each row.

:func:`check_form` parses a form when it is saved, :func:`form_for` when a contributor works on a
row. Parsed forms are cached; a form whose questions are the same in every row costs a row only the
lookup.
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, NoReturn

from crowdflower._types import Message
from crowdflower.cml import CMLError, Form, parse
from crowdflower.sandbox.errors import Declined, Invalid, Unsupported
from crowdflower.sandbox.forms.removed_markup import find_removed_markup
from crowdflower.sandbox.forms.templates import (
    Template,
    TemplateError,
    find_skipped_expression,
    find_unsupported_liquid,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from crowdflower.cml import Problem

__all__ = ["check_form", "find_removed_markup", "form_for", "rendered_form", "static_form"]

FORM_CACHE_SIZE: Final = 64
"""Number of parsed forms in the cache."""

ROW_FORM_CACHE_SIZE: Final = 256
"""Number of parsed forms of rows in the cache; rows with the same rendered text share one."""


def check_form(cml_source: str) -> Form:
    """Parse and check a form before it is saved.

    >>> check_form('<cml:text label="Why?"/>').fields[0].name
    'why'
    >>> check_form('<cml:txt label="Why?"/>')
    Traceback (most recent call last):
        ...
    crowdflower.sandbox.errors.Declined: 200 line 1, column 1: There is no tag <cml:txt>; did \
you mean <cml:text>?

    The Liquid is rendered once, for an empty row, which reveals endless loops.

    :returns: The form as written, with Liquid as text; ``warnings`` lists suspicious places.
    :raises Declined: The form is invalid. Each error has line and column.
    :raises Unsupported: The form uses a feature that only the hosted service has.
    """
    form, template = _parse_form(cml_source)
    if form.unsupported:
        _refuse(form.unsupported)
    found = find_removed_markup(cml_source)
    if template is not None or "{{" in cml_source or "{%" in cml_source:
        try:
            Template(cml_source).render({})
        except TemplateError as error:
            raise Declined.errors([str(error)]) from None
        if skipped := find_skipped_expression(cml_source):
            found.append(skipped)
    return replace(form, warnings=(*form.warnings, *found)) if found else form


def static_form(cml_source: str) -> Form | None:
    """Return the form if all rows have the same questions, else ``None``.

    >>> static_form('<cml:text label="Why?"/>').fields[0].name
    'why'
    """
    form, template = _parse_form(cml_source)
    return form if template is None else None


def form_for(cml_source: str, row: Mapping[str, Any]) -> Form:
    """Return the form for one row.

    :param cml_source: A form that :func:`check_form` accepted.
    :param row: Column to value; a value may be a list, for Liquid's loops.
    :raises Invalid: The form does not work with this row.

    >>> cml = '<cml:radios label="Which?">{% for each in names %}<cml:radio label="{{ each }}"/>\
{% endfor %}</cml:radios>'
    >>> [option.value for option in form_for(cml, {"names": ["Ada", "Grace"]}).fields[0].options]
    ['Ada', 'Grace']
    """
    form, template = _parse_form(cml_source)
    return form if template is None else _fill_in(template, row)


def rendered_form(cml_source: str, row: Mapping[str, Any]) -> Form:
    """Return the form as :func:`form_for` does, with Liquid rendered in all of it.

    To check answers, the questions are enough; to show the form, the text around them is needed.
    The form's ``source`` is the rendered text, and each field's ``span`` its position there.

    :raises Invalid: The form does not work with this row.

    >>> rendered_form(
    ...     '<p>{{ review }}</p><cml:text label="Why?"/>', {"review": "Never again."}
    ... ).source
    '<p>Never again.</p><cml:text label="Why?"/>'
    """
    form, _ = _parse_form(cml_source)
    return _fill_in(Template(form.template), row)


def _fill_in(template: Template, row: Mapping[str, Any]) -> Form:
    """Render a form for a row, and parse the result."""
    try:
        form = _parse_row_form(template.render(row))
    except TemplateError as error:
        text = f"The form cannot be rendered for this row. {error}"
        raise Invalid(Message(text, "row_not_rendered", problem=str(error))) from None
    except CMLError as error:
        where = "; ".join(_sentence(problem) for problem in error.problems)
        text = f"Rendered for this row, the form is invalid: {where}"
        raise Invalid(Message(text, "row_form_invalid", problem=where)) from None
    if form.unsupported:
        where = "; ".join(_sentence(problem) for problem in form.unsupported)
        text = f"Rendered for this row, the form cannot be checked here: {where}"
        raise Invalid(Message(text, "row_form_unchecked", problem=where))
    return form


@lru_cache(FORM_CACHE_SIZE)
def _parse_form(cml_source: str) -> tuple[Form, Template | None]:
    """Parse a form; also its Liquid if the questions depend on it."""
    try:
        form = parse(cml_source)
    except CMLError as error:
        raise Declined.errors([_sentence(problem) for problem in error.problems]) from None
    unknown = find_unsupported_liquid(cml_source)
    if unknown:
        raise Declined.errors([_sentence(problem) for problem in unknown])
    if not form.has_liquid:
        return form, None
    try:
        return form, Template(form.template)
    except TemplateError as error:
        raise Declined.errors([str(error)]) from None


@lru_cache(ROW_FORM_CACHE_SIZE)
def _parse_row_form(rendered: str) -> Form:
    return parse(rendered, rendered=True)


def _refuse(unsupported: Sequence[Problem]) -> NoReturn:
    """Raise an error about the first unsupported feature, with the number of others."""
    first, *others = unsupported
    more = f" Unsupported places after this one: {len(others)}." if others else ""
    see = "cml-tools" if first.subject.startswith("cml:") else first.subject.partition(":")[0]
    raise Unsupported(first.subject, _sentence(first) + more, see)


def _sentence(problem: Problem) -> str:
    return f"line {problem.line}, column {problem.column}: {problem.message}"
