"""Figures of what was measured. Each function returns one figure, readable on a phone.

Colours are Okabe and Ito's, told apart without colour vision; line styles and markers say it again.
"""

import itertools
import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib import ticker
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.transforms import Bbox
from scipy import stats

from distill.run_folder import replacing

_INK = "black"  # a page shows black in its text colour; see `distill.report.page`
# Of one colour, more or less transparent: more stands out on white paper and on a dark screen.
_COUNTS = LinearSegmentedColormap.from_list("counts", [(0, 0.45, 0.7, 0.3), (0, 0.45, 0.7, 1)])
SIZE = (4.6, 3.2)  # inches: 358 pixels of a phone show it at four fifths
_STYLES = {
    "teacher": ("#767676", ":", "s"),
    "student from labels": ("#D55E00", "--", "o"),
    "student distilled": ("#0072B2", "-", "D"),
}
_MORE_STYLES = (
    ("#009E73", "-.", "^"),
    ("#CC79A7", (0, (5, 1, 1, 1, 1, 1)), "v"),
    ("#E69F00", (0, (1, 1)), "P"),
    ("#56B4E9", (0, (8, 2)), "X"),
    (_INK, (0, (3, 1, 1, 1)), "*"),
)


def draw_learning_curves(
    path: Path, curves: Mapping[str, Sequence[Mapping[str, Sequence[float]]]], title: str
) -> None:
    """Draws validation accuracy and hard loss by epoch: mean over seeds, band of ± one std.

    Args:
        path: PNG file to write.
        curves: for each model, by its title in the table, one history for each seed.
        title: heading of the figure.
    """
    figure = Figure(figsize=(9, 3.8), layout="constrained")
    axes = figure.subplots(1, 2)
    panels = (("validation accuracy", ("val_accuracy",)),
              ("validation cross-entropy", ("val_hard_loss", "val_loss")))  # fmt: skip
    for axis, (name, columns) in zip(axes, panels, strict=True):
        _draw_curves(axis, {
            label: [next(each[column] for column in columns if column in each)
                    for each in histories]
            for label, histories in curves.items()
        }, name)  # fmt: skip
    axes[1].set_ylim(bottom=0)
    axes[0].legend(loc="lower right", frameon=False)
    seeds = max(len(histories) for histories in curves.values())
    figure.suptitle(f"{title} (mean ± std of {seeds} seeds)" if seeds > 1 else title)
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as temporary:
        figure.savefig(temporary, dpi=150)


def learning_curve(curves: Mapping[str, Sequence[Sequence[float]]], quantity: str) -> Figure:
    """Draws a quantity by epoch: mean over seeds, band of ± one standard deviation.

    Args:
        curves: for each model, by its title, one series for each seed.
        quantity: what is drawn.
    """
    figure, axis = _panel()
    _draw_curves(axis, curves, quantity)
    _legend(figure)
    return figure


def axis_curve(
    axis_name: str, values: Sequence, series: Mapping[str, Sequence[Sequence[float]]], quantity: str
) -> Figure:
    """Draws a quantity along a grid's axis: mean over seeds, 95 % interval of the mean.

    Args:
        axis_name: what is varied.
        values: its values; numbers are drawn to scale, by powers of two where they span a factor
            of 8 or more, anything else in even steps.
        series: for each model, by its title, the values of all seeds for each of the axis' values.
        quantity: what is drawn.
    """
    figure, axis = _panel()
    is_number = all(isinstance(value, int | float) for value in values) and len(values) > 1
    order = np.argsort(values) if is_number else np.arange(len(values))
    values = [values[index] for index in order]
    for number, (label, (color, line, marker)) in enumerate(_styles(series).items()):
        # Values that are no numbers have no way between them: marks side by side, and no line.
        aside = 0.0 if is_number else 0.12 * (number - (len(series) - 1) / 2)
        x = values if is_number else np.arange(len(values)) + aside
        found = [series[label][index] for index in order]
        means = np.array([np.mean(seeds) if len(seeds) else np.nan for seeds in found])
        # Half the 95 % interval of the mean, by Student's t; none for one seed.
        reach = np.array([stats.sem(seeds) * stats.t.ppf(0.975, len(seeds) - 1)
                          if len(seeds) > 1 else 0.0 for seeds in found])  # fmt: skip
        mark = {"marker": marker, "markersize": 4, "color": color, "label": label}
        if is_number:
            axis.plot(x, means, linestyle=line, **mark)
            axis.fill_between(x, means - reach, means + reach, color=color, alpha=0.15, linewidth=0)
        else:
            axis.errorbar(x, means, reach, linestyle="none", capsize=2, elinewidth=1, **mark)
    _finish(axis, axis_name, quantity)
    places = values if is_number else range(len(values))
    if is_number and values[0] > 0 and values[-1] / values[0] >= 8:
        axis.set_xscale("log", base=2)
        places = np.log2(values)
    axis.minorticks_off()
    labels = [f"{value:g}" if is_number else short("none" if value is None else str(value), 18)
              for value in values]  # fmt: skip
    # A panel is about fifty characters wide.
    narrowest = min(np.diff(places), default=1) / max(np.ptp(places), 1e-9)
    slanted = len(values) > 1 and narrowest * 50 < max(map(len, labels)) + 1
    axis.set_xticks(values if is_number else places, labels, rotation=40 if slanted else 0,
                    ha="right" if slanted else "center", rotation_mode="anchor")  # fmt: skip
    _legend(figure)
    return figure


