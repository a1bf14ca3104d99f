"""Writes a report as one HTML file.

The file loads nothing: figures are inline SVG, images are inline PNG, and there is no script.
"""

import base64
import io
import itertools
import re
from pathlib import Path

import jinja2
import matplotlib
import numpy as np
from markupsafe import Markup
from matplotlib.figure import Figure
from PIL import Image

from distill.analysis.page.parts import Page, Picture
from distill.files import write_text

_PIXELS = 192  # the longest side of a gallery's image: twice its size on the page
_TEMPLATES = jinja2.Environment(
    loader=jinja2.PackageLoader("distill.analysis.page", "."),
    autoescape=True,
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_TEMPLATES.filters["units"] = lambda text: text.replace(" %", "\u00a0%")  # never on a line alone
_TEMPLATES.tests["picture"] = lambda item: isinstance(item, Picture)


def write_page(path: Path, page: Page) -> None:
    """Writes a page as one HTML file."""
    write_text(path, render(page))


def render(page: Page) -> str:
    """Returns a page as HTML."""
    numbers = itertools.count()
    return _TEMPLATES.get_template("page.html.j2").render(
        page=page,
        kind=lambda item: type(item).__name__,
        svg=lambda picture: Markup(svg(picture.figure, picture.alt, f"f{next(numbers)}-")),
        png=_png,
    )


def svg(figure: Figure, alt: str, prefix: str = "") -> str:
    """Returns a figure as inline SVG; the same figure always gives the same text.

    Black becomes the page's text colour, and the background is transparent. The prefix stands
    before all ids, so that the ids of several figures differ.
    """
    # Every further layout would move the panels a little, so only the first one counts.
    if engine := figure.get_layout_engine():
        engine.execute(figure)
    figure.set_layout_engine(None)
    file = io.StringIO()
    with matplotlib.rc_context({"svg.hashsalt": "distill", "svg.fonttype": "path"}):
        nothing = dict.fromkeys(("Creator", "Date", "Format", "Type"))
        # The resolution matters only to embedded pictures; lines and letters are vectors.
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
    """Returns an image as a data URI, reduced if it is large; one channel is ink on paper."""
    pixels = 255 - image[..., 0] if image.shape[-1] == 1 else image
    file = io.BytesIO()
    picture = Image.fromarray(pixels)
    picture.thumbnail((_PIXELS, _PIXELS))
    picture.save(file, format="PNG")
    return f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode()}"
