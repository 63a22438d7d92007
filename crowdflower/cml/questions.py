"""From one question as written to a field: options, validators, aggregation, test questions."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from crowdflower.cml import validators
from crowdflower.cml.drafts import Scope, says, scope_of, text_of
from crowdflower.cml.field import Field, Option
from crowdflower.cml.gold import Matching
from crowdflower.cml.pattern_syntax import PatternError, PatternUnsupportedError
from crowdflower.cml.patterns import pattern
from crowdflower.cml.tags import ELEMENTS

if TYPE_CHECKING:
    from crowdflower.cml.drafts import QuestionDraft
    from crowdflower.cml.liquid import Branch, Liquid
    from crowdflower.cml.problems import Source

MOST_POINTS: Final = 100
"""How far a rating may reach."""

_AGGREGATION = re.compile(
    r"agg|all|avg|agg_[1-9]\d{0,3}|cagg_(?:0|1|0?\.\d{1,6}|1\.0{1,6})", re.ASCII
)
_HOSTED_AGGREGATION = re.compile(r"bagg_.*|tagg|.*-agg")
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?", re.ASCII)


@dataclass(frozen=True)
class Question:
    """A field that does not know of the others yet.

    :param scopes: The conditions around it and its own.
    :param branch: Where it lies in the Liquid of the form.
    :param start: Offset of its tag.
    """

    field: Field
    scopes: tuple[Scope, ...]
    branch: Branch | None
    start: int


def question(source: Source, liquid: Liquid, draft: QuestionDraft) -> Question:
    """Make a field of one question; what is wrong with it is noted in the source."""
    element = ELEMENTS[draft.kind]
    attributes = draft.attributes
    repeated = bool(draft.groups) and draft.groups[-1].repeats
    multiple = element.several or (
        draft.kind in {"text", "textarea", "select", "meta"} and says(attributes, "multiple")
    )
    if not draft.name:
        source.problem(
            draft.start,
            f'<cml:{draft.kind}> has no name: its label holds no letter or digit; add name="…".',
        )
    if repeated and multiple:
        source.problem(
            draft.start,
            f"<cml:{draft.kind}> takes several answers and stands in a group that repeats; take "
            "one answer each time, with cml:select or cml:text.",
        )
    for group in draft.groups[-1:]:
        group.members.append(draft.name)
    options = _options(source, liquid, draft)
    validation = _validation(source, liquid, draft)
    line, column = source.position(draft.start)
    field = Field(
        name=draft.name,
        label=draft.label,
        kind=draft.kind,
        options=options,
        required=validation.required and draft.kind != "hidden",
        multiple=multiple,
        default=_default(source, liquid, draft, options),
        instructions=text_of(attributes, "instructions") or draft.instructions,
        gold=None if repeated else _gold_column(liquid, draft),
        aggregation=_aggregation(source, liquid, draft, options),
        line=line,
        column=column,
        span=(draft.start, draft.end),
        value=text_of(attributes, "value", "default") if draft.kind == "hidden" else "",
        repeated=repeated,
        dynamic=draft.dynamic,
        attributes={name: each.value for name, each in attributes.items()},
        validators=tuple(validation.names),
        rules=tuple(validation.rules) if draft.kind not in {"hidden", "meta"} else (),
        matching=_matching(source, liquid, draft),
    )
    around = draft.groups[-1].scopes if draft.groups else ()
    return Question(field, around + scope_of(draft.tag, source, liquid), draft.branch, draft.start)


def _options(source: Source, liquid: Liquid, draft: QuestionDraft) -> tuple[Option, ...]:
    if draft.kind == "checkbox":
        value = text_of(draft.attributes, "value", "label") or "true"
        label, checked = draft.label or value, says(draft.attributes, "checked")
        return (Option(value, label, checked),)
    wanted = ELEMENTS[draft.kind].option
    if not wanted:
        return ()
    points = _points(source, liquid, draft) if draft.kind == "ratings" else ()
    options, seen = [], set[str]()
    for number, written in enumerate(draft.options):
        value = written.value or (points[number] if number < len(points) else written.label)
        if not value:
            source.problem(written.start, f'<cml:{wanted}> needs a label; add label="…".')
        elif value in seen and not liquid.written_in(value):
            source.warning(
                written.start,
                f'Two options submit "{value:.60}", so that no answer tells them apart.',
            )
        seen.add(value)
        options.append(Option(value, written.label or value, written.checked))
    # Points that cannot be read have been named; that there are none follows from that.
    counts = draft.kind == "ratings" and text_of(draft.attributes, "points", "to")
    if not options and not counts:
        more = ', or say points="5"' if draft.kind == "ratings" else ""
        source.problem(
            draft.start,
            f'<cml:{draft.kind}> has nothing to choose from; put <cml:{wanted} label="…"/> '
            f"between it and </cml:{draft.kind}>{more}.",
        )
    return tuple(options) or tuple(Option(point, point) for point in points)


def _points(source: Source, liquid: Liquid, draft: QuestionDraft) -> tuple[str, ...]:
    """List the values of a rating that only says how far it reaches."""
    first, last = (
        text_of(draft.attributes, "from") or "1",
        text_of(draft.attributes, "points", "to"),
    )
    if not last or liquid.written_in(first + last):
        return ()
    if not all(re.fullmatch(r"-?\d{1,6}", each, re.ASCII) for each in (first, last)):
        source.problem(draft.start, 'A rating counts in whole numbers, such as points="5".')
        return ()
    if not 0 < int(last) - int(first) + 1 <= MOST_POINTS:
        source.problem(draft.start, f"A rating has 1 to {MOST_POINTS} points.")
        return ()
    return tuple(str(point) for point in range(int(first), int(last) + 1))


def _validation(source: Source, liquid: Liquid, draft: QuestionDraft) -> validators.Validation:
    attribute = draft.attributes.get("validates")
    if attribute is None:
        return validators.Validation()
    value = attribute.value
    if liquid.written_in(value):
        required = [word for word in value.split() if word in validators.REQUIRED]
        return validators.Validation(names=required)
    validation = validators.read(value, text_of(draft.attributes, "regex"))
    for message in validation.errors:
        source.problem(attribute.start, message)
    for name in validation.unknown:
        hint = source.did_you_mean(name, validators.KNOWN)
        message = f'Nothing here knows the validator "{name:.60}", so it is not checked'
        source.warning(attribute.start, message + (hint or "."))
    for message in validation.unsupported:
        source.hosted(
            attribute.start, "validates:regex", f"{message}, which is not available here."
        )
    return validation


def _default(
    source: Source, liquid: Liquid, draft: QuestionDraft, options: tuple[Option, ...]
) -> str | None:
    attribute = draft.attributes.get("default")
    if attribute is None or draft.kind == "hidden":
        return None
    labels = [option.label for option in options]
    if (
        draft.kind == "select"
        and attribute.value not in labels
        and not liquid.written_in(attribute.value)
    ):
        hint = source.did_you_mean(attribute.value, labels) or "; write the label of one."
        source.warning(attribute.start, f'No option has the label "{attribute.value:.60}"{hint}')
    return attribute.value


def _aggregation(
    source: Source, liquid: Liquid, draft: QuestionDraft, options: tuple[Option, ...]
) -> str:
    attribute = draft.attributes.get("aggregation")
    default = ELEMENTS[draft.kind].aggregation
    value = attribute.value.strip() if attribute else ""
    if attribute and value and not _AGGREGATION.fullmatch(value):
        if liquid.written_in(value):
            source.problem(
                attribute.start,
                "aggregation cannot differ from row to row, and so cannot hold Liquid; say agg, "
                "avg or all.",
            )
        elif _HOSTED_AGGREGATION.fullmatch(value):
            message = (
                f'aggregation="{value}" is not available here: it belongs to annotation tools.'
            )
            source.hosted(attribute.start, "aggregation", message)
        else:
            hint = source.did_you_mean(value, ["agg", "agg_2", "cagg_0.5", "all", "avg"])
            message = f'There is no aggregation "{value:.60}"{hint or "; say agg, avg or all."}'
            source.problem(attribute.start, message)
    wordy = [each.value for each in options if not _NUMBER.fullmatch(each.value)]
    if (value or default) == "avg" and wordy and not liquid.written_in(wordy[0]):
        source.warning(
            attribute.start if attribute else draft.start,
            f'"{wordy[0]:.60}" is not a number, and so cannot be part of an average; give each '
            'option a value that is, or say aggregation="agg".',
        )
    return value or default


def _gold_column(liquid: Liquid, draft: QuestionDraft) -> str | None:
    """Name the column with right answers; a question that is asked has one unless it says no."""
    said = text_of(draft.attributes, "gold")
    declared = bool(said or draft.gold)
    if said.lower() == "false" or not (declared or ELEMENTS[draft.kind].asked):
        return None
    column = text_of(draft.gold, "src") or text_of(draft.attributes, "src")
    if said.startswith("src:"):
        column = column or said[4:]
    elif said.lower() not in {"", "true", "regex", "exact", "strict"} and not liquid.written_in(
        said
    ):
        column = column or said
    return column or f"{draft.name}_gold"


def _matching(source: Source, liquid: Liquid, draft: QuestionDraft) -> Matching:
    """Read how answers are compared; what ``cml:gold`` says goes before the question's own."""
    attributes = {**draft.attributes, **draft.gold}
    regex = text_of(attributes, "regex")
    words = {text_of(attributes, "matcher").lower(), text_of(draft.attributes, "gold").lower()}
    how: Literal["any", "strict", "exact", "regex"] = "any"
    if says(attributes, "exact") or "exact" in words:
        how = "exact"
    elif says(attributes, "strict") or "strict" in words:
        how = "strict"
    elif regex and "regex" not in _bare_validators(draft):
        how = "regex"
    matcher = text_of(attributes, "matcher").lower()
    if matcher not in {"", "exact", "strict", "regex"} and not liquid.written_in(matcher):
        source.warning(
            attributes["matcher"].start,
            f'Nothing here knows the matcher "{matcher:.60}"; answers are right if one of them is.',
        )
    if how != "regex" or liquid.written_in(regex):
        return Matching("any" if how == "regex" else how)
    flags = text_of(attributes, "flags")
    try:
        pattern(regex.replace("{seed}", "x"), flags)
    except PatternUnsupportedError as error:
        message = f"The pattern of this test question uses {error}, which is not available here."
        source.hosted(attributes["regex"].start, "gold:regex", message)
    except PatternError as error:
        source.problem(
            attributes["regex"].start, f"The pattern {regex!r:.80} does not work: {error}."
        )
    return Matching("regex", regex, flags, no_escape=says(attributes, "no_escape"))


def _bare_validators(draft: QuestionDraft) -> set[str]:
    """Name validators without an argument; a bare ``regex`` takes the attribute of that name."""
    return set(text_of(draft.attributes, "validates").split())
