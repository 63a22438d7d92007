"""The form of each type of task: what a contributor sees of a point, and may say of it.

The scale of sentiment is the documented one, from 1, very negative, to 5, very positive. The pages
of the original have it the other way round.

Source: AMPLab, `Supported Task Types <https://amplab.github.io/ampcrowd/available_types.html>`_.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from crowdflower.sandbox.forms import check_form


class Kind(NamedTuple):
    """A type of task, as a job has it."""

    title: str
    question: str
    """Name of the one question of the form."""
    instructions: str
    """For groups that bring none."""
    cml: str

    @property
    def answers(self) -> tuple[str, ...]:
        """What may be said of a point.

        >>> KINDS["er"].answers
        ('1', '0')
        """
        (question,) = check_form(self.cml).fields
        return tuple(option.value for option in question.options)


KINDS: Final = {
    "sa": Kind(
        "Sentiment",
        "sentiment",
        "<p>Say how positive or negative each text is.</p>",
        """<p>{{ text }}</p>
<cml:radios label="How does it sound?" name="sentiment" validates="required">
  <cml:radio label="Very negative" value="1"/>
  <cml:radio label="Somewhat negative" value="2"/>
  <cml:radio label="Neutral" value="3"/>
  <cml:radio label="Somewhat positive" value="4"/>
  <cml:radio label="Very positive" value="5"/>
</cml:radios>""",
    ),
    "er": Kind(
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
    "ft": Kind(
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
"""``sa``, ``er`` and ``ft``."""
