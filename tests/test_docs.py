"""The pages of docs/: their Python runs, their links and commands lead somewhere."""

import re
from pathlib import Path

import keras
import pytest
import yaml
from PIL import Image

from distill.cli import parse
from distill.methods import METHODS
from distill.predictions import read_predictions

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
PAGES = {path.name: path.read_text("utf-8") for path in sorted(DOCS.glob("*.md"))}


def blocks(page, language):
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGES[page], re.MULTILINE | re.DOTALL)


def test_the_lines_of_methods_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    _write_label_table()
    for text in blocks("methods.md", "python"):
        exec(text.replace("epochs=20", "epochs=1"), {})
    assert (tmp_path / "distilled.keras").exists()


def _write_label_table():
    """What the example of several labels reads: eight photos, two labels, two models."""
    lines = ["image,split,red,bright"]
    for number in range(8):
        Image.new("RGB", (70, 80), (250 * (number % 2), number, number)).save(f"{number}.png")
        lines.append(f"{number}.png,{'test' if number % 4 == 0 else 'train'},{number % 2},1")
    Path("labels.csv").write_text("\n".join(lines))
    for name in ("teacher", "student"):
        layers = [keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(2)]
        keras.Sequential([keras.Input((64, 64, 3)), *layers]).save(f"{name}.keras")


@pytest.mark.parametrize("number", [0, 1], ids=["text", "tables"])
def test_text_and_tables_are_learned(number, capsys):
    found = {}
    exec(blocks("text-and-tabular.md", "python")[number], found)
    assert found["accuracy"] > 0.9
    assert "error" not in capsys.readouterr().out


def test_the_teacher_of_scikit_learn_writes_a_file_of_predictions(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    exec(blocks("teachers.md", "python")[0], {})
    classes = [str(number) for number in range(10)]
    predictions = read_predictions("forest.csv", classes)
    assert predictions.are_probabilities
    assert len(predictions.ids) == 1797


@pytest.mark.parametrize("page", PAGES)
def test_python_is_well_formed_and_flags_exist(page):
    for text in blocks(page, "python"):
        compile(text, page, "exec")
    for text in blocks(page, "sh"):
        for line in text.replace("\\\n", " ").splitlines():
            script, *words = line.split()[1:] if line.startswith("python ") else [""]
            if script == "distillation_train.py":
                assert parse("distilled", words) is not None


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page):
    for link in re.findall(r"\]\(([^)#:]+)\)", PAGES[page]):
        assert (DOCS / link).exists(), link


def test_every_page_is_in_the_menu():
    text = (ROOT / "mkdocs.yml").read_text("utf-8")
    named = set(re.findall(r": ([\w/-]+\.md)$", text, re.MULTILINE))
    found = {path.relative_to(DOCS).as_posix() for path in DOCS.rglob("*.md")}
    assert named == found
    assert yaml.safe_load(text)["theme"]["font"] is False


def test_every_method_is_in_the_table_and_among_the_classes():
    named = re.findall(r"^\| `(\w+)` \|", PAGES["methods.md"], re.MULTILINE)
    assert sorted(named) == sorted(METHODS)
    simple = {"kd", "mse_logits", "mse_probabilities", "hard_label"}  # described by functions
    for name in {*METHODS} - simple:
        assert f"::: distill.methods.{METHODS[name].__name__}\n" in PAGES["api.md"]
