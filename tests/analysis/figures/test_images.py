"""Figures of images: bars that are the softened probabilities, captions, grids."""

import numpy as np

from distill.analysis.figures import images as image_figures


def test_dark_knowledge_bars_are_softened_probabilities():
    logits = np.array([4.0, 2.0, 0.0])
    image = np.zeros((5, 4, 3), np.uint8)
    figure = image_figures.dark_knowledge(image, logits, ["cat", "dog", "cow"], (1.0, 2.0))
    assert len(figure.axes) == 3
    for axis, temperature in zip(figure.axes[1:], (1.0, 2.0), strict=True):
        wanted = np.exp(logits / temperature) / np.exp(logits / temperature).sum()
        # From the top: the first class first.
        bars = sorted(axis.patches, key=lambda bar: -bar.get_y())
        np.testing.assert_allclose([bar.get_width() for bar in bars], wanted)
    names = [label.get_text() for label in figure.axes[1].get_yticklabels()]
    assert names == ["cow", "dog", "cat"]
    many = image_figures.dark_knowledge(image, np.arange(50.0), [str(i) for i in range(50)], (1.0,))
    assert [label.get_text() for label in many.axes[1].get_yticklabels()] == [
        str(number) for number in range(49, 39, -1)
    ]


def test_image_grid_has_each_image_with_its_caption():
    images = [
        (np.full((4, 5, channels), 10 * n, np.uint8), f"class {n}\ncorrect")
        for n, channels in enumerate((1, 3, 3, 1, 3))
    ]
    figure = image_figures.image_grid(images, columns=2)
    shown = [axis for axis in figure.axes if axis.images]
    assert len(figure.axes) == 6  # the last place stays empty
    assert [axis.get_title() for axis in shown] == [caption for _, caption in images]
    for axis, (image, _) in zip(shown, images, strict=True):
        wanted = image if image.shape[-1] == 3 else np.repeat(255 - image, 3, axis=-1)
        np.testing.assert_array_equal(axis.images[0].get_array(), wanted)
    assert image_figures.image_grid(images[:1]).axes[0].get_subplotspec().get_gridspec().ncols == 1


def test_soft_targets_stand_below_their_images():
    rng = np.random.default_rng(0)
    images = rng.integers(0, 255, (3, 4, 4, 1)).astype("uint8")
    logits = rng.normal(size=(3, 4)) * 5
    labels, names = np.array([3, 0, 1]), ["a", "b", "c", "d"]
    figure = image_figures.soft_targets(images, labels, logits, names, 2.0)
    assert [axis.get_title() for axis in figure.axes[:3]] == ["label d", "label a", "label b"]
    assert figure.get_suptitle() == "T = 2"
    for column in range(3):
        picture, bars = figure.axes[column], figure.axes[3 + column]
        drawn = picture.get_images()[0].get_array()
        np.testing.assert_array_equal(drawn, np.repeat(255 - images[column], 3, axis=-1))
        widths = [bar.get_width() for bar in bars.patches]  # from below: the last class first
        exponentials = np.exp(logits[column] / 2)
        np.testing.assert_allclose(widths[::-1], exponentials / exponentials.sum())
    names = [label.get_text() for label in figure.axes[3].get_yticklabels()]
    assert names == ["d", "c", "b", "a"]


def test_of_many_classes_soft_targets_show_the_most_probable():
    logits = np.zeros((1, 40))
    logits[0, 30:] = 3
    names = [str(number) for number in range(40)]
    images, labels = np.zeros((1, 4, 4, 3), np.uint8), np.array([35])
    figure = image_figures.soft_targets(images, labels, logits, names, 1.0)
    shown = [label.get_text() for label in figure.axes[1].get_yticklabels()]
    assert shown == names[30:][::-1]
