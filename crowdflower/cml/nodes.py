"""Nodes of the parsed form: questions, options and groups as written, before validation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from crowdflower.cml.liquid import name_pattern
from crowdflower.cml.names import fixed_name, normalize_name
from crowdflower.cml.only_if import OnlyIfError, parse_condition

if TYPE_CHECKING:
    from crowdflower.cml.liquid import Branch, Liquid
    from crowdflower.cml.only_if import Condition
    from crowdflower.cml.problems import Source
    from crowdflower.cml.scanner import Attribute, Tag


RENDERED_NAME: Final = "rendered-name"
"""Attribute of a form's template: the ``name`` as written, if that contains Liquid."""


def is_enabled(attributes: dict[str, Attribute], name: str) -> bool:
    """Return whether a Boolean attribute is present and not ``false``, ``no`` or ``0``."""
    attribute = attributes.get(name)
    return attribute is not None and attribute.value.strip().lower() not in {"false", "no", "0"}


def attribute_text(attributes: dict[str, Attribute], *names: str) -> str:
    """Return the first of these attributes that is not blank, stripped; ``""`` if all are."""
    for name in names:
        attribute = attributes.get(name)
        if attribute is not None and (text := attribute.value.strip()):
            return text
    return ""


@dataclass(frozen=True, eq=False)
class ConditionNode:
    """One ``only-if`` as written, with its offset; all questions of a group share the group's."""

    condition: Condition
    start: int


def read_only_if(tag: Tag, source: Source, liquid: Liquid) -> tuple[ConditionNode, ...]:
    """Parse a tag's ``only-if`` into at most one node; one with Liquid is read per row instead."""
    attribute = tag.attributes.get("only-if")
    if attribute is None or not attribute.value.strip() or liquid.is_in(attribute.value):
        return ()
    try:
        return (ConditionNode(parse_condition(attribute.value), attribute.start),)
    except OnlyIfError as error:
        source.add_problem(attribute.value_start + error.offset, f"Invalid only-if: {error}.")
        return ()


class GroupNode:
    """A ``cml:group`` as written."""

    def __init__(
        self, tag: Tag, source: Source, liquid: Liquid, ancestors: tuple[GroupNode, ...] = ()
    ) -> None:
        self.start = tag.start
        self.inner_start = tag.end
        self.inner_end = self.end = tag.end
        self.label = attribute_text(tag.attributes, "label")
        self.members: list[str] = []
        self.conditions: tuple[ConditionNode, ...] = ancestors[-1].conditions if ancestors else ()
        self.conditions += read_only_if(tag, source, liquid)
        self.repeats: bool = is_enabled(tag.attributes, "multiple") or any(
            group.repeats for group in ancestors
        )
        self.group_name = normalize_name(attribute_text(tag.attributes, "group_name", "group-name"))
        self._check(tag.attributes, source)

    def _check(self, attributes: dict[str, Attribute], source: Source) -> None:
        """Check the rules of linked answers, in the words of the hosted editor.

        Source: that editor's messages, as a public test suite of the service quotes them; what to
        do, behind the semicolon, is ours.
        """
        aggregation = attributes.get("aggregation")
        if aggregation is not None and not self.group_name:
            source.add_problem(
                aggregation.start,
                "CML <cml:group> requires 'group_name' attribute to be set when 'aggregation' is "
                'present; add group_name="…", the column of the linked answers.',
            )
        if self.group_name and attribute_text(attributes, "aggregation") != "true":
            source.add_problem(
                self.start,
                "CML <cml:group> 'aggregation' attribute must be set to 'true' when 'group-name' "
                'is present; add aggregation="true".',
            )
        if self.group_name and "name" in attributes:
            source.add_problem(
                attributes["name"].start,
                "CML <cml:group> cannot use name when group_name is present; remove name.",
            )


