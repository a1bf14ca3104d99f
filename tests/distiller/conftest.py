"""Two replicas on one processor, for the tests that train with several."""

import keras
import pytest
import tensorflow as tf


@pytest.fixture(scope="session")
def replicas():
    """The one strategy of a process, without collective operations.

    TensorFlow numbers these anew in each strategy, so that those of two strategies collide.
    """
    if keras.backend.backend() != "tensorflow":
        pytest.skip("only TensorFlow has this strategy")
    return tf.distribute.MirroredStrategy(
        ["CPU:0", "CPU:1"], cross_device_ops=tf.distribute.ReductionToOneDevice()
    )
