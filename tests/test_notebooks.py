"""The notebooks' stored outputs are clean, and refresh.py says what is wrong with them.

`notebooks/refresh.py --quick --check` executes them, which takes longer than all other tests; see
.ci/run.
"""

import importlib.util
import subprocess
import sys
import types
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
def test_stored_notebooks_are_small_and_complete(name, refresh):
    assert refresh.faults(read(name), name) == []


@pytest.mark.parametrize("name", NAMES)
def test_faults_of_a_bad_notebook(name, refresh):
    notebook = read(name)
    notebook.metadata["author"] = "somebody"
    notebook.cells[1].execution_count = 7
    notebook.cells[1].source += "\n"
    notebook.cells[2].outputs.append(nbformat.v4.new_output("stream", name="stderr", text="oh"))
    found = " ".join(refresh.faults(notebook, name))
    assert "metadata" in found
    assert "not executed in order" in found
    assert "the badge or the first cell is not" in found
    assert "an output is an error or a warning: oh" in found


def test_printed_lines_become_one_text(refresh):
    lines = [nbformat.v4.new_output("stream", name="stdout", text=text) for text in "abc"]
    bar = nbformat.v4.new_output("display_data", {"text/plain": "Output()"})
    table = nbformat.v4.new_output("display_data", {"text/plain": "a table"})
    cell = nbformat.v4.new_code_cell(outputs=[lines[0], bar, lines[1], table, lines[2]])
    refresh.clean(notebook := nbformat.v4.new_notebook(cells=[cell]))
    first, second, third = notebook.cells[0].outputs
    assert (first.text, second.data["text/plain"], third.text) == ("ab", "a table", "c")


DRAW = """
import os
from distill.analysis.figures.images import image_grid
from distill.analysis.notebook import show
import numpy as np
assert os.environ["QUICK"] == "1"
show(image_grid([(np.zeros((8, 8, 1), "uint8"), "")]))
"""
BAD_CELLS = [("1 + 1", "no output is a figure"), ("1 / 0", "ended in an error")]


@pytest.mark.parametrize(("source", "message"), BAD_CELLS)
def test_refreshing_a_bad_notebook(source, message, refresh, tmp_path, monkeypatch, capsys):
    title = nbformat.v4.new_markdown_cell("# Bad\n\nText")
    cells = [title, *(nbformat.v4.new_code_cell(source) for _ in range(2))]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), tmp_path / "bad.ipynb")
    before = (tmp_path / "bad.ipynb").read_bytes()
    monkeypatch.setattr(refresh, "HERE", tmp_path)
    monkeypatch.setattr(sys, "argv", ["refresh.py", "bad", "--quick"])
    assert refresh.main() == 1
    assert message in capsys.readouterr().out
    is_unchanged = (tmp_path / "bad.ipynb").read_bytes() == before
    assert is_unchanged == (source == "1 / 0")


def test_a_check_writes_nothing(refresh, tmp_path, monkeypatch, capsys):
    title = nbformat.v4.new_markdown_cell("# Good\n\nText")
    cells = [title, nbformat.v4.new_code_cell(""), nbformat.v4.new_code_cell(DRAW)]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), tmp_path / "good.ipynb")
    before = (tmp_path / "good.ipynb").read_bytes()
    monkeypatch.setattr(refresh, "HERE", tmp_path)
    monkeypatch.setattr(sys, "argv", ["refresh.py", "--quick", "--check"])
    assert refresh.main() == 0
    assert "good.ipynb: executed" in capsys.readouterr().out
    assert (tmp_path / "good.ipynb").read_bytes() == before


def test_refreshing_an_unknown_notebook(refresh, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["refresh.py", "flower"])
    with pytest.raises(SystemExit, match="2"):
        refresh.main()
    assert "there is no notebook 'flower'; use one of experiments" in capsys.readouterr().err


@pytest.mark.parametrize("name", NAMES)
def test_notebooks_define_no_training(name):
    """Notebooks define no loop, loss or model, except where a user's own models are the topic."""
    source = "\n".join(cell.source for cell in read(name).cells if cell.cell_type == "code")
    assert "GradientTape" not in source
    if name != "your_own_models":
        assert not any(word in source for word in ("layers.", ".compile(", ".fit(", "\nclass "))


@pytest.fixture
def setup(refresh, monkeypatch, tmp_path):
    """Runs the first cell, and returns the commands that would have installed something."""

    def run(in_colab, has_package, has_gpu=False):
        installed = []
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr(subprocess, "check_call", installed.append)
        find_spec = importlib.util.find_spec
        spec = types.SimpleNamespace(origin="distill/__init__.py") if has_package else None

        def find(name):
            return spec if name == "distill" else find_spec(name)

        monkeypatch.setattr(importlib.util, "find_spec", find)
        monkeypatch.setattr("shutil.which", lambda name: "a path" if has_gpu else None)
        if in_colab:
            monkeypatch.setitem(sys.modules, "google.colab", types.ModuleType("google.colab"))
        else:
            monkeypatch.delitem(sys.modules, "google.colab", raising=False)
        exec(refresh.SETUP, {})
        return installed

    return run


@pytest.mark.parametrize("in_colab", [True, False])
def test_the_first_cell_leaves_an_installed_package_alone(in_colab, setup):
    assert setup(in_colab, has_package=True) == []


def test_the_first_cell_installs_nothing_outside_colab(setup, tmp_path):
    (tmp_path / "distill-0.1.0-py3-none-any.whl").touch()
    with pytest.raises(ModuleNotFoundError, match=r"pip install -e '\.\[notebooks\]'"):
        setup(in_colab=False, has_package=False)


@pytest.mark.parametrize(("has_gpu", "extra"), [(True, "[gpu]"), (False, "")])
def test_in_colab_the_first_cell_installs_what_was_uploaded(has_gpu, extra, setup, tmp_path):
    with pytest.raises(ModuleNotFoundError, match="upload the package"):
        setup(in_colab=True, has_package=False)
    folder = tmp_path / "distill"
    folder.mkdir()
    (folder / "setup.cfg").touch()
    ((*_, package),) = setup(True, False, has_gpu)
    assert package == f"distill{extra} @ {folder.as_uri()}"
    wheel = tmp_path / "distill-0.1.0-py3-none-any.whl"
    wheel.touch()
    ((*_, package),) = setup(True, False, has_gpu)
    assert package == f"distill{extra} @ {wheel.as_uri()}"


def test_a_repository_is_set_in_one_place(refresh, monkeypatch):
    assert refresh.badge("flowers").endswith("(https://colab.research.google.com/)")
    monkeypatch.setattr(refresh, "REPOSITORY", "owner/name")
    page = "https://colab.research.google.com/github/owner/name/blob/main/notebooks/flowers.ipynb"
    assert refresh.badge("flowers").endswith(f"({page})")
