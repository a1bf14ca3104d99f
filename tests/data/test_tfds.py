"""TFDS sets: the real ones where they are prepared, small ones made here, and every mistake."""

import socket
import urllib.request

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_datasets as tfds

from distill.data.tfds import load_tfds
from distill.errors import UserError


class TinyShapes(tfds.core.GeneratorBasedBuilder):
    """Images of two sizes, flat, of the brightness of their number; test labels are hidden."""

    VERSION = tfds.core.Version("1.0.0")
    SPLITS = {"train": 60, "validation": 20, "test": 10}  # noqa: RUF012

    def _info(self):
        features = {
            "image": tfds.features.Image(shape=(None, None, 3)),
            "label": tfds.features.ClassLabel(names=["round", "square"]),
        }
        return tfds.core.DatasetInfo(
            builder=self,
            features=tfds.features.FeaturesDict(features),
            supervised_keys=("image", "label"),
        )

    def _split_generators(self, dl_manager):
        return {split: self._generate_examples(split) for split in self.SPLITS}

    def _generate_examples(self, split):
        for number in range(self.SPLITS[split]):
            image = np.full((4 + number % 2, 6, 3), number, np.uint8)
            yield number, {"image": image, "label": -1 if split == "test" else number % 2}


class TinyTest(TinyShapes):
    """Has a test split only."""

    SPLITS = {"test": 10}  # noqa: RUF012


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("tensorflow_datasets")


@pytest.fixture
def made(folder, monkeypatch):
    """A TFDS folder of the tests' own, which holds what they have prepared."""
    monkeypatch.setattr(tfds.core.constants, "DATA_DIR", str(folder))
    return folder


def prepared(name):
    """Loads a real set, or skips where it is not prepared on this machine."""
    builder = tfds.builder(name)
    if not builder.data_path.exists():
        pytest.skip(f"{name} is not prepared in {builder.data_dir}; set TFDS_DATA_DIR")
    return builder


@pytest.fixture(scope="module")
def mnist():
    prepared("mnist")
    return load_tfds("mnist")