class OptionNode:
    """One option of a question as written."""

    def __init__(self, tag: Tag) -> None:
        self.tag = tag
        self.start = tag.start
        self.label = attribute_text(tag.attributes, "label", "value")
        self.value = attribute_text(tag.attributes, "value")
        self.is_blank = "value" in tag.attributes and not self.value
        default = attribute_text(tag.attributes, "default")
        self.checked = is_enabled(tag.attributes, "checked") or default == "true"


class QuestionNode:
    """One question as written."""

    def __init__(
        self,
        tag: Tag,
        liquid: Liquid,
        branch: Branch | None = None,
        groups: tuple[GroupNode, ...] = (),
    ) -> None:
        self.kind = tag.kind
        self.tag = tag
        self.start = tag.start
        self.end = tag.end
        self.branch = branch
        self.groups = groups
        self.options: list[OptionNode] = []
        self.instructions = ""
        self.gold: dict[str, Attribute] = {}
        name = attribute_text(tag.attributes, "name")
        label = attribute_text(tag.attributes, "label")
        in_loop = branch is not None and branch.repeats
        self.has_liquid_name = liquid.is_in(name or label) and not in_loop
        self.dynamic = liquid.is_in(name or label) and in_loop
        self.label = label
        self.name = normalize_name(name or label)
        self.rendered_name = normalize_name(attribute_text(tag.attributes, RENDERED_NAME))
        if name and self.has_liquid_name:
            self.name, self.rendered_name = fixed_name(name), name
        elif name and self.dynamic:
            self.name = name

    @property
    def attributes(self) -> dict[str, Attribute]:
        """The attributes of its tag."""
        return self.tag.attributes


def fix_names(source: str, nodes: list[QuestionNode], conditions: list[Attribute]) -> str:
    """Fix the names that would otherwise depend on the row, and the conditions that use them.

    A ``name`` with Liquid is replaced; where the name comes from a label with Liquid, one is added.
    An option whose label contains Liquid gets its label as value, too: labels contain markup and
    values do not, so ``{{ text | escape }}`` is different in both.
    """
    edits: list[tuple[int, int, str]] = []
    names = []
    for node in nodes:
        name = node.attributes.get("name")
        if node.has_liquid_name and name is not None and name.value.strip():
            written = source[name.value_start : name.value_end]
            quote = _quote(source, name)
            both = f"{node.name}{quote} {RENDERED_NAME}={quote}{written}"
            edits.append((name.value_start, name.value_end, both))
            names.append(written)
        elif node.has_liquid_name:
            edits.append(_insertion(node.tag, f' name="{node.name}"'))
        tags = [node.tag] if node.kind == "checkbox" else [each.tag for each in node.options]
        if node.kind != "ratings":
            labels = ((tag, _label(source, tag)) for tag in tags)
            edits += [_insertion(tag, f" value={label}") for tag, label in labels if label]
    pattern = name_pattern(names)
    for each in conditions if names else ():
        fixed = pattern.sub(
            lambda found: fixed_name(found[0]), source[each.value_start : each.value_end]
        )
        edits.append((each.value_start, each.value_end, fixed))
    pieces, offset = [], 0
    for start, end, text in sorted(edits):
        pieces += [source[offset:start], text]
        offset = end
    return "".join([*pieces, source[offset:]])


def _insertion(tag: Tag, attribute: str) -> tuple[int, int, str]:
    """Return the edit that adds an attribute to a tag, before all others."""
    offset = tag.start + 1 + len(tag.name)
    return offset, offset, attribute


def _label(source: str, tag: Tag) -> str:
    """Return the label of an option as written, with its quotes, if a row completes the value."""
    label = tag.attributes.get("label")
    if label is None or "value" in tag.attributes or "{" not in label.value:
        return ""
    quote = _quote(source, label)
    return f"{quote}{source[label.value_start : label.value_end]}{quote}"


def _quote(source: str, attribute: Attribute) -> str:
    """Return the quote around the value of an attribute; empty if it has none."""
    before = source[attribute.value_start - 1]
    return before if before in "\"'" else ""
