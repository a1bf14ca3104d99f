"""The notebooks: executed from a clean kernel; kept as a reader should find them."""

import importlib.util
import os
from pathlib import Path

import nbformat
import pytest

FOLDER = Path(__file__).parent.parent / "notebooks"
NAMES = sorted(path.stem for path in FOLDER.glob("*.ipynb"))


@pytest.fixture(scope="module")
def refresh():
    spec = importlib.util.spec_from_file_location("refresh", FOLDER / "refresh.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def read(name):
    return nbformat.read(FOLDER / f"{name}.ipynb", as_version=4)


@pytest.mark.parametrize("name", NAMES)
def test_kept_notebooks_are_light_and_whole(name, refresh):
    assert refresh.faults(read(name)) == []


@pytest.mark.parametrize("name", NAMES)
def test_executes_from_a_clean_kernel(name, refresh, tmp_path, monkeypatch):
    notebook = read(name)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    monkeypatch.setenv("PYTHONWARNINGS", "error::DeprecationWarning:distill")
    refresh.execute(notebook, tmp_path, quick=True)
    refresh.clean(notebook)
    assert refresh.faults(notebook) == []
    assert os.listdir(tmp_path)


@pytest.mark.parametrize("name", NAMES)
def test_what_a_check_finds(name, refresh):
    notebook = read(name)
    notebook.metadata["author"] = "somebody"
    notebook.cells[1].execution_count = 7
    found = " ".join(refresh.faults(notebook))
    assert "metadata" in found
    assert "not executed in order" in found
