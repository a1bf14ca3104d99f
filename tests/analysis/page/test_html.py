"""The page: nothing in a text is taken for HTML, nothing is loaded, and a browser draws it all."""

import base64
import io
import re
from html.parser import HTMLParser

import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

from distill.analysis.figures.curves import axis_curve, learning_curve
from distill.analysis.figures.images import dark_knowledge
from distill.analysis.figures.matrices import confusion_matrix, heat_map
from distill.analysis.page.html import render, svg, write_page
from distill.analysis.page.parts import Code, Gallery, Page, Picture, Section, Table

HOSTILE = "<script>alert('x')</script> & \"quoted\""
RNG = np.random.default_rng(0)


def everything(text="text"):
    curves = {"teacher": RNG.random((3, 9)), "distilled student": RNG.random((3, 9))}
    matrix = RNG.integers(0, 9, (10, 10))
    names = [f"{text} {number}" for number in range(10)]
    pictures = [
        learning_curve(curves, "validation accuracy"),
        axis_curve("T", (1.0, 2.0, 16.0), {"teacher": RNG.random((3, 5))}, "accuracy"),
        confusion_matrix(matrix, names),
        dark_knowledge(np.zeros((8, 8, 1), np.uint8), RNG.random(10), names, (1.0, 4.0)),
        heat_map(("a", "12"), ("b", "xy"), RNG.random((2, 2)), RNG.random((2, 2)), "accuracy"),
    ]
    headings, rows = [f"{text} {n}" for n in range(15)], [["a long text of a table"] * 15] * 3
    wide = Table(headings, rows, text, text, (1,))
    images = [(RNG.integers(0, 256, (8, 8, channels), np.uint8), text) for channels in (1, 3)]
    items = [
        wide,
        Table(["a", "b"], [["1", "2"]], text, folded=True),
        *(Picture(figure, text, text) for figure in pictures),
        Gallery(images, text),
        Code(f"{text} " + "/a/very/long/path" * 20, text),
    ]
    return Page(text, text, [text], [Section(text, text, items), Section("second", "", [])])


def test_no_text_is_taken_for_html():
    text = render(everything(HOSTILE))
    assert "<script" not in text
    assert text.count("&lt;script&gt;") > 20
    assert 'aria-label="&lt;script&gt;' in text


def test_a_figure_follows_the_text_colour_and_is_the_same_twice():
    def figure():
        made = Figure()
        axis = made.subplots()
        axis.plot([1, 2], color="#0072B2")
        axis.set_title("title")
        return made

    first, second = svg(figure(), "what it shows", "a-"), svg(figure(), "what it shows", "a-")
    assert first == second
    assert first.startswith("<svg ")
    assert first.rstrip().endswith("</svg>")
    assert 'role="img" aria-label="what it shows"' in first
    assert "currentColor" in first
    assert "#000000" not in first
    assert "#ffffff" not in first  # nothing is drawn behind it
    assert "#0072b2" in first
    assert 'id="a-' in first
    other = svg(figure(), "what it shows", "b-")
    assert other.replace("b-", "a-") == first


def test_nothing_is_loaded_from_anywhere():
    text = render(everything())
    assert "http" not in text
    assert "@import" not in text
    assert text.count("<svg ") == 5
    assert text.count('src="data:image/png;base64,') == 2


class Elements(HTMLParser):
    """Every element of a page with its attributes, in their order."""

    def __init__(self, text):
        super().__init__()
        self.found = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))


def test_the_same_page_gives_the_same_bytes_every_time():
    page = everything()
    assert render(page) == render(page)


def test_ids_are_unique_and_every_reference_finds_one():
    text = render(everything())
    ids = [attributes["id"] for _, attributes in Elements(text).found if "id" in attributes]
    assert len(ids) == len(set(ids)) > 100
    references = {*re.findall(r'href="#([^"]*)"', text), *re.findall(r"url\(#([^)]*)\)", text)}
    assert references
    assert references <= set(ids)


def test_whatever_is_seen_is_said_in_words():
    found = Elements(render(everything("in words"))).found
    pictures = [attributes for tag, attributes in found if tag == "svg"]
    drawn = [each["aria-label"] for each in pictures if each.get("role") == "img"]
    assert drawn == ["in words"] * 5
    assert [attributes["alt"] for tag, attributes in found if tag == "img"] == ["in words"] * 2
    assert [tag for tag, _ in found if re.fullmatch("h[1-6]", tag)] == ["h1", "h2", "h2"]


@pytest.mark.parametrize("channels", [1, 3])
def test_a_gallery_shows_its_pixels(channels):
    image = RNG.integers(0, 256, (4, 5, channels), np.uint8)
    text = render(Page("t", "s", [], [Section("g", "", [Gallery([(image, "a\nb")])])]))
    (data,) = re.findall(r'src="data:image/png;base64,([^"]*)" alt="a, b"', text)
    shown = np.asarray(Image.open(io.BytesIO(base64.b64decode(data))))
    np.testing.assert_array_equal(shown, image if channels == 3 else 255 - image[..., 0])


def luminance(color):
    digits = color[1:] if len(color) == 7 else "".join(2 * digit for digit in color[1:])
    light = np.array([int(digits[start : start + 2], 16) for start in (0, 2, 4)]) / 255
    linear = np.where(light <= 0.04045, light / 12.92, ((light + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])


def test_letters_stand_out_in_light_in_dark_and_on_paper():
    text = render(Page("t", "s", [], []))
    colors = re.findall(r"--ink: (#\w+); --soft: (#\w+); --paper: (#\w+);", text)
    assert len(colors) == 3
    for ink, soft, paper in colors:
        for letters in (ink, soft):
            pair = sorted((luminance(letters), luminance(paper)))
            assert (pair[1] + 0.05) / (pair[0] + 0.05) >= 4.5


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1400])
def test_a_browser_draws_every_figure_and_never_scrolls_sideways(look, width, scheme, tmp_path):
    path = tmp_path / "report.html"
    write_page(path, everything("AReallyLongWordWithoutAnySpacesInItThatMustBreak"))
    found = look(path, width, scheme)
    assert found["log"] == []
    assert found["inner"] == width
    assert found["wide"] <= width
    assert found["beyond"] == 0
    assert len(found["drawn"]) == 7
    assert min(found["drawn"]) > 50
    assert found["images"]
    assert found["label"] == found["ink"]
    dark = sum(int(part) for part in found["paper"][4:-1].split(",")) < 384
    assert dark == (scheme == "dark")


def test_large_photos_are_made_smaller_and_small_images_are_left_alone():
    photos = [(np.full((400, 800, 3), 77, np.uint8), "x"), (np.full((8, 6, 3), 5, np.uint8), "y")]
    text = render(Page("t", "s", [], [Section("a", "", [Gallery(photos)])]))
    sizes = []
    for data in re.findall(r"base64,([^\"]+)", text):
        image = Image.open(io.BytesIO(base64.b64decode(data)))
        sizes.append(image.size)
        assert len(set(np.asarray(image).ravel().tolist())) == 1
    assert sizes == [(192, 96), (6, 8)]
