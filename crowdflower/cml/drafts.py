"""What a reader of a form has in hand before it knows the whole: tags, sorted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from crowdflower.cml.names import derived
from crowdflower.cml.only_if import OnlyIfError, read

if TYPE_CHECKING:
    from crowdflower.cml.liquid import Branch, Liquid
    from crowdflower.cml.only_if import Condition
    from crowdflower.cml.problems import Source
    from crowdflower.cml.scanner import Attribute, Tag


def says(attributes: dict[str, Attribute], name: str) -> bool:
    """Tell whether an attribute is there and does not say no, as HTML has it."""
    attribute = attributes.get(name)
    return attribute is not None and attribute.value.strip().lower() not in {"false", "no", "0"}


def text_of(attributes: dict[str, Attribute], *names: str) -> str:
    """Give the first of these attributes that is not blank, without the blanks around it."""
    for name in names:
        attribute = attributes.get(name)
        if attribute is not None and (text := attribute.value.strip()):
            return text
    return ""


@dataclass(frozen=True, eq=False)
class Scope:
    """A condition as written, with its place; all questions of a group share the group's."""

    condition: Condition
    start: int


def scope_of(tag: Tag, source: Source, liquid: Liquid) -> tuple[Scope, ...]:
    """Read a tag's ``only-if``: one scope or none. One that holds Liquid waits for the row."""
    attribute = tag.attributes.get("only-if")
    if attribute is None or not attribute.value.strip() or liquid.written_in(attribute.value):
        return ()
    try:
        return (Scope(read(attribute.value), attribute.start),)
    except OnlyIfError as error:
        source.problem(
            attribute.value_start + error.offset,
            f"This only-if cannot be read: {error}.",
        )
        return ()


class GroupDraft:
    """A group that is open, or was."""

    def __init__(
        self, tag: Tag, source: Source, liquid: Liquid, around: tuple[GroupDraft, ...] = ()
    ) -> None:
        self.start = tag.start
        self.members: list[str] = []
        self.scopes: tuple[Scope, ...] = around[-1].scopes if around else ()
        self.scopes += scope_of(tag, source, liquid)
        self.repeats: bool = says(tag.attributes, "multiple") or any(
            each.repeats for each in around
        )
        self.linked_as = derived(text_of(tag.attributes, "group_name", "group-name"))
        self._check(tag.attributes, source)

    def _check(self, attributes: dict[str, Attribute], source: Source) -> None:
        """Hold it to the rules of linked answers, in the words of the hosted editor.

        Source: what that editor says, as a public test suite of the service quotes it.
        """
        aggregation = attributes.get("aggregation")
        if aggregation is not None and not self.linked_as:
            source.problem(
                aggregation.start,
                "CML <cml:group> requires 'group_name' attribute to be set when 'aggregation' is "
                'present; add group_name="…", the column of the linked answers.',
            )
        if self.linked_as and text_of(attributes, "aggregation") != "true":
            source.problem(
                self.start,
                "CML <cml:group> 'aggregation' attribute must be set to 'true' when 'group-name' "
                'is present; add aggregation="true".',
            )
        if self.linked_as and "name" in attributes:
            source.problem(
                attributes["name"].start,
                "CML <cml:group> cannot use name when group_name is present; remove name.",
            )


class OptionDraft:
    """One option as written."""

    def __init__(self, tag: Tag) -> None:
        self.start = tag.start
        self.label = text_of(tag.attributes, "label", "value")
        self.value = text_of(tag.attributes, "value")
        default = text_of(tag.attributes, "default")
        self.checked = says(tag.attributes, "checked") or default == "true"


class QuestionDraft:
    """One question as written."""

    def __init__(
        self,
        tag: Tag,
        liquid: Liquid,
        branch: Branch | None = None,
        groups: tuple[GroupDraft, ...] = (),
    ) -> None:
        self.kind = tag.kind
        self.tag = tag
        self.start = tag.start
        self.end = tag.end
        self.branch = branch
        self.groups = groups
        self.options: list[OptionDraft] = []
        self.instructions = ""
        self.gold: dict[str, Attribute] = {}
        given, label = text_of(tag.attributes, "name"), text_of(tag.attributes, "label")
        repeats = branch is not None and branch.repeats
        self.name_from_liquid_label = not given and liquid.written_in(label) and not repeats
        self.dynamic = liquid.written_in(given or label) and not self.name_from_liquid_label
        self.label = label
        self.name = given if self.dynamic and given else derived(given or label)

    @property
    def attributes(self) -> dict[str, Attribute]:
        """The attributes of its tag."""
        return self.tag.attributes
