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
) -> tf.data.Dataset:
    """Makes an endless stream of full, shuffled batches.

    Pass `p` over the examples is the permutation
    `stateless_shuffle(range(examples), seed=[seed, p])`. The passes follow each other without a
    gap and are cut into batches. Batch `k` depends on `seed` and `k` only.

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
            split. With them, each batch's labels are a dictionary with `labels` and
            `teacher_logits`, as `Distiller` takes it.
        index: whether each batch's labels are a dictionary that holds, beside `labels`, each
            example's position in the split: `index`, int32 `(batch_size,)`.

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
    batches = _training_indices(len(split), batch_size, seed, tf.constant(first_step, tf.int64))
    batches = batches.apply(tf.data.experimental.assert_cardinality(tf.data.INFINITE_CARDINALITY))
    augment = None
    if translation or augmentation:
        augment = make_augmentation(augmentation, split.images.shape[1:], seed, translation)
    return _batches(split, batches, teacher_logits, index, augment)


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
    indices = tf.data.Dataset.range(len(split), output_type=tf.int32).batch(batch_size)
    return _batches(split, indices.enumerate(), teacher_logits, index)


def _training_indices(
    examples: int, batch_size: int, seed: int, first_step: tf.Tensor
) -> tf.data.Dataset:
    """Makes an endless stream of steps and of the positions of their batches' examples."""
    first_example = first_step * batch_size
    first_pass, skipped = first_example // examples, first_example % examples

    def order(number: tf.Tensor) -> tf.Tensor:
        permutation = tf.random.experimental.stateless_shuffle(
            tf.range(examples), seed=tf.stack([tf.constant(seed, tf.int64), number])
        )
        return permutation[tf.where(number == first_pass, skipped, 0) :]

    passes = tf.data.Dataset.counter(first_pass).map(order)
    return passes.rebatch(batch_size, drop_remainder=True).enumerate(first_step)


def _batches(
    split: Split,
    batches: tf.data.Dataset,
    teacher_logits: np.ndarray | None,
    index: bool,
    augment: Callable | None = None,
) -> tf.data.Dataset:
    """Turns `(step, positions)` into images and labels."""
    # Tensors made here are captured by reference. Arrays named inside `gather` would become
    # constants of its graph, which has a limit of 2 GB. A GPU's memory has better uses.
    with tf.device("CPU"):
        images = tf.convert_to_tensor(split.images)
        stored = {"labels": tf.convert_to_tensor(split.labels)}
        if teacher_logits is not None:
            stored["teacher_logits"] = tf.convert_to_tensor(teacher_logits)

    def gather(step: tf.Tensor, positions: tf.Tensor) -> tuple:
        labels = {name: tf.gather(values, positions) for name, values in stored.items()}
        if index:
            labels["index"] = positions
        taken = tf.cast(tf.gather(images, positions), tf.float32)
        if augment is not None:
            taken = augment(taken, step)
        return taken, labels if len(labels) > 1 else labels["labels"]

    dataset = batches.map(gather, num_parallel_calls=tf.data.AUTOTUNE)
    return dataset.prefetch(tf.data.AUTOTUNE)


def _require_batches(split: Split, batch_size: int) -> None:
    if batch_size < 1:
        raise UserError(f"batch_size={batch_size} is below 1: give at least 1.")
    if len(split) == 0:
        raise UserError("A split without examples makes no batches: give at least 1 example.")
