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
    drawn, draw = [], figures._draw_curves

    def watch(axis, curves, quantity):
        drawn.extend(curves.items())
        draw(axis, curves, quantity)

    monkeypatch.setattr(figures, "_draw_curves", watch)
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


def lines_of(figure, axis=0):
    return {line.get_label(): line for line in figure.axes[axis].get_lines()}


def tick_texts(axis):
    return [label.get_text() for label in axis.get_xticklabels()]


def legend_of(figure):
    return [text.get_text() for text in figure.legends[0].get_texts()]


def test_learning_curve_is_the_mean_with_a_band():
    series = [[0.1, 0.5, 0.6], [0.3, 0.5, 0.8]]
    figure = figures.learning_curve({"teacher": series, "new": series[:1]}, "validation accuracy")
    np.testing.assert_allclose(lines_of(figure)["teacher"].get_ydata(), [0.2, 0.5, 0.7])
    np.testing.assert_array_equal(lines_of(figure)["new"].get_xdata(), [1, 2, 3])
    (band,) = figure.axes[0].collections
    edges = band.get_paths()[0].vertices
    at_first = edges[edges[:, 0] == 1][:, 1]
    std = np.std([0.1, 0.3], ddof=1)
    assert (at_first.min(), at_first.max()) == pytest.approx((0.2 - std, 0.2 + std))
    assert legend_of(figure) == ["teacher", "new"]


def test_axis_curve_over_numbers():
    """1 to 16: to scale by powers of two; the band is Student's t interval, 12.706 for two."""
    series = {"student distilled": [[0.9, 0.92], [0.94], [], [0.95, 0.95]]}
    figure = figures.axis_curve("temperature", (1.0, 2.0, 4.0, 16.0), series, "test accuracy")
    axis = figure.axes[0]
    line = lines_of(figure)["student distilled"]
    np.testing.assert_array_equal(line.get_xdata(), [1, 2, 4, 16])
    np.testing.assert_allclose(line.get_ydata(), [0.91, 0.94, np.nan, 0.95])  # a gap
    assert axis.get_xscale() == "log"
    assert tick_texts(axis) == ["1", "2", "4", "16"]
    edges = axis.collections[0].get_paths()[0].vertices
    reach = 12.7062047 * np.std([0.9, 0.92], ddof=1) / np.sqrt(2)
    assert edges[edges[:, 0] == 1][:, 1].max() == pytest.approx(0.91 + reach)
    assert axis.get_ylim()[0] >= -0.02
    assert axis.get_ylim()[1] <= 1.02
    even = figures.axis_curve("alpha", (0.0, 0.5, 1.0), {"a": [[0.1]] * 3}, "test accuracy")
    assert even.axes[0].get_xscale() == "linear"


def test_axis_curve_over_other_things_joins_nothing():
    series = {name: [[0.9, 0.92], [0.94, 0.93]] for name in ("teacher", "student distilled")}
    figure = figures.axis_curve(
        "method", ("kd", "a very long method by name"), series, "test accuracy"
    )
    assert tick_texts(figure.axes[0]) == ["kd", "a very long metho…"]
    places = []
    for container in figure.axes[0].containers:
        assert container.lines[0].get_linestyle() == "None"
        places.append(container.lines[0].get_xdata()[0])
    assert len(set(places)) == 2  # side by side
    assert legend_of(figure) == [*series]


def test_heat_map_shows_its_numbers():
    means, stds = np.array([[0.9, np.nan], [0.5, 0.7]]), np.array([[0.01, np.nan], [np.nan, 0.02]])
    figure = figures.heat_map("T", ["1", "2"], "alpha", ["0", "1"], means, stds, "test accuracy")
    texts = [text.get_text() for text in figure.axes[0].texts]
    assert texts == ["90.0\n±1.0", "–", "50.0", "70.0\n±2.0"]
    colors = [text.get_color() for text in figure.axes[0].texts]
    assert (colors[0], colors[2]) == ("#111111", "white")  # on the brightest, on the darkest


