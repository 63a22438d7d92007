"""The form for each type of task: how a point is shown, and the possible answers.

Sentiment is measured on the documented scale, from 1 (very negative) to 5 (very positive); the
original's own pages have it the other way round.

Source: AMPLab, `Supported Task Types <https://amplab.github.io/ampcrowd/available_types.html>`_.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from crowdflower.sandbox.forms import check_form


class TaskForm(NamedTuple):
    """The title, instructions and form of a job for one type of task."""

    title: str
    question: str
    """Name of the one question of the form."""
    instructions: str
    """For groups without instructions of their own."""
    cml: str

    @property
    def answers(self) -> tuple[str, ...]:
        """The possible answers for a point.

        >>> TASK_FORMS["er"].answers
        ('1', '0')
        """
        (question,) = check_form(self.cml).fields
        return tuple(option.value for option in question.options)


TASK_FORMS: Final = {
    "sa": TaskForm(
        "Sentiment",
        "sentiment",
        "<p>Decide how positive or negative each text is.</p>",
        """<p>{{ text }}</p>
<cml:radios label="How does it sound?" name="sentiment" validates="required">
  <cml:radio label="Very negative" value="1"/>
  <cml:radio label="Somewhat negative" value="2"/>
  <cml:radio label="Neutral" value="3"/>
  <cml:radio label="Somewhat positive" value="4"/>
  <cml:radio label="Very positive" value="5"/>
</cml:radios>""",
    ),
    "er": TaskForm(
        "Entity resolution",
        "same",
        "<p>Decide whether the two records are about the same thing.</p>",
        """<table>{% for field in fields %}
<tr><th>{{ field }}</th><td>{{ first[forloop.index0] }}</td>
<td>{{ second[forloop.index0] }}</td></tr>{% endfor %}</table>
<cml:radios label="Is it the same thing?" name="same" validates="required">
  <cml:radio label="Yes" value="1"/>
  <cml:radio label="No" value="0"/>
</cml:radios>""",
    ),
    "ft": TaskForm(
        "Filtering",
        "answer",
        "<p>Answer the question about each record.</p>",
        """<p>{{ title }}</p>
<table>{% for field in fields %}
<tr><th>{{ field }}</th><td>{{ record[forloop.index0] }}</td></tr>{% endfor %}</table>
<cml:radios label="Your answer" name="answer" validates="required">
  <cml:radio label="Yes" value="1"/>
  <cml:radio label="No" value="0"/>
</cml:radios>""",
    ),
}
"""Type of task, ``sa``, ``er`` or ``ft``, to form."""