def test_mnist(mnist):
    data = mnist
    assert (len(data.train), len(data.validation), len(data.test)) == (54000, 6000, 10000)
    assert (data.name, data.image_shape, data.class_names) == (
        "mnist",
        (28, 28, 1),
        tuple("0123456789"),
    )
    published = [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]
    assert np.bincount(data.test.labels).tolist() == published
    training = [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
    counts = np.bincount(data.train.labels) + np.bincount(data.validation.labels)
    assert counts.tolist() == training
    assert np.all(np.abs(np.bincount(data.validation.labels) - np.array(training) / 10) <= 1)
    # The mean and deviation of the training pixels that every MNIST tutorial normalises by.
    images = np.concatenate([data.train.images, data.validation.images])
    assert round(images.mean() / 255, 4) == 0.1307
    histogram = np.bincount(images.ravel(), minlength=256) / images.size
    values = np.arange(256) / 255
    assert round(np.sqrt(histogram @ (values - histogram @ values) ** 2), 4) == 0.3081


def test_the_order_is_that_on_disk(mnist):
    data, builder = mnist, tfds.builder("mnist")
    first = list(builder.as_dataset(split="test").take(50).as_numpy_iterator())
    assert data.test.labels[:50].tolist() == [int(example["label"]) for example in first]
    np.testing.assert_array_equal(data.test.images[49], first[49]["image"])


def test_flowers():
    prepared("tf_flowers")
    data = load_tfds("tf_flowers", image_size=16)
    splits = (data.train, data.validation, data.test)
    assert [len(split) for split in splits] == [2642, 294, 734]
    assert data.image_shape == (16, 16, 3)
    assert data.class_names == ("dandelion", "daisy", "tulips", "sunflowers", "roses")
    counts = sum(np.bincount(split.labels) for split in splits)
    assert counts.tolist() == [898, 633, 799, 699, 641]


def test_images_are_resized_and_hidden_test_labels_make_validation_the_test(made):
    data = load_tfds("tiny_shapes", image_size=8)
    assert (len(data.train), len(data.validation), len(data.test)) == (54, 6, 20)
    assert (data.image_shape, data.class_names) == ((8, 8, 3), ("round", "square"))
    for split, numbers in [(data.test, range(20)), (data.train, None), (data.validation, None)]:
        brightness = split.images[:, 0, 0, 0]
        assert np.all(split.images == brightness[:, None, None, None])
        np.testing.assert_array_equal(split.labels, brightness % 2)
        if numbers is not None:
            assert sorted(brightness) == list(numbers)
    both = np.concatenate([data.train.images, data.validation.images])
    assert sorted(both[:, 0, 0, 0]) == list(range(60))
    assert load_tfds("tiny_shapes:1.0.0", image_size=8).fingerprint == data.fingerprint


def test_images_of_different_sizes_need_an_image_size(made):
    with pytest.raises(UserError, match="different sizes: give an image_size"):
        load_tfds("tiny_shapes")


def test_a_set_without_training_examples_is_refused(made):
    with pytest.raises(UserError, match="no split 'train' but 'test'"):
        load_tfds("tiny_test", image_size=8)


def test_a_damaged_file_is_refused_by_name(made):
    load_tfds("tiny_shapes", image_size=8)
    (file,) = made.rglob("tiny_shapes-train.tfrecord*")
    intact = file.read_bytes()
    file.write_bytes(intact[:500] + bytes([intact[500] ^ 255]) + intact[501:])
    try:
        with pytest.raises(UserError, match=r"'tiny_shapes' cannot be read from .*DataLossError"):
            load_tfds("tiny_shapes", image_size=8)
    finally:
        file.write_bytes(intact)


def mocked(name, folder, sizes):
    """Writes the description of a set into a folder, and returns a context that makes its images.

    Image n of a split is of brightness n, and its label n modulo the number of classes.
    """
    builder = tfds.builder(name, data_dir=str(folder))
    splits = []
    for split, size in sizes.items():
        template = tfds.core.ShardedFileTemplate(
            data_dir=folder, dataset_name=builder.name, split=split, filetype_suffix="tfrecord"
        )
        info = {"shard_lengths": [size], "num_bytes": 0, "filename_template": template}
        splits.append(tfds.core.SplitInfo(name=split, **info))
    builder.info.set_splits(tfds.core.splits.SplitDict(splits))
    builder.data_path.mkdir(parents=True)
    builder.info.write_to_directory(builder.data_path)
    classes = builder.info.features["label"].num_classes

    def as_dataset(self, split, **_):
        return tf.data.Dataset.range(sizes[split]).map(
            lambda n: {
                "image": tf.fill((9, 7, 3), tf.cast(n, tf.uint8)),
                "image/file_name": "",
                "label": n % classes,
            }
        )

    return tfds.testing.mock_data(as_dataset_fn=as_dataset, data_dir=str(folder))


@pytest.mark.parametrize(
    ("name", "sizes", "expected", "names"),
    [
        ("cats_vs_dogs", {"train": 200}, (144, 16, 40), ("cat", "dog")),
        (
            "imagenette/320px-v2",
            {"train": 200, "validation": 50},
            (180, 20, 50),
            ("n01440764", "n02102040"),
        ),
        (
            "caltech101",
            {"train": 1224, "test": 204},
            (1102, 122, 204),
            ("accordion", "airplanes", "anchor", "ant", "background_google"),
        ),
    ],
)
def test_sets_of_published_experiments(name, sizes, expected, names, tmp_path):
    with mocked(name, tmp_path, sizes):
        data = load_tfds(name, image_size=8)
    assert (len(data.train), len(data.validation), len(data.test)) == expected
    assert data.class_names[: len(names)] == names
    assert data.image_shape == (8, 8, 3)
    # Every class as often as the others, give or take one.
    for split in (data.train, data.test):
        assert np.ptp(np.bincount(split.labels, minlength=data.classes)) <= 1
    if max(sizes.values()) < 256:  # brightness tells which image it was
        np.testing.assert_array_equal(
            data.train.images[:, 0, 0, 0] % data.classes, data.train.labels
        )


@pytest.mark.parametrize(
    "name",
    ["mnist", "fashion_mnist", "tf_flowers", "imagenette/320px-v2", "cats_vs_dogs", "caltech101"],
)
def test_missing_sets_of_published_experiments(name, made, monkeypatch):
    """One sentence: what is missing, where it was looked for, how to get it."""

    def unreachable(*_):
        raise socket.gaierror("no network")

    monkeypatch.setattr(socket, "getaddrinfo", unreachable)
    monkeypatch.setattr(urllib.request, "getproxies", dict)
    with pytest.raises(UserError) as caught:
        load_tfds(name, image_size=32)
    assert f"{name!r} is not prepared in {made} and there is no network" in str(caught.value)
    assert "set TFDS_DATA_DIR to a folder that holds it, or run this once" in str(caught.value)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("mnst", "no data set 'mnst'.*'mnist'.*'digits'.*folder"),
        ("no/such/folder", "no data set 'no/such/folder'.*path of a folder"),
        ("not-a-name", "no data set 'not-a-name'"),
        ("", "no data set ''"),
        ("imagenette/170px", "no 'imagenette/170px'.*'160px-v2'.*version 1.0.0"),
        ("mnist:9.9.9", "no 'mnist:9.9.9'.*version 3.0.1"),
        (
            "imdb_reviews",
            "'imdb_reviews' does not hold 8-bit images .*text: Text, label: ClassLabel",
        ),
        ("glue", "'glue' does not hold 8-bit images .*sentence: Text"),
        ("tf_flowers", "different sizes: give an image_size"),
    ],
)
def test_mistakes_are_told_without_a_network(made, name, message):
    with pytest.raises(UserError, match=message):
        load_tfds(name)


def test_a_failed_download_is_told(made, monkeypatch):
    def fail(self):
        raise ConnectionError("the host is down")

    monkeypatch.setattr(urllib.request, "getproxies", lambda: {"https": "proxy"})
    monkeypatch.setattr(tfds.core.DatasetBuilder, "download_and_prepare", fail)
    with pytest.raises(UserError, match=r"'mnist'.*the host is down.*TFDS_DATA_DIR"):
        load_tfds("mnist")
