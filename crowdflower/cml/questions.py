"""Builds the field of one question: options, validators, aggregation, test question."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from crowdflower.cml import validators
from crowdflower.cml.field import REQUIRED_MESSAGE, Field, Option
from crowdflower.cml.gold import Matching
from crowdflower.cml.nodes import ConditionNode, attribute_text, is_enabled, read_only_if
from crowdflower.cml.regex import compile_regex
from crowdflower.cml.regex_compiler import RegexError, UnsupportedRegexError
from crowdflower.cml.tags import ELEMENTS

if TYPE_CHECKING:
    from crowdflower.cml.liquid import Branch, Liquid
    from crowdflower.cml.nodes import QuestionNode
    from crowdflower.cml.problems import Source

MAX_POINTS: Final = 100
"""Points of a rating."""

_FLAGS: Final = frozenset("dgimsuvy")
"""The flags of JavaScript's patterns."""

_AGGREGATION = re.compile(
    r"agg|all|avg|agg_[1-9]\d{0,3}|cagg_(?:0|1|0?\.\d{1,6}|1\.0{1,6})", re.ASCII
)
_HOSTED_AGGREGATION = re.compile(r"bagg_.*|tagg|.*-agg")
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?", re.ASCII)


@dataclass(frozen=True)
class Question:
    """A field whose name and conditions are not checked against the other questions yet.

    :param conditions: The conditions of the groups around it, and its own.
    :param branch: The Liquid branch that it is in.
    :param start: Offset of its tag.
    :param rendered_name: Its ``name`` as written, or as rendered for one row, if that contains
        Liquid. Conditions may refer to it.
    """

    field: Field
    conditions: tuple[ConditionNode, ...]
    branch: Branch | None
    start: int
    rendered_name: str = ""


def build_question(source: Source, liquid: Liquid, node: QuestionNode) -> Question:
    """Build the field of one question, and add its problems to the source."""
    element = ELEMENTS[node.kind]
    attributes = node.attributes
    written = {name: each.value for name, each in attributes.items()}
    repeated = bool(node.groups) and node.groups[-1].repeats
    multiple = element.multiple or (
        node.kind in {"text", "textarea", "select", "meta"} and is_enabled(attributes, "multiple")
    )
    if not node.name:
        source.add_problem(
            node.start,
            f"<cml:{node.kind}> has no name, because its label has no letters or digits; add "
            'name="…".',
        )
    if repeated and multiple:
        source.add_problem(
            node.start,
            f"<cml:{node.kind}> takes several answers, which does not work in a group with "
            'multiple="true"; use a question with one answer, such as cml:select or cml:text.',
        )
    for group in node.groups[-1:]:
        group.members.append(node.name)
    options = _options(source, liquid, node)
    validation = _validation(source, liquid, node)
    line, column = source.position(node.start)
    field = Field(
        name=node.name,
        label=node.label,
        kind=node.kind,
        options=options,
        required=validation.required and node.kind != "hidden",
        required_message=next(
            (
                message
                for name in validators.REQUIRED
                if (message := validators.message_of(name, written))
            ),
            REQUIRED_MESSAGE,
        ),
        multiple=multiple,
        default=_default(source, liquid, node, options),
        instructions=attribute_text(attributes, "instructions") or node.instructions,
        gold=None if repeated else _gold_column(liquid, node),
        aggregation=_aggregation(source, liquid, node, options),
        line=line,
        column=column,
        span=(node.start, node.end),
        value=attribute_text(attributes, "value", "default") if node.kind == "hidden" else "",
        repeated=repeated,
        dynamic=node.dynamic,
        attributes=written,
        validators=tuple(validation.names),
        rules=tuple(validation.rules) if node.kind not in {"hidden", "meta"} else (),
        matching=_matching(source, liquid, node),
    )
    inherited = node.groups[-1].conditions if node.groups else ()
    conditions = inherited + read_only_if(node.tag, source, liquid)
    return Question(field, conditions, node.branch, node.start, node.rendered_name)


