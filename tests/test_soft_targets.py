"""The store of a teacher's logits: computed once, for these bytes of teacher and images only."""

from pathlib import Path

import keras
import numpy as np
import pytest

from distill import soft_targets as module
from distill.data import Split, load_digits, view_pipeline
from distill.errors import UserError
from distill.evaluation import logits_on_batches
from distill.soft_targets import Views, soft_targets

SPLIT, NAME = load_digits().validation, "ab" * 32


@pytest.fixture
def teacher():
    model = keras.Sequential(
        [keras.Input((8, 8, 1)), keras.layers.Flatten(), keras.layers.Dense(10)]
    )
    return model


def test_logits_are_the_teachers_and_computed_once(teacher, tmp_path, monkeypatch):
    store = tmp_path / "store"
    logits = soft_targets(lambda: teacher, NAME, SPLIT, store)
    kernel, bias = (value.astype("float64") for value in teacher.get_weights())
    wanted = SPLIT.images.reshape(len(SPLIT), 64).astype("float64") @ kernel + bias
    assert logits.dtype == np.float32
    np.testing.assert_allclose(logits, wanted, rtol=1e-4, atol=1e-3)
    monkeypatch.setattr(module, "logits_on_batches", None)  # to call it would be an error
    np.testing.assert_array_equal(soft_targets(lambda: teacher, NAME, SPLIT, store), logits)
    hidden = Split(SPLIT.images, np.full_like(SPLIT.labels, -1))
    np.testing.assert_array_equal(soft_targets(lambda: teacher, NAME, hidden, store), logits)
    assert len(list(store.iterdir())) == 1


def test_another_image_or_teacher_makes_another_file(teacher, tmp_path):
    soft_targets(lambda: teacher, NAME, SPLIT, tmp_path / "store")
    images = SPLIT.images.copy()
    images[5, 3, 3, 0] ^= 1
    soft_targets(lambda: teacher, NAME, Split(images, SPLIT.labels), tmp_path / "store")
    soft_targets(lambda: teacher, "cd" * 32, SPLIT, tmp_path / "store")
    assert len(list((tmp_path / "store").iterdir())) == 3


def test_logits_of_views_and_an_interrupted_computation(teacher, tmp_path):
    views, calls = Views(2, 1, ("flip",)), []

    def load():
        calls.append(1)
        return teacher

    logits = soft_targets(load, NAME, SPLIT, tmp_path, views)
    wanted = [
        logits_on_batches(teacher, view_pipeline(SPLIT, 50, view, 1, ("flip",))) for view in (0, 1)
    ]
    np.testing.assert_allclose(logits, np.concatenate(wanted), rtol=1e-4, atol=1e-3)
    assert logits.shape == (2 * len(SPLIT), 10)
    files = sorted(tmp_path.iterdir())
    assert len(files) == 2
    files[1].unlink()  # as if it had been interrupted after the first view
    np.testing.assert_array_equal(soft_targets(load, NAME, SPLIT, tmp_path, views), logits)
    np.testing.assert_array_equal(
        soft_targets(load, NAME, SPLIT, tmp_path, Views(1, 1, ("flip",))), logits[: len(SPLIT)]
    )
    assert len(calls) == 2
    for other in (Views(1, 2, ("flip",)), Views(1, 1, ()), Views(1, 1, ("flip",), ("code",))):
        soft_targets(load, NAME, SPLIT, tmp_path, other)
    assert len([*tmp_path.iterdir()]) == 5


def test_a_damaged_file_is_refused_by_name(teacher, tmp_path):
    soft_targets(lambda: teacher, NAME, SPLIT, tmp_path / "store")
    (path,) = Path(tmp_path / "store").iterdir()
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(UserError, match=f"{path.name} is missing or damaged"):
        soft_targets(lambda: teacher, NAME, SPLIT, tmp_path / "store")
