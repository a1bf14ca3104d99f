"""Matrices: a quantity over two axes of a grid, and confusions between classes."""

import math
from collections.abc import Sequence

import numpy as np
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure

from distill.analysis.figures.style import INK, SIZE, panel, short

# One colour of varying opacity: high counts stand out on white paper and on a dark screen.
_COUNTS = LinearSegmentedColormap.from_list("counts", [(0, 0.45, 0.7, 0.3), (0, 0.45, 0.7, 1)])


def heat_map(
    row_axis: tuple[str, Sequence[str]],
    column_axis: tuple[str, Sequence[str]],
    means: np.ndarray,
    stds: np.ndarray,
    quantity: str,
) -> Figure:
    """Draws fractions `(rows, columns)` over two axes of a grid, as per cent.

    An axis has a name and values. A mean is NaN without any run, an std is NaN with one seed.
    """
    (row_name, rows), (column_name, columns) = row_axis, column_axis
    figure, axis = panel(max(SIZE[1], 1.2 + 0.42 * len(rows)))
    image = axis.imshow(means * 100, cmap="cividis", aspect="auto")
    size = np.interp(len(columns), [5, 10], [9, 6.5])
    for (row, column), mean in np.ndenumerate(means):
        std = stds[row, column]
        text = "–" if np.isnan(mean) else f"{mean * 100:.1f}"
        text += f"\n±{std * 100:.1f}" if np.isfinite(mean + std) else ""
        on_field = "white" if image.norm(mean * 100) < 0.5 else "#111111"
        color = INK if np.isnan(mean) else on_field
        axis.text(column, row, text, ha="center", va="center", fontsize=size, color=color)
    axis.set_xticks(range(len(columns)), [short(text, 10) for text in columns])
    axis.set_yticks(range(len(rows)), [short(text, 14) for text in rows])
    axis.set(xlabel=column_name, ylabel=row_name)
    axis.spines[:].set_visible(False)
    axis.tick_params(length=0)
    figure.colorbar(image, ax=axis, label=f"{quantity}, %", location="top").outline.set(alpha=0)
    return figure


def confusion_matrix(
    matrix: np.ndarray, class_names: Sequence[str], errors_only: bool = False
) -> Figure:
    """Draws counts, or means of counts, of examples by true class (rows) and predicted class.

    Without the diagonal (`errors_only`) the colours distinguish the errors.
    """
    classes = len(class_names)
    counts = np.asarray(matrix, "float64").copy()
    if errors_only:
        np.fill_diagonal(counts, np.nan)
    counts[counts == 0] = np.nan  # transparent
    figure, axis = panel(SIZE[0] * 0.9)
    largest = np.nanmax(counts) if np.isfinite(counts).any() else 1.0
    axis.imshow(counts, cmap=_COUNTS, vmin=0, vmax=largest)
    for row, column in np.argwhere(np.isfinite(counts)) if classes <= 12 else ():
        count = counts[row, column]
        style = {"fontsize": 7.5, "color": "white" if count > 0.8 * largest else INK}
        text = f"{count:.1f}".removesuffix(".0")
        axis.text(column, row, text, ha="center", va="center", **style)
    places = range(0, classes, math.ceil(classes / 16))
    names = [short(class_names[place], 14) for place in places]
    is_slanted = sum(map(len, names)) > 40
    aligned = {"rotation": 45, "ha": "right"} if is_slanted else {"rotation": 0, "ha": "center"}
    axis.set_xticks(places, names, rotation_mode="anchor", fontsize=8, **aligned)
    axis.set_yticks(places, names, fontsize=8)
    axis.set(xlabel="predicted class", ylabel="true class")
    axis.spines[:].set_alpha(0.3)
    return figure
