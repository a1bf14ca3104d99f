"""Batches for training, which a resumed run sees again, and batches for one ordered evaluation."""

from collections.abc import Callable, Sequence

import numpy as np
import tensorflow as tf

from distill.data.augmentation import make_augmentation
from distill.data.dataset import Split
from distill.errors import UserError


def training_pipeline(
    split: Split,
    batch_size: int,
    seed: int,
    first_step: int = 0,
    translation: int = 0,
    augmentation: Sequence[str] = (),
    teacher_logits: np.ndarray | None = None,
    index: bool = False,
    views: int | None = None,
) -> tf.data.Dataset:
    """Makes an endless stream of full, shuffled batches.

    Pass `p` over the examples is the permutation
    `stateless_shuffle(range(examples), seed=[seed, p])`. The passes follow each other without a
    gap and are cut into batches. Batch `k` depends on `seed` and `k` only.

    With `views`, pass `p` shows view `p mod views` of each image. A view is the image after random
    changes that depend on the example's position and the view's number only, so `view_pipeline`
    makes the same view again, to the bit.

    Args:
        split: the examples. They stay in the CPU's memory.
        batch_size: examples in each batch, at least 1. It may exceed the number of examples.
        seed: another seed gives another order.
        first_step: the number of batches to skip, for a run that resumes. The pipeline reads no
            images for them.
        translation: the pipeline translates images at random by up to this many pixels; see
            `distill.data.augmentation.translated`.
        augmentation: other random changes to images, in this order: names in
            `distill.data.augmentation.AUGMENTATIONS`.
        teacher_logits: the teacher's logits, float32 `(examples, classes)`, in the order of the
            split, or `(views · examples, classes)`, one view after the other. With them, each
            batch's labels are a dictionary with `labels` and `teacher_logits`, as `Distiller`
            takes it.
        index: whether each batch's labels are a dictionary that holds, beside `labels`, each
            example's position in the split: `index`, int32 `(batch_size,)`.
        views: the number of views of each image; `None` changes the images anew in each pass.

    Returns:
        A dataset of `(images, labels)`: float32, shape `(batch_size, height, width, channels)`,
        values 0 to 255, and int32, shape `(batch_size,)`.

    Raises:
        UserError: the split is empty, the batch size is below 1, the first step is below 0, or an
            augmentation is unknown.

    Examples:
        >>> from distill.data.digits import load_digits
        >>> images, labels = next(iter(training_pipeline(load_digits().train, 32, seed=0)))
        >>> images.shape, labels.shape
        (TensorShape([32, 8, 8, 1]), TensorShape([32]))
    """
    _require_batches(split, batch_size)
    if first_step < 0:
        raise UserError(f"first_step={first_step} is below 0: give 0 for a new run.")
    first = tf.constant(first_step, tf.int64)
    batches = _training_indices(len(split), batch_size, seed, first, views or 1)
    batches = batches.apply(tf.data.experimental.assert_cardinality(tf.data.INFINITE_CARDINALITY))
    augment = None
    if views:
        augment = _augment_views(split, translation, augmentation)
    elif translation or augmentation:
        augment = _augment_batches(split, seed, translation, augmentation)
    return _batches(split, batches, teacher_logits, index, augment)


def view_pipeline(
    split: Split,
    batch_size: int,
    view: int,
    translation: int = 0,
    augmentation: Sequence[str] = (),
) -> tf.data.Dataset:
    """Makes one pass over a view of all examples, in their order; see `training_pipeline`.

    Args:
        split, batch_size, translation, augmentation: as in `training_pipeline`.
        view: the number of the view, from 0 on.

    Examples:
        >>> from distill.data.digits import load_digits
        >>> test = load_digits().test
        >>> images, labels = next(iter(view_pipeline(test, 100, view=3, translation=1)))
        >>> images.shape, labels.shape
        (TensorShape([100, 8, 8, 1]), TensorShape([100]))
    """
    _require_batches(split, batch_size)
    first = view * len(split)
    positions = tf.data.Dataset.range(first, first + len(split)).batch(batch_size).enumerate()
    return _batches(split, positions, None, False, _augment_views(split, translation, augmentation))


