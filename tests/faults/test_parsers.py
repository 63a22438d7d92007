"""Random bytes raise only errors of this library."""

from __future__ import annotations

import io
import json
import zipfile
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crowdflower.exceptions import ApiError, RefusedError, ReportError
from crowdflower.http import encoding
from crowdflower.http.responses import all_messages, refusal_messages, reservations
from crowdflower.rows import report_archive

if TYPE_CHECKING:
    from crowdflower._types import JSON

QUICK = settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow], database=None
)

JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(["error", "errors", "message", "id"]) | st.text(), inner)
    ),
    max_leaves=12,
)


def archive(content: bytes) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as zipped:
        zipped.writestr("f7.csv", content)
    return packed.getvalue()


WHOLE = archive(b'a,b\n1,2\n"3",4\n' * 20)
WHOLE_JSON = archive(b'{"id": 1, "data": {"a": [1, 2]}}\n' * 20)


@pytest.mark.row("C3", "C4", "C5", "C6")
@QUICK
@given(st.binary() | JSON_VALUES.map(lambda value: json.dumps(value).encode()))
def test_any_bytes_are_json_or_a_value_error(content: bytes) -> None:
    try:
        encoding.decode_json(content)
    except ValueError:
        return


@pytest.mark.row("H17", "C1")
@QUICK
@given(JSON_VALUES)
def test_messages_are_extracted_from_any_json(body: JSON) -> None:
    for said in (refusal_messages(body), all_messages(body), reservations(body)):
        assert all(isinstance(text, str) for text in said)


@pytest.mark.row("H4")
@QUICK
@given(st.text() | st.from_regex(r"[A-Z][a-z]{2}, \d+ [A-Z][a-z]{2} \d+ \d+:\d+:\d+ [-+]?\w+"))
def test_any_retry_after_is_none_or_at_least_zero(said: str) -> None:
    class Answer:
        status_code = 429
        headers = {"Retry-After": said}  # noqa: RUF012 - read alone

    after = RefusedError("busy", response=Answer()).retry_after  # type: ignore[arg-type]

    assert after is None or after >= 0


@st.composite
def damaged(draw: st.DrawFn, whole: bytes) -> bytes:
    """Flip a few bytes, or remove some."""
    data = bytearray(whole)
    for _ in range(draw(st.integers(1, 4))):
        data[draw(st.integers(0, len(data) - 1))] = draw(st.integers(0, 255))
    if draw(st.booleans()):
        start = draw(st.integers(0, len(data)))
        del data[start : start + draw(st.integers(0, 40))]
    return bytes(data)


@pytest.mark.row("C16")
@QUICK
@given(damaged(WHOLE) | st.binary())
def test_a_damaged_csv_archive_raises_report_errors(data: bytes) -> None:
    read(data, "full")


@pytest.mark.row("F2")
def test_a_file_without_a_name_is_read() -> None:
    nameless = archive(b"a,b\n1,2\n").replace(b"f7.csv", b"\0" * 6)

    rows = list(report_archive.rows(io.BytesIO(nameless), "full"))

    assert rows == [{"a": "1", "b": "2"}]


@pytest.mark.row("C6")
@QUICK
@given(damaged(WHOLE_JSON) | st.binary())
def test_a_damaged_json_archive_raises_report_errors(data: bytes) -> None:
    read(data, "json")


@pytest.mark.row("C16")
@QUICK
@given(st.binary() | st.text(alphabet='a,"\n\r\0=é').map(str.encode))
def test_any_csv_content_is_read_or_a_report_error(content: bytes) -> None:
    read(archive(content), "full")


@pytest.mark.row("C6")
@QUICK
@given(st.binary() | JSON_VALUES.map(lambda value: json.dumps(value).encode()))
def test_any_json_lines_content_is_read_or_a_report_error(content: bytes) -> None:
    read(archive(content), "json")


def read(data: bytes, type_: str) -> None:
    try:
        for row in report_archive.rows(io.BytesIO(data), type_):
            assert isinstance(row, dict)
    except ApiError as error:
        assert isinstance(error, ReportError)  # noqa: PT017 - most archives raise nothing
