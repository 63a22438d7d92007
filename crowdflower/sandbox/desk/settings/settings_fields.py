"""The fields of the settings with their labels, units and hints, in sections of a page."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from crowdflower.sandbox.desk.settings.number_settings import number_label
from crowdflower.sandbox.pages.rendering import dollars
from crowdflower.sandbox.pages.translations import gettext, ngettext
from crowdflower.sandbox.rules import money
from crowdflower.sandbox.rules.settings import channels
from crowdflower.states import INTERNAL

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_ON: Final = "true"


@dataclass(frozen=True)
class SettingsField:
    """One field.

    :param kind: ``number``, ``text``, ``tick``, ``choice`` or ``boxes``.
    :param choices: Value and label of each option, or of each box.
    """

    name: str
    label: str
    value: str
    kind: str = "number"
    unit: str = ""
    hint: str = ""
    error: str = ""
    choices: tuple[tuple[str, str], ...] = ()

    @property
    def is_on(self) -> bool:
        """Whether the box of a ``tick`` is ticked."""
        return self.value == _ON

    @property
    def chosen(self) -> frozenset[str]:
        """The values of the ``boxes`` that are ticked."""
        return frozenset(each.strip() for each in self.value.split(","))


@dataclass(frozen=True)
class SettingsSection:
    """Fields under a heading."""

    heading: str
    note: str
    fields: list[SettingsField] = field(default_factory=list)


def build_sections(
    job: Any, values: Mapping[str, str], errors: Mapping[str, str], markup_pct: int
) -> list[SettingsSection]:
    """Return the sections of the settings.

    :param job: The job as it would be with these values, for the hints.
    :param values: What stands in each field, as in
        :func:`~crowdflower.sandbox.desk.settings.settings_form.typed_values`.
    :param markup_pct: The fee of the account, in percent of the pay.
    """
    build = _Builder(values, errors)
    return [
        _naming(build),
        _judgments(build),
        _pages(build, job, markup_pct),
        _quality(build, job),
        _people(build),
    ]


@dataclass(frozen=True)
class _Builder:
    values: Mapping[str, str]
    errors: Mapping[str, str]

    def __call__(self, name: str, label: str, **details: Any) -> SettingsField:
        value, error = self.values.get(name, ""), self.errors.get(name, "")
        return SettingsField(name, label, value, error=error, **details)

    def number(self, name: str, **details: Any) -> SettingsField:
        return self(name, number_label(name), **details)


def _naming(build: _Builder) -> SettingsSection:
    return SettingsSection(
        gettext("Name"),
        gettext("how people and programs find the job"),
        [
            build("title", gettext("Title"), kind="text", hint=gettext("Contributors see it.")),
            build(
                "language",
                gettext("Language of the form"),
                kind="text",
                hint=gettext("A code such as en, de or ar; it also sets the direction of text."),
            ),
            build(
                "alias",
                gettext("Alias"),
                kind="text",
                hint=gettext("A name for programs instead of the number; may be empty."),
            ),
            build("tags", gettext("Tags"), kind="text", hint=gettext("With commas between them.")),
        ],
    )


def _judgments(build: _Builder) -> SettingsSection:
    return SettingsSection(
        gettext("Judgments"),
        gettext("how many opinions for each row"),
        [
            build.number(
                "judgments_per_unit",
                hint=gettext("Each is by another person. It counts for rows ordered from now on."),
            ),
            build(
                "variable_judgments_mode",
                gettext("Ask more people where they disagree"),
                kind="tick",
                hint=gettext("Until they agree, or the row has its maximum."),
            ),
            build.number(
                "max_judgments_per_unit",
                hint=gettext("Empty: until they agree, whatever it costs."),
            ),
            build.number(
                "min_unit_confidence",
                unit="%",
                hint=gettext("The share of the best answer, weighted by accuracy, such as 70."),
            ),
        ],
    )


def _pages(build: _Builder, job: Any, markup_pct: int) -> SettingsSection:
    price = money.with_fee(job.payment_mc, markup_pct)
    return SettingsSection(
        gettext("Pages and pay"),
        gettext("what one person gets"),
        [
            build.number(
                "units_per_assignment",
                hint=gettext("Test questions included."),
            ),
            build.number(
                "payment_cents",
                unit=gettext("cents"),
                hint=gettext("You pay %(price)s: the fee is %(fee)s %%.")
                % {"price": dollars(price), "fee": markup_pct},
            ),
            build.number(
                "req_ttl_in_seconds",
                unit=gettext("minutes"),
                hint=gettext("Then its rows go to other people."),
            ),
            build.number(
                "max_judgments_per_worker",
                unit=gettext("rows"),
                hint=gettext("Empty: no limit but that of the test questions."),
            ),
        ],
    )


def _quality(build: _Builder, job: Any) -> SettingsSection:
    count = int(job.golds_count)
    has = ngettext(
        "The job has %(num)s test question.", "The job has %(num)s test questions.", count
    ) % {"num": f"{count:,}"}
    return SettingsSection(
        gettext("Quality"),
        gettext("who may go on working"),
        [
            build.number(
                "gold_per_assignment",
                hint=has,
            ),
            build.number(
                "reject_at",
                unit="%",
                hint=gettext("The share of test questions to answer correctly."),
            ),
            build.number(
                "after_gold",
                unit=gettext("test questions"),
                hint=gettext("Below the accuracy needed, a person then gets no more pages."),
            ),
            build(
                "front_load",
                gettext("Begin with a quiz"),
                kind="tick",
                hint=gettext("A page of test questions, not paid, before the first page of work."),
            ),
            build(
                "gold_always",
                gettext("Ask test questions even if there are few"),
                kind="tick",
                hint=gettext(
                    "Otherwise none is asked until the job has 3 more of them than a page has rows."
                ),
            ),
            build(
                "hide_correct_answers",
                gettext("Do not show the correct answers"),
                kind="tick",
                hint=gettext("Otherwise each missed test question is explained after the page."),
            ),
        ],
    )


def _people(build: _Builder) -> SettingsSection:
    return SettingsSection(
        gettext("Contributors"),
        gettext("where they come from"),
        [
            build(
                "channels",
                gettext("Channels"),
                kind="boxes",
                choices=tuple((name, _channel(name)) for name in _sorted(channels.AVAILABLE)),
                hint=gettext("Without any, nobody can work on the job."),
            ),
            build(
                "which_countries",
                gettext("Countries"),
                kind="choice",
                choices=(
                    ("all", gettext("All countries")),
                    ("only", gettext("Only these")),
                    ("except", gettext("All but these")),
                ),
            ),
            build(
                "countries",
                gettext("Codes of these countries"),
                kind="text",
                hint=gettext("Two letters each, with commas, such as FI, DE, US."),
            ),
        ],
    )


def _sorted(names: Iterable[str]) -> list[str]:
    """Put the channel of the pages of this server first."""
    return sorted(names, key=lambda name: (name != INTERNAL, name))


def _channel(name: str) -> str:
    if name == INTERNAL:
        return gettext("%(channel)s: people with the link of the job") % {"channel": name}
    return name
