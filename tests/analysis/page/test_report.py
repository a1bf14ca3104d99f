"""The report of a real grid: what it holds, and what it leaves out where something is missing."""

import dataclasses
import re
from html.parser import HTMLParser

import pytest

from distill.analysis.page import report
from distill.analysis.page.html import render
from distill.analysis.page.parts import Gallery, Picture, Table
from distill.analysis.page.report import make_page

SECTIONS = [
    "Result",
    "Along temperature",
    "Learning curves",
    "Quality, calibration and cost",
    "Which classes are confused",
    "Where the models differ",
    "Dark knowledge",
    "Accuracy against size and latency",
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
    assert page.sentence.startswith("Best grid point on validation data: temperature ")
    assert len(items(page, Gallery)) == 3
    assert len(items(page, Picture)) >= 12
    assert all(len(picture.alt) > 20 for picture in items(page, Picture))


def test_how_to_reproduce(page):
    tables = [item for item in page.sections[-1].items if isinstance(item, Table)]
    versions = dict(tables[0].rows)
    assert {"python", "tensorflow", "keras", "commit of distill", "seeds"} <= set(versions)
    assert versions["seeds"] == "0 to 1"
    assert dict(tables[1].rows)["student.options"] == "hidden=8 depth=1"


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
    monkeypatch.setattr(report, "data_of_run", lambda recipe, run: None)
    titles = [section.title for section in make_page(grid[0].results).sections]
    without = {"Where the models differ", "Dark knowledge", "Accuracy against size and latency"}
    assert titles == [title for title in SECTIONS if title not in without]


def test_where_runs_are_missing_the_rest_is_there(grid):
    results = grid[0].results
    first, second = results.points
    nothing = {name: [None] * len(runs) for name, runs in first.runs.items()}
    half = {**second.runs, "distilled": [second.runs["distilled"][0], None]}
    part = dataclasses.replace(
        results,
        points=[dataclasses.replace(first, runs=nothing), dataclasses.replace(second, runs=half)],
    )
    page = make_page(part)
    assert [section.title for section in page.sections] == SECTIONS
    assert "9 runs are missing" in " ".join(page.more)
    nowhere = [dataclasses.replace(point, runs=nothing) for point in results.points]
    page = make_page(dataclasses.replace(results, points=nowhere))
    assert page.sentence == "No run is complete yet."
    render(page)


@pytest.mark.parametrize("width", [390, 1400])
def test_a_browser_draws_the_whole_report(look, grid, width):
    found = look(grid[0].results.folder / "report.html", width, "light")
    assert found["log"] == []
    assert found["wide"] <= width
    assert found["beyond"] == 0
    assert len(found["drawn"]) >= 12
    assert len(found["distilled"]) >= 2
    assert max(found["distilled"]) <= width  # also on a phone, without scrolling
    assert min(found["drawn"]) > 50
    assert found["images"]
