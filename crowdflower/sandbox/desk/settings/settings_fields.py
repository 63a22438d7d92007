"""The fields of the settings with their labels, units and hints, in sections of a page."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from crowdflower.sandbox.desk.settings.setting_labels import setting_labels
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
    build = _Builder(values, errors, setting_labels())
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
    labels: Mapping[str, str]

    def __call__(self, name: str, **details: Any) -> SettingsField:
        value, error = self.values.get(name, ""), self.errors.get(name, "")
        return SettingsField(name, self.labels[name], value, error=error, **details)


def _naming(build: _Builder) -> SettingsSection:
    return SettingsSection(
        gettext("Name"),
        gettext("how people and programs find the job"),
        [
            build("title", kind="text", hint=gettext("Contributors see it.")),
            build(
                "language",
                kind="text",
                hint=gettext("A code such as en, de or ar; it also sets the direction of text."),
            ),
            build(
                "alias",
                kind="text",
                hint=gettext("A name for programs instead of the number; may be empty."),
            ),
            build("tags", kind="text", hint=gettext("With commas between them.")),
        ],
    )


def _judgments(build: _Builder) -> SettingsSection:
    return SettingsSection(
        gettext("Judgments"),
        gettext("how many opinions for each row"),
        [
            build(
                "judgments_per_unit",
                hint=gettext("Each is by another person. It counts for rows ordered from now on."),
            ),
            build(
                "variable_judgments_mode",
                kind="tick",
                hint=gettext("Until they agree, or the row has its maximum."),
            ),
            build(
                "max_judgments_per_unit",
                hint=gettext("Empty: until they agree, whatever it costs."),
            ),
            build(
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
            build(
                "units_per_assignment",
                hint=gettext("Test questions included."),
            ),
            build(
                "payment_cents",
                unit=gettext("cents"),
                hint=gettext(
                    "You pay %(price)s: the fee is %(fee)s %%. Pages of cf_internal are free."
                )
                % {"price": dollars(price), "fee": markup_pct},
            ),
            build(
                "req_ttl_in_seconds",
                unit=gettext("minutes"),
                hint=gettext("Then its rows go to other people."),
            ),
            build(
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
            build(
                "gold_per_assignment",
                hint=has,
            ),
            build(
                "reject_at",
                unit="%",
                hint=gettext("The share of test questions to answer correctly."),
            ),
            build(
                "after_gold",
                unit=gettext("test questions"),
                hint=gettext("Below the accuracy needed, a person then gets no more pages."),
            ),
            build(
                "front_load",
                kind="tick",
                hint=gettext("A page of test questions, not paid, before the first page of work."),
            ),
            build(
                "gold_always",
                kind="tick",
                hint=gettext(
                    "Otherwise none is asked until the job has 3 more of them than a page has rows."
                ),
            ),
            build(
                "hide_correct_answers",
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
                kind="boxes",
                choices=tuple((name, _channel(name)) for name in _sorted(channels.AVAILABLE)),
                hint=gettext("Without any, nobody can work on the job."),
            ),
            build(
                "which_countries",
                kind="choice",
                choices=(
                    ("all", gettext("All countries")),
                    ("only", gettext("Only these")),
                    ("except", gettext("All but these")),
                ),
            ),
            build(
                "countries",
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
