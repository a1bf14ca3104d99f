"""Figures of what was measured. Each function returns one figure, readable on a phone.

Colours are Okabe and Ito's, told apart without colour vision; line styles and markers say it again.
"""

import itertools
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import (
    FuncFormatter,
    LogLocator,
    MaxNLocator,
    NullFormatter,
    PercentFormatter,
)
from scipy import stats

from distill.run_folder import replacing

_INK = "black"  # a page shows black in its text colour; see `distill.report.page`
SIZE = (4.6, 3.2)  # inches: 358 pixels of a phone show it at four fifths
_STYLES = {
    "teacher": ("#999999", ":", "s"),
    "student from labels": ("#D55E00", "--", "o"),
    "student distilled": ("#0072B2", "-", "D"),
}
_MORE_STYLES = (
    ("#009E73", "-.", "^"),
    ("#CC79A7", (0, (5, 1, 1, 1, 1, 1)), "v"),
    ("#E69F00", (0, (1, 1)), "P"),
    ("#56B4E9", (0, (8, 2)), "X"),
    ("#F0E442", (0, (3, 1, 1, 1)), "*"),
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
    styles = _styles(curves)
    for axis, (name, columns) in zip(axes, panels, strict=True):
        for label, histories in curves.items():
            column = next(column for column in columns if column in histories[0])
            _draw_curve(axis, label, [history[column] for history in histories], styles[label])
        _finish(axis, "epoch", name)
        axis.xaxis.set_major_locator(MaxNLocator(integer=True))
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
    for label, style in _styles(curves).items():
        _draw_curve(axis, label, curves[label], style)
    _finish(axis, "epoch", quantity)
    axis.xaxis.set_major_locator(MaxNLocator(integer=True))
    _legend(figure)
    return figure


def axis_curve(
    axis_name: str,
    values: Sequence[Any],
    series: Mapping[str, Sequence[Sequence[float]]],
    quantity: str,
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
    styles = _styles(series)
    for number, (label, (color, line, marker)) in enumerate(styles.items()):
        # Values that are no numbers have no way between them: marks side by side, and no line.
        aside = 0.0 if is_number else 0.12 * (number - (len(styles) - 1) / 2)
        places = values if is_number else np.arange(len(values)) + aside
        found = [(place, np.asarray(seeds)) for place, seeds in
                 zip(places, series[label], strict=True) if len(seeds)]  # fmt: skip
        x, means = [place for place, _ in found], np.array([seeds.mean() for _, seeds in found])
        reach = np.array([_reach(seeds) for _, seeds in found])
        if is_number:
            axis.plot(x, means, linestyle=line, marker=marker, markersize=4, color=color,
                      label=label)  # fmt: skip
            axis.fill_between(x, means - reach, means + reach, color=color, alpha=0.15, linewidth=0)
        else:
            axis.errorbar(x, means, reach, fmt=marker, markersize=4, color=color, capsize=2,
                          elinewidth=1, label=label)  # fmt: skip
    _finish(axis, axis_name, quantity)
    if is_number and min(values) > 0 and max(values) / min(values) >= 8:
        axis.set_xscale("log", base=2)
    axis.minorticks_off()
    labels = [_short(f"{value:g}" if is_number else str(value), 12) for value in values]
    slanted = not is_number and sum(map(len, labels)) > 40
    axis.set_xticks(values if is_number else range(len(values)), labels,
                    rotation=30 if slanted else 0, ha="right" if slanted else "center")  # fmt: skip
    _legend(figure)
    return figure


def _reach(seeds):
    """Half the 95 % interval of the mean, by Student's t; none for one seed."""
    count = len(seeds)
    if count < 2:
        return 0.0
    return float(stats.t.ppf(0.975, count - 1)) * seeds.std(ddof=1) / math.sqrt(count)


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
    height = max(SIZE[1], 0.9 + 0.42 * len(rows))
    figure = Figure(figsize=(SIZE[0], height), layout="constrained")
    axis = figure.subplots()
    image = axis.imshow(means * 100, cmap="cividis", aspect="auto")
    small = 6.5 if len(columns) > 5 else 8
    for (row, column), mean in np.ndenumerate(means):
        std = stds[row, column]
        text = f"{mean * 100:.1f}" + (f"\n±{std * 100:.1f}" if np.isfinite(std) else "")
        axis.text(
            column, row, text if np.isfinite(mean) else "–", ha="center", va="center",
            fontsize=small, color=_readable_on(image, mean * 100),
        )  # fmt: skip
    axis.set_xticks(range(len(columns)), [_short(text, 10) for text in columns])
    axis.set_yticks(range(len(rows)), [_short(text, 14) for text in rows])
    axis.set_xlabel(column_axis)
    axis.set_ylabel(row_axis)
    axis.spines[:].set_visible(False)
    axis.tick_params(length=0)
    figure.colorbar(image, ax=axis, label=f"{quantity}, %", shrink=0.9).outline.set_visible(False)
    return figure


def _readable_on(image, value):
    if not np.isfinite(value):
        return _INK
    red, green, blue, _ = image.cmap(image.norm(value))
    return "white" if 0.299 * red + 0.587 * green + 0.114 * blue < 0.5 else "#111111"


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
    figure = Figure(figsize=(SIZE[0], SIZE[0] * 0.9), layout="constrained")
    axis = figure.subplots()
    largest = np.nanmax(shown) if np.isfinite(shown).any() else 1.0
    image = axis.imshow(shown, cmap="Blues", vmin=-0.25 * largest, vmax=largest)
    if classes <= 12:
        for (row, column), count in np.ndenumerate(shown):
            if np.isfinite(count):
                text = f"{count:.0f}" if float(count).is_integer() else f"{count:.1f}"
                axis.text(column, row, text, ha="center", va="center", fontsize=7,
                          color=_readable_on(image, count))  # fmt: skip
    places = range(0, classes, max(1, math.ceil(classes / 20)))
    names = [_short(class_names[place], 14) for place in places]
    slanted = max(map(len, names)) > 2
    axis.set_xticks(places, names, rotation=45 if slanted else 0,
                    ha="right" if slanted else "center", fontsize=8)  # fmt: skip
    axis.set_yticks(places, names, fontsize=8)
    axis.set_xlabel("predicted class")
    axis.set_ylabel("true class")
    axis.spines[:].set_alpha(0.3)
    return figure


def reliability_diagram(
    curves: Mapping[str, tuple[np.ndarray, np.ndarray, np.ndarray]],
) -> Figure:
    """Draws accuracy by confidence; on the diagonal a model is as often right as it is sure.

    Args:
        curves: for each model, by its title, confidence, accuracy and number of examples of each
            bin; empty bins are NaN.
    """
    figure, axis = _panel()
    axis.plot([0, 1], [0, 1], color=_INK, linewidth=0.8)
    for label, style in _styles(curves).items():
        color, line, marker = style
        confidence, accuracy, count = (np.asarray(values) for values in curves[label])
        filled = np.isfinite(confidence)
        confidence, accuracy, count = confidence[filled], accuracy[filled], count[filled]
        axis.plot(confidence, accuracy, linestyle=line, color=color, linewidth=1)
        # The area of a mark is the share of examples in its bin.
        sizes = 8 + 160 * count / max(count.sum(), 1)
        axis.scatter(
            confidence, accuracy, s=sizes, marker=marker, color=color, label=label, clip_on=False
        )
    _finish(axis, "confidence", "accuracy")
    axis.set_ylim(-0.03, 1.03)
    axis.xaxis.set_major_formatter(PercentFormatter(1.0))
    _legend(figure)
    return figure


def dark_knowledge(
    image: np.ndarray,
    logits: np.ndarray,
    class_names: Sequence[str],
    temperatures: Sequence[float],
) -> Figure:
    """Draws an image and the probabilities that a teacher gives it at several temperatures.

    Args:
        image: uint8 `(height, width, channels)`.
        logits: the teacher's, `(classes,)`.
        class_names: one for each class; the ten most probable are shown.
        temperatures: at most four.
    """
    figure = Figure(figsize=(SIZE[0], 2.6), layout="constrained")
    axes = figure.subplots(
        1, 1 + len(temperatures), gridspec_kw={"width_ratios": [1.3, *[1] * len(temperatures)]}
    )
    channels = image.shape[-1]
    axes[0].imshow(image[..., 0] if channels == 1 else image, cmap="gray_r")
    axes[0].axis("off")
    order = np.sort(np.argsort(-logits, kind="stable")[:10])[::-1]
    for axis, temperature in zip(axes[1:], temperatures, strict=True):
        scaled = np.exp((logits - logits.max()) / temperature)
        axis.barh(range(len(order)), (scaled / scaled.sum())[order], color="#0072B2")
        axis.set_xlim(0, 1)
        axis.set_xticks([0, 1], ["0", "1"])
        axis.set_title(f"T = {temperature:g}", fontsize=9)
        axis.set_yticks(range(len(order)), [])
        axis.spines[["top", "right"]].set_visible(False)
    axes[1].set_yticks(range(len(order)), [_short(class_names[index], 10) for index in order],
                       fontsize=8)  # fmt: skip
    return figure


def pareto(points: Sequence[tuple[str, str, float, Sequence[float]]], x_name: str) -> Figure:
    """Draws accuracy against what a model costs, and the front: no other is cheaper and better.

    Args:
        points: for each model its title, a label (shown on the front only), its cost and its
            accuracies over seeds.
        x_name: the cost.
    """
    figure, axis = _panel()
    x = np.array([cost for _, _, cost, _ in points])
    y = np.array([np.mean(accuracies) for *_, accuracies in points])
    order = np.lexsort((-y, x))
    front = [index for rank, index in enumerate(order)
             if all(y[index] > y[other] for other in order[:rank])]  # fmt: skip
    ends = [*x[front], x.max() * 1.15]
    axis.step(ends, [*y[front], y[front[-1]]], where="post", color=_INK, linewidth=0.8,
              linestyle=":")  # fmt: skip
    styles, drawn = _styles([title for title, *_ in points]), set()
    for index, (title, label, _, accuracies) in enumerate(points):
        color, _, marker = styles[title]
        std = np.std(accuracies, ddof=1) if len(accuracies) > 1 else 0.0
        axis.errorbar(x[index], y[index], std, fmt=marker, color=color, markersize=5, capsize=2,
                      label=None if title in drawn else title)  # fmt: skip
        drawn.add(title)
        if index in front and label:
            is_right = x[index] > math.sqrt(x.min() * x.max())
            axis.annotate(
                _short(label, 30), (x[index], y[index]), xytext=(-7 if is_right else 7, 7),
                textcoords="offset points", fontsize=7.5, ha="right" if is_right else "left",
            )  # fmt: skip
    axis.set_xscale("log")
    _finish(axis, x_name, "test accuracy")
    axis.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axis.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,g}"))
    axis.xaxis.set_minor_formatter(NullFormatter())
    axis.margins(x=0.15, y=0.15)
    _legend(figure)
    return figure


def _panel():
    figure = Figure(figsize=SIZE, layout="constrained")
    return figure, figure.subplots()


def _legend(figure):
    """Above the panel, where it hides nothing."""
    handles, labels = figure.axes[0].get_legend_handles_labels()
    columns = 3 if sum(map(len, labels[:3])) < 50 else 2
    figure.legend(handles, labels, loc="outside upper left", ncols=columns, frameon=False,
                  fontsize=8, columnspacing=1.2, markerscale=0.8)  # fmt: skip


def _finish(axis, x_name, y_name):
    axis.set_xlabel(x_name)
    axis.set_ylabel(y_name)
    axis.grid(alpha=0.3)
    axis.spines[["top", "right"]].set_visible(False)
    if "accuracy" in y_name or "agreement" in y_name:
        low, high = axis.get_ylim()
        low, high = max(low, -0.02), min(high, 1.02)
        axis.set_ylim(low, high)
        digits = 0 if high - low > 0.05 else 1
        axis.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=digits))


def _draw_curve(axis, label, series, style):
    color, line, _ = style
    shortest = min(map(len, series))
    values = np.array([each[:shortest] for each in series])
    epochs = np.arange(1, shortest + 1)
    mean = values.mean(axis=0)
    marker = "." if len(epochs) < 3 else None
    axis.plot(epochs, mean, linestyle=line, color=color, label=label, marker=marker)
    if len(values) > 1:
        std = values.std(axis=0, ddof=1)
        axis.fill_between(epochs, mean - std, mean + std, color=color, alpha=0.15, linewidth=0)


def _styles(titles):
    """A style for each title: known ones have their own, others the next that is free."""
    others, styles = itertools.cycle(_MORE_STYLES), {}
    for title in titles:
        if title not in styles:
            styles[title] = _STYLES[title] if title in _STYLES else next(others)
    return styles


def _short(text, most):
    return text if len(text) <= most else f"{text[: most - 1]}…"