def heat_map(
    row_axis: str,
    rows: Sequence[str],
    column_axis: str,
    columns: Sequence[str],
    means: np.ndarray,
    stds: np.ndarray,
    quantity: str,
) -> Figure:
    """Draws a quantity over two axes of a grid.

    Args:
        row_axis: what is varied from row to row.
        rows: its values, as they are shown.
        column_axis: what is varied from column to column.
        columns: its values.
        means: `(rows, columns)`, fractions, shown as per cent; NaN where there is no run.
        stds: their standard deviations over seeds; NaN where there is one seed only.
        quantity: what is drawn.
    """
    figure, axis = _panel(max(SIZE[1], 1.2 + 0.42 * len(rows)))
    image = axis.imshow(means * 100, cmap="cividis", aspect="auto")
    size = np.interp(len(columns), [5, 10], [9, 6.5])
    for (row, column), mean in np.ndenumerate(means):
        std = stds[row, column]
        text = "–" if np.isnan(mean) else f"{mean * 100:.1f}"
        text += f"\n±{std * 100:.1f}" if np.isfinite(mean + std) else ""
        on_cell = "white" if image.norm(mean * 100) < 0.5 else "#111111"
        axis.text(column, row, text, ha="center", va="center", fontsize=size,
                  color=_INK if np.isnan(mean) else on_cell)  # fmt: skip
    axis.set_xticks(range(len(columns)), [short(text, 10) for text in columns])
    axis.set_yticks(range(len(rows)), [short(text, 14) for text in rows])
    axis.set(xlabel=column_axis, ylabel=row_axis)
    axis.spines[:].set_visible(False)
    axis.tick_params(length=0)
    figure.colorbar(image, ax=axis, label=f"{quantity}, %", location="top").outline.set(alpha=0)
    return figure


def confusion_matrix(
    matrix: np.ndarray, class_names: Sequence[str], errors_only: bool = False
) -> Figure:
    """Draws how often each class is taken for each.

    Args:
        matrix: `(classes, classes)`, rows true, columns predicted; counts, or means of counts.
        class_names: one for each class.
        errors_only: leave out the diagonal, so that the colours tell errors apart.
    """
    classes = len(class_names)
    shown = np.asarray(matrix, "float64").copy()
    if errors_only:
        np.fill_diagonal(shown, np.nan)
    shown[shown == 0] = np.nan  # the page's own colour
    figure, axis = _panel(SIZE[0] * 0.9)
    largest = np.nanmax(shown) if np.isfinite(shown).any() else 1.0
    axis.imshow(shown, cmap=_COUNTS, vmin=0, vmax=largest)
    for row, column in np.argwhere(np.isfinite(shown)) if classes <= 12 else ():
        count = shown[row, column]
        axis.text(column, row, f"{count:.1f}".removesuffix(".0"), ha="center", va="center",
                  fontsize=7.5, color="white" if count > 0.8 * largest else _INK)  # fmt: skip
    places = range(0, classes, math.ceil(classes / 16))
    names = [short(class_names[place], 14) for place in places]
    slanted = sum(map(len, names)) > 40
    axis.set_xticks(places, names, rotation=45 if slanted else 0, rotation_mode="anchor",
                    ha="right" if slanted else "center", fontsize=8)  # fmt: skip
    axis.set_yticks(places, names, fontsize=8)
    axis.set(xlabel="predicted class", ylabel="true class")
    axis.spines[:].set_alpha(0.3)
    return figure


def reliability_diagram(curves: Mapping[str, Sequence[np.ndarray]]) -> Figure:
    """Draws accuracy by confidence; on the diagonal a model is as often right as it is sure.

    Args:
        curves: for each model, by its title, confidence, accuracy and number of examples of each
            bin; empty bins are NaN. A bin of fewer than ten examples is not drawn.
    """
    figure, axis = _panel()
    axis.plot([0, 1], [0, 1], color=_INK, linewidth=0.8)
    for label, (color, line, marker) in _styles(curves).items():
        bins = np.array(curves[label], "float64")
        confidence, accuracy, count = bins[:, bins[2] >= 10]
        axis.plot(confidence, accuracy, linestyle=line, color=color, linewidth=1)
        # The area of a mark is the share of examples in its bin.
        sizes = 8 + 90 * count / max(count.sum(), 1)
        axis.scatter(confidence, accuracy, sizes, color, marker=marker, label=label, clip_on=False)
    _finish(axis, "confidence", "accuracy")
    axis.xaxis.set_major_formatter(ticker.PercentFormatter(1.0))
    _legend(figure)
    return figure


