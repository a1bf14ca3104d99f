"""Figures of images: the probabilities that a teacher gives them, and grids of images."""

import math
from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure
from scipy import special

from distill.analysis.figures.style import SIZE, short


def dark_knowledge(
    image: np.ndarray, logits: np.ndarray, class_names: Sequence[str], temperatures: Sequence[float]
) -> Figure:
    """Draws an image and the probabilities that a teacher gives it at several temperatures.

    Of more than ten classes, the ten most probable are drawn. There are at most four temperatures.
    """
    figure = Figure(figsize=(SIZE[0], 3.8), layout="constrained")
    panels = [*range(len(temperatures))]
    axes = figure.subplot_mosaic([["image"] * len(panels), panels], height_ratios=[1, 1.8])
    _draw_image(axes["image"], image)
    classes = np.argsort(-logits, kind="stable")[:10]
    for panel, temperature in zip(panels, temperatures, strict=True):
        probabilities = special.softmax(logits / temperature)
        _draw_bars(axes[panel], probabilities, classes, class_names, has_names=panel == 0)
        axes[panel].set_title(f"T = {temperature:g}", fontsize=9)
    figure.supxlabel("probability", fontsize=9)
    return figure


def soft_targets(
    images: np.ndarray,
    labels: np.ndarray,
    logits: np.ndarray,
    class_names: Sequence[str],
    temperature: float,
) -> Figure:
    """Draws at most five images side by side, each above the soft targets of a teacher.

    Of more than ten classes, the ten that are most probable for any image are drawn.
    """
    probabilities = special.softmax(np.asarray(logits) / temperature, axis=-1)
    classes = np.argsort(-probabilities.max(axis=0), kind="stable")[:10]
    figure = Figure(figsize=(1.35 * len(images) + 0.5, 3.6), layout="constrained")
    panels = figure.subplots(2, len(images), squeeze=False, height_ratios=[1, 2.2])
    for column, (image, label) in enumerate(zip(images, labels, strict=True)):
        panels[0, column].set_title(f"label {short(class_names[label], 14)}", fontsize=8)
        _draw_image(panels[0, column], image)
        bars = panels[1, column]
        _draw_bars(bars, probabilities[column], classes, class_names, has_names=column == 0)
    figure.suptitle(f"T = {temperature:g}", fontsize=10)
    figure.supxlabel("probability", fontsize=9)
    return figure


def image_grid(images: Sequence[tuple[np.ndarray, str]], columns: int = 4) -> Figure:
    """Draws small images, each above its caption; one channel is ink on paper."""
    rows, columns = math.ceil(len(images) / columns), min(columns, len(images))
    lines = max(caption.count("\n") for _, caption in images) + 1
    figure = Figure(figsize=(1.6 * columns, (1.25 + 0.16 * lines) * rows), layout="constrained")
    for axis in figure.subplots(rows, columns, squeeze=False).flat:
        axis.set_axis_off()
    for axis, (image, caption) in zip(figure.axes, images, strict=False):
        _draw_image(axis, image)
        axis.set_title(caption, fontsize=7.5, y=0, va="top", pad=-3)
    return figure


def _draw_image(axis, image):
    # One channel is ink on paper, in three equal ones, because a colour map would round its values.
    axis.imshow(np.repeat(255 - image, 3, axis=-1) if image.shape[-1] == 1 else image)
    axis.set_axis_off()


def _draw_bars(axis, probabilities, classes, class_names, has_names):
    """Draws the probabilities of some classes, the first class at the top."""
    order = np.sort(classes)[::-1]
    names = [short(class_names[index], 14) for index in order]
    axis.barh(range(len(order)), probabilities[order], color="#0072B2")
    axis.set_xlim(0, 1)
    axis.set_xticks([0, 1], ["0", "1"])
    axis.set_yticks(range(len(order)), names if has_names else [], fontsize=8)
    axis.spines[["top", "right"]].set_visible(False)
    if has_names:
        axis.set_ylabel("class", fontsize=9)
