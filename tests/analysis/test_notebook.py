"""What a notebook shows of a report: texts and tables as Markdown, figures as PNG, a slider."""

import io
import sys

import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

from distill.analysis.notebook import png, show, show_with_slider
from distill.analysis.page.parts import Code, Gallery, Picture, Section, Table

display = pytest.importorskip("IPython.display")


def figure(width=2.0):
    drawn = Figure(figsize=(width, 1.0))
    drawn.subplots().plot([0, 1])
    return drawn


@pytest.fixture
def shown(monkeypatch):
    """What is displayed, in place of a notebook."""
    objects = []
    monkeypatch.setattr(display, "display", objects.append)
    return objects


def texts(shown):
    return [each.data for each in shown if isinstance(each, display.Markdown)]


def test_a_section_with_all_that_it_may_hold(shown):
    gallery = Gallery([(np.zeros((4, 4, 1), np.uint8), "a 4")], "one image")
    items = [
        Table(["a", "b"], [["1", "2"]], notes="note"),
        Picture(figure(), "alt", "caption"),
        gallery,
        Gallery([], "no images: none"),
        Code("python", "The command"),
    ]
    show(Section("Title", "Text.", items), "**bold**", figure())
    said = "\n".join(texts(shown))
    order = ["### Title", "Text.", "| 1 | 2 |", "note", "caption", "one image"]
    order += ["no images: none", "The command", "python", "**bold**"]
    places = [said.index(text) for text in order]
    assert places == sorted(places)
    pictures = [each for each in shown if isinstance(each, display.Image)]
    assert [each.alt for each in pictures] == ["alt", None, None]
    assert all(Image.open(io.BytesIO(each.data)).format == "PNG" for each in pictures)


def test_the_same_figure_is_the_same_file():
    assert png(figure()) == png(figure())


def test_slider_draws_anew(monkeypatch):
    widgets = pytest.importorskip("ipywidgets")
    bundles, boxes, drawn = [], [], []
    monkeypatch.setattr(display, "display", lambda bundle, raw: bundles.append(bundle))
    vertical = widgets.VBox
    monkeypatch.setattr(widgets, "VBox", lambda parts: boxes.append(vertical(parts)) or boxes[0])

    def draw(value):
        drawn.append(value)
        return figure(value)

    show_with_slider(draw, (1, 2, 4), "T")
    (box,), (bundle,) = boxes, bundles
    slider, image = box.children
    before = image.value
    view = bundle["application/vnd.jupyter.widget-view+json"]
    assert view["model_id"] == box.model_id
    assert bundle["image/png"] == before  # for pages that keep no widgets
    slider.value = 4
    assert drawn == [2, 4]
    assert Image.open(io.BytesIO(image.value)).width == 2 * Image.open(io.BytesIO(before)).width


def test_without_widgets_there_is_the_figure(shown, monkeypatch):
    monkeypatch.setitem(sys.modules, "ipywidgets", None)
    show_with_slider(lambda value: figure(value), (1, 2, 4), "T")
    (only,) = shown
    assert isinstance(only, display.Image)
