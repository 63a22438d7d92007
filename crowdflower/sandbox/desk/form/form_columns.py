"""The columns of a job's rows beside its form: which it uses, which contributors must not see."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from crowdflower.sandbox.pages.translations import gettext
from crowdflower.sandbox.rules.gold_answers import MARKER_COLUMNS, REASON_SUFFIX
from crowdflower.sandbox.rules.settings import source_columns

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from sqlalchemy import Row

    from crowdflower.sandbox.store import Transaction

MAX_COLUMNS: Final = 100
"""Columns that the page offers to insert."""

_LIQUID: Final = re.compile(r"\{\{.*?\}\}|\{%.*?%\}", re.DOTALL)
_WORD: Final = re.compile(r"[\w-]+")
_PLAIN_NAME: Final = re.compile(r"[A-Za-z_][\w-]*")
_GOLD_SUFFIX: Final = "_gold"


@dataclass(frozen=True)
class FormColumn:
    """A column of the rows.

    :param line: The first line of the form that names it; ``None`` if none does.
    :param role: ``answer`` of test questions, ``key`` of the rows, or ``data``.
    """

    name: str
    line: int | None
    role: str

    @property
    def liquid(self) -> str:
        """What prints it in a form; empty if Liquid cannot name it."""
        return f"{{{{ {self.name} }}}}" if _PLAIN_NAME.fullmatch(self.name) else ""


@dataclass(frozen=True)
class FormColumns:
    """The columns of the rows of a job."""

    columns: tuple[FormColumn, ...]

    @classmethod
    def read(cls, tx: Transaction, job: Row[Any], cml: str) -> FormColumns:
        """Read the columns of a job, and where a form names them."""
        lines = find_names(cml)
        names = source_columns.read_columns(tx, job.id)[:MAX_COLUMNS]
        return cls(tuple(FormColumn(name, lines.get(name), _role(job, name)) for name in names))

    def named(self, role: str) -> list[str]:
        """Return the names of the columns with a role."""
        return [each.name for each in self.columns if each.role == role]

    def unfit(self) -> Iterator[tuple[int, str, str]]:
        """Yield line, sentence and role of each column that the form names and should not."""
        for each in self.columns:
            if each.line is None:
                continue
            if each.role == "answer":
                yield (
                    each.line,
                    gettext(
                        "“%(name)s” belongs to the test questions, so contributors never see it:"
                        " they see nothing here."
                    )
                    % {"name": each.name},
                    each.role,
                )
            elif each.role == "key":
                yield (
                    each.line,
                    gettext(
                        "“%(name)s” is the key of the rows: contributors would see it, and could"
                        " recognise rows by it."
                    )
                    % {"name": each.name},
                    each.role,
                )


def find_names(cml: str) -> Mapping[str, int]:
    r"""Return the words in the Liquid of a form, each with its first line.

    >>> find_names("<p>\n{{ text }} {% if why %}{{ text }}{% endif %}")["text"]
    2
    """
    found: dict[str, int] = {}
    line, at = 1, 0
    for liquid in _LIQUID.finditer(cml):
        line += cml.count("\n", at, liquid.start())
        at = liquid.start()
        for word in _WORD.finditer(liquid[0]):
            found.setdefault(word[0], line + liquid[0].count("\n", 0, word.start()))
    return found


def _role(job: Row[Any], name: str) -> str:
    answers = {*job.gold.values(), *MARKER_COLUMNS}
    base = name.removesuffix(REASON_SUFFIX)
    if base in answers or base.endswith(_GOLD_SUFFIX):
        return "answer"
    return "key" if name == job.custom_key else "data"
