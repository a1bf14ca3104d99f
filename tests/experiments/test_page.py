"""The report of a real grid: what it holds, and what it leaves out where something is missing."""

import dataclasses
import re
from html.parser import HTMLParser

import numpy as np
import pytest

from distill.experiments import page as module
from distill.experiments.grid import make_axis
from distill.experiments.page import make_page
from distill.experiments.summary import chosen_cell
from distill.report.page import Gallery, Picture, Table, render
from distill.run_folder import read_json

SECTIONS = [
    "Result",
    "Along temperature",
    "Learning curves, with and without distillation",
    "What the models are worth",
    "Which classes are confused",
    "Images that tell",
    "Dark knowledge",
    "Accuracy against size and time",
    "All runs",
    "How to reproduce this",
]


@pytest.fixture(scope="module")
def page(grid):
    return make_page(grid[0].results)


def items(page, kind):
    return [item for section in page.sections for item in section.items if isinstance(item, kind)]


def test_sections_in_their_order(page):
    assert [section.title for section in page.sections] == SECTIONS
    assert page.sentence.startswith("With temperature ")
    assert len(items(page, Gallery)) == 3
    assert len(items(page, Picture)) >= 12
    assert all(len(picture.alt) > 20 for picture in items(page, Picture))


def test_what_the_models_are_worth(page):
    (section,) = [each for each in page.sections if each.title == "What the models are worth"]
    table = section.items[0]
    rows = {row[0]: row[1:] for row in table.rows}
    # By hand: student 64·8 + 8·10; teacher 8·8·2·9·1, 64·2·9·2, 16·4·9·2, 16·4·9·4, 16·16, 16·10
    teacher = 64 * 2 * 9 + 64 * 2 * 18 + 16 * 4 * 18 + 16 * 4 * 36 + 16 * 16 + 16 * 10
    assert rows["multiply-adds"] == [f"{teacher:,}", "592", "592", "592"]
    assert rows["agreement with teacher"][0] == "–"
    for name in ("top-5 accuracy", "ECE, calibrated", "file, kB", "latency, batch 1, ms",
                 "latency, batch 32, ms", "images per second, batch 32"):  # fmt: skip
        assert len(rows[name]) == 4


def test_models_of_several_image_sizes_are_measured_each_at_its_own(changed, run_small, tmp_path):
    teacher = {"teacher": "mlp", "teacher_options": {"hidden": 16, "depth": 1}}
    axes = (make_axis("image_size", (8, 16)),)
    recipe = changed(**teacher, seeds=1, epochs=1)
    experiment, _ = run_small(recipe, tmp_path, axes, ("teacher", "student"))
    known = read_json(experiment.results.folder / "cost.json")
    found = {cost["multiply_adds"] for cost in known.values()}
    pairs = [(size * size, hidden) for size in (8, 16) for hidden in (8, 16)]
    assert found == {pixels * hidden + hidden * 10 for pixels, hidden in pairs}


def test_galleries_show_what_they_say(page, grid):
    """Each caption against the predictions themselves."""
    cell = chosen_cell(grid[0].results)
    runs = {arm: cell.runs[arm][0] for arm in ("teacher", "student", "distilled")}
    labels = runs["teacher"].labels("test")
    said = {arm: run.predictions("last", "test").argmax(-1) for arm, run in runs.items()}
    masks = [
        (said["distilled"] == labels) & (said["student"] != labels),
        (said["distilled"] != labels) & (said["student"] == labels),
        said["distilled"] != said["teacher"],
    ]
    for gallery, mask in zip(items(page, Gallery), masks, strict=True):
        assert gallery.caption.startswith(f"{mask.sum()} images: ")
        for index, (_, caption) in zip(mask.nonzero()[0], gallery.images, strict=False):
            numbers = [int(number) for number in re.findall(r": (\d)", caption)]
            assert numbers == [labels[index], *(said[arm][index] for arm in runs)]


def test_confusions_and_the_errors_alone(page, grid):
    (section,) = [each for each in page.sections if each.title == "Which classes are confused"]
    runs = chosen_cell(grid[0].results).runs["distilled"]
    errors = np.mean([run.metrics["last"]["test"]["errors"] for run in runs])
    pictures = [item.figure for item in section.items if isinstance(item, Picture)]
    sums = [sum(float(text.get_text()) for text in figure.axes[0].texts) for figure in pictures]
    assert sums == pytest.approx([359, errors])


def test_how_to_reproduce(page):
    tables = [item for item in page.sections[-1].items if isinstance(item, Table)]
    versions = dict(tables[0].rows)
    assert {"python", "tensorflow", "keras", "commit of distill", "seeds"} <= set(versions)
    assert versions["seeds"] == "0 to 1"
    assert dict(tables[1].rows)["student_options"] == "hidden=8 depth=1"


class Collect(HTMLParser):
    def __init__(self):
        super().__init__()
        self.ids, self.links, self.sources, self.open = [], [], [], []

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        if tag not in ("meta", "link", "img", "br"):
            self.open.append(tag)
        self.ids += [attributes["id"]] if "id" in attributes else []
        self.links += [
            value for name, value in attributes.items() if name in ("href", "xlink:href")
        ]
        self.sources += [attributes["src"]] if "src" in attributes else []

    def handle_startendtag(self, tag, attributes):
        self.handle_starttag(tag, attributes)
        self.open.pop()

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def test_one_file_that_loads_nothing_and_is_well_formed(page):
    text = render(page)
    parser = Collect()
    parser.feed(text)
    assert parser.open == []
    assert len(parser.ids) == len(set(parser.ids))
    assert all(link.startswith(("#", "data:")) for link in parser.links)
    assert {link[1:] for link in parser.links if link.startswith("#")} <= set(parser.ids)
    assert all(source.startswith("data:image/png;base64,") for source in parser.sources)
    assert not re.search(r"https?://", text)
    assert "<script" not in text


def test_where_the_data_are_gone_the_rest_is_there(grid, monkeypatch):
    monkeypatch.setattr(module, "_data", lambda recipe, run: None)
    titles = [section.title for section in make_page(grid[0].results).sections]
    without = {"Images that tell", "Dark knowledge", "Accuracy against size and time"}
    assert titles == [title for title in SECTIONS if title not in without]


def test_where_runs_are_missing_the_rest_is_there(grid):
    results = grid[0].results
    first, second = results.cells
    nothing = {arm: [None] * len(runs) for arm, runs in first.runs.items()}
    half = {**second.runs, "distilled": [second.runs["distilled"][0], None]}
    part = dataclasses.replace(
        results,
        cells=[dataclasses.replace(first, runs=nothing), dataclasses.replace(second, runs=half)],
    )
    page = make_page(part)
    assert [section.title for section in page.sections] == SECTIONS
    assert "9 runs are missing" in " ".join(page.more)
    nowhere = [dataclasses.replace(cell, runs=nothing) for cell in results.cells]
    page = make_page(dataclasses.replace(results, cells=nowhere))
    assert page.sentence == "No run is complete yet."
    render(page)


@pytest.mark.parametrize("width", [390, 1400])
def test_a_browser_draws_the_whole_report(look, grid, width):
    found = look(grid[0].results.folder / "report.html", width, "light")
    assert found["log"] == []
    assert found["wide"] <= width
    assert found["beyond"] == 0
    assert len(found["drawn"]) >= 12
    assert min(found["drawn"]) > 50
    assert found["images"]
