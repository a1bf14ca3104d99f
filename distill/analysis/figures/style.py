"""What all figures share: size, colours, legend, axes. Readable on a phone, and on dark pages.

Colours are those of Okabe and Ito, which colour-blind readers can tell apart; line styles and
markers repeat the distinction.
"""

import itertools
import math
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from distill.files import replacing

INK = "black"  # a page turns black into its text colour; see `distill.analysis.page.html`
SIZE = (4.6, 3.2)  # inches; a phone 358 pixels wide shows it at four fifths
STYLES = {
    "teacher": ("#767676", ":", "s"),
    "baseline": ("#D55E00", "--", "o"),
    "distilled student": ("#0072B2", "-", "D"),
}
_MORE_STYLES = (
    ("#009E73", "-.", "^"),
    ("#CC79A7", (0, (5, 1, 1, 1, 1, 1)), "v"),
    ("#E69F00", (0, (1, 1)), "P"),
    ("#56B4E9", (0, (8, 2)), "X"),
    (INK, (0, (3, 1, 1, 1)), "*"),
)


def styles_of(titles: Iterable[str]) -> dict[str, tuple]:
    """Returns colour, line style and marker by title; unknown titles take the next free style."""
    others = itertools.cycle(_MORE_STYLES)
    return {title: STYLES.get(title) or next(others) for title in dict.fromkeys(titles)}


def panel(height: float = SIZE[1]) -> tuple[Figure, Axes]:
    """Returns an empty figure of one panel."""
    figure = Figure(figsize=(SIZE[0], height), layout="constrained")
    return figure, figure.subplots()


def add_legend(figure: Figure) -> None:
    """Adds a legend above the panel, in as many columns as fit."""
    handles, labels = figure.axes[0].get_legend_handles_labels()
    widths = sorted((28 + 4.6 * len(label) for label in labels), reverse=True)[:3]
    columns = max(1, int(np.sum(np.cumsum(widths) < 72 * SIZE[0])))
    figure.set_figheight(figure.get_figheight() + 0.16 * (math.ceil(len(labels) / columns) - 1))
    layout = {"loc": "outside upper left", "ncols": columns, "columnspacing": 1.2}
    figure.legend(handles, labels, frameon=False, fontsize=8, markerscale=0.8, **layout)


def finish(axis: Axes, x_name: str, y_name: str) -> None:
    """Labels the axes of a panel, and shows fractions as per cent."""
    axis.set(xlabel=x_name, ylabel=y_name)
    axis.grid(color=INK, alpha=0.12)
    axis.spines[["top", "right"]].set_visible(False)
    if "accuracy" in y_name or "agreement" in y_name:
        axis.set_ylim(np.clip(axis.get_ylim(), -0.02, 1.02))
        axis.yaxis.set_major_formatter(show_percent)


def show_percent(fraction: float, _: int | None = None) -> str:
    """Formats the fraction at a tick, without rounding half per cents: `92.5%`, `95%`."""
    return f"{round(fraction * 100, 2) + 0.0:g}%"


def short(text: str, most: int) -> str:
    """Cuts a text that is too long for its place in a figure."""
    return text if len(text) <= most else f"{text[: most - 1]}…"


def save_png(figure: Figure, path: Path, dpi: int) -> None:
    """Writes a figure as a PNG file, and makes the folder that holds it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as temporary:
        figure.savefig(temporary, dpi=dpi, format="png", facecolor="white")