def test_confusion_matrix_with_and_without_the_diagonal():
    matrix = np.array([[5, 1.5], [0, 7]])
    whole = figures.confusion_matrix(matrix, ["cat", "a class with a long name"])
    texts = [text.get_text() for text in whole.axes[0].texts]
    assert texts == ["5", "1.5", "7"]
    assert tick_texts(whole.axes[0]) == ["cat", "a class with …"]
    errors = figures.confusion_matrix(matrix, ["cat", "dog"], errors_only=True)
    assert [text.get_text() for text in errors.axes[0].texts] == ["1.5"]
    none = figures.confusion_matrix(np.eye(100), [str(i) for i in range(100)], errors_only=True)
    assert tick_texts(none.axes[0]) == [str(number) for number in range(0, 100, 7)]
    assert not none.axes[0].texts


def test_reliability_diagram_leaves_bins_of_few_examples_out():
    bins = np.array([[np.nan, 0.3, 0.5, 0.9], [np.nan, 0.0, 0.4, 1.0], [0, 9, 10, 30]])
    figure = figures.reliability_diagram({"teacher": bins})
    (marks,) = figure.axes[0].collections
    np.testing.assert_allclose(marks.get_offsets(), [[0.5, 0.4], [0.9, 1.0]])
    sizes = marks.get_sizes()
    assert sizes[1] - 8 == pytest.approx(3 * (sizes[0] - 8))


def test_pareto_front():
    points = [("a", "small", 10, [0.8, 0.9]), ("b", "worse", 20, [0.7]), ("a", "large", 90, [0.95])]
    figure = figures.pareto(points, "parameters")
    axis = figure.axes[0]
    assert sorted(text.get_text() for text in axis.texts) == ["large", "small", "worse"]
    many = figures.pareto([*points, *points[1:2] * 6], "parameters").axes[0]
    assert [text.get_text() for text in many.texts] == ["small", "large"]
    assert axis.get_xscale() == "log"
    ends = [bars.get_segments()[0][:, 1] for bars in axis.collections]
    std = np.std([0.8, 0.9], ddof=1)
    np.testing.assert_allclose(ends[0], [0.85 - std, 0.85 + std])
    front = next(line for line in axis.get_lines() if line.get_linestyle() == ":")
    np.testing.assert_allclose(front.get_ydata(), [0.85, 0.95, 0.95])
    assert legend_of(figure) == ["a", "b"]


def test_pareto_labels_do_not_lie_on_each_other():
    rng = np.random.default_rng(0)
    points = [("a", f"temperature {n}", 1000 * (1 + n % 2), [rng.uniform(0.9, 0.91)])
              for n in range(8)]  # fmt: skip
    figure = figures.pareto(points, "parameters")
    figure.draw_without_rendering()
    boxes = [text.get_window_extent() for text in figure.axes[0].texts]
    assert boxes
    for number, box in enumerate(boxes):
        assert box.count_overlaps(boxes[number + 1 :]) == 0


@pytest.mark.parametrize("epochs", [1, 2, 30])
def test_epochs_are_whole_numbers(epochs):
    series = np.random.default_rng(0).random((2, epochs))
    figure = figures.learning_curve({"teacher": series}, "validation accuracy")
    figure.draw_without_rendering()
    low, high = figure.axes[0].get_xlim()
    ticks = [tick for tick in figure.axes[0].get_xticks() if low <= tick <= high]
    assert ticks
    assert ticks == [round(tick) for tick in ticks]


def test_axis_curve_of_one_seed_has_no_width_and_sorts_its_values():
    figure = figures.axis_curve("alpha", (0.9, 0.1), {"teacher": [[0.5], [0.7]]}, "test accuracy")
    np.testing.assert_array_equal(lines_of(figure)["teacher"].get_xdata(), [0.1, 0.9])
    np.testing.assert_array_equal(lines_of(figure)["teacher"].get_ydata(), [0.7, 0.5])
    (band,) = figure.axes[0].collections
    edges = band.get_paths()[0].vertices
    assert set(edges[edges[:, 0] == 0.1][:, 1]) == {0.7}


