"""The learning curves: a whole PNG with a line for each model, for one epoch and for many."""

import matplotlib.image
import numpy as np
import pytest

from distill.report import figures
from distill.report.figures import draw_learning_curves


def history(epochs, column="val_loss"):
    rng = np.random.default_rng(epochs)
    return {"val_accuracy": rng.random(epochs).tolist(), column: rng.random(epochs).tolist()}


@pytest.mark.parametrize("epochs", [1, 2, 30])
@pytest.mark.parametrize("seeds", [1, 3])
def test_every_model_is_drawn(epochs, seeds, tmp_path, monkeypatch):
    drawn, draw = [], figures._draw_curve

    def watch(axis, label, values, style):
        drawn.append((label, values))
        draw(axis, label, values, style)

    monkeypatch.setattr(figures, "_draw_curve", watch)
    curves = {
        "teacher": [history(epochs)] * seeds,
        "student from labels": [history(epochs)] * seeds,
        "student distilled": [history(epochs, "val_hard_loss")] * seeds,
    }
    draw_learning_curves(tmp_path / "curves.png", curves, "digits")
    assert [label for label, _ in drawn] == [*curves, *curves]
    for (_, values), column in zip(
        drawn, ["val_accuracy"] * 3 + ["val_loss"] * 2 + ["val_hard_loss"], strict=True
    ):
        source = curves["student distilled" if "hard" in column else "teacher"][0]
        np.testing.assert_array_equal(values, [source[column]] * seeds)


def test_the_file_is_a_picture_with_colours_of_all_three(tmp_path):
    curves = {title: [history(20), history(19 + 1)] for title in figures._STYLES}
    path = tmp_path / "deep" / "curves.png"
    draw_learning_curves(path, curves, "digits")
    assert [file.name for file in path.parent.iterdir()] == ["curves.png"]
    picture = matplotlib.image.imread(path)[..., :3]
    assert picture.shape[0] > 500
    assert picture.shape[1] > 1200
    for color, *_ in figures._STYLES.values():
        rgb = np.array([int(color[start : start + 2], 16) for start in (1, 3, 5)]) / 255
        assert np.sum(np.all(np.abs(picture - rgb) < 0.02, axis=-1)) > 50
