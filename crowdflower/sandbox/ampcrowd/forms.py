"""The form of each type of task: what a contributor sees of a point, and may say of it.

The scale of sentiment is the documented one, from 1, very negative, to 5, very positive. The pages
of the original have it the other way round.

Source: AMPLab, `Supported Task Types <https://amplab.github.io/ampcrowd/available_types.html>`_.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import nh3


class Kind(NamedTuple):
    """A type of task, as a job has it."""

    title: str
    question: str
    """Name of the one question of the form."""
    instructions: str
    """For groups that bring none."""
    cml: str


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

_TAGS: Final = {
    *("a", "b", "blockquote", "br", "code", "dd", "div", "dl", "dt", "em", "h1", "h2", "h3", "h4"),
    *("hr", "i", "img", "li", "ol", "p", "pre", "q", "s", "small", "span", "strong", "sub", "sup"),
    *("table", "tbody", "td", "th", "thead", "tr", "u", "ul"),
}


def clean(html: str) -> str:
    """Keep of somebody's HTML what cannot do anything: the original shows it as it came.

    >>> clean('<p onclick="steal()">Read <b>well</b>.<script>steal()</script></p>')
    '<p>Read <b>well</b>.</p>'
    """
    return nh3.clean(
        html,
        tags=_TAGS,
        attributes={"a": {"href", "title"}, "img": {"src", "alt", "title"}},
        url_schemes={"http", "https", "mailto"},
    )
