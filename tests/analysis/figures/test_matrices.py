"""Heat maps and confusion matrices: their numbers and their colours."""

import numpy as np
import pytest

from distill.analysis.figures.matrices import confusion_matrix, heat_map


def tick_texts(axis):
    return [label.get_text() for label in axis.get_xticklabels()]


def test_heat_map_shows_its_numbers():
    means, stds = np.array([[0.9, np.nan], [0.5, 0.7]]), np.array([[0.01, np.nan], [np.nan, 0.02]])
    figure = heat_map(("T", ["1", "2"]), ("alpha", ["0", "1"]), means, stds, "test accuracy")
    texts = [text.get_text() for text in figure.axes[0].texts]
    assert texts == ["90.0\n±1.0", "–", "50.0", "70.0\n±2.0"]
    colors = [text.get_color() for text in figure.axes[0].texts]
    assert (colors[0], colors[2]) == ("#111111", "white")  # on the brightest, on the darkest


def test_confusion_matrix_with_and_without_the_diagonal():
    matrix = np.array([[5, 1.5], [0, 7]])
    whole = confusion_matrix(matrix, ["cat", "a class with a long name"])
    texts = [text.get_text() for text in whole.axes[0].texts]
    assert texts == ["5", "1.5", "7"]
    assert tick_texts(whole.axes[0]) == ["cat", "a class with …"]
    errors = confusion_matrix(matrix, ["cat", "dog"], errors_only=True)
    assert [text.get_text() for text in errors.axes[0].texts] == ["1.5"]
    none = confusion_matrix(np.eye(100), [str(i) for i in range(100)], errors_only=True)
    assert tick_texts(none.axes[0]) == [str(number) for number in range(0, 100, 7)]
    assert not none.axes[0].texts


@pytest.mark.parametrize("fill", [np.nan, 0.5])
def test_heat_map_of_nothing_and_of_one_value(fill):
    means = np.full((2, 3), fill)
    figure = heat_map(("T", "12"), ("alpha", "abc"), means, means * np.nan, "test accuracy")
    texts = {text.get_text() for text in figure.axes[0].texts}
    assert texts == {"–" if np.isnan(fill) else "50.0"}
    assert {text.get_color() for text in figure.axes[0].texts} == {
        "black" if np.isnan(fill) else "white"
    }
    figure.draw_without_rendering()


def test_heat_map_colours_are_its_means():
    means = np.array([[0.9, np.nan], [0.5, 0.7]])
    figure = heat_map(("T", "12"), ("alpha", "ab"), means, means * 0, "test accuracy")
    drawn = figure.axes[0].get_images()[0].get_array()
    np.testing.assert_allclose(drawn.filled(np.nan), means * 100)
    assert "–" in [text.get_text() for text in figure.axes[0].texts]  # and no deviation below it


@pytest.mark.parametrize("classes", [2, 12, 13, 100])
def test_confusion_colours_are_the_errors(classes):
    matrix = np.random.default_rng(0).integers(0, 9, (classes, classes)) + 100 * np.eye(classes)
    figure = confusion_matrix(matrix, [str(n) for n in range(classes)], errors_only=True)
    (image,) = figure.axes[0].get_images()
    errors = matrix - np.diag(np.diag(matrix))
    np.testing.assert_array_equal(image.get_array().filled(0), errors)
    assert image.get_clim() == (0, errors.max())
    assert len(figure.axes[0].texts) == (np.count_nonzero(errors) if classes <= 12 else 0)
    assert len(figure.axes[0].get_xticks()) == (classes if classes < 100 else 15)
