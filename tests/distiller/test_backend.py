"""Other backends than TensorFlow: the first step of every method, and training without TensorFlow.

The backend is that of this process; CONTRIBUTING.md says how to choose it.
"""

import first_steps
import keras
import numpy as np
import pytest
from other_backend import run

from distill.distiller.backend import value_and_gradients

BACKEND = keras.backend.backend()
on_another = pytest.mark.skipif(
    BACKEND == "tensorflow", reason="to run on JAX or PyTorch; see CONTRIBUTING.md"
)
# The loss of pkt is a sum whose terms nearly cancel; float32 has four digits of it.
DIGITS = {"pkt": 1e-4}


@on_another
def test_first_steps_are_those_of_tensorflow(tmp_path):
    """Losses and gradients agree to a hundred-thousandth of the tensor's largest value.

    A gradient that is zero but for rounding, as of a bias before batch normalisation, is compared
    with the largest one of its method.
    """
    found = run("tensorflow", first_steps.__file__, str(tmp_path / "steps.npz"))
    assert found.returncode == 0, found.stderr
    wanted, steps = dict(np.load(tmp_path / "steps.npz")), first_steps.all_first_steps()
    assert {*steps} == {*wanted}
    largest = {name: np.max(np.abs(values)) for name, values in wanted.items()}
    unequal = {}
    for name, values in wanted.items():
        method = name.split(":")[0]
        of_method = max(each for other, each in largest.items() if other.startswith(f"{method}:"))
        difference = np.max(np.abs(steps[name] - values))
        if difference > DIGITS.get(method, 1e-5) * max(largest[name], 1e-2 * of_method):
            unequal[name] = difference / largest[name]
    assert not unequal


TRAINING = """
import sys
sys.modules["tensorflow"] = None  # to import it is an error
import numpy as np
from distill import Distiller, check
import first_steps
distiller = first_steps.distiller_of("kd + fitnet")
y = {"labels": first_steps.LABELS, "index": np.arange(first_steps.EXAMPLES)}
assert check(distiller, first_steps.IMAGES, y)
before = [weights.copy() for weights in distiller.teacher.get_weights()]
held_out = first_steps.IMAGES, y
history = distiller.fit(first_steps.IMAGES, y, batch_size=3, validation_data=held_out, verbose=0)
print(sorted(history.history))
after = distiller.teacher.get_weights()
print(all(np.array_equal(*pair) for pair in zip(before, after)))
"""


@on_another
def test_training_needs_no_tensorflow():
    found = run(BACKEND, "-c", TRAINING)
    names, is_equal = found.stdout.splitlines() or ("", found.stderr)
    assert is_equal == "True"
    for name in ("loss", "hard_loss", "soft_loss", "kd", "hint", "val_hint"):
        assert f"'{name}'" in names


def test_values_and_gradients_by_hand():
    one, two, unused = (keras.Variable(np.full((2,), value)) for value in (3.0, 5.0, 7.0))
    (loss, other), gradients = value_and_gradients(
        lambda: (keras.ops.sum(one * one * two), one + two), [one, two, unused]
    )
    assert float(loss) == 90.0
    np.testing.assert_array_equal(keras.ops.convert_to_numpy(other), [8, 8])
    np.testing.assert_array_equal(keras.ops.convert_to_numpy(gradients[0]), [30, 30])
    np.testing.assert_array_equal(keras.ops.convert_to_numpy(gradients[1]), [9, 9])
    assert gradients[2] is None or not np.any(gradients[2])


def test_a_backend_that_cannot_train():
    # Keras' numpy backend itself needs JAX.
    code = "import keras; keras.backend.backend = lambda: 'numpy'; import distill.distiller"
    found = run(BACKEND, "-c", code)
    assert "UserError: distill trains on Keras' backends tensorflow, jax and torch" in found.stderr
