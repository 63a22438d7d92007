"""Forms of jobs: CML with Liquid, filled in for each row.

:func:`check_form` parses a form when it is saved, :func:`form_for` when a contributor works on a
row. Parsed forms are cached; a form whose questions are the same in every row costs a row only the
lookup.
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, NoReturn

from crowdflower.cml import CMLError, Form, parse
from crowdflower.sandbox.errors import Declined, Invalid, Unsupported
from crowdflower.sandbox.forms.templates import (
    Template,
    TemplateError,
    find_skipped_expression,
    find_unknown_tags,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from crowdflower.cml import Problem

__all__ = ["check_form", "form_for", "rendered_form", "static_form"]

FORM_CACHE_SIZE: Final = 64
"""Forms that are kept, read."""

ROW_FORM_CACHE_SIZE: Final = 256
"""Forms that are kept as rows filled them in; rows that come to the same text share one."""


def check_form(cml_source: str) -> Form:
    """Read a form that somebody wants to save.

    >>> check_form('<cml:text label="Why?"/>').fields[0].name
    'why'
    >>> check_form('<cml:txt label="Why?"/>')
    Traceback (most recent call last):
        ...
    crowdflower.sandbox.errors.Declined: 200 line 1, column 1: There is no tag <cml:txt>; did \
you mean <cml:text>?

    Its Liquid is run once, for an empty row, which shows loops that nobody can pay for.

    :returns: The form as written, its Liquid left as text; ``warnings`` names what is odd.
    :raises Declined: It cannot be used. Each error has its line and column.
    :raises Unsupported: It uses what only the hosted service has.
    """
    form, template = _parse_form(cml_source)
    if form.unsupported:
        _refuse(form.unsupported)
    if template is None and "{{" not in cml_source and "{%" not in cml_source:
        return form
    try:
        Template(cml_source).render({})
    except TemplateError as error:
        raise Declined.errors([str(error)]) from None
    odd = find_skipped_expression(cml_source)
    return replace(form, warnings=(*form.warnings, odd)) if odd else form


def static_form(cml_source: str) -> Form | None:
    """Give the form of a job all of whose rows have the same questions, or else ``None``.

    >>> static_form('<cml:text label="Why?"/>').fields[0].name
    'why'
    """
    form, template = _parse_form(cml_source)
    return form if template is None else None


def form_for(cml_source: str, row: Mapping[str, Any]) -> Form:
    """Give the form as one row sees it.

    :param cml_source: A form that :func:`check_form` has let pass.
    :param row: Column to value; a list stays one, for Liquid's loops.
    :raises Invalid: The form does not work with this row.

    >>> cml = '<cml:radios label="Which?">{% for each in names %}<cml:radio label="{{ each }}"/>\
{% endfor %}</cml:radios>'
    >>> [option.value for option in form_for(cml, {"names": ["Ada", "Grace"]}).fields[0].options]
    ['Ada', 'Grace']
    """
    form, template = _parse_form(cml_source)
    return form if template is None else _fill_in(template, row)


def rendered_form(cml_source: str, row: Mapping[str, Any]) -> Form:
    """Give the form as :func:`form_for` does, with Liquid run in all of it.

    To check answers, only the questions matter; who reads the form reads what is around them, too.
    ``source`` of the form is the text that came out, and ``span`` of each field its place there.

    :raises Invalid: The form does not work with this row.

    >>> rendered_form(
    ...     '<p>{{ review }}</p><cml:text label="Why?"/>', {"review": "Never again."}
    ... ).source
    '<p>Never again.</p><cml:text label="Why?"/>'
    """
    form, _ = _parse_form(cml_source)
    return _fill_in(Template(form.template), row)


def _fill_in(template: Template, row: Mapping[str, Any]) -> Form:
    """Run the Liquid of a form for a row, and read what comes of it."""
    try:
        return _parse_row_form(template.render(row))
    except TemplateError as error:
        raise Invalid(f"The form cannot be shown for this row. {error}") from None
    except CMLError as error:
        where = "; ".join(_sentence(problem) for problem in error.problems)
        raise Invalid(f"The form, filled in with this row, is not a form: {where}") from None


@lru_cache(FORM_CACHE_SIZE)
def _parse_form(cml_source: str) -> tuple[Form, Template | None]:
    """Read a form, and its Liquid where the questions depend on it."""
    try:
        form = parse(cml_source)
    except CMLError as error:
        raise Declined.errors([_sentence(problem) for problem in error.problems]) from None
    unknown = find_unknown_tags(cml_source)
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
    """Name the first thing that is not there, and how many more there are."""
    first, *others = unsupported
    more = f" There are {len(others)} more such places." if others else ""
    see = "cml-tools" if first.subject.startswith("cml:") else first.subject.partition(":")[0]
    raise Unsupported(first.subject, _sentence(first) + more, see)


def _sentence(problem: Problem) -> str:
    return f"line {problem.line}, column {problem.column}: {problem.message}"