def evaluation_pipeline(
    split: Split, batch_size: int, teacher_logits: np.ndarray | None = None, index: bool = False
) -> tf.data.Dataset:
    """Makes one pass over all examples, in their order; see `training_pipeline`.

    The last batch may have fewer examples.

    Raises:
        UserError: the split is empty or the batch size is below 1.

    Examples:
        >>> from distill.data.digits import load_digits
        >>> int(evaluation_pipeline(load_digits().test, 100).cardinality())
        4
    """
    _require_batches(split, batch_size)
    positions = tf.data.Dataset.range(len(split)).batch(batch_size).enumerate()
    return _batches(split, positions, teacher_logits, index)


def _training_indices(
    examples: int, batch_size: int, seed: int, first_step: tf.Tensor, views: int
) -> tf.data.Dataset:
    """Makes an endless stream of steps and positions; view `v` of example `i` is at `v · n + i`."""
    first_example = first_step * batch_size
    first_pass, skipped = first_example // examples, first_example % examples

    def order(number: tf.Tensor) -> tf.Tensor:
        permutation = tf.random.experimental.stateless_shuffle(
            tf.range(examples), seed=tf.stack([tf.constant(seed, tf.int64), number])
        )
        rest = permutation[tf.where(number == first_pass, skipped, 0) :]
        return number % views * examples + tf.cast(rest, tf.int64)

    passes = tf.data.Dataset.counter(first_pass).map(order)
    return passes.rebatch(batch_size, drop_remainder=True).enumerate(first_step)


def _batches(
    split: Split,
    batches: tf.data.Dataset,
    teacher_logits: np.ndarray | None,
    index: bool,
    augment: Callable | None = None,
) -> tf.data.Dataset:
    """Turns `(step, positions)` into images and labels; see `_training_indices`."""
    # Tensors made here are captured by reference. Arrays named inside `gather` would become
    # constants of its graph, which has a limit of 2 GB. A GPU's memory has better uses.
    with tf.device("CPU"):
        images = tf.convert_to_tensor(split.images)
        stored = {"labels": tf.convert_to_tensor(split.labels)}
        if teacher_logits is not None:
            stored["teacher_logits"] = tf.convert_to_tensor(teacher_logits)

    def gather(step: tf.Tensor, positions: tf.Tensor) -> tuple:
        labels = {name: tf.gather(rows, positions % len(rows)) for name, rows in stored.items()}
        if index:
            labels["index"] = tf.cast(positions % len(split), tf.int32)
        taken = tf.cast(tf.gather(images, positions % len(split)), tf.float32)
        if augment is not None:
            taken = augment(taken, step, positions)
        return taken, labels if len(labels) > 1 else labels["labels"]

    dataset = batches.map(gather, num_parallel_calls=tf.data.AUTOTUNE)
    return dataset.prefetch(tf.data.AUTOTUNE)


def _augment_batches(split, seed, translation, augmentation):
    """A function of images, step and positions; the step decides how the images are changed."""
    augment = make_augmentation(augmentation, split.images.shape[1:], seed, translation)
    return lambda images, step, positions: augment(images, step)


def _augment_views(split, translation, augmentation):
    """A function of images, step and positions; its position decides how an image is changed."""
    augment = make_augmentation(augmentation, split.images.shape[1:], 0, translation)

    def augment_one(image_and_position):
        image, position = image_and_position
        return augment(image[None], position)[0]

    def augment_each(images, step, positions):
        return tf.map_fn(augment_one, (images, positions), fn_output_signature=images.dtype)

    return augment_each


def _require_batches(split: Split, batch_size: int) -> None:
    if batch_size < 1:
        raise UserError(f"batch_size={batch_size} is below 1: give at least 1.")
    if len(split) == 0:
        raise UserError("A split without examples makes no batches: give at least 1 example.")
