"""Split files: written once, read back to the same split, refused in one sentence where wrong."""

import numpy as np
import pytest
from PIL import Image

from distill.data import load_data, read_split, write_split
from distill.errors import UserError


@pytest.fixture
def photos(tmp_path):
    """40 photos of two classes; each has a colour of its own."""
    for number in range(40):
        path = tmp_path / "photos" / ("cat, big" if number % 2 else "dog") / f"{number:02}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (8, 8), (number * 6, 0, 0)).save(path)
    return tmp_path / "photos"


def test_a_split_that_was_written_is_the_same_again(photos, tmp_path):
    data, path = load_data(photos), tmp_path / "runs" / "split.csv"
    write_split(path, data)
    before = path.stat().st_mtime_ns
    write_split(path, data)
    assert path.stat().st_mtime_ns == before
    lines = path.read_text("utf-8").splitlines()
    assert lines[0] == "image,class,split"
    assert lines[1].startswith('"cat, big/01.png","cat, big",')
    again = load_data(photos, split=path)
    assert again.fingerprint == data.fingerprint
    for name in ("train", "validation", "test"):
        np.testing.assert_array_equal(getattr(again, name).ids, getattr(data, name).ids)


def test_each_id_is_the_file_of_its_image(photos):
    data = load_data(photos)
    for split in (data.train, data.validation, data.test):
        for name, pixels, label in zip(split.ids, split.images, split.labels, strict=True):
            assert pixels[0, 0, 0] == int(name.split("/")[1][:2]) * 6
            assert name.startswith(data.class_names[label])


def test_the_images_go_where_the_file_says(photos, tmp_path):
    names = sorted(path.relative_to(photos).as_posix() for path in photos.rglob("*.png"))
    splits = ["train"] * 30 + ["test"] * 4 + ["validation"] * 6
    np.random.default_rng(0).shuffle(splits)
    rows = [f'"{name}",{split}\n' for name, split in zip(names, splits, strict=True)]
    (tmp_path / "own.csv").write_text("\ufeffimage,split\n" + "".join(rows), "utf-8")
    data = load_data(photos, split=tmp_path / "own.csv")
    for wanted in ("train", "validation", "test"):
        expected = {name for name, split in zip(names, splits, strict=True) if split == wanted}
        assert set(getattr(data, wanted).ids) == expected


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda lines: [*lines, "dog/99.png,dog,train"],
            r"names 1 image \(dog/99.png\), which the",
        ),
        (lambda lines: lines[:-1], r"folder has 1 image \(dog/.*which the split file .* does not"),
        (lambda lines: [*lines, lines[-1]], "names the image 'dog/.*' twice"),
        (
            lambda lines: [*lines[:-1], "dog/38.png,dog,tset"],
            "split 'tset'; name an image, and one",
        ),
        (lambda lines: ["file,class,split", *lines[1:]], "has the columns file, class, split, and"),
        (
            lambda lines: [each.replace("validation", "test") for each in lines],
            "no image in the .*",
        ),
        (lambda lines: [], "has the columns none, and needs image and split"),
        (lambda lines: [*lines, '"open'], "cannot be read as CSV"),
    ],
)
def test_mistakes(change, message, photos, tmp_path):
    path = tmp_path / "split.csv"
    write_split(path, load_data(photos))
    path.write_text("\n".join(change(path.read_text("utf-8").splitlines())), "utf-8")
    with pytest.raises(UserError, match=message):
        load_data(photos, split=path)


def test_a_class_without_training_images(photos, tmp_path):
    path = tmp_path / "split.csv"
    write_split(path, load_data(photos))
    lines = path.read_text("utf-8").splitlines()
    changed = [
        each.replace(",train", ",test") if each.startswith("dog") else each for each in lines
    ]
    path.write_text("\n".join(changed), "utf-8")
    with pytest.raises(UserError, match="no training image of class 'dog'; give it one"):
        load_data(photos, split=path)


def test_a_file_that_is_not_there_or_not_for_this_data(photos, tmp_path):
    with pytest.raises(UserError, match="There is no split file"):
        read_split(tmp_path / "none.csv")
    with pytest.raises(UserError, match="only folders of images take one"):
        load_data("digits", split=tmp_path / "none.csv")