def _options(source: Source, liquid: Liquid, node: QuestionNode) -> tuple[Option, ...]:
    if node.kind == "checkbox":
        value = attribute_text(node.attributes, "value", "label") or "true"
        label, checked = node.label or value, is_enabled(node.attributes, "checked")
        return (Option(value, label, checked),)
    option_kind = ELEMENTS[node.kind].option
    if not option_kind:
        return ()
    points = _points(source, liquid, node) if node.kind == "ratings" else ()
    all_blank = all(option.is_blank for option in node.options)
    options, values = [], set[str]()
    for index, option in enumerate(node.options):
        value = option.value or (points[index] if index < len(points) else option.label)
        if option.is_blank and not all_blank:
            value = ""
        if not value and node.kind != "select" and option.label:
            source.add_warning(
                option.start,
                f'The value of "{option.label:.60}" is blank, so choosing it is no answer; give it '
                "a value.",
            )
        elif not value and node.kind != "select" and liquid.enabled:
            source.add_problem(option.start, f'<cml:{option_kind}> has no label; add label="…".')
        elif value and value in values and not liquid.is_in(value):
            source.add_warning(
                option.start,
                f'Two options have the value "{value:.60}", so their answers cannot be told apart; '
                "give one of them another value.",
            )
        values.add(value)
        options.append(Option(value, option.label or value, option.checked))
    # Invalid points are already reported; the missing options follow from that.
    has_points = node.kind == "ratings" and attribute_text(node.attributes, "points", "to")
    if not any(option.value for option in options) and not has_points:
        alternative = ', or add points="5"' if node.kind == "ratings" else ""
        source.add_problem(
            node.start,
            f'<cml:{node.kind}> has no options; put <cml:{option_kind} label="…"/> between '
            f"<cml:{node.kind}> and </cml:{node.kind}>{alternative}.",
        )
    return tuple(options) or tuple(Option(point, point) for point in points)


def _points(source: Source, liquid: Liquid, node: QuestionNode) -> tuple[str, ...]:
    """List the values of a rating that has ``points``, or ``from`` and ``to``."""
    first = attribute_text(node.attributes, "from") or "1"
    last = attribute_text(node.attributes, "points", "to")
    if not last or liquid.is_in(first + last):
        return ()
    if not all(re.fullmatch(r"-?\d{1,6}", each, re.ASCII) for each in (first, last)):
        source.add_problem(
            node.start, 'The points of a rating must be whole numbers, such as points="5".'
        )
        return ()
    count = int(last) - int(first) + 1
    if not 0 < count <= MAX_POINTS:
        source.add_problem(
            node.start, f"A rating must have from 1 to {MAX_POINTS} points; this one has {count}."
        )
        return ()
    return tuple(str(point) for point in range(int(first), int(last) + 1))


def _validation(source: Source, liquid: Liquid, node: QuestionNode) -> validators.Validation:
    attributes = {name: each.value for name, each in node.attributes.items()}
    value = attributes.get("validates", "")
    if liquid.is_in(value):
        required = [word for word in value.split() if word in validators.REQUIRED]
        return validators.Validation(names=required)
    validation = validators.parse_validators(value, attributes, liquid.is_in)
    attribute = node.attributes.get("validates") or next(
        (each for name, each in node.attributes.items() if name.startswith("data-validates-")), None
    )
    if attribute is None:
        return validation
    _warn_unused(source, liquid, node)
    for message in validation.errors:
        source.add_problem(attribute.start, message)
    pattern = node.attributes.get("data-validates-regex")
    if pattern is not None and not pattern.value and liquid.enabled:
        message = "data-validates-regex is blank, so it accepts every answer; write a pattern."
        source.add_warning(pattern.start, message)
    for name in validation.implied:
        if name not in validation.unknown:
            source.add_warning(
                attribute.start,
                f'"{name}" is in an attribute, but not in validates; it is checked here, and the '
                f'service may not check it: add "{name}" to validates.',
            )
    for name in validation.unknown:
        hint = source.did_you_mean(name, validators.VALIDATORS)
        message = f'There is no validator "{name:.60}", so it is not checked{hint or "."}'
        source.add_warning(attribute.start, message)
    for feature in validation.unsupported:
        source.add_unsupported(
            attribute.start,
            "validates:regex",
            f'The pattern of the validator "regex" uses {feature}, which is not available here.',
        )
    return validation


def _warn_unused(source: Source, liquid: Liquid, node: QuestionNode) -> None:
    """Warn of unknown flags, and of a message and flags that are of no validator."""
    for word in ("flags", "message"):
        if attribute := node.attributes.get(f"data-validates-{word}"):
            message = (
                f"data-validates-{word} has no effect, because it names no validator; write "
                f"data-validates-NAME-{word}, such as data-validates-regex-{word}."
            )
            source.add_warning(attribute.start, message)
    flags = node.attributes.get("data-validates-regex-flags")
    unknown = set(flags.value.strip()) - _FLAGS if flags else set()
    if flags and unknown and not liquid.is_in(flags.value):
        listed = "".join(sorted(unknown))[:30]
        message = f'data-validates-regex-flags has unknown flags, "{listed}", without an effect.'
        source.add_warning(flags.start, message)


