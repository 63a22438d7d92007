"""The messages that the service sends beside its data, or in place of it, and the data's shape.

The same message comes in many wrappings: a text, a list of texts, an object with a ``message``, or
all of these inside ``message``. Which one depends on the endpoint and its age.
"""

from __future__ import annotations

from reprlib import Repr
from typing import Final

from crowdflower._types import JSON, JSONObject, a_type
from crowdflower.exceptions import MalformedResponse

_REFUSALS: Final = ("error", "errors")
_REMARKS: Final = (*_REFUSALS, "warning", "notice", "success")


def complaints(body: JSON) -> list[str]:
    """Return what the service objects to in a decoded answer; an empty list means that all is well.

    An object that was made but comes with a reservation (it has an ``id``, and an ``error`` within
    ``message``) is no refusal: see :func:`reservations`.

    >>> complaints({"error": {"message": "We couldn't find what you were looking for."}})
    ["We couldn't find what you were looking for."]
    >>> complaints({"errors": ["Title is too short", "Cml can't be blank"]})
    ['Title is too short', "Cml can't be blank"]
    >>> complaints({"id": 7, "title": "Sentiment"})
    []
    """
    if not isinstance(body, dict):
        return []
    said = _said(body, _REFUSALS)
    if not said and "id" not in body:
        said = _said(body.get("message"), _REFUSALS)
    return said


def reservations(body: JSON) -> list[str]:
    """Return what the service adds to an object that it made all the same.

    >>> reservations({"id": 1, "message": {"error": "Unit could not be ordered."}})
    ['Unit could not be ordered.']
    """
    if not isinstance(body, dict) or "id" not in body:
        return []
    return _said(body.get("message"), _REFUSALS)


def remarks(body: JSON) -> list[str]:
    """Return every message of an answer, good or bad.

    >>> remarks({"message": {"success": "Job 535569 has been deleted."}})
    ['Job 535569 has been deleted.']
    """
    if not isinstance(body, dict):
        return []
    message = body.get("message")
    inner = _said(message, _REMARKS) if isinstance(message, dict) else _texts(message)
    return _said(body, _REMARKS) + inner


# What has to be there where there is no message


def an_object(answer: JSON, kind: str) -> JSONObject:
    """Return the JSON of one thing, and see that it is an object."""
    if not isinstance(answer, dict):
        raise MalformedResponse(f"expected the JSON of one {kind}, got {a_type(answer)}")
    return answer


def objects(answer: JSON, kind: str) -> list[JSONObject]:
    """Return the JSON of several things, and see that it is a list of objects."""
    if not isinstance(answer, list):
        raise MalformedResponse(f"expected a list of {kind}s, got {a_type(answer)}")
    return [an_object(each, kind) for each in answer]


def _said(body: JSON, keys: tuple[str, ...]) -> list[str]:
    if not isinstance(body, dict):
        return []
    return [text for key in keys for text in _texts(body.get(key))]


def _texts(value: JSON) -> list[str]:
    """Unwrap a text, a list of them or an object that holds one; anything else shows as it is."""
    texts, waiting = [], [value]  # not by recursion: who sends it decides how deep it goes
    while waiting:
        value = waiting.pop()
        if value is None or value in ("", [], {}, False):
            continue
        if isinstance(value, list):
            waiting += reversed(value)
        elif isinstance(value, dict) and "message" in value:
            waiting.append(value["message"])
        else:
            texts.append(value if isinstance(value, str) else _SHOWN.repr(value))
    return texts


_SHOWN: Final = Repr()
_SHOWN.maxdict = _SHOWN.maxlist = _SHOWN.maxstring = _SHOWN.maxother = 200
