"""What all figures share: legends that fit, styles that differ, files in new folders."""

import matplotlib.image
import numpy as np
import pytest

from distill.analysis.figures.curves import learning_curve
from distill.analysis.figures.style import STYLES, finish, panel, save_png, styles_of


@pytest.mark.parametrize(
    "titles",
    [
        ["teacher", "baseline", "distilled student"],
        ["distilled student", "a first ablation", "a second ablation", "a third ablation"],
        [f"a rather long title of ablation number {n}" for n in range(5)],
    ],
)
def test_the_legend_is_not_cut_off(titles):
    figure = learning_curve({title: [[0.1, 0.2]] for title in titles}, "test accuracy")
    figure.draw_without_rendering()
    box = figure.legends[0].get_window_extent()
    assert box.x0 >= 0
    assert box.x1 <= figure.bbox.x1
    assert figure.axes[0].bbox.height > 1.8 * figure.dpi  # and leaves the panel its height


def test_other_titles_have_styles_of_their_own():
    titles = ["label smoothing", "teacher", "x", "distilled student", "y", "z"]
    styles = styles_of(titles)
    assert len(set(styles.values())) == len(titles)
    for part in range(3):  # colour, line, marker
        assert len({str(style[part]) for style in styles.values()}) == len(titles)
    assert styles["teacher"] == STYLES["teacher"]


def test_a_png_and_its_folder(tmp_path):
    path = tmp_path / "deep" / "empty.png"
    save_png(panel()[0], path, dpi=100)
    assert [file.name for file in path.parent.iterdir()] == ["empty.png"]
    assert matplotlib.image.imread(path).shape[:2] == (320, 460)


@pytest.mark.parametrize("low", [0.0, 0.5, 0.8, 0.9, 0.92, 0.97, 0.99])
def test_ticks_say_where_they_are(low):
    figure, axis = panel()
    axis.plot([0, 1], [low, 1.0])
    finish(axis, "x", "test accuracy")
    figure.draw_without_rendering()
    texts = [label.get_text() for label in axis.get_yticklabels()]
    shown = [float(text.removesuffix("%")) for text in texts]
    np.testing.assert_allclose(shown, axis.get_yticks() * 100, atol=1e-9)
