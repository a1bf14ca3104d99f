"""The preview: the images that training would see, each row its own, whole or not at all."""

import matplotlib.image
import numpy as np
import pytest
import tensorflow as tf

from distill.analysis import preview
from distill.analysis.preview import augmented_versions, preview_recipe, write_preview
from distill.data.augmentation import make_augmentation
from distill.data.dataset import Split
from distill.data.pipeline import training_pipeline
from distill.errors import UserError
from distill.recipes import Recipe
from distill.recipes.recipe import Data, Student, Teacher, Training, TrainingOverrides
from distill.training.data import transfer_set


def photos(examples=20, shape=(16, 12, 3)):
    images = np.random.default_rng(0).integers(0, 256, (examples, *shape)).astype(np.uint8)
    return Split(images, np.arange(examples, dtype=np.int32))


def test_versions_are_those_of_the_training_pipeline():
    split = photos(6)
    chosen, versions = augmented_versions(split, 1, ("flip", "rotation"), seed=3)
    np.testing.assert_array_equal(chosen.images, split.images)
    assert versions.shape == (6, 7, 16, 12, 3)
    assert versions.dtype == np.float32
    # One image alone has the same place in the pipeline's batch, whatever the order.
    single = Split(split.images[:1], split.labels[:1])
    _, versions = augmented_versions(single, 1, ("flip", "rotation"), seed=3)
    settings = {"seed": 3, "translation": 1, "augmentation": ("flip", "rotation")}
    for step, (images, _) in enumerate(training_pipeline(single, 1, **settings).take(7)):
        np.testing.assert_array_equal(versions[0, step], images[0])
    augment = make_augmentation(("flip", "rotation"), (16, 12, 3), 3, 1)
    again = augment(tf.cast(single.images, tf.float32), tf.constant(6, tf.int64))
    np.testing.assert_allclose(versions[:, 6], again, atol=0.01)


def test_images_are_taken_from_the_whole_set():
    chosen, versions = augmented_versions(photos(20), 0, (), seed=0)
    assert chosen.labels.tolist() == [0, 3, 7, 11, 15, 19]
    np.testing.assert_array_equal(versions, np.repeat(chosen.images[:, None], 7, axis=1))
    assert augmented_versions(photos(2), 0, (), seed=0)[1].shape[:2] == (2, 7)


@pytest.mark.parametrize("shape", [(8, 8, 1), (40, 20, 3)])
def test_each_image_is_in_its_place(shape, tmp_path):
    """Even images of levels of their own, found again in the picture, row by row."""
    levels = np.arange(10, 250, 5)[: 6 * 8].reshape(6, 8)
    images = np.broadcast_to(levels[..., None, None, None], (6, 8, *shape)).astype("uint8")
    path = tmp_path / "deep" / "preview.png"
    write_preview(path, images[:, 0], images[:, 1:] + 0.4, "digits: flip", ["a name"] * 6)
    assert [file.name for file in path.parent.iterdir()] == ["preview.png"]
    picture = np.rint(matplotlib.image.imread(path)[..., :3] * 255)
    picture = 255 - picture if shape[-1] == 1 else picture  # ink on paper
    centres = np.empty((*levels.shape, 2))
    for place, level in np.ndenumerate(levels):
        where = np.argwhere(np.all(picture == level, axis=-1))
        assert len(where) > 2000
        centres[place] = np.median(where, axis=0)
    assert np.all(np.diff(centres[..., 0], axis=0) > 50)
    assert np.all(np.diff(centres[..., 1], axis=1) > 50)
    assert np.ptp(centres[..., 0], axis=1).max() < 3
    assert np.ptp(centres[..., 1], axis=0).max() < 3


def test_roles_have_their_own_augmentation(tmp_path, monkeypatch):
    seen = []
    monkeypatch.setattr(preview, "write_preview", lambda *arguments: seen.append(arguments))
    recipe = Recipe(
        training=Training(translation=1, augmentation=("flip",)),
        teacher=Teacher(training=TrainingOverrides(translation=0, augmentation=())),
    )
    for role in ("baseline", "teacher"):
        preview_recipe(tmp_path / "one.png", recipe, role)
    (_, images, changed, title, names), (_, _, same, other_title, _) = seen
    assert title == "digits: translation 1, flip"
    assert other_title == "digits: no augmentation"
    assert len(names) == len(images) == 6
    assert np.any(changed != same)
    np.testing.assert_array_equal(same[:, 0], images)


def test_students_see_their_own_images_and_layers_augment_too(tmp_path, monkeypatch):
    seen = []
    monkeypatch.setattr(preview, "write_preview", lambda *arguments: seen.append(arguments))
    recipe = Recipe(
        student=Student(model="flower_cnn", options={"dense": 4}),
        data=Data(student_exclude=("3",), noise=1.0, image_size=16),
    )
    for role in ("distilled", "baseline"):
        preview_recipe(tmp_path / "one.png", recipe, role)
    (_, noise, changed, title, names), (_, images, again, _, digits) = seen
    np.testing.assert_array_equal(noise[0], transfer_set(recipe).images[0])
    assert names == ["no label"] * 6
    assert "no label" not in digits
    assert "3" not in digits
    assert np.any(noise != images)
    assert title == "digits: in the model random_flip, random_rotation, random_zoom"
    for versions, originals in ((changed, noise), (again, images)):
        assert np.all([np.any(versions[:, number] != originals) for number in range(7)])


def test_files_that_cannot_be_written(tmp_path):
    with pytest.raises(UserError, match=r"'x\.jpg', and its name must end in \.png"):
        preview_recipe(tmp_path.__class__("x.jpg"), Recipe(), "baseline")
    (tmp_path / "file").touch()
    image = np.zeros((1, 4, 4, 1))
    with pytest.raises(UserError, match="cannot be written"):
        write_preview(tmp_path / "file" / "x.png", image, image[:, None], "nothing", ["x"])
