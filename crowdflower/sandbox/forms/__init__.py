"""Forms as rows fill them in: Liquid over CML.

:func:`checked` reads a form when somebody saves it, and :func:`form_for` when somebody works on a
row. Each form is read once; one whose questions are the same in every row costs a row no more than
looking it up.
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, NoReturn

from crowdflower.cml import CMLError, Form, parse
from crowdflower.sandbox.errors import Declined, Invalid, Unsupported
from crowdflower.sandbox.forms.templates import Template, TemplateError, oddity, strangers

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from crowdflower.cml import Problem

__all__ = ["checked", "form_for", "same_for_all", "whole_form"]

FORMS_KEPT: Final = 64
"""Forms that are kept, read."""

ROW_FORMS_KEPT: Final = 256
"""Forms that are kept as rows filled them in; rows that come to the same text share one."""


def checked(cml_source: str) -> Form:
    """Read a form that somebody wants to save.

    >>> checked('<cml:text label="Why?"/>').fields[0].name
    'why'
    >>> checked('<cml:txt label="Why?"/>')
    Traceback (most recent call last):
        ...
    crowdflower.sandbox.errors.Declined: 200 line 1, column 1: There is no tag <cml:txt>; did \
you mean <cml:text>?

    Its Liquid is run once, for an empty row, which shows loops that nobody can pay for.

    :returns: The form as written, its Liquid left as text; ``warnings`` names what is odd.
    :raises Declined: It cannot be used. Each error has its line and column.
    :raises Unsupported: It uses what only the hosted service has.
    """
    form, template = _read(cml_source)
    if form.unsupported:
        _refuse(form.unsupported)
    if template is None and "{{" not in cml_source and "{%" not in cml_source:
        return form
    try:
        Template(cml_source).render({})
    except TemplateError as error:
        raise Declined.errors([str(error)]) from None
    odd = oddity(cml_source)
    return replace(form, warnings=(*form.warnings, odd)) if odd else form


def same_for_all(cml_source: str) -> Form | None:
    """Give the form of a job all of whose rows have the same questions, or else ``None``.

    >>> same_for_all('<cml:text label="Why?"/>').fields[0].name
    'why'
    """
    form, template = _read(cml_source)
    return form if template is None else None


def form_for(cml_source: str, row: Mapping[str, Any]) -> Form:
    """Give the form as one row sees it.

    :param cml_source: A form that :func:`checked` has let pass.
    :param row: Column to value; a list stays one, for Liquid's loops.
    :raises Invalid: The form does not work with this row.

    >>> cml = '<cml:radios label="Which?">{% for each in names %}<cml:radio label="{{ each }}"/>\
{% endfor %}</cml:radios>'
    >>> [option.value for option in form_for(cml, {"names": ["Ada", "Grace"]}).fields[0].options]
    ['Ada', 'Grace']
    """
    form, template = _read(cml_source)
    return form if template is None else _filled(template, row)


def whole_form(cml_source: str, row: Mapping[str, Any]) -> Form:
    """Give the form as :func:`form_for` does, with Liquid run in all of it.

    To check answers, only the questions matter; who reads the form reads what is around them, too.
    ``source`` of the form is the text that came out, and ``span`` of each field its place there.

    :raises Invalid: The form does not work with this row.

    >>> whole_form('<p>{{ review }}</p><cml:text label="Why?"/>', {"review": "Never again."}).source
    '<p>Never again.</p><cml:text label="Why?"/>'
    """
    form, _ = _read(cml_source)
    return _filled(Template(form.template), row)


def _filled(template: Template, row: Mapping[str, Any]) -> Form:
    """Run the Liquid of a form for a row, and read what comes of it."""
    try:
        return _row_form(template.render(row))
    except TemplateError as error:
        raise Invalid(f"The form cannot be shown for this row. {error}") from None
    except CMLError as error:
        where = "; ".join(_sentence(problem) for problem in error.problems)
        raise Invalid(f"The form, filled in with this row, is not a form: {where}") from None


@lru_cache(FORMS_KEPT)
def _read(cml_source: str) -> tuple[Form, Template | None]:
    """Read a form, and its Liquid where the questions depend on it."""
    try:
        form = parse(cml_source)
    except CMLError as error:
        raise Declined.errors([_sentence(problem) for problem in error.problems]) from None
    unknown = strangers(cml_source)
    if unknown:
        raise Declined.errors([_sentence(problem) for problem in unknown])
    if not form.has_liquid:
        return form, None
    try:
        return form, Template(form.template)
    except TemplateError as error:
        raise Declined.errors([str(error)]) from None


@lru_cache(ROW_FORMS_KEPT)
def _row_form(rendered: str) -> Form:
    return parse(rendered, rendered=True)


def _refuse(unsupported: Sequence[Problem]) -> NoReturn:
    """Name the first thing that is not there, and how many more there are."""
    first, *others = unsupported
    more = f" There are {len(others)} more such places." if others else ""
    see = "cml-tools" if first.subject.startswith("cml:") else first.subject.partition(":")[0]
    raise Unsupported(first.subject, _sentence(first) + more, see)


def _sentence(problem: Problem) -> str:
    return f"line {problem.line}, column {problem.column}: {problem.message}"
