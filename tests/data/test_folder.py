"""Folders that the tests make: many kinds of image, damaged files and wrong layouts."""

import io
import shutil

import numpy as np
import pytest
from PIL import Image

from distill.data.folder import load_folder
from distill.data.transfer import restrict_classes
from distill.errors import UserError


@pytest.fixture
def folder(tmp_path):
    """20 red cats of 12×10 pixels and 20 blue dogs, every image a little different."""
    for number in range(20):
        save(tmp_path / "cat" / f"{number:02}.png", (200, number, 0))
        save(tmp_path / "dog" / f"{number:02}.png", (0, number, 200))
    return tmp_path


def save(path, colour, size=(12, 10), mode="RGB"):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new(mode, size, colour).save(path)


def all_of(data):
    splits = (data.train, data.validation, data.test)
    images = np.concatenate([split.images for split in splits])
    return images, np.concatenate([split.labels for split in splits])


def test_subfolders_are_classes(folder):
    data = load_folder(folder)
    assert (data.name, data.class_names) == (folder.name, ("cat", "dog"))
    assert data.image_shape == (10, 12, 3)
    assert (len(data.train), len(data.validation), len(data.test)) == (29, 3, 8)
    images, labels = all_of(data)
    assert np.bincount(labels).tolist() == [20, 20]
    assert sorted(images[labels == 0][:, 5, 5].tolist()) == [[200, n, 0] for n in range(20)]
    assert sorted(images[labels == 1][:, 0, 0].tolist()) == [[0, n, 200] for n in range(20)]
    assert data.skipped == ()
    assert load_folder(str(folder)).fingerprint == data.fingerprint


def test_images_are_resized(folder):
    save(folder / "cat" / "large.png", (200, 7, 0), size=(300, 40))
    data = load_folder(folder, image_size=16)
    images, labels = all_of(data)
    assert images.shape == (41, 16, 16, 3)
    assert np.all(images[labels == 0][..., 0] == 200)


@pytest.mark.parametrize(
    ("name", "mode", "colour", "expected"),
    [
        ("GREY.PNG", "L", 77, (77, 77, 77)),
        ("alpha.png", "RGBA", (9, 99, 199, 128), (9, 99, 199)),
        ("palette.gif", "P", 0, (0, 0, 0)),
        ("deep.png", "I;16", 0x8040, (128, 128, 128)),
        ("bits.bmp", "1", 1, (255, 255, 255)),
        ("deeper/down/photo.JPeG", "RGB", (90, 90, 90), (90, 90, 90)),
        ("photo.jpg", "CMYK", (0, 0, 0, 0), (255, 255, 255)),
        ("photo.webp", "RGB", (40, 40, 40), (40, 40, 40)),
        ("photo.tiff", "LA", (5, 255), (5, 5, 5)),
    ],
)
def test_every_kind_of_image_becomes_rgb(folder, name, mode, colour, expected):
    save(folder / "eel" / name, colour, mode=mode)
    for number in range(9):
        save(folder / "eel" / f"{number}.png", (1, 2, 3))
    images, labels = all_of(load_folder(folder))
    eels = images[labels == 2].astype(int)
    assert len(eels) == 10
    assert sum(np.abs(eel - expected).max() <= 1 for eel in eels) == 1


def test_a_palette_with_transparency_is_read_without_a_warning(folder):
    image = Image.new("P", (12, 10))
    image.save(folder / "cat" / "clear.png", transparency=bytes([10, 20]))
    assert len(all_of(load_folder(folder))[0]) == 41


def test_photos_become_upright(folder):
    exif = Image.Exif()
    exif[0x0112] = 6  # stored with width and height exchanged
    pixels = np.zeros((12, 10, 3), np.uint8)
    pixels[:6] = 255  # above in the file: on the right when upright
    Image.fromarray(pixels).save(folder / "cat" / "turned.png", exif=exif)
    images, _ = all_of(load_folder(folder))
    (turned,) = (image for image in images if np.array_equal(image[0, -1], (255, 255, 255)))
    assert turned.shape == (10, 12, 3)
    assert np.all(turned[:, 6:] == 255)
    assert not turned[:, :6].any()


