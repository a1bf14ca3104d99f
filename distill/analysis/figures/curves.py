"""Curves by epoch and along the axis of a grid."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib import ticker
from matplotlib.figure import Figure

from distill.analysis.figures.style import add_legend, finish, panel, save_png, short, styles_of
from distill.analysis.statistics import LEAST_SEEDS, mean_interval
from distill.recipes import show_value

# The columns of a run's history that hold each quantity; the first that exists counts.
LEARNING_CURVES = {
    "validation accuracy": ("val_accuracy",),
    "validation cross-entropy": ("val_hard_loss", "val_loss"),
}

Histories = Mapping[str, Sequence[Mapping[str, Sequence[float]]]]


def logged(histories: Histories, quantity: str) -> dict[str, list[Sequence[float]]]:
    """Returns a quantity of `LEARNING_CURVES` by epoch, for each model and seed."""
    columns = LEARNING_CURVES[quantity]
    return {
        title: [next(each[name] for name in columns if name in each) for each in of_seeds]
        for title, of_seeds in histories.items()
    }


def draw_learning_curves(path: Path, histories: Histories, title: str) -> None:
    """Draws accuracy and cross-entropy by epoch into a PNG file: mean over seeds, band of ± std."""
    figure = Figure(figsize=(9, 3.8), layout="constrained")
    axes = figure.subplots(1, 2)
    for axis, quantity in zip(axes, LEARNING_CURVES, strict=True):
        _draw_by_epoch(axis, logged(histories, quantity), quantity)
    axes[1].set_ylim(bottom=0)
    axes[0].legend(loc="lower right", frameon=False)
    seeds = max(map(len, histories.values()))
    figure.suptitle(f"{title} (mean ± std over {seeds} seeds)" if seeds > 1 else title)
    save_png(figure, path, dpi=150)


def learning_curve(curves: Mapping[str, Sequence[Sequence[float]]], quantity: str) -> Figure:
    """Draws one series for each seed of each model by epoch: mean, and band of ± one std."""
    figure, axis = panel()
    _draw_by_epoch(axis, curves, quantity)
    add_legend(figure)
    return figure


def _draw_by_epoch(axis, curves, quantity):
    for title, (color, line, marker) in styles_of(curves).items():
        shortest = min(map(len, curves[title]))
        values = np.array([each[:shortest] for each in curves[title]])
        epochs, mean = np.arange(1, shortest + 1), values.mean(axis=0)
        marks = {"marker": marker, "markersize": 4, "markevery": max(1, shortest // 6)}
        axis.plot(epochs, mean, linestyle=line, color=color, label=title, **marks)
        if len(values) > 1:
            std = values.std(axis=0, ddof=1)
            axis.fill_between(epochs, mean - std, mean + std, color=color, alpha=0.15, linewidth=0)
    finish(axis, "epoch", quantity)
    axis.xaxis.set_major_locator(ticker.MaxNLocator(integer=True, min_n_ticks=1))


def axis_curve(
    axis_name: str, values: Sequence, series: Mapping[str, Sequence[Sequence[float]]], quantity: str
) -> Figure:
    """Draws a quantity along the axis of a grid: mean over seeds, 95 % interval of the mean.

    Numbers are drawn to scale, logarithmically if they span a factor of 8 or more; other values are
    drawn in even steps, without lines between them. `series` holds for each model the values of all
    seeds for each value of the axis. Fewer than three seeds have no interval.
    """
    figure, axis = panel()
    is_number = len(values) > 1 and all(map(_is_number, values))
    order = np.argsort(values) if is_number else np.arange(len(values))
    values = [values[index] for index in order]
    places = np.array(values) if is_number else np.arange(len(values))
    for number, (title, (color, line, marker)) in enumerate(styles_of(series).items()):
        found = [series[title][index] for index in order]
        means = np.array([np.mean(seeds) if len(seeds) else np.nan for seeds in found])
        reach = np.array([_reach(seeds) for seeds in found])
        marks = {"marker": marker, "markersize": 4, "color": color, "label": title}
        if is_number:
            axis.plot(places, means, linestyle=line, **marks)
            band = {"color": color, "alpha": 0.15, "linewidth": 0}
            axis.fill_between(places, means - reach, means + reach, **band)
        else:
            side_by_side = places + 0.12 * (number - (len(series) - 1) / 2)
            bars = {"linestyle": "none", "capsize": 2, "elinewidth": 1}
            axis.errorbar(side_by_side, means, reach, **bars, **marks)
    finish(axis, axis_name, quantity)
    distances = places
    if is_number and values[0] > 0 and values[-1] / values[0] >= 8:
        axis.set_xscale("log", base=2)
        distances = np.log2(places)
    axis.minorticks_off()
    _label_values(axis, places, distances, [short(show_value(value), 18) for value in values])
    add_legend(figure)
    return figure


def what_is_drawn(series: Mapping[str, Sequence[Sequence[float]]]) -> str:
    """Says what `axis_curve` draws of the seeds."""
    seeds = max(len(each) for found in series.values() for each in found)
    if seeds < 2:
        return "one seed"
    return f"mean over seeds{' and its 95 % interval' if seeds >= LEAST_SEEDS else ''}"


def _is_number(value):
    return isinstance(value, int | float) and not isinstance(value, bool)


def _reach(seeds):
    return np.mean(seeds) - mean_interval(seeds)[0] if len(seeds) >= LEAST_SEEDS else 0.0


def _label_values(axis, places, distances, labels):
    """Slants the labels if they would overlap; a panel is about fifty characters wide."""
    narrowest = min(np.diff(distances), default=1) / max(np.ptp(distances), 1e-9)
    is_slanted = len(labels) > 1 and narrowest * 50 < max(map(len, labels)) + 1
    aligned = {"rotation": 40, "ha": "right"} if is_slanted else {"rotation": 0, "ha": "center"}
    axis.set_xticks(places, labels, rotation_mode="anchor", **aligned)