def test_none_is_a_value_and_numbers_beside_it_are_names():
    series = {"teacher": [[0.5, 0.6], [], [0.7]]}
    figure = figures.axis_curve("hint layer", (None, 1, 2), series, "test accuracy")
    assert tick_texts(figure.axes[0]) == ["none", "1", "2"]
    assert figure.axes[0].get_xscale() == "linear"
    means = figure.axes[0].containers[0].lines[0].get_ydata()
    np.testing.assert_allclose(means, [0.55, np.nan, 0.7])


@pytest.mark.parametrize("values", [(0.0, 0.5, 0.95, 1.0), [f"setting {n}" for n in range(9)]])
def test_tick_labels_that_would_run_into_each_other_are_slanted(values):
    figure = figures.axis_curve("x", values, {"teacher": [[0.5]] * len(values)}, "accuracy")
    assert figure.axes[0].get_xticklabels()[0].get_rotation() > 0


@pytest.mark.parametrize("fill", [np.nan, 0.5])
def test_heat_map_of_nothing_and_of_one_value(fill):
    means = np.full((2, 3), fill)
    figure = figures.heat_map("T", "12", "alpha", "abc", means, means * np.nan, "test accuracy")
    texts = {text.get_text() for text in figure.axes[0].texts}
    assert texts == {"–" if np.isnan(fill) else "50.0"}
    assert {text.get_color() for text in figure.axes[0].texts} == {
        "black" if np.isnan(fill) else "white"
    }
    figure.draw_without_rendering()


def test_heat_map_colours_are_its_means():
    means = np.array([[0.9, np.nan], [0.5, 0.7]])
    figure = figures.heat_map("T", "12", "alpha", "ab", means, means * 0, "test accuracy")
    drawn = figure.axes[0].get_images()[0].get_array()
    np.testing.assert_allclose(drawn.filled(np.nan), means * 100)
    assert "–" in [text.get_text() for text in figure.axes[0].texts]  # and no deviation below it


@pytest.mark.parametrize("classes", [2, 12, 13, 100])
def test_confusion_colours_are_the_errors(classes):
    matrix = np.random.default_rng(0).integers(0, 9, (classes, classes)) + 100 * np.eye(classes)
    figure = figures.confusion_matrix(matrix, [str(n) for n in range(classes)], errors_only=True)
    (image,) = figure.axes[0].get_images()
    errors = matrix - np.diag(np.diag(matrix))
    np.testing.assert_array_equal(image.get_array().filled(0), errors)
    assert image.get_clim() == (0, errors.max())
    assert len(figure.axes[0].texts) == (np.count_nonzero(errors) if classes <= 12 else 0)
    assert len(figure.axes[0].get_xticks()) == (classes if classes < 100 else 15)


@pytest.mark.parametrize(
    "titles",
    [
        ["teacher", "student from labels", "student distilled"],
        ["student distilled", "a first control", "a second control", "a third control"],
        [f"a rather long title of control number {n}" for n in range(5)],
    ],
)
def test_the_legend_is_not_cut_off(titles):
    figure = figures.learning_curve({title: [[0.1, 0.2]] for title in titles}, "test accuracy")
    figure.draw_without_rendering()
    box = figure.legends[0].get_window_extent()
    assert box.x0 >= 0
    assert box.x1 <= figure.bbox.x1
    assert figure.axes[0].bbox.height > 1.8 * figure.dpi  # and leaves the panel its height


def test_other_titles_have_styles_of_their_own():
    titles = ["label smoothing", "teacher", "x", "student distilled", "y", "z"]
    styles = figures._styles(titles)
    assert len(set(styles.values())) == len(titles)
    for part in range(3):  # colour, line, marker
        assert len({str(style[part]) for style in styles.values()}) == len(titles)
    assert styles["teacher"] == figures._STYLES["teacher"]
