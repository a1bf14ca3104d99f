"""The part of `Distiller` that depends on Keras' backend, chosen when Keras is imported.

`BackendSteps` has the training step, `value_and_gradients` takes gradients outside of it.
"""

import keras

from distill.errors import UserError

match keras.backend.backend():
    case "tensorflow":
        from distill.distiller.tensorflow_steps import TensorFlowSteps as BackendSteps
        from distill.distiller.tensorflow_steps import value_and_gradients
    case "jax":
        from distill.distiller.jax_steps import JAXSteps as BackendSteps  # type: ignore[assignment]
        from distill.distiller.jax_steps import value_and_gradients
    case "torch":
        from distill.distiller.torch_steps import TorchSteps as BackendSteps  # type: ignore[assignment]
        from distill.distiller.torch_steps import value_and_gradients
    case other:
        raise UserError(
            f"distill trains on Keras' backends tensorflow, jax and torch, and the backend is "
            f"{other!r}; set the environment variable KERAS_BACKEND to one of them before Keras "
            "is imported."
        )

__all__ = ["BackendSteps", "value_and_gradients"]
