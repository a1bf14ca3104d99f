"""One self-contained HTML page: a sentence, and sections of tables, figures and images.

The page loads nothing: figures are inline SVG, images are inline PNG, and there is no script.
"""

import base64
import dataclasses
import io
import re
from collections.abc import Sequence
from pathlib import Path

import jinja2
import matplotlib
import numpy as np
from markupsafe import Markup
from matplotlib.figure import Figure
from PIL import Image

from distill.errors import UserError
from distill.run_folder import replacing


@dataclasses.dataclass(frozen=True)
class Table:
    """A table of texts: the first column is left-aligned, the others right-aligned.

    Attributes:
        headings: one for each column.
        rows: the cells.
        caption: what the table shows.
        notes: what a reader has to know beside it.
        strong: numbers of rows that stand out.
        folded: whether the page shows it only when its caption is clicked.
    """

    headings: Sequence[str]
    rows: Sequence[Sequence[str]]
    caption: str = ""
    notes: str = ""
    strong: Sequence[int] = ()
    folded: bool = False


@dataclasses.dataclass(frozen=True)
class Picture:
    """A figure; `alt` says in words what it shows, for readers who do not see it."""

    figure: Figure
    alt: str
    caption: str = ""


@dataclasses.dataclass(frozen=True)
class Gallery:
    """Small images, each with its caption: uint8 `(height, width, channels)`."""

    images: Sequence[tuple[np.ndarray, str]]
    caption: str = ""


@dataclasses.dataclass(frozen=True)
class Code:
    """Text to be copied, such as a command."""

    text: str
    caption: str = ""


@dataclasses.dataclass(frozen=True)
class Section:
    """A heading, a text and what belongs to it."""

    title: str
    text: str = ""
    items: Sequence[Table | Picture | Gallery | Code] = ()


@dataclasses.dataclass(frozen=True)
class Page:
    """A report: what was found, in one sentence and a few more, and the sections that show it."""

    title: str
    sentence: str
    more: Sequence[str]
    sections: Sequence[Section]

    def section(self, title: str) -> Section:
        """Returns the section of that heading, or raises a `UserError` that lists the headings."""
        for section in self.sections:
            if section.title == title:
                return section
        known = "; ".join(section.title for section in self.sections)
        raise UserError(f"The report has no section {title!r}; it has: {known}.")


_PIXELS = 192  # of a gallery's image at most: twice what the page shows
_TEMPLATES = jinja2.Environment(
    loader=jinja2.PackageLoader("distill.report", "."),
    autoescape=True,
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_TEMPLATES.tests["picture"] = lambda item: isinstance(item, Picture)


def write_page(path: Path, page: Page) -> None:
    """Writes a page as one HTML file."""
    with replacing(path) as temporary:
        temporary.write_text(render(page), "utf-8")


def render(page: Page) -> str:
    """Returns a page as HTML."""
    numbers = iter(range(1_000_000))
    return _TEMPLATES.get_template("page.html.j2").render(
        page=page,
        kind=lambda item: type(item).__name__,
        svg=lambda picture: Markup(svg(picture.figure, picture.alt, f"f{next(numbers)}-")),
        png=_png,
    )


def svg(figure: Figure, alt: str, prefix: str = "") -> str:
    """Returns a figure as inline SVG that follows the page's text colour.

    Args:
        figure: the figure; what is black in it is drawn in the text colour, and nothing is drawn
            behind it.
        alt: what it shows, in words.
        prefix: of all ids in it, so that those of several figures differ.

    Returns:
        The element, the same for the same figure.
    """
    # Each drawing would move the panels a little further: they stay where the first puts them.
    if engine := figure.get_layout_engine():
        engine.execute(figure)
    figure.set_layout_engine(None)
    file = io.StringIO()
    with matplotlib.rc_context({"svg.hashsalt": "distill", "svg.fonttype": "path"}):
        nothing = dict.fromkeys(("Creator", "Date", "Format", "Type"))
        # The resolution is that of pictures in it; lines and letters have none.
        figure.savefig(file, format="svg", transparent=True, metadata=nothing, dpi=200)
    text = file.getvalue()
    text = text[text.index("<svg") :]
    size = re.search(r'viewBox="([^"]+)"', text).group(1)
    body = text[text.index(">") + 1 :]
    body = re.sub(r'\bid="', f'id="{prefix}', body)
    body = re.sub(r'(href="#|url\(#)', rf"\g<1>{prefix}", body)
    body = body.replace("#000000", "currentColor")
    label = jinja2.filters.do_forceescape(alt)
    return f'<svg viewBox="{size}" role="img" aria-label="{label}" fill="currentColor">{body}'


def _png(image: np.ndarray) -> str:
    """An image as a data URI, smaller if need be; of one channel, as ink on paper."""
    pixels = 255 - image[..., 0] if image.shape[-1] == 1 else image
    file = io.BytesIO()
    picture = Image.fromarray(pixels)
    picture.thumbnail((_PIXELS, _PIXELS))
    picture.save(file, format="PNG")
    return f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode()}"
