"""Marks for models: accuracy by confidence, and accuracy against cost."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib import ticker
from matplotlib.figure import Figure
from matplotlib.transforms import Bbox

from distill.analysis.figures.style import (
    INK,
    add_legend,
    finish,
    panel,
    short,
    show_percent,
    styles_of,
)


def reliability_diagram(curves: Mapping[str, Sequence[np.ndarray]]) -> Figure:
    """Draws accuracy by confidence; on the diagonal, confidence equals accuracy.

    `curves` holds for each model the confidence, accuracy and number of examples of each bin; empty
    bins are NaN. Bins of fewer than ten examples are not drawn.
    """
    figure, axis = panel()
    axis.plot([0, 1], [0, 1], color=INK, linewidth=0.8)
    for title, (color, line, marker) in styles_of(curves).items():
        bins = np.array(curves[title], "float64")
        confidence, accuracy, count = bins[:, bins[2] >= 10]
        axis.plot(confidence, accuracy, linestyle=line, color=color, linewidth=1)
        # The area of a mark is the share of examples in its bin.
        sizes = 8 + 90 * count / max(count.sum(), 1)
        axis.scatter(confidence, accuracy, sizes, color, marker=marker, label=title, clip_on=False)
    finish(axis, "confidence", "accuracy")
    axis.xaxis.set_major_formatter(show_percent)
    add_legend(figure)
    return figure


def pareto(points: Sequence[tuple[str, str, float, Sequence[float]]], x_name: str) -> Figure:
    """Draws accuracy against cost, and the front of models that no other model beats in both.

    A point has a title, a label, a cost, and accuracies over seeds. With more than eight models,
    only those on the front get their labels.
    """
    figure, axis = panel()
    x = np.array([cost for _, _, cost, _ in points])
    y = np.array([np.mean(accuracies) for *_, accuracies in points])
    order = np.lexsort((-y, x))
    best = np.maximum.accumulate(y[order])
    front = order[np.diff(best, prepend=-1) > 0]
    axis.step([*x[front], x.max()], [*y[front], y.max()], ":k", where="post", linewidth=0.8)
    titles = [title for title, *_ in points]
    for index, (title, _, cost, accuracies) in enumerate(points):
        color, _, marker = styles_of(titles)[title]
        std = np.std(accuracies, ddof=1) if len(accuracies) > 1 else 0.0
        marks = {"fmt": marker, "color": color, "markersize": 5, "capsize": 2}
        label = title if titles.index(title) == index else None
        axis.errorbar(cost, y[index], std, label=label, **marks)
    axis.set_xscale("log")
    axis.margins(x=0.15, y=0.15)
    finish(axis, x_name, "test accuracy")
    subs = (1, 2, 5) if x.max() < 12 * x.min() else (1,)
    axis.xaxis.set_major_locator(ticker.LogLocator(subs=subs))
    axis.xaxis.set_major_formatter("{x:,.10g}")
    axis.xaxis.set_minor_formatter("")
    add_legend(figure)
    others = [index for index in order if index not in front] if len(points) <= 8 else []
    _label_points(axis, x, y, {index: points[index][1] for index in [*front, *others]})
    return figure


def _label_points(axis, x, y, labels):
    """Labels points where there is room, in the order of the labels."""
    axis.figure.get_layout_engine().execute(axis.figure)
    marks = axis.transData.transform(np.column_stack([x, y]))
    taken = [Bbox.from_bounds(across - 3, up - 3, 6, 6) for across, up in marks]
    # A front goes right and then up, which leaves room above on the left and below on the right.
    sides = (("right", (-6, 3)), ("left", (6, -11)), ("center", (0, 7)), ("left", (6, 3)))
    for index, text in labels.items():
        for side, offset in sides if text else ():
            style = {"ha": side, "textcoords": "offset points", "fontsize": 7.5}
            label = axis.annotate(short(text, 30), (x[index], y[index]), xytext=offset, **style)
            box = label.get_window_extent()
            if axis.bbox.x0 <= box.x0 and box.x1 <= axis.bbox.x1 and not box.count_overlaps(taken):
                taken.append(box)
                break
            label.remove()
