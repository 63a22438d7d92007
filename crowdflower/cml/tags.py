"""The tags of CML: which are supported, and which need the hosted service."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Element:
    """One kind of question.

    :param kind: The tag without ``cml:``.
    :param option: The tag of its options without ``cml:``; empty for a question without any.
    :param multiple: Whether one contributor may give several answers.
    :param aggregation: How answers are aggregated by default.
    :param visible: Whether contributors see it. By default only a visible question is a test
        question and part of the legend.
    """

    kind: str
    option: str = ""
    multiple: bool = False
    aggregation: str = "agg"
    visible: bool = True


ELEMENTS: Final = {
    element.kind: element
    for element in (
        Element("text", aggregation="all"),
        Element("textarea", aggregation="all"),
        Element("checkbox"),
        Element("checkboxes", option="checkbox", multiple=True),
        Element("radios", option="radio"),
        Element("select", option="option"),
        Element("ratings", option="rating", aggregation="avg"),
        Element("hidden", visible=False),
        Element("meta", visible=False),
    )
}
"""Tag without ``cml:`` to its element.

Source: CrowdFlower, `Basic tags <http://crowdflower.com/docs/cml/basic_tags>`_ and `Overview
<http://crowdflower.com/docs/cml/overview>`_.
"""

PARENTS: Final = {element.option: element.kind for element in ELEMENTS.values() if element.option}
"""Tag of an option to the tag of its question, both without ``cml:``."""

_IMAGE = "image annotation tools need the hosted service"
_AUDIO = "audio tools need the hosted service"
_VIDEO = "video tools need the hosted service"

HOSTED_ONLY: Final = {
    "3d_point_cloud": "point clouds need the hosted service",
    "ai_chat_feedback": "its chat needs a language model of the hosted service",
    "file_upload": "files of contributors are stored on the hosted service only",
    "hours": "opening hours need a widget of the hosted service; ask with cml:text",
    "html": "HTML widgets run on the hosted service only",
    "iframe": "external tools run on the hosted service only",
    "image_annotation": _IMAGE,
    "image_segmentation": _IMAGE,
    "image_transcription": _IMAGE,
    "iterate": "repeat a question for each item of a list with Liquid's for instead",
    "lidar": "point clouds need the hosted service",
    "pixel_labeling": _IMAGE,
    "search": "its search needs the hosted service; ask for a link with cml:text",
    "shapes": _IMAGE,
    "smart_text": "its checks need the hosted service; ask with cml:textarea",
    "taxonomy": "its tree needs the hosted service; ask with cml:select",
    "taxonomy_beta": "its tree needs the hosted service; ask with cml:select",
    "text_annotation": "text annotation tools need the hosted service",
    "text_relationships": "text annotation tools need the hosted service",
}
"""Tag without ``cml:`` to the reason why it is not supported here."""

_PREFIXES: Final = {
    "audio_": _AUDIO,
    "image_": _IMAGE,
    "text_": HOSTED_ONLY["text_annotation"],
    "video_": _VIDEO,
}

TAGS: Final = ("group", "instructions", "gold", *ELEMENTS, *PARENTS, *HOSTED_ONLY)
"""Every tag without ``cml:``, for "did you mean"."""


ATTRIBUTES: Final = (
    "aggregation", "anchors", "checked", "class", "default", "exact", "flags", "from", "gold",
    "group-name", "group_name", "id", "instructions", "label", "matcher", "multiple", "name",
    "no_escape", "only-if", "points", "regex", "src", "strict", "style", "title", "to",
    "validates", "value",
)  # fmt: skip
"""Attributes with a meaning, for "did you mean"; other attributes are ignored."""


def hosted_only_reason(kind: str) -> str:
    """Return why a tag needs the hosted service; ``""`` for any other tag.

    >>> hosted_only_reason("shapes")
    'image annotation tools need the hosted service'
    >>> hosted_only_reason("radios")
    ''
    """
    if kind in HOSTED_ONLY:
        return HOSTED_ONLY[kind]
    for prefix, reason in _PREFIXES.items():
        if kind.startswith(prefix):
            return reason
    return ""
