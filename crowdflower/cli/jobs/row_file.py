"""Reads the rows of a file, as the service would."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from crowdflower._types import JSONObject
from crowdflower.cml.names import column_name
from crowdflower.exceptions import InvalidInput
from crowdflower.rows import csv_format, upload_source
from crowdflower.rows.json_lines import decode_lines
from crowdflower.rows.sources.arrow_rows import read_parquet


def read_rows(path: Path, type_: str | None = None) -> Iterator[JSONObject]:
    """Yield the rows of a file, with the column names that a form uses.

    :raises InvalidInput: The file cannot be read; the message names the row.
    :raises ImportError: A Parquet file needs pyarrow, which is not installed.
    """
    if upload_source.is_parquet(path, type_):
        yield from map(dict, read_parquet(path))
        return
    with upload_source.open_file(path, type_) as (body, content_type):
        if content_type == upload_source.JSON_LINES:
            yield from _json_rows(csv_format.lines(body))
        elif content_type == upload_source.CSV:
            yield from _csv_rows(csv_format.text_lines(body))
        else:
            raise InvalidInput(
                f"{content_type} cannot be read here; save it as CSV, JSON lines or Parquet"
            )


def _json_rows(lines: Iterator[bytes]) -> Iterator[JSONObject]:
    try:
        for number, row in enumerate(decode_lines(lines), 1):
            if not isinstance(row, dict):
                raise InvalidInput(f"row {number} is not an object", row=number)
            yield row
    except ValueError as error:
        raise _as_invalid(error) from None


def _csv_rows(lines: Iterator[str]) -> Iterator[JSONObject]:
    """Yield the records of a CSV; an empty cell is ``None``."""
    records = csv_format.records(lines)
    try:
        names = [column_name(name) for name in next(records, (1, []))[1]]
        for number, (line, cells) in enumerate(records, 1):
            if len(cells) != len(names):
                raise InvalidInput(
                    f"row {number}, line {line}, has {len(cells)} cells, and the header"
                    f" {len(names)}",
                    row=number,
                )
            yield {name: cell or None for name, cell in zip(names, cells, strict=True)}
    except ValueError as error:
        raise _as_invalid(error) from None


def _as_invalid(error: ValueError) -> Any:
    return error if isinstance(error, InvalidInput) else InvalidInput(str(error))