def pareto(points: Sequence[tuple[str, str, float, Sequence[float]]], x_name: str) -> Figure:
    """Draws accuracy against what a model costs, and the front: no other is cheaper and better.

    Args:
        points: for each model its title, a label, its cost and its accuracies over seeds; of
            more than eight models, those on the front alone are labelled.
        x_name: the cost.
    """
    figure, axis = _panel()
    x = np.array([cost for _, _, cost, _ in points])
    y = np.array([np.mean(accuracies) for *_, accuracies in points])
    order = np.lexsort((-y, x))
    best = np.maximum.accumulate(y[order])
    front = order[np.diff(best, prepend=-1) > 0]
    axis.step([*x[front], x.max()], [*y[front], y.max()], ":k", where="post", linewidth=0.8)
    titles = [title for title, *_ in points]
    for index, (title, _, cost, accuracies) in enumerate(points):
        color, _, marker = _styles(titles)[title]
        std = np.std(accuracies, ddof=1) if len(accuracies) > 1 else 0.0
        axis.errorbar(cost, y[index], std, fmt=marker, color=color, markersize=5, capsize=2,
                      label=title if titles.index(title) == index else None)  # fmt: skip
    axis.set_xscale("log")
    axis.margins(x=0.15, y=0.15)
    _finish(axis, x_name, "test accuracy")
    subs = (1, 2, 5) if x.max() < 12 * x.min() else (1,)
    axis.xaxis.set_major_locator(ticker.LogLocator(subs=subs))
    axis.xaxis.set_major_formatter("{x:,.10g}")
    axis.xaxis.set_minor_formatter("")
    _legend(figure)
    others = [index for index in order if index not in front] if len(points) <= 8 else []
    _label_points(axis, x, y, {index: points[index][1] for index in [*front, *others]})
    return figure


def _label_points(axis, x, y, labels):
    """Labels points where there is room, those given first first."""
    axis.figure.get_layout_engine().execute(axis.figure)
    taken = [Bbox.from_bounds(across - 3, up - 3, 6, 6)
             for across, up in axis.transData.transform(np.column_stack([x, y]))]  # fmt: skip
    # A front goes right and then up: above on the left and below on the right it leaves room.
    sides = (("right", -6, 3), ("left", 6, -11), ("center", 0, 7), ("left", 6, 3))
    for index, text in labels.items():
        for side, aside, up in sides if text else ():
            label = axis.annotate(short(text, 30), (x[index], y[index]), xytext=(aside, up),
                                  ha=side, textcoords="offset points", fontsize=7.5)  # fmt: skip
            box = label.get_window_extent()
            if axis.bbox.x0 <= box.x0 and box.x1 <= axis.bbox.x1 and not box.count_overlaps(taken):
                taken.append(box)
                break
            label.remove()


def _panel(height=SIZE[1]):
    figure = Figure(figsize=(SIZE[0], height), layout="constrained")
    return figure, figure.subplots()


def _legend(figure):
    """Above the panel, where it hides nothing, in as many columns as there is room for."""
    handles, labels = figure.axes[0].get_legend_handles_labels()
    widths = sorted((32 + 4.6 * len(label) for label in labels), reverse=True)[:3]
    columns = max(1, int(np.sum(np.cumsum(widths) < 72 * SIZE[0])))
    figure.set_figheight(figure.get_figheight() + 0.16 * (math.ceil(len(labels) / columns) - 1))
    figure.legend(handles, labels, loc="outside upper left", ncols=columns, frameon=False,
                  fontsize=8, columnspacing=1.2, markerscale=0.8)  # fmt: skip


def _finish(axis, x_name, y_name):
    axis.set(xlabel=x_name, ylabel=y_name)
    axis.grid(color=_INK, alpha=0.12)
    axis.spines[["top", "right"]].set_visible(False)
    if "accuracy" in y_name or "agreement" in y_name:
        low, high = axis.set_ylim(np.clip(axis.get_ylim(), -0.02, 1.02))
        digits = int(high - low <= 0.05)
        axis.yaxis.set_major_formatter(ticker.PercentFormatter(1.0, digits))


def _draw_curves(axis, curves, quantity):
    for label, (color, line, marker) in _styles(curves).items():
        shortest = min(map(len, curves[label]))
        values = np.array([each[:shortest] for each in curves[label]])
        epochs, mean = np.arange(1, shortest + 1), values.mean(axis=0)
        axis.plot(epochs, mean, linestyle=line, color=color, label=label, marker=marker,
                  markersize=4, markevery=max(1, shortest // 6))  # fmt: skip
        if len(values) > 1:
            std = values.std(axis=0, ddof=1)
            axis.fill_between(epochs, mean - std, mean + std, color=color, alpha=0.15, linewidth=0)
    _finish(axis, "epoch", quantity)
    axis.xaxis.set_major_locator(ticker.MaxNLocator(integer=True, min_n_ticks=1))


def _styles(titles):
    """A style for each title: known ones have their own, others the next that is free."""
    others = itertools.cycle(_MORE_STYLES)
    return {title: _STYLES.get(title) or next(others) for title in dict.fromkeys(titles)}


def short(text: str, most: int) -> str:
    """Cuts a text that is longer than a figure has room for."""
    return text if len(text) <= most else f"{text[: most - 1]}…"
