"""Sections of images: each caption against the predictions themselves."""

import re

import pytest

from distill.analysis.page.parts import Gallery
from distill.analysis.page.report import make_page


@pytest.fixture(scope="module")
def page(grid):
    return make_page(grid[0].results)


def test_galleries_show_what_they_say(page, grid):
    """Each caption against the predictions themselves."""
    point = grid[0].results.best_point()
    runs = {name: point.runs[name][0] for name in ("teacher", "baseline", "distilled")}
    labels = runs["teacher"].labels("test")
    said = {name: run.predictions("last", "test").argmax(-1) for name, run in runs.items()}
    masks = [
        (said["distilled"] == labels) & (said["baseline"] != labels),
        (said["distilled"] != labels) & (said["baseline"] == labels),
        said["distilled"] != said["teacher"],
    ]
    for gallery, mask in zip(_galleries(page), masks, strict=True):
        assert gallery.caption.startswith(f"{mask.sum()} images: ")
        for index, (_, caption) in zip(mask.nonzero()[0], gallery.images, strict=False):
            numbers = [int(number) for number in re.findall(r": (\d)", caption)]
            assert numbers == [labels[index], *(said[name][index] for name in runs)]


def _galleries(page):
    return [
        item for section in page.sections for item in section.items if isinstance(item, Gallery)
    ]
