"""Files are uploaded by their paths."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from upload_tables import parquet_file, stored, upload

from crowdflower.exceptions import InvalidInput

if TYPE_CHECKING:
    from crowdflower.client import Client


@pytest.fixture
def files(tmp_path: Path) -> dict[str, Path]:
    """The same two rows in every format."""
    contents = {
        "csv": "sku,review\nA-1,Good.\nA-2,\n",
        "jsonl": '{"sku": "A-1", "review": "Good."}\n{"sku": "A-2", "review": null}\n',
    }
    contents["json"] = contents["jsonl"]
    for extension, content in contents.items():
        (tmp_path / f"rows.{extension}").write_text(content, encoding="utf-8")
    return {extension: tmp_path / f"rows.{extension}" for extension in (*contents, "parquet")}


@pytest.mark.parametrize("key", [None, "sku"])
@pytest.mark.parametrize("kind", [str, Path])
@pytest.mark.parametrize("extension", ["csv", "json", "jsonl", "parquet"])
def test_a_path_is_uploaded_as_a_file(
    client: Client, files: dict[str, Path], extension: str, kind: Any, key: str | None
) -> None:
    if extension == "parquet":
        files["parquet"].write_bytes(
            parquet_file({"sku": ["A-1", "A-2"], "review": ["Good.", None]}).read()
        )
    rows = [{"sku": "A-1", "review": "Good."}, {"sku": "A-2", "review": None}]

    assert upload(client, kind(files[extension]), key) == rows
    job = client.create_job({"title": "Files"})
    job.upload_file(files[extension], key=key)
    assert stored(job) == rows


def test_an_open_parquet_file_is_uploaded(client: Client) -> None:
    data = parquet_file({"n": [1, 2]})
    del data.name

    job = client.upload_job_file(data, "parquet")

    assert stored(job) == [{"n": 1}, {"n": 2}]
    assert not data.closed


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("Good!", "'Good!' is not a file of rows: its name must end in one of .csv, .*type_"),
        ("rows.txt", "'rows.txt' is not a file of rows: its name must end in"),
        ("", "'' is not a file of rows"),
        (Path("rows"), "'rows' is not a file of rows"),
        ('{"text": "a"}', r"not a file of rows, but text; decode it first, .*json.loads\(\)"),
        ("text\na\n", "not a file of rows, but text; .*io.StringIO"),
        ("https://example.com/rows.csv", "not a file .*, but an address on the network; download"),
        ("s3://bucket/rows.parquet", "not a file .*, but an address on the network; download"),
    ],
)
@pytest.mark.parametrize("key", [None, "sku"])
def test_a_string_that_is_not_a_file_of_rows_is_refused(
    client: Client, path: str | Path, said: str, key: Any
) -> None:
    job = client.create_job({"title": "Files"})

    with pytest.raises(InvalidInput, match=said):
        job.upload(path, key=key)


@pytest.mark.parametrize("name", ["none.csv", "none.parquet"])
def test_a_missing_file_is_not_found(client: Client, tmp_path: Path, name: str) -> None:
    if name.endswith("parquet"):
        pytest.importorskip("pyarrow")

    with pytest.raises(FileNotFoundError):
        client.upload_job(tmp_path / name)


@pytest.mark.parametrize("content", [b"", b"not Parquet at all, not at all", None])
def test_a_file_that_is_not_parquet_is_refused(
    client: Client, tmp_path: Path, content: bytes | None
) -> None:
    path = tmp_path / "rows.parquet"
    if content is None:  # damaged after its header
        damaged = bytearray(parquet_file({"n": list(range(10_000))}).read())
        damaged[20:3000] = b"\xff" * 2980
        content = bytes(damaged)
    pytest.importorskip("pyarrow")
    path.write_bytes(content)

    with pytest.raises(InvalidInput, match="the file cannot be read as Parquet: "):
        client.upload_job(path)

    assert list(client.get_jobs()) == []
