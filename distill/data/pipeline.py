"""Batches for training, the same ones after a resume, and batches for one ordered evaluation."""

from collections.abc import Sequence

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
    shift: int = 0,
    augmentation: Sequence[str] = (),
    teacher_logits: np.ndarray | None = None,
) -> tf.data.Dataset:
    """Makes an endless stream of full, shuffled batches.

    Pass `p` over the examples is the permutation
    `stateless_shuffle(range(examples), seed=[seed, p])`; the passes follow each other without a
    gap and are cut into batches. Batch `k` depends on `seed` and `k` only.

    Args:
        split: the examples, which stay on the CPU.
        batch_size: examples in each batch, at least 1; may exceed the examples of one pass.
        seed: another seed gives another order.
        first_step: the number of batches to leave out, for a run that resumes; no image is read
            for them.
        shift: images are moved at random by up to this many pixels; see
            `distill.data.augmentation.shifted`.
        augmentation: what else is done to images at random, in this order, names in
            `distill.data.augmentation.AUGMENTATIONS`.
        teacher_logits: the teacher's logits, float32 `(examples, classes)`, in the order of the
            split. With them each batch's labels are `{"labels": …, "teacher_logits": …}`, as
            `Distiller` takes them.

    Returns:
        A dataset of `(images, labels)`: float32, shape `(batch_size, height, width, channels)`,
        values 0 to 255, and int32, shape `(batch_size,)`.

    Raises:
        UserError: when the split is empty, the batch size below 1, the first step below 0 or an
            augmentation unknown.

    Example:

    >>> from distill.data.digits import load_digits
    >>> images, labels = next(iter(training_pipeline(load_digits().train, 32, seed=0)))
    >>> images.shape, labels.shape
    (TensorShape([32, 8, 8, 1]), TensorShape([32]))
    """
    _require_batches(split, batch_size)
    if first_step < 0:
        raise UserError(f"first_step={first_step} is below 0: give 0 for a new run.")
    examples = len(split)
    first_pass, offset = divmod(first_step * batch_size, examples)

    def permutation(number: tf.Tensor) -> tf.Tensor:
        return tf.random.experimental.stateless_shuffle(
            tf.range(examples), seed=tf.stack([tf.constant(seed, tf.int64), number])
        )

    indices = tf.data.Dataset.counter(first_pass).map(permutation).unbatch().skip(offset)
    batches = indices.batch(batch_size, drop_remainder=True)
    dataset = _gathered(split, batches, teacher_logits)
    if shift or augmentation:
        augment = make_augmentation(augmentation, split.images.shape[1:], seed, shift)

        def change(step: tf.Tensor, batch: tuple) -> tuple:
            return augment(batch[0], step), batch[1]

        dataset = dataset.enumerate(first_step).map(change, num_parallel_calls=tf.data.AUTOTUNE)
    return dataset.prefetch(tf.data.AUTOTUNE)


def evaluation_pipeline(
    split: Split, batch_size: int, teacher_logits: np.ndarray | None = None
) -> tf.data.Dataset:
    """Makes one pass over all examples, in their order.

    Args:
        split: the examples, which stay on the CPU.
        batch_size: examples in each batch, at least 1; the last batch may have fewer.
        teacher_logits: as of `training_pipeline`.

    Returns:
        A dataset of `(images, labels)` as of `training_pipeline`, of unknown batch size.

    Raises:
        UserError: when the split is empty or the batch size below 1.

    Example:

    >>> from distill.data.digits import load_digits
    >>> int(evaluation_pipeline(load_digits().test, 100).cardinality())
    4
    """
    _require_batches(split, batch_size)
    indices = tf.data.Dataset.range(len(split), output_type=tf.int32)
    batches = indices.batch(batch_size)
    return _gathered(split, batches, teacher_logits).prefetch(tf.data.AUTOTUNE)


def _gathered(
    split: Split, batches: tf.data.Dataset, teacher_logits: np.ndarray | None
) -> tf.data.Dataset:
    # Tensors made here are captured by reference; arrays named inside `gather` would become
    # constants of its graph, which has a limit of 2 GB. A GPU has better uses for its memory.
    with tf.device("CPU"):
        images = tf.convert_to_tensor(split.images)
        labels = tf.convert_to_tensor(split.labels)
        if teacher_logits is not None:
            labels = {"labels": labels, "teacher_logits": tf.convert_to_tensor(teacher_logits)}

    def gather(indices: tf.Tensor) -> tuple:
        taken = tf.nest.map_structure(lambda values: tf.gather(values, indices), labels)
        return tf.cast(tf.gather(images, indices), tf.float32), taken

    return batches.map(gather, num_parallel_calls=tf.data.AUTOTUNE)


def _require_batches(split: Split, batch_size: int) -> None:
    if batch_size < 1:
        raise UserError(f"batch_size={batch_size} is below 1: give at least 1.")
    if len(split) == 0:
        raise UserError("A split without examples makes no batches: give at least 1 example.")
