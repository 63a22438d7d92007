"""The elements of CML: what can be asked here, and what only the hosted service can ask."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Element:
    """One kind of question.

    :param kind: The tag without ``cml:``.
    :param option: The tag of its options without ``cml:``; empty for a question without any.
    :param several: Whether one contributor may give several answers.
    :param aggregation: What becomes of the answers when the form does not say.
    :param asked: Whether a contributor sees it. Only such a question is a test question and part
        of the legend unless the form says so.
    """

    kind: str
    option: str = ""
    several: bool = False
    aggregation: str = "agg"
    asked: bool = True


ELEMENTS: Final = {
    element.kind: element
    for element in (
        Element("text", aggregation="all"),
        Element("textarea", aggregation="all"),
        Element("checkbox"),
        Element("checkboxes", option="checkbox", several=True),
        Element("radios", option="radio"),
        Element("select", option="option"),
        Element("ratings", option="rating", aggregation="avg"),
        Element("hidden", asked=False),
        Element("meta", asked=False),
    )
}
"""Tag without ``cml:`` to what it is.

Source: CrowdFlower, `Basic tags <http://crowdflower.com/docs/cml/basic_tags>`_ and `Overview
<http://crowdflower.com/docs/cml/overview>`_.
"""

PARENTS: Final = {element.option: element.kind for element in ELEMENTS.values() if element.option}
"""Tag of an option to the tag of the question that it belongs to, both without ``cml:``."""

_IMAGES = "image annotation tools need the hosted service"
_SOUND = "audio tools need the hosted service"
_FILM = "video tools need the hosted service"

HOSTED: Final = {
    "3d_point_cloud": "point clouds need the hosted service",
    "ai_chat_feedback": "its chat needs a language model behind the hosted service",
    "file_upload": "there is nowhere to keep the files of contributors",
    "hours": "opening hours need a widget of the hosted service; ask with cml:text",
    "html": "widgets written in HTML run on the hosted service only",
    "iframe": "tools of other sites run on the hosted service only",
    "image_annotation": _IMAGES,
    "image_segmentation": _IMAGES,
    "image_transcription": _IMAGES,
    "iterate": "repeat a question for each item of a list with Liquid's for instead",
    "lidar": "point clouds need the hosted service",
    "pixel_labeling": _IMAGES,
    "search": "its search needs the hosted service; ask for a link with cml:text",
    "shapes": _IMAGES,
    "smart_text": "its checks need the hosted service; ask with cml:textarea",
    "taxonomy": "its tree needs the hosted service; ask with cml:select",
    "taxonomy_beta": "its tree needs the hosted service; ask with cml:select",
    "text_annotation": "text annotation tools need the hosted service",
    "text_relationships": "text annotation tools need the hosted service",
}
"""Tag without ``cml:`` to why it is not available here."""

_FAMILIES: Final = {"audio_": _SOUND, "image_": _IMAGES, "text_": HOSTED["text_annotation"]}
_FAMILIES["video_"] = _FILM

KNOWN: Final = ("group", "instructions", "gold", *ELEMENTS, *PARENTS, *HOSTED)
"""Every tag without ``cml:``, for "did you mean"."""


ATTRIBUTES: Final = (
    "aggregation", "anchors", "checked", "class", "default", "exact", "flags", "from", "gold",
    "group-name", "group_name", "id", "instructions", "label", "matcher", "multiple", "name",
    "no_escape", "only-if", "points", "regex", "src", "strict", "style", "title", "to",
    "validates", "value",
)  # fmt: skip
"""Attributes that mean something, for whoever mistypes one; any other is let pass."""


def only_hosted(kind: str) -> str:
    """Say why a tag is available on the hosted service only; empty for any other tag.

    >>> only_hosted("shapes")
    'image annotation tools need the hosted service'
    >>> only_hosted("radios")
    ''
    """
    if kind in HOSTED:
        return HOSTED[kind]
    for family, reason in _FAMILIES.items():
        if kind.startswith(family):
            return reason
    return ""