def test_hidden_and_other_files_are_left_alone(folder):
    for name in (".hidden.png", "notes.txt", ".thumbs/1.png"):
        path = folder / "cat" / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"no image")
    (folder / ".cache").mkdir()
    (folder / "readme.md").write_text("about")
    data = load_folder(folder)
    assert data.class_names == ("cat", "dog")
    assert len(all_of(data)[0]) == 40


def break_files(folder):
    (folder / "cat" / "text.png").write_text("no image")
    (folder / "dog" / "empty.jpg").write_bytes(b"")
    noise = np.random.default_rng(0).integers(0, 256, (10, 12, 3)).astype(np.uint8)
    for suffix, kind in [("jpg", "JPEG"), ("png", "PNG")]:
        buffer = io.BytesIO()
        Image.fromarray(noise).save(buffer, kind)
        (folder / "dog" / f"half.{suffix}").write_bytes(buffer.getvalue()[: buffer.tell() // 2])
    return ("cat/text.png", "dog/empty.jpg", "dog/half.jpg", "dog/half.png")


@pytest.mark.parametrize("image_size", [None, 9])
def test_unreadable_files_are_refused_by_name(folder, image_size):
    break_files(folder)
    with pytest.raises(UserError, match=r"4 of 44 .*cat/text\.png, dog/empty\.jpg.*, ….*'skip'"):
        load_folder(folder, image_size)


@pytest.mark.parametrize("image_size", [None, 9])
def test_unreadable_files_are_skipped_when_asked(folder, image_size):
    intact = load_folder(folder, image_size).fingerprint
    broken = break_files(folder)
    data = load_folder(folder, image_size, unreadable="skip")
    assert data.skipped == broken
    assert data.fingerprint == intact


def test_a_class_of_unreadable_files_is_refused(folder):
    (folder / "eel").mkdir()
    (folder / "eel" / "1.png").write_text("no image")
    with pytest.raises(UserError, match="No image of class 'eel'"):
        load_folder(folder, unreadable="skip")


def test_wrong_folders_are_refused(tmp_path, folder):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match=r"There is no folder .*nowhere"):
        load_folder(tmp_path / "nowhere")
    with pytest.raises(UserError, match="is a file"):
        load_folder(tmp_path / "file")
    with pytest.raises(UserError, match=r"has no subfolder.*at least 2 classes"):
        load_folder(folder / "cat")
    save(tmp_path / "one" / "cat" / "1.png", (1, 2, 3))
    with pytest.raises(UserError, match="has 1 subfolder: give"):
        load_folder(tmp_path / "one")


def test_a_class_without_images_is_refused(folder):
    (folder / "eel").mkdir()
    with pytest.raises(UserError, match=r"1 of 3 subfolders .*hold no images \(eel\)"):
        load_folder(folder)


@pytest.fixture
def split_folder(tmp_path):
    """Three splits of two classes; the green value of an image says its split and number."""
    for offset, (split, count) in enumerate({"train": 20, "val": 4, "test": 6}.items()):
        for number in range(count):
            for name, blue in (("cat", 0), ("dog", 200)):
                green = 50 * offset + number
                save(tmp_path / split / name / f"{number}.png", (9, green, blue))
    return tmp_path


def greens(split, label):
    return sorted(split.images[split.labels == label][:, 0, 0, 1].tolist())


def test_given_splits_are_kept(split_folder):
    data = load_folder(split_folder)
    assert (data.name, data.class_names) == (split_folder.name, ("cat", "dog"))
    splits = (data.train, data.validation, data.test)
    for offset, (split, count) in enumerate(zip(splits, (20, 4, 6), strict=True)):
        for label in (0, 1):
            assert greens(split, label) == [50 * offset + number for number in range(count)]


def test_a_missing_split_is_split_off(split_folder):
    shutil.rmtree(split_folder / "test")
    data = load_folder(split_folder)
    assert greens(data.test, 0) == [50, 51, 52, 53]  # what is called val
    assert (len(data.train), len(data.validation)) == (36, 4)


def test_a_split_may_lack_a_class_and_may_not_have_another(split_folder):
    for split in ("train", "test"):
        save(split_folder / split / "eel" / "1.png", (1, 2, 3))
    assert load_folder(split_folder).class_names == ("cat", "dog", "eel")
    shutil.rmtree(split_folder / "train" / "eel")
    with pytest.raises(UserError, match=r"classes that the training images do not have \(eel\)"):
        load_folder(split_folder)


def test_splits_without_training_images_are_refused(tmp_path):
    for names in (("Train",), ("val", "test"), ("train", "val", "valid")):
        folder = tmp_path / "-".join(names)
        for split in names:
            save(folder / split / "cat" / "1.png", (1, 2, 3))
            save(folder / split / "dog" / "1.png", (1, 2, 3))
        with pytest.raises(UserError, match=r"are splits: give train, and test or validation or"):
            load_folder(folder)


def test_an_automatic_size(folder):
    assert load_folder(folder, image_size="auto").image_shape == (10, 12, 3)
    save(folder / "cat" / "large.png", (200, 7, 0), size=(300, 40))
    assert load_folder(folder, image_size="auto").image_shape == (96, 96, 3)


def test_different_sizes_need_an_image_size(folder):
    save(folder / "dog" / "wide.png", (0, 0, 0), size=(50, 10))
    with pytest.raises(UserError, match=r"2 sizes, e.g. 12×10 and 50×10: give an image_size"):
        load_folder(folder)


def test_an_unknown_way_with_unreadable_files_is_refused(folder):
    with pytest.raises(UserError, match=r"unreadable='ignore'.*'refuse' or 'skip'"):
        load_folder(folder, unreadable="ignore")


@pytest.fixture
def caltech(tmp_path):
    """Three classes as Caltech-256's archive unpacks, with what else lies in it."""
    root = tmp_path / "256_ObjectCategories"
    for number, name in ((56, "dog"), (198, "spider"), (257, "clutter")):
        for image in range(1, 21):
            file = root / f"{number:03}.{name}" / f"{number:03}_{image:04}.jpg"
            save(file, (number % 256, 10 * image, 0), size=(20 + image, 24))
    save(root / "198.spider" / "198_0021.jpg", 90, mode="L")
    save(root / "056.dog" / "greg" / "vision309" / "056_0001.jpg", (0, 0, 255))
    (root / "198.spider" / "RENAME2").write_bytes(b"no image")
    return root


def test_caltech_256_as_its_archive_unpacks(caltech):
    data = load_folder(caltech, image_size=16)
    assert data.class_names == ("dog", "spider", "clutter")
    images, labels = all_of(data)
    assert np.bincount(labels).tolist() == [20, 21, 20]
    assert images.shape == (61, 16, 16, 3)
    without = restrict_classes(data, exclude=["clutter"])
    assert without.class_names == ("dog", "spider")
    assert len(all_of(without)[0]) == 41


@pytest.mark.parametrize(
    ("folders", "image", "class_names"),
    [
        # Caltech-UCSD Birds, whose images have no numbers in front
        (("001.Albatross", "002.Auklet"), "Auklet_{:04}.jpg", ("001.Albatross", "002.Auklet")),
        # what would be one name twice
        (("001.cat", "002.cat"), "{folder:.3}_{:04}.jpg", ("001.cat", "002.cat")),
    ],
)
def test_other_numbered_folders_keep_their_names(folders, image, class_names, tmp_path):
    for folder in folders:
        for number in range(20):
            save(tmp_path / folder / image.format(number, folder=folder), (number, 0, 0))
    data = load_folder(tmp_path)
    assert data.class_names == class_names
    assert len(all_of(data)[0]) == 40


def test_a_missing_caltech_256(tmp_path):
    with pytest.raises(UserError, match=r"no folder /.*256_ObjectCategories: unpack Caltech-256's"):
        load_folder(tmp_path / "256_ObjectCategories")


def test_the_folder_above_is_told(caltech):
    with pytest.raises(UserError, match=r"holds only one folder: give that one, .*256_ObjectCateg"):
        load_folder(caltech.parent)
