"""Shapes of decoded responses: each function returns the value, or raises ``MalformedResponse``."""

from __future__ import annotations

import re
from collections.abc import Collection
from functools import partial
from typing import Final

from crowdflower._types import JSON, JSONObject, describe_type
from crowdflower.exceptions import MalformedResponse
from crowdflower.http.encoding import ID
from crowdflower.http.responses import refusal_messages


def json_object(answer: JSON, kind: str) -> JSONObject:
    """Return a JSON object.

    :param kind: What it should describe, for the error.
    """
    if not isinstance(answer, dict):
        raise MalformedResponse(f"expected the JSON of a {kind}, got {describe_type(answer)}")
    return answer


def object_list(answer: JSON, kind: str) -> list[JSONObject]:
    """Return a list of JSON objects."""
    if not isinstance(answer, list):
        raise MalformedResponse(f"expected a list of {kind}s, got {describe_type(answer)}")
    return [json_object(each, kind) for each in answer]


def object_with_id(answer: JSON, kind: str) -> JSONObject:
    """Return a JSON object with an integer ``id``."""
    data = json_object(answer, kind)
    if not re.fullmatch(ID, str(data.get("id"))):
        raise MalformedResponse(f"expected the JSON of a {kind}, got one without a usable id")
    return {**data, "id": int(data["id"])}


a_job: Final = partial(object_with_id, kind="job")
a_unit: Final = partial(object_with_id, kind="unit")


def upload_response(answer: JSON) -> JSONObject:
    """Return the response to an upload: the job, or a message without an id."""
    data = json_object(answer, "job")
    return a_job(data) if "id" in data else data


def job_page(page: JSON) -> list[JSONObject]:
    """Return a page of jobs; items may hold only errors, and the last page may be ``{}``."""
    if not isinstance(page, list) and page != {}:
        raise MalformedResponse(f"expected a list of jobs, got {describe_type(page)}")
    return [each if has_only_errors(each) else a_job(each) for each in page]


def has_only_errors(item: JSON) -> bool:
    """Return whether an item of a list is an error message in place of a job."""
    if not isinstance(item, dict) or "id" in item:
        return False
    return "errors" in item or bool(refusal_messages(item))


def page_by_unit(page: JSON) -> dict[int, JSONObject]:
    """Return a page as unit id to object; the last page may be ``[]``."""
    if page == []:
        return {}
    if not isinstance(page, dict):
        raise MalformedResponse(f"expected a page keyed by unit id, got {describe_type(page)}")
    # All at once, since there are hundreds of thousands of units; one by one only for the error.
    if not (_are_ids(page) and set(map(type, page.values())) <= {dict}):
        stray = next(key for key in page if not (_is_id(key) and isinstance(page[key], dict)))
        raise MalformedResponse(f"expected a page keyed by unit id, got {stray!r:.80} in it")
    return dict(zip(map(int, page), page.values(), strict=True))


_is_id: Final = re.compile(ID).fullmatch
_ID_LENGTHS: Final = frozenset(range(1, 21))


def _are_ids(keys: Collection[str]) -> bool:
    """Return whether all strings are ids; at a tenth of the cost of a regular expression for each.

    >>> _are_ids(["1", "22"]), _are_ids(["1", ""]), _are_ids(["1", "x"]), _are_ids(["1", "٢"])
    (True, False, False, False)
    """
    digits = "".join(keys)
    are_digits = not digits or (digits.isascii() and digits.isdecimal())
    return are_digits and set(map(len, keys)) <= _ID_LENGTHS


def enabled_channels(channels: JSON) -> list[str]:
    """Return the names of the enabled channels."""
    names = json_object(channels, "list of channels").get("enabled_channels")
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise MalformedResponse("expected channels with a list of names in enabled_channels")
    return names


def tag_names(tags: JSON) -> list[str]:
    """Return the names in a list of tags."""
    if not isinstance(tags, list) or not all(isinstance(tag, dict) for tag in tags):
        raise MalformedResponse("expected a list of tags, each an object with a name")
    return [tag["name"] for tag in tags if "name" in tag]
