"""Curves: by epoch and along an axis, for one epoch, one seed, and many."""

import matplotlib.image
import numpy as np
import pytest

from distill.analysis.figures import curves as module
from distill.analysis.figures.curves import (
    axis_curve,
    draw_learning_curves,
    learning_curve,
    what_is_drawn,
)
from distill.analysis.figures.style import STYLES


def history(epochs, column="val_loss"):
    rng = np.random.default_rng(epochs)
    return {"val_accuracy": rng.random(epochs).tolist(), column: rng.random(epochs).tolist()}


@pytest.mark.parametrize("epochs", [1, 2, 30])
@pytest.mark.parametrize("seeds", [1, 3])
def test_every_model_is_drawn(epochs, seeds, tmp_path, monkeypatch):
    drawn, draw = [], module._draw_by_epoch

    def watch(axis, curves, quantity):
        drawn.extend(curves.items())
        draw(axis, curves, quantity)

    monkeypatch.setattr(module, "_draw_by_epoch", watch)
    curves = {
        "teacher": [history(epochs)] * seeds,
        "baseline": [history(epochs)] * seeds,
        "distilled student": [history(epochs, "val_hard_loss")] * seeds,
    }
    draw_learning_curves(tmp_path / "curves.png", curves, "digits")
    assert [label for label, _ in drawn] == [*curves, *curves]
    for (_, values), column in zip(
        drawn, ["val_accuracy"] * 3 + ["val_loss"] * 2 + ["val_hard_loss"], strict=True
    ):
        source = curves["distilled student" if "hard" in column else "teacher"][0]
        np.testing.assert_array_equal(values, [source[column]] * seeds)


def test_the_file_is_a_picture_with_colours_of_all_three(tmp_path):
    curves = {title: [history(20), history(19 + 1)] for title in STYLES}
    path = tmp_path / "deep" / "curves.png"
    draw_learning_curves(path, curves, "digits")
    assert [file.name for file in path.parent.iterdir()] == ["curves.png"]
    picture = matplotlib.image.imread(path)[..., :3]
    assert picture.shape[0] > 500
    assert picture.shape[1] > 1200
    for color, *_ in STYLES.values():
        rgb = np.array([int(color[start : start + 2], 16) for start in (1, 3, 5)]) / 255
        assert np.sum(np.all(np.abs(picture - rgb) < 0.02, axis=-1)) > 50


def lines_of(figure, axis=0):
    return {line.get_label(): line for line in figure.axes[axis].get_lines()}


def tick_texts(axis):
    return [label.get_text() for label in axis.get_xticklabels()]


def legend_of(figure):
    return [text.get_text() for text in figure.legends[0].get_texts()]


def test_learning_curve_is_the_mean_with_a_band():
    series = [[0.1, 0.5, 0.6], [0.3, 0.5, 0.8]]
    figure = learning_curve({"teacher": series, "new": series[:1]}, "validation accuracy")
    np.testing.assert_allclose(lines_of(figure)["teacher"].get_ydata(), [0.2, 0.5, 0.7])
    np.testing.assert_array_equal(lines_of(figure)["new"].get_xdata(), [1, 2, 3])
    (band,) = figure.axes[0].collections
    edges = band.get_paths()[0].vertices
    at_first = edges[edges[:, 0] == 1][:, 1]
    std = np.std([0.1, 0.3], ddof=1)
    assert (at_first.min(), at_first.max()) == pytest.approx((0.2 - std, 0.2 + std))
    assert legend_of(figure) == ["teacher", "new"]


