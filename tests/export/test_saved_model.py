"""The SavedModel as TensorFlow loads it: its signature, any batch size, class names."""

import numpy as np
import tensorflow as tf


def test_signature(files, small):
    model = tf.saved_model.load(str(files["saved-model"]))
    assert [*model.signatures] == ["serving_default"]
    serve = model.signatures["serving_default"]
    ((name, spec),) = serve.structured_input_signature[1].items()
    assert (name, spec.dtype, spec.shape.as_list()) == ("images", tf.float32, [None, 8, 8, 1])
    ((name, spec),) = serve.structured_outputs.items()
    assert (name, spec.dtype, spec.shape.as_list()) == ("logits", tf.float32, [None, 10])
    for batch in (1, 7):
        images = tf.constant(small.data.test.images[:batch], tf.float32)
        np.testing.assert_allclose(
            serve(images=images)["logits"], small.logits[:batch], rtol=1e-4, atol=1e-4
        )


def test_class_names_are_an_asset(files):
    labels = (files["saved-model"] / "assets" / "labels.txt").read_text("utf-8")
    assert labels.split() == [str(digit) for digit in range(10)]
