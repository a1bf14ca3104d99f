"""Figures as PNG files: learning curves with and without distillation."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from distill.run_folder import replacing

# Okabe and Ito's colours, told apart without colour vision; the line styles say it again.
_STYLES = {
    "teacher": ("#999999", ":"),
    "student from labels": ("#D55E00", "--"),
    "student distilled": ("#0072B2", "-"),
}


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
        for label, histories in curves.items():
            column = next(column for column in columns if column in histories[0])
            _draw_curve(axis, label, np.array([history[column] for history in histories]))
        axis.set_xlabel("epoch")
        axis.set_ylabel(name)
        axis.grid(alpha=0.3)
        axis.spines[["top", "right"]].set_visible(False)
    axes[1].set_ylim(bottom=0)
    axes[0].legend(loc="lower right", frameon=False)
    seeds = max(len(histories) for histories in curves.values())
    figure.suptitle(f"{title} (mean ± std of {seeds} seeds)" if seeds > 1 else title)
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as temporary:
        figure.savefig(temporary, dpi=150)


def _draw_curve(axis, label, values):
    color, line = _STYLES[label]
    epochs = np.arange(1, values.shape[1] + 1)
    mean = values.mean(axis=0)
    axis.plot(epochs, mean, line, color=color, label=label, marker="." if len(epochs) < 3 else None)
    if len(values) > 1:
        std = values.std(axis=0, ddof=1)
        axis.fill_between(epochs, mean - std, mean + std, color=color, alpha=0.15, linewidth=0)
