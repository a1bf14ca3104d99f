"""Reliability diagrams and Pareto fronts: where their marks and labels lie."""

import numpy as np
import pytest

from distill.analysis.figures.scatter import pareto, reliability_diagram


def legend_of(figure):
    return [text.get_text() for text in figure.legends[0].get_texts()]


def test_reliability_diagram_leaves_bins_of_few_examples_out():
    bins = np.array([[np.nan, 0.3, 0.5, 0.9], [np.nan, 0.0, 0.4, 1.0], [0, 9, 10, 30]])
    figure = reliability_diagram({"teacher": bins})
    (marks,) = figure.axes[0].collections
    np.testing.assert_allclose(marks.get_offsets(), [[0.5, 0.4], [0.9, 1.0]])
    sizes = marks.get_sizes()
    assert sizes[1] - 8 == pytest.approx(3 * (sizes[0] - 8))


def test_pareto_front():
    points = [("a", "small", 10, [0.8, 0.9]), ("b", "worse", 20, [0.7]), ("a", "large", 90, [0.95])]
    figure = pareto(points, "parameters")
    axis = figure.axes[0]
    assert sorted(text.get_text() for text in axis.texts) == ["large", "small", "worse"]
    many = pareto([*points, *points[1:2] * 6], "parameters").axes[0]
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
    points = [
        ("a", f"temperature {n}", 1000 * (1 + n % 2), [rng.uniform(0.9, 0.91)]) for n in range(8)
    ]
    figure = pareto(points, "parameters")
    figure.draw_without_rendering()
    boxes = [text.get_window_extent() for text in figure.axes[0].texts]
    assert boxes
    for number, box in enumerate(boxes):
        assert box.count_overlaps(boxes[number + 1 :]) == 0