def test_axis_curve_over_numbers():
    """1 to 16: to scale by powers of two; the band is Student's t interval, from three seeds on."""
    series = {"distilled student": [[0.9, 0.91, 0.92], [0.94, 0.96], [], [0.95]]}
    figure = axis_curve("temperature", (1.0, 2.0, 4.0, 16.0), series, "test accuracy")
    axis = figure.axes[0]
    line = lines_of(figure)["distilled student"]
    np.testing.assert_array_equal(line.get_xdata(), [1, 2, 4, 16])
    np.testing.assert_allclose(line.get_ydata(), [0.91, 0.95, np.nan, 0.95])  # a gap
    assert axis.get_xscale() == "log"
    assert tick_texts(axis) == ["1", "2", "4", "16"]
    edges = axis.collections[0].get_paths()[0].vertices
    reach = 4.30265273 * 0.01 / np.sqrt(3)
    assert edges[edges[:, 0] == 1][:, 1].max() == pytest.approx(0.91 + reach)
    assert set(edges[edges[:, 0] == 2][:, 1]) == {0.95}  # two seeds: no interval
    assert axis.get_ylim()[0] >= -0.02
    assert axis.get_ylim()[1] <= 1.02
    even = axis_curve("alpha", (0.0, 0.5, 1.0), {"a": [[0.1]] * 3}, "test accuracy")
    assert even.axes[0].get_xscale() == "linear"


def test_axis_curve_over_other_things_joins_nothing():
    series = {name: [[0.9, 0.92], [0.94, 0.93]] for name in ("teacher", "distilled student")}
    figure = axis_curve("method", ("kd", "a very long method by name"), series, "test accuracy")
    assert tick_texts(figure.axes[0]) == ["kd", "a very long metho…"]
    places = []
    for container in figure.axes[0].containers:
        assert container.lines[0].get_linestyle() == "None"
        places.append(container.lines[0].get_xdata()[0])
    assert len(set(places)) == 2  # side by side
    assert legend_of(figure) == [*series]


@pytest.mark.parametrize("epochs", [1, 2, 30])
def test_epochs_are_whole_numbers(epochs):
    series = np.random.default_rng(0).random((2, epochs))
    figure = learning_curve({"teacher": series}, "validation accuracy")
    figure.draw_without_rendering()
    low, high = figure.axes[0].get_xlim()
    ticks = [tick for tick in figure.axes[0].get_xticks() if low <= tick <= high]
    assert ticks
    assert ticks == [round(tick) for tick in ticks]


def test_axis_curve_of_one_seed_has_no_width_and_sorts_its_values():
    figure = axis_curve("alpha", (0.9, 0.1), {"teacher": [[0.5], [0.7]]}, "test accuracy")
    np.testing.assert_array_equal(lines_of(figure)["teacher"].get_xdata(), [0.1, 0.9])
    np.testing.assert_array_equal(lines_of(figure)["teacher"].get_ydata(), [0.7, 0.5])
    (band,) = figure.axes[0].collections
    edges = band.get_paths()[0].vertices
    assert set(edges[edges[:, 0] == 0.1][:, 1]) == {0.7}


def test_none_is_a_value_and_numbers_beside_it_are_names():
    series = {"teacher": [[0.5, 0.6], [], [0.7]]}
    figure = axis_curve("hint layer", (None, 1, 2), series, "test accuracy")
    assert tick_texts(figure.axes[0]) == ["none", "1", "2"]
    assert figure.axes[0].get_xscale() == "linear"
    means = figure.axes[0].containers[0].lines[0].get_ydata()
    np.testing.assert_allclose(means, [0.55, np.nan, 0.7])


@pytest.mark.parametrize("values", [(0.0, 0.5, 0.95, 1.0), [f"setting {n}" for n in range(9)]])
def test_tick_labels_that_would_run_into_each_other_are_slanted(values):
    figure = axis_curve("x", values, {"teacher": [[0.5]] * len(values)}, "accuracy")
    assert figure.axes[0].get_xticklabels()[0].get_rotation() > 0


@pytest.mark.parametrize(
    ("seeds", "said"),
    [(1, "one seed"), (2, "mean over seeds"), (3, "mean over seeds and its 95 % interval")],
)
def test_captions_say_what_is_drawn(seeds, said):
    assert what_is_drawn({"teacher": [[], [0.5] * seeds], "baseline": [[0.5], []]}) == said
