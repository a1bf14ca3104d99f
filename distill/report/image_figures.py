"""Figures of images: what a teacher says of them, and galleries."""

import math
from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure
from scipy import special

from distill.report.figures import SIZE, short

_BARS = "#0072B2"


def dark_knowledge(
    image: np.ndarray, logits: np.ndarray, class_names: Sequence[str], temperatures: Sequence[float]
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
    names = [short(class_names[index], 14) for index in order]
    for panel, temperature in zip(panels, temperatures, strict=True):
        axis = axes[panel]
        axis.barh(range(len(order)), special.softmax(logits / temperature)[order], color=_BARS)
        axis.set_xlim(0, 1)
        axis.set_xticks([0, 1], ["0", "1"])
        axis.set_title(f"T = {temperature:g}", fontsize=9)
        axis.set_yticks(range(len(order)), [] if panel else names, fontsize=8)
        axis.spines[["top", "right"]].set_visible(False)
    axes[0].set_ylabel("class", fontsize=9)
    figure.supxlabel("probability", fontsize=9)
    return figure


def soft_targets(
    images: np.ndarray,
    labels: np.ndarray,
    logits: np.ndarray,
    class_names: Sequence[str],
    temperature: float,
) -> Figure:
    """Draws images side by side, and below each the soft targets that a teacher gives it.

    Args:
        images: uint8 `(images, height, width, channels)`, at most five.
        labels: their classes, `(images,)`.
        logits: the teacher's, `(images, classes)`.
        class_names: one for each class; of more than ten, those most probable for any image.
        temperature: of the softmax.
    """
    probabilities = special.softmax(np.asarray(logits) / temperature, axis=-1)
    shown = np.sort(np.argsort(-probabilities.max(axis=0), kind="stable")[:10])[::-1]
    names = [short(class_names[index], 14) for index in shown]
    figure = Figure(figsize=(1.35 * len(images) + 0.5, 3.6), layout="constrained")
    panels = figure.subplots(2, len(images), squeeze=False, height_ratios=[1, 2.2])
    for column, (image, label, bars) in enumerate(zip(images, labels, probabilities, strict=True)):
        panels[0, column].set_title(f"label {short(class_names[label], 14)}", fontsize=8)
        panels[0, column].imshow(image.squeeze(), cmap="gray_r", vmin=0, vmax=255)
        panels[0, column].set_axis_off()
        axis = panels[1, column]
        axis.barh(range(len(shown)), bars[shown], color=_BARS)
        axis.set_xlim(0, 1)
        axis.set_xticks([0, 1], ["0", "1"])
        axis.set_yticks(range(len(shown)), [] if column else names, fontsize=8)
        axis.spines[["top", "right"]].set_visible(False)
    panels[1, 0].set_ylabel("class", fontsize=9)
    figure.suptitle(f"T = {temperature:g}", fontsize=10)
    figure.supxlabel("probability", fontsize=9)
    return figure


def image_grid(images: Sequence[tuple[np.ndarray, str]], columns: int = 4) -> Figure:
    """Draws small images, each with its caption below it.

    Args:
        images: uint8 `(height, width, channels)` and its caption; of one channel, ink on paper.
        columns: images in a row.
    """
    rows, columns = math.ceil(len(images) / columns), min(columns, len(images))
    lines = max(caption.count("\n") for _, caption in images) + 1
    figure = Figure(figsize=(1.6 * columns, (1.25 + 0.16 * lines) * rows), layout="constrained")
    for axis in figure.subplots(rows, columns, squeeze=False).flat:
        axis.set_axis_off()
    for axis, (image, caption) in zip(figure.axes, images, strict=False):
        axis.imshow(image.squeeze(), cmap="gray_r", vmin=0, vmax=255)
        axis.set_title(caption, fontsize=7.5, y=0, va="top", pad=-3)
    return figure
