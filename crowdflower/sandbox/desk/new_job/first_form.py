"""The first form of a job, made from its columns: valid, and short enough to go on from."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Final

from crowdflower.cml.names import RESERVED_NAMES, normalize_name
from crowdflower.sandbox import forms
from crowdflower.sandbox.desk.new_job.column_facts import GOLD_SUFFIX
from crowdflower.sandbox.errors import Refusal

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from crowdflower.sandbox.desk.new_job.column_facts import Kind

MAX_RADIOS: Final = 9
"""Answers to choose from that are shown at once: one for each digit on the keyboard."""

MAX_OPTIONS: Final = 30
"""Answers to choose from, in a list that opens; with more of them, people write the answer."""

MAX_OPTION: Final = 80
"""Characters of an answer to choose."""

_OPPOSITES: Final = {"yes": "no", "no": "yes", "true": "false", "false": "true", "1": "0", "0": "1"}
_PRINTED: Final[dict[Kind, str]] = {
    "text": "{{{{ {name} }}}}",
    "picture": '<img src="{{{{ {name} }}}}" alt="{label}">',
    "audio": '<audio src="{{{{ {name} }}}}" controls></audio>',
    "video": '<video src="{{{{ {name} }}}}" controls></video>',
    "link": '<a href="{{{{ {name} }}}}" target="_blank">{{{{ {name} }}}}</a>',
}


@dataclass(frozen=True)
class Question:
    """A question with known answers."""

    name: str
    column: str
    """The column with the correct answers."""
    answers: tuple[str, ...]
    """All correct answers that occur, sorted."""


def question_names(columns: Iterable[str]) -> dict[str, str]:
    """Return the name of the question for each column with correct answers.

    >>> question_names(["verdict_gold", "right answer", "_gold", "Verdict_gold"])
    {'verdict_gold': 'verdict', 'right answer': 'right_answer_answer', '_gold': 'answer',\
 'Verdict_gold': 'verdict_2'}
    """
    names: dict[str, str] = {}
    for column in columns:
        stem = column.removesuffix(GOLD_SUFFIX)
        name = normalize_name(stem) if stem != column else f"{normalize_name(column)}_answer"
        if not name.strip("_") or name in RESERVED_NAMES:
            name = "answer"
        taken, number, plain = {*names.values()}, 1, name
        while name in taken:
            number += 1
            name = f"{plain}_{number}"
        names[column] = name
    return names


def can_print(column: str) -> bool:
    """Return whether a form can print a column: not one whose name Liquid cannot read.

    >>> can_print("review"), can_print("my review"), can_print("1st")
    (True, False, False)
    """
    try:
        form = forms.check_form(f"{{{{ {column} }}}}")
    except Refusal:
        return False
    return [*form.columns] == [column] and not form.warnings


def make_form(shown: Sequence[tuple[str, Kind]], questions: Sequence[Question]) -> str:
    r"""Return the CML of a form that prints columns and asks questions.

    :param shown: Columns to print, with what they hold; those that cannot be printed are left out.
    :param questions: Without any, the form asks one that has to be replaced.

    >>> print(make_form([("review", "text")], [Question("verdict", "v_gold", ("bad", "good"))]))
    <p>{{ review }}</p>
    <BLANKLINE>
    <cml:radios label="Verdict" name="verdict" validates="required" gold="src:v_gold">
      <cml:radio label="bad" value="bad"/>
      <cml:radio label="good" value="good"/>
    </cml:radios>
    """
    printable = [(name, kind) for name, kind in shown if can_print(name)]
    parts = [_print(name, kind, alone=len(printable) == 1) for name, kind in printable]
    parts += [_ask(each) for each in questions] or [
        _choice("radios", 'label="Your answer" name="answer"', ("yes", "no"))
    ]
    return "\n\n".join(("\n".join(parts[: len(printable)]), *parts[len(printable) :])).strip()


def _print(name: str, kind: Kind, *, alone: bool) -> str:
    label = _label(name)
    printed = _PRINTED[kind].format(name=name, label=label)
    return f"<p>{printed}</p>" if alone else f"<p><strong>{label}</strong><br>{printed}</p>"


def _ask(question: Question) -> str:
    """Return a question as choices; if its answers cannot be choices, as a line to write on."""
    gold = f' gold="src:{_attribute(question.column)}"'
    if question.column == f"{question.name}{GOLD_SUFFIX}":
        gold = ""  # where correct answers are by default
    about = f'label="{_label(question.name)}" name="{question.name}"'
    options = question.answers
    if len(options) == 1:
        options = tuple(sorted((*options, _OPPOSITES.get(options[0].lower(), "other"))))
    if 0 < len(options) <= MAX_OPTIONS and all(len(each) <= MAX_OPTION for each in options):
        tag = "radios" if len(options) <= MAX_RADIOS else "select"
        choice = _choice(tag, about, options, gold)
        if _has_options(choice, options):
            return choice
    return f'<cml:text {about} validates="required"{gold}/>'


def _choice(tag: str, about: str, options: Sequence[str], gold: str = "") -> str:
    one = "radio" if tag == "radios" else "option"
    lines = [
        f'  <cml:{one} label="{_attribute(each)}" value="{_attribute(each)}"/>' for each in options
    ]
    start = f'<cml:{tag} {about} validates="required"{gold}>'
    return "\n".join((start, *lines, f"</cml:{tag}>"))


def _has_options(cml: str, options: Sequence[str]) -> bool:
    """Return whether a question has the answers that it was made from: Liquid would change some."""
    try:
        form = forms.check_form(cml)
    except Refusal:
        return False
    found = [option.value for each in form.fields for option in each.answer_options]
    return found == [*options] and not form.has_liquid and not form.columns


def _label(name: str) -> str:
    words = name.replace("_", " ").strip()
    return _attribute(words[:1].upper() + words[1:]) or "Answer"


def _attribute(text: str) -> str:
    return escape(text).replace("{", "&#123;").replace("}", "&#125;")
