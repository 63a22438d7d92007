"""The notebook of the documentation runs from its first to its last cell."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Mapping

NOTEBOOK = Path(__file__).parents[2] / "docs" / "notebook.ipynb"
TIMEOUT = 120
"""Seconds for one cell."""


@pytest.fixture(scope="module")
def cells(tmp_path_factory: pytest.TempPathFactory) -> list[Mapping[str, Any]]:
    """The cells of the notebook after they were run in a kernel of their own."""
    nbclient = pytest.importorskip("nbclient")
    nbformat = pytest.importorskip("nbformat")
    pytest.importorskip("ipykernel")
    pytest.importorskip("pandas")
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    nbformat.validate(notebook)
    folder = tmp_path_factory.mktemp("notebook")
    nbclient.NotebookClient(
        notebook, timeout=TIMEOUT, kernel_name="python3", resources={"metadata": {"path": folder}}
    ).execute()
    found: list[Mapping[str, Any]] = notebook.cells
    return found


def output(cells: list[Mapping[str, Any]], source: str, kind: str = "text/plain") -> str:
    """Return what the cell that ends with this text shows; of several, the last."""
    cell = [each for each in cells if each["source"].endswith(source)][-1]
    (shown,) = [each["data"] for each in cell["outputs"] if each["output_type"] == "execute_result"]
    return str(shown[kind])


def test_the_cells_run_without_a_warning(cells: list[Mapping[str, Any]]) -> None:
    outputs = [each for cell in cells for each in cell.get("outputs", ())]

    assert [each for each in outputs if each["output_type"] == "error"] == []
    assert [each["text"] for each in outputs if each.get("name") == "stderr"] == []


def test_objects_are_shown_as_tables(cells: list[Mapping[str, Any]]) -> None:
    assert "40 units" in output(cells, "job.reload()")
    assert ">finished</td>" in output(cells, "job.reload()", "text/html")
    assert ">$" in output(cells, "job.estimate(28)", "text/html")
    assert "28 units" in output(cells, "\norder")
    assert "… and 20 more" in output(cells, "job.units", "text/html")
    assert ">verdict_confidence</th>" in output(cells, ".head()", "text/html")
    assert "probability" in output(cells, "job.aggregate()", "text/html")


def test_the_form_is_shown_in_a_frame(cells: list[Mapping[str, Any]]) -> None:
    html = output(cells, 'job.preview({"review": "It leaks."})', "text/html")

    assert html.startswith("<iframe sandbox srcdoc=")
    assert "The writer finds it" in html


def test_the_file_holds_no_outputs() -> None:
    text = NOTEBOOK.read_text(encoding="utf-8")

    assert '"outputs": []' in text
    assert '"output_type"' not in text
    assert '"execution_count": null' in text
