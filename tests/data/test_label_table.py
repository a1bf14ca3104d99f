"""Tables of several labels per image: what is read, what is refused, and a student from them."""

import keras
import numpy as np
import pytest
from PIL import Image

from distill import Distiller
from distill.data import load_label_table
from distill.errors import UserError
from distill.evaluation import mean_average_precision

HEADER = "image,split,red,bright\n"


@pytest.fixture
def folder(tmp_path):
    """40 photos; a label says that the red channel is high, another that the others are."""
    random, lines = np.random.default_rng(0), []
    for number in range(40):
        red, bright = random.integers(0, 2, 2)
        pixels = random.integers(0, 100, (9, 12, 3)) + 150 * np.array([red, bright, bright])
        Image.fromarray(pixels.clip(0, 255).astype("uint8")).save(tmp_path / f"{number}.png")
        lines.append(f"{number}.png,{'train' if number < 30 else 'test'},{red},{bright}\n")
    (tmp_path / "labels.csv").write_text(HEADER + "".join(lines))
    return tmp_path


def test_images_and_labels_stay_together(folder):
    table = load_label_table(folder / "labels.csv", image_size=8)
    assert table.names == ("red", "bright")
    assert table.images.shape == (40, 8, 8, 3)
    assert table.images.dtype == np.uint8
    means = table.images.mean(axis=(1, 2))
    np.testing.assert_array_equal(table.labels, (means[:, :2] > 120).astype("float32"))
    test = load_label_table(folder / "labels.csv", image_size=8, split="test")
    np.testing.assert_array_equal(test.labels, table.labels[30:])
    assert test.ids.tolist() == [f"{number}.png" for number in range(30, 40)]


def test_a_student_of_several_labels(folder):
    train, test = (load_label_table(folder / "labels.csv", 8, each) for each in ("train", "test"))

    def model(seed):
        keras.utils.set_random_seed(seed)
        layers = [keras.layers.Rescaling(1 / 255), keras.layers.GlobalAveragePooling2D()]
        return keras.Sequential([keras.Input((8, 8, 3)), *layers, keras.layers.Dense(2)])

    teacher, student = model(0), model(1)
    loss = keras.losses.BinaryCrossentropy(from_logits=True)
    teacher.compile(keras.optimizers.Adam(0.2), loss)
    teacher.fit(train.images, train.labels, epochs=40, verbose=0)
    distiller = Distiller(teacher=teacher, student=student, method="multi_label_kd")
    distiller.compile(keras.optimizers.Adam(0.2))
    distiller.fit(train.images, train.labels, epochs=40, verbose=0)
    logits = distiller.predict(test.images, verbose=0)
    assert mean_average_precision(logits, test.labels) > 0.9


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("", "has the columns none; it needs one named image"),
        ("image,a,a\n0.png,1,1\n", "and each only once"),
        ("image,a\n", "has 0 images and 1 labels"),
        ("image\n0.png\n", "has 1 images and 0 labels"),
        ("image,a\n0.png\n", "Line 2 of .* does not have 2 values"),
        ("image,a\n0.png,1,1\n", "Line 2 of .* does not have 2 values"),
        ("image,a\n0.png,0\n1.png,yes\n", "Line 3 of .* has 'yes' for the label 'a'; write 1"),
        ("image,a\nnone.png,1\n", "There is no image .*none.png; correct its name"),
        ("image,a\nbad.png,1\n", "image .*bad.png cannot be read; remove it"),
        ('image,a\n"0.png,1\n', "cannot be read as CSV"),
    ],
)
def test_what_is_refused(text, wanted, folder):
    (folder / "bad.png").write_text("no image")
    (folder / "wrong.csv").write_text(text)
    with pytest.raises(UserError, match=wanted):
        load_label_table(folder / "wrong.csv")


def test_splits_and_files_that_are_not_there(folder):
    with pytest.raises(UserError, match="There is no split 'tests' in"):
        load_label_table(folder / "labels.csv", split="tests")
    (folder / "whole.csv").write_text("image,a\n0.png,1\n")
    with pytest.raises(UserError, match="and a column split in the file"):
        load_label_table(folder / "whole.csv", split="test")
    with pytest.raises(UserError, match=r"There is no file .*none\.csv"):
        load_label_table(folder / "none.csv")
