"""Nodes of the parsed form: questions, options and groups as written, before validation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

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
