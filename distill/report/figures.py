"""Figures of what was measured. Each function returns one figure, readable on a phone.

Colours are Okabe and Ito's, told apart without colour vision; line styles and markers say it again.
"""

import itertools
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter, PercentFormatter
from scipy import stats

from distill.run_folder import replacing

_INK = "black"  # a page shows black in its text colour; see `distill.report.page`
# Of one colour, more or less transparent: more stands out on white paper and on a dark screen.
_COUNTS = LinearSegmentedColormap.from_list("counts", [(0, 0.45, 0.7, 0.1), (0, 0.45, 0.7, 1)])
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
    styles = _styles(curves)
    for axis, (name, columns) in zip(axes, panels, strict=True):
        for label, histories in curves.items():
            column = next(column for column in columns if column in histories[0])
            _draw_curve(axis, label, [history[column] for history in histories], styles[label])
        _finish(axis, "epoch", name)
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
    order = np.argsort(values) if is_number else np.arange(len(values))
    values = [values[index] for index in order]
    styles = _styles(series)
    for number, (label, (color, line, marker)) in enumerate(styles.items()):
        # Values that are no numbers have no way between them: marks side by side, and no line.
        aside = 0.0 if is_number else 0.12 * (number - (len(styles) - 1) / 2)
        x = values if is_number else np.arange(len(values)) + aside
        found = [series[label][index] for index in order]
        means = np.array([np.mean(seeds) if len(seeds) else np.nan for seeds in found])
        reach = np.array([_reach(seeds) for seeds in found])
        mark = {"marker": marker, "markersize": 4, "color": color, "label": label}
        if is_number:
            axis.plot(x, means, linestyle=line, **mark)
            if (reach > 0).any():
                axis.fill_between(
                    x, means - reach, means + reach, color=color, alpha=0.15, linewidth=0
                )
        else:
            axis.errorbar(x, means, reach, linestyle="none", capsize=2, elinewidth=1, **mark)
    _finish(axis, axis_name, quantity)
    places = values if is_number else range(len(values))
    if is_number and values[0] > 0 and values[-1] / values[0] >= 8:
        axis.set_xscale("log", base=2)
        places = np.log2(values)
    axis.minorticks_off()
    labels = [f"{value:g}" if is_number else _short("none" if value is None else str(value), 18)
              for value in values]  # fmt: skip
    # A panel is about fifty characters wide.
    narrowest = min(np.diff(places), default=1) / max(np.ptp(places), 1e-9)
    slanted = len(values) > 1 and narrowest * 50 < max(map(len, labels)) + 1
    axis.set_xticks(values if is_number else places, labels, rotation=40 if slanted else 0,
                    ha="right" if slanted else "center", rotation_mode="anchor")  # fmt: skip
    _legend(figure)
    return figure


def _reach(seeds):
    """Half the 95 % interval of the mean, by Student's t; none for one seed."""
    count = len(seeds)
    return stats.t.ppf(0.975, count - 1) * stats.sem(seeds) if count > 1 else 0.0


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
    height = max(SIZE[1], 1.2 + 0.42 * len(rows))
    figure = Figure(figsize=(SIZE[0], height), layout="constrained")
    axis = figure.subplots()
    image = axis.imshow(means * 100, cmap="cividis", aspect="auto")
    small = np.interp(len(columns), [5, 10], [9, 6.5])
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
    bar = figure.colorbar(image, ax=axis, label=f"{quantity}, %", location="top", aspect=40)
    bar.outline.set_visible(False)
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
    axis.imshow(shown, cmap=_COUNTS, vmin=0, vmax=largest)
    if classes <= 12:
        for (row, column), count in np.ndenumerate(shown):
            if np.isfinite(count):
                text = f"{count:.0f}" if float(count).is_integer() else f"{count:.1f}"
                axis.text(column, row, text, ha="center", va="center", fontsize=7.5,
                          color="white" if count > 0.8 * largest else _INK)  # fmt: skip
    places = range(0, classes, 1 if classes <= 12 else math.ceil(classes / 16))
    names = [_short(class_names[place], 14) for place in places]
    slanted = sum(map(len, names)) > 40
    axis.set_xticks(places, names, rotation=45 if slanted else 0, rotation_mode="anchor",
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
        sizes = 8 + 90 * count / max(count.sum(), 1)
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
    figure = Figure(figsize=(SIZE[0], 3.8), layout="constrained")
    panels = [*range(len(temperatures))]
    axes = figure.subplot_mosaic([["image"] * len(panels), panels], height_ratios=[1, 1.8])
    axes["image"].imshow(image.squeeze(), cmap="gray_r", vmin=0, vmax=255)
    axes["image"].axis("off")
    order = np.sort(np.argsort(-logits, kind="stable")[:10])[::-1]
    names = [_short(class_names[index], 14) for index in order]
    for panel, temperature in zip(panels, temperatures, strict=True):
        axis = axes[panel]
        scaled = np.exp((logits - logits.max()) / temperature)
        axis.barh(range(len(order)), (scaled / scaled.sum())[order], color="#0072B2")
        axis.set_xlim(0, 1)
        axis.set_xticks([0, 1], ["0", "1"])
        axis.set_title(f"T = {temperature:g}", fontsize=9)
        axis.set_yticks(range(len(order)), [] if panel else names, fontsize=8)
        axis.spines[["top", "right"]].set_visible(False)
    figure.supxlabel("probability", fontsize=9)
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
    axis.set_xscale("log")
    _finish(axis, x_name, "test accuracy")
    axis.margins(x=0.15, y=0.15)
    axis.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5) if x.max() < 12 * x.min() else (1,)))
    axis.xaxis.set_major_formatter(FuncFormatter(lambda value, _: _size(value)))
    axis.xaxis.set_minor_formatter(NullFormatter())
    others = [index for index in order if index not in front] if len(points) <= 8 else []
    _label_points(axis, x, y, {index: points[index][1] for index in [*front, *others]})
    _legend(figure)
    return figure


