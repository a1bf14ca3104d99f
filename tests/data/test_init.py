"""`load_data` finds the right loader for a name and checks its arguments."""

import numpy as np
import pytest
from PIL import Image

import distill.data
from distill.data import load_data
from distill.errors import UserError


@pytest.fixture
def photos(tmp_path):
    for number in range(40):
        path = tmp_path / "photos" / "ab"[number % 2] / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (8, 8), (number, 0, 0)).save(path)
    return tmp_path / "photos"


def test_every_public_name_is_there():
    assert all(hasattr(distill.data, name) for name in distill.data.__all__)


def test_a_registered_name_is_loaded():
    assert load_data("digits").fingerprint == distill.data.load_digits().fingerprint


def test_a_registered_set_is_resized():
    small, large = load_data("digits"), load_data("digits", image_size=16)
    assert large.image_shape == (16, 16, 1)
    np.testing.assert_array_equal(large.train.labels, small.train.labels)
    # Enlarging keeps the mean brightness of each image.
    means = [data.test.images.mean(axis=(1, 2, 3)) for data in (small, large)]
    np.testing.assert_allclose(*means, atol=8)
    assert load_data("digits", image_size=8).fingerprint == small.fingerprint


def test_folders_are_found_in_every_spelling(photos, monkeypatch):
    monkeypatch.chdir(photos.parent)
    monkeypatch.setenv("HOME", str(photos.parent))
    names = [photos, str(photos), "photos", "./photos", "photos/../photos", "~/photos"]
    assert len({load_data(name).fingerprint for name in names}) == 1


@pytest.mark.parametrize("name", ["./nowhere", "/nowhere/at/all", "~/no/such/photos", "../none"])
def test_a_missing_path_is_told_as_a_path(name):
    with pytest.raises(UserError, match="There is no folder"):
        load_data(name)


def test_other_names_go_to_tfds(monkeypatch):
    asked = []
    monkeypatch.setattr(distill.data, "load_tfds", lambda *arguments: asked.append(arguments))
    for name in ("mnist", "imagenette/160px", "mnist:3.0.1"):
        load_data(name, image_size=32)
    assert asked == [("mnist", 32), ("imagenette/160px", 32), ("mnist:3.0.1", 32)]


@pytest.mark.parametrize("image_size", [0, 7, 4097, -8, 32.0, "32", True])
def test_wrong_image_sizes_are_refused(image_size):
    with pytest.raises(UserError, match=r"image_size=.*8 to 4096"):
        load_data("digits", image_size=image_size)


def test_an_unknown_way_with_unreadable_files_is_refused():
    with pytest.raises(UserError, match="unreadable='ignore'"):
        load_data("digits", unreadable="ignore")
