"""Batches: the same after a resume, every pass a permutation, no images in the graph."""

import numpy as np
import pytest
import tensorflow as tf

from distill.data.augmentation import AUGMENTATIONS
from distill.data.dataset import Split
from distill.data.digits import load_digits
from distill.data.pipeline import evaluation_pipeline, training_pipeline, view_pipeline
from distill.errors import UserError

EXAMPLES = 23


@pytest.fixture
def split():
    """Example `i` has pixels `i` and label `100 + i`."""
    numbers = np.arange(EXAMPLES)
    images = np.broadcast_to(numbers.reshape(-1, 1, 1, 1), (EXAMPLES, 3, 2, 1)).astype(np.uint8)
    return Split(images, (100 + numbers).astype(np.int32))


def stream(split, batches, **settings):
    """The numbers of the examples in the first batches, after a check that images fit labels."""
    numbers = []
    for images, labels in training_pipeline(split, **settings).take(batches).as_numpy_iterator():
        assert (images.dtype, labels.dtype) == (np.float32, np.int32)
        np.testing.assert_array_equal(
            images, np.broadcast_to((labels - 100).reshape(-1, 1, 1, 1), images.shape)
        )
        numbers.append(labels - 100)
    return np.array(numbers)


@pytest.mark.parametrize("batch_size", [1, 5, 23, 60])
def test_every_pass_is_its_own_permutation(split, batch_size):
    batches = -(-EXAMPLES * 4 // batch_size)
    numbers = stream(split, batches, batch_size=batch_size, seed=3)
    assert numbers.shape == (batches, batch_size)
    passes = numbers.ravel()[: EXAMPLES * 4].reshape(4, EXAMPLES)
    np.testing.assert_array_equal(np.sort(passes), np.tile(np.arange(EXAMPLES), (4, 1)))
    assert len({tuple(one) for one in passes}) == 4


def test_pass_p_is_the_permutation_of_seed_and_p(split):
    passes = stream(split, 3, batch_size=EXAMPLES, seed=7)
    for number in range(3):
        expected = tf.random.experimental.stateless_shuffle(tf.range(EXAMPLES), seed=[7, number])
        np.testing.assert_array_equal(passes[number], expected)


@pytest.mark.parametrize("batch_size", [5, 23, 60])
@pytest.mark.parametrize("first_step", [0, 1, 4, 5, 23, 46, 1000])
def test_a_resumed_run_sees_the_batches_of_an_uninterrupted_run(split, batch_size, first_step):
    uninterrupted = stream(split, first_step + 7, batch_size=batch_size, seed=1)
    resumed = stream(split, 7, batch_size=batch_size, seed=1, first_step=first_step)
    np.testing.assert_array_equal(resumed, uninterrupted[first_step:])


def test_seeds_differ_and_repeat(split):
    first, again, other = (stream(split, 6, batch_size=8, seed=seed) for seed in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)
    # Not the other run shifted by a pass either.
    assert not np.array_equal(first.ravel()[EXAMPLES : EXAMPLES * 2], other.ravel()[:EXAMPLES])


def test_shapes_are_known_and_the_stream_has_no_end(split):
    dataset = training_pipeline(split, 5, seed=0)
    assert dataset.cardinality() == tf.data.INFINITE_CARDINALITY
    images, labels = dataset.element_spec
    assert (images.shape, images.dtype) == ((5, 3, 2, 1), tf.float32)
    assert (labels.shape, labels.dtype) == ((5,), tf.int32)
    assert evaluation_pipeline(split, 5).element_spec[0].shape.as_list() == [None, 3, 2, 1]


def test_evaluation_is_one_ordered_pass(split):
    batches = list(evaluation_pipeline(split, 10).as_numpy_iterator())
    assert [len(labels) for _, labels in batches] == [10, 10, 3]
    np.testing.assert_array_equal(np.concatenate([y for _, y in batches]), split.labels)
    images = np.concatenate([x for x, _ in batches])
    assert images.dtype == np.float32
    np.testing.assert_array_equal(images, split.images)


@pytest.mark.parametrize(
    "make",
    [
        evaluation_pipeline,
        lambda *a: training_pipeline(*a, seed=0),
    ],
)
def test_images_are_no_constants_of_the_graph(make, monkeypatch):
    functions = []
    original = tf.data.Dataset.map

    def remembering_map(self, *args, **kwargs):
        dataset = original(self, *args, **kwargs)
        functions.append(dataset._map_func.function)
        return dataset

    monkeypatch.setattr(tf.data.Dataset, "map", remembering_map)
    images = np.zeros((500, 32, 32, 3), np.uint8)
    make(Split(images, np.zeros(500, np.int32)), 10)
    assert len(functions) >= 1
    sizes = [function.graph.as_graph_def().ByteSize() for function in functions]
    assert max(sizes) < 100_000 < images.nbytes
    captured = [array for function in functions for array in function.captured_inputs]
    assert any(array.shape == images.shape and "CPU" in array.device for array in captured)


def test_wrong_settings_are_refused(split):
    with pytest.raises(UserError, match="batch_size=0"):
        training_pipeline(split, 0, seed=0)
    with pytest.raises(UserError, match="batch_size=-1"):
        evaluation_pipeline(split, -1)
    with pytest.raises(UserError, match="first_step=-1"):
        training_pipeline(split, 4, seed=0, first_step=-1)
    empty = Split(split.images[:0], split.labels[:0])
    with pytest.raises(UserError, match="without examples"):
        training_pipeline(empty, 4, seed=0)


def test_teacher_logits_stay_with_their_images():
    """Every image carries its own number, and so do its logits."""
    numbers = np.arange(50)
    images = np.repeat(numbers.astype(np.uint8), 4).reshape(50, 2, 2, 1)
    split = Split(images, numbers.astype(np.int32))
    logits = np.stack([numbers, -numbers], axis=1).astype("float32")
    stream = training_pipeline(split, 16, seed=0, teacher_logits=logits)
    for batch, extra in stream.take(10):
        found = batch.numpy()[:, 0, 0, 0]
        np.testing.assert_array_equal(extra["labels"], found)
        np.testing.assert_array_equal(extra["teacher_logits"], np.stack([found, -found], axis=1))


def test_translated_batches_are_the_same_after_a_resume():
    split = load_digits().train
    whole = list(training_pipeline(split, 32, seed=5, translation=2).take(8))
    resumed = list(training_pipeline(split, 32, seed=5, translation=2, first_step=5).take(3))
    unchanged = list(training_pipeline(split, 32, seed=5).take(8))
    for (images, labels), (again, labels_again) in zip(whole[5:], resumed, strict=True):
        np.testing.assert_array_equal(images, again)
        np.testing.assert_array_equal(labels, labels_again)
    for (images, labels), (still, same_labels) in zip(whole, unchanged, strict=True):
        np.testing.assert_array_equal(labels, same_labels)
        assert np.any(images.numpy() != still.numpy())


def test_index_is_the_position_in_the_split(split):
    """Example `i` has pixels `i` and label `100 + i`."""
    logits = np.stack([np.arange(EXAMPLES)] * 2, axis=1).astype("float32")
    streams = [
        (training_pipeline(split, 4, seed=2, index=True).take(12), False),
        (training_pipeline(split, 4, seed=2, index=True, teacher_logits=logits).take(12), True),
        (evaluation_pipeline(split, 4, index=True), False),
        (evaluation_pipeline(split, 4, logits, index=True), True),
    ]
    for stream, has_logits in streams:
        names = {"labels", "index"} | ({"teacher_logits"} if has_logits else set())
        for images, labels in stream.as_numpy_iterator():
            assert set(labels) == names
            assert labels["index"].dtype == np.int32
            np.testing.assert_array_equal(labels["index"], images[:, 0, 0, 0])
            np.testing.assert_array_equal(labels["labels"], 100 + labels["index"])


def test_index_leaves_batches_as_they_are():
    split = colourful()
    settings = {"seed": 5, "translation": 2, "augmentation": ("flip", "erasing")}
    plain = training_pipeline(split, 16, **settings).take(6)
    indexed = training_pipeline(split, 16, index=True, **settings).take(6)
    for (images, labels), (same, extra) in zip(plain, indexed, strict=True):
        np.testing.assert_array_equal(images, same)
        np.testing.assert_array_equal(labels, extra["labels"])


@pytest.mark.parametrize("steps", [1, 3, 7])
@pytest.mark.parametrize("batch_size", [4, 16, 100])
def colourful(examples=40):
    images = np.random.default_rng(0).integers(0, 256, (examples, 12, 10, 3)).astype(np.uint8)
    return Split(images, np.arange(examples, dtype=np.int32))


@pytest.mark.parametrize("names", [("flip",), tuple(AUGMENTATIONS)])
def test_augmented_batches_are_the_same_after_a_resume(names):
    split = colourful()
    settings = {"seed": 5, "translation": len(names) // 2, "augmentation": names}
    logits = np.repeat(split.labels[:, None], 2, axis=1).astype("float32")
    whole = list(training_pipeline(split, 16, teacher_logits=logits, **settings).take(6))
    resumed = list(training_pipeline(split, 16, first_step=4, **settings).take(2))
    unchanged = list(training_pipeline(split, 16, seed=5).take(6))
    for (images, labels), (again, labels_again) in zip(whole[4:], resumed, strict=True):
        np.testing.assert_array_equal(images, again)
        np.testing.assert_array_equal(labels["labels"], labels_again)
    for (images, extra), (still, labels) in zip(whole, unchanged, strict=True):
        np.testing.assert_array_equal(extra["labels"], labels)
        np.testing.assert_array_equal(extra["teacher_logits"][:, 0], labels)
        assert images.shape == still.shape == (16, 12, 10, 3)
        assert (images.dtype, labels.dtype) == (tf.float32, tf.int32)
        assert np.any(images.numpy() != still.numpy())


@pytest.mark.parametrize("names", [("flip",), tuple(AUGMENTATIONS)])
def test_views_are_made_again_to_the_bit(names):
    """Batches of 16 of 40 images: the views' batches of 7 share no boundary with them."""
    split, changes = colourful(), {"translation": 2, "augmentation": names}
    views = []
    for view in range(2):
        batches = [*view_pipeline(split, 7, view, **changes)]
        np.testing.assert_array_equal(np.concatenate([y for _, y in batches]), split.labels)
        views.append(np.concatenate([x for x, _ in batches]))
    assert np.mean(np.any(views[0] != views[1], axis=(1, 2, 3))) > 0.8
    logits = np.arange(80, dtype="float32")[:, None]
    settings = {"seed": 5, "views": 2, "teacher_logits": logits, "index": True, **changes}
    seen = 0
    whole = [*training_pipeline(split, 16, **settings).take(10)]
    for images, extra in whole:
        for image, index, stored in zip(
            images, extra["index"], extra["teacher_logits"], strict=True
        ):
            view = seen // len(split) % 2
            np.testing.assert_array_equal(image, views[view][index])
            assert int(stored[0]) == view * len(split) + int(index)
            seen += 1
        np.testing.assert_array_equal(extra["labels"], extra["index"])
    resumed = [*training_pipeline(split, 16, first_step=7, **settings).take(3)]
    for (images, extra), (again, extra_again) in zip(whole[7:], resumed, strict=True):
        np.testing.assert_array_equal(images, again)
        np.testing.assert_array_equal(extra["teacher_logits"], extra_again["teacher_logits"])


def test_views_do_not_depend_on_the_seed_of_the_run():
    split = colourful()
    settings = {"translation": 2, "views": 1, "index": True}
    found = []
    for seed in (1, 2):
        images, extra = next(iter(training_pipeline(split, 40, seed, **settings)))
        found.append(images.numpy()[np.argsort(extra["index"])])
    np.testing.assert_array_equal(*found)


def test_evaluation_shows_images_as_they_are():
    split = colourful()
    for images, labels in evaluation_pipeline(split, 16):
        np.testing.assert_array_equal(images, split.images[labels.numpy()])


def test_unknown_augmentation_is_refused(split):
    with pytest.raises(UserError, match="Unknown augmentation 'flop'"):
        training_pipeline(split, 4, seed=0, augmentation=("flop",))