def _default(
    source: Source, liquid: Liquid, node: QuestionNode, options: tuple[Option, ...]
) -> str | None:
    attribute = node.attributes.get("default")
    if attribute is None or node.kind == "hidden":
        return None
    labels = [option.label for option in options]
    if (
        node.kind == "select"
        and attribute.value not in labels
        and not liquid.is_in(attribute.value)
    ):
        hint = source.did_you_mean(attribute.value, labels) or "; use the label of an option."
        source.add_warning(
            attribute.start, f'default="{attribute.value:.60}" is not the label of an option{hint}'
        )
    return attribute.value


def _aggregation(
    source: Source, liquid: Liquid, node: QuestionNode, options: tuple[Option, ...]
) -> str:
    attribute = node.attributes.get("aggregation")
    default = ELEMENTS[node.kind].aggregation
    value = attribute.value.strip() if attribute else ""
    if attribute and value and not _AGGREGATION.fullmatch(value):
        if liquid.is_in(value):
            source.add_problem(
                attribute.start,
                "aggregation cannot contain Liquid, because it is the same for all rows; use agg, "
                "avg or all.",
            )
        elif _HOSTED_AGGREGATION.fullmatch(value):
            message = (
                f'aggregation="{value}" is not available here: it belongs to annotation tools.'
            )
            source.add_unsupported(attribute.start, "aggregation", message)
        else:
            hint = source.did_you_mean(value, ["agg", "agg_2", "cagg_0.5", "all", "avg"])
            message = f'There is no aggregation "{value:.60}"{hint or "; use agg, avg or all."}'
            source.add_problem(attribute.start, message)
    values = [each.value for each in options if each.value]
    not_numbers = [value for value in values if not _NUMBER.fullmatch(value)]
    if (value or default) == "avg" and not_numbers and not liquid.is_in(not_numbers[0]):
        source.add_warning(
            attribute.start if attribute else node.start,
            f'"{not_numbers[0]:.60}" is not a number, so it cannot be averaged; give each option a '
            'numeric value, or add aggregation="agg".',
        )
    return value or default


def _gold_column(liquid: Liquid, node: QuestionNode) -> str | None:
    """Return the column of accepted answers; a visible question has one unless gold="false"."""
    gold = attribute_text(node.attributes, "gold")
    declared = bool(gold or node.gold)
    if gold.lower() == "false" or not (declared or ELEMENTS[node.kind].visible):
        return None
    column = attribute_text(node.gold, "src") or attribute_text(node.attributes, "src")
    if gold.startswith("src:"):
        column = column or gold[4:]
    elif gold.lower() not in {"", "true", "regex", "exact", "strict"} and not liquid.is_in(gold):
        column = column or gold
    return column or f"{node.name}_gold"


def _matching(source: Source, liquid: Liquid, node: QuestionNode) -> Matching:
    """Read how answers are compared; ``cml:gold`` overrides the attributes of the question."""
    attributes = {**node.attributes, **node.gold}
    regex = attribute_text(attributes, "regex")
    matcher = attribute_text(attributes, "matcher").lower()
    keywords = {matcher, attribute_text(node.attributes, "gold").lower()}
    how: Literal["any", "strict", "exact", "regex"] = "any"
    if is_enabled(attributes, "exact") or "exact" in keywords:
        how = "exact"
    elif is_enabled(attributes, "strict") or "strict" in keywords:
        how = "strict"
    elif regex and "regex" not in _bare_validators(node):
        how = "regex"
    if matcher not in {"", "exact", "strict", "regex"} and not liquid.is_in(matcher):
        source.add_warning(
            attributes["matcher"].start,
            f'There is no matcher "{matcher:.60}", so it is ignored; use exact, strict or regex.',
        )
    if how != "regex" or liquid.is_in(regex):
        return Matching("any" if how == "regex" else how)
    flags = attribute_text(attributes, "flags")
    try:
        compile_regex(regex.replace("{seed}", "x"), flags)
    except UnsupportedRegexError as feature:
        message = f"The pattern of this test question uses {feature}, which is not available here."
        source.add_unsupported(attributes["regex"].start, "gold:regex", message)
    except RegexError as error:
        source.add_problem(
            attributes["regex"].start,
            f"The pattern {regex!r:.80} is not a valid regular expression: {error}.",
        )
    return Matching("regex", regex, flags, no_escape=is_enabled(attributes, "no_escape"))


def _bare_validators(node: QuestionNode) -> set[str]:
    """Return the validators without arguments; a bare ``regex`` uses the attribute as pattern."""
    if "data-validates-regex" in node.attributes:
        return set()
    return set(attribute_text(node.attributes, "validates").split())
