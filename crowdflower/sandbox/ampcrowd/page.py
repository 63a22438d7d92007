"""A batch as a person sees it in a browser: plain HTML, no script, everything escaped."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from markupsafe import Markup

from crowdflower.sandbox.ampcrowd.forms import KINDS
from crowdflower.sandbox.forms import form_for
from crowdflower.sandbox.forms.cleaning import clean

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from crowdflower._types import JSON
    from crowdflower.sandbox.ampcrowd.people import Assignment

_FRAME: Final = Markup("""<!DOCTYPE html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{title}</title></head>
<body><main>{body}</main></body>
</html>
""")
_FORM: Final = Markup("""<h1>{title}</h1>
<div>{instructions}</div>
<form method="post" action="{action}">
<input type="hidden" name="assignment_id" value="{assignment}">
<input type="hidden" name="task_id" value="{task}">
<input type="hidden" name="worker_id" value="{worker}">
{points}
<button>Submit</button>
</form>""")
_POINT: Final = Markup("""<section>{shown}<fieldset><legend>{label}</legend>
{options}</fieldset></section>
""")
_OPTION: Final = Markup(
    '<label><input type="radio" name="answers[{name}]" value="{value}" required>{label}</label>\n'
)


def nothing_to_do() -> str:
    """Write the page for those for whom there is no work."""
    return str(
        _FRAME.format(title="No tasks", body=Markup("<p>There are no tasks for you now.</p>"))
    )


def page(assignment: Assignment, task_type: str, action: str) -> str:
    """Write the page of a batch.

    :param action: Where the answers go.
    """
    job, kind = assignment.job, KINDS[task_type]
    points = Markup().join(
        _POINT.format(
            shown=_shown(unit.data),
            label=question.label,
            options=Markup().join(
                _OPTION.format(name=unit.data["_amp_id"], value=each.value, label=each.label)
                for each in question.options
            ),
        )
        for unit in assignment.page.units
        for question in form_for(job.cml, unit.data).fields
        if question.name == kind.question
    )
    body = _FORM.format(
        title=kind.title,
        instructions=Markup(clean(job.instructions)),  # noqa: S704 - that is what clean is for
        action=action,
        assignment=assignment.id,
        task=assignment.task_id,
        worker=assignment.worker_id,
        points=points,
    )
    return str(_FRAME.format(title=kind.title, body=body))


def _shown(row: Mapping[str, JSON]) -> Markup:
    """Write what a point shows: a text or a question, and its records as a table."""
    text = row.get("text", row.get("title"))
    shown = Markup("<p>{}</p>").format(text) if text is not None else Markup()
    records: Sequence[Sequence[JSON]] = [
        row[name] for name in ("first", "second", "record") if name in row
    ]
    if not records:
        return shown
    lines = Markup().join(
        Markup("<tr><th>{}</th>{}</tr>").format(
            field, Markup().join(Markup("<td>{}</td>").format(value) for value in values)
        )
        for field, *values in zip(row["fields"], *records, strict=True)
    )
    return shown + Markup("<table>{}</table>").format(lines)