def _label_points(axis, x, y, labels):
    """Labels points where there is room, those given first first."""
    at = axis.transData.transform(np.column_stack([x, y])) * 72 / axis.figure.dpi
    (left_end, _), (right_end, _) = axis.transAxes.transform([(0, 0), (1, 1)]) * 72 / axis.figure.dpi
    taken = [(across - 4, up - 4, across + 4, up + 4) for across, up in at]
    # A front goes right and then up: above on the left and below on the right it leaves room.
    sides = (("right", -6, 3), ("left", 6, -11), ("left", 6, 3), ("right", -6, -11))
    for index, text in labels.items():
        text = _short(text, 30)
        for side, aside, up in sides if text else ():
            left = at[index, 0] + aside - (4.2 * len(text) if side == "right" else 0)
            low = at[index, 1] + up
            box = left, low, left + 4.2 * len(text), low + 9
            if box[0] < left_end or box[2] > right_end or any(
                box[0] < other[2] and other[0] < box[2] and box[1] < other[3] and other[1] < box[3]
                for other in taken
            ):
                continue
            taken.append(box)
            axis.annotate(text, (x[index], y[index]), xytext=(aside, up), ha=side,
                          textcoords="offset points", fontsize=7.5)  # fmt: skip
            break


def _size(number):
    """A cost, short: 1k, 20k, 1M."""
    power, unit = next(((p, u) for p, u in ((1e6, "M"), (1e3, "k")) if number >= p), (1, ""))
    return f"{number / power:g}{unit}"


def _panel():
    figure = Figure(figsize=SIZE, layout="constrained")
    return figure, figure.subplots()


def _legend(figure):
    """Above the panel, where it hides nothing, in as many columns as there is room for."""
    handles, labels = figure.axes[0].get_legend_handles_labels()
    room = {
        columns: sum(32 + 4.6 * max(map(len, part)) for part in np.array_split(labels, columns))
        for columns in range(1, min(3, len(labels)) + 1)
    }
    columns = max((each for each, width in room.items() if width < 72 * SIZE[0]), default=1)
    figure.legend(handles, labels, loc="outside upper left", ncols=columns, frameon=False,
                  fontsize=8, columnspacing=1.2, markerscale=0.8)  # fmt: skip


def _finish(axis, x_name, y_name):
    axis.set_xlabel(x_name)
    axis.set_ylabel(y_name)
    axis.grid(color=_INK, alpha=0.12)
    axis.spines[["top", "right"]].set_visible(False)
    if "accuracy" in y_name or "agreement" in y_name:
        low, high = axis.get_ylim()
        low, high = max(low, -0.02), min(high, 1.02)
        axis.set_ylim(low, high)
        digits = 0 if high - low > 0.05 else 1
        axis.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=digits))


def _draw_curve(axis, label, series, style):
    color, line, marker = style
    shortest = min(map(len, series))
    values = np.array([each[:shortest] for each in series])
    epochs = np.arange(1, shortest + 1)
    mean = values.mean(axis=0)
    axis.plot(epochs, mean, linestyle=line, color=color, label=label, marker=marker, markersize=4,
              markevery=max(1, shortest // 6))  # fmt: skip
    axis.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
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
