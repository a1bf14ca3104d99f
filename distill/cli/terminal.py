"""What every command does: tell mistakes in one sentence, and start TensorFlow quietly."""

import contextlib
import logging
import os
import sys
from collections.abc import Callable

from distill.errors import UserError


def guarded(command: Callable[[], int]) -> int:
    """Runs a command and returns its exit status.

    That is the command's own; 2 for a `UserError` or a file that cannot be read or written; 130 for
    Ctrl-C.
    """
    try:
        return command()
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except OSError as error:  # a full disk, no permission, a file where a folder should be
        where = f"{error.filename}: " if error.filename else ""
        print(f"error: {where}{error.strerror or error}; see --runs.", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(
            "stopped: finished runs are kept; the same command without --retrain continues.",
            file=sys.stderr,
        )
        return 130


def start_backend(say: bool = True) -> None:
    """Imports Keras' backend and, if asked to, says on which device it runs."""
    with _quiet_start():
        import keras
        import tensorflow as tf

        backend = keras.backend.backend()
        gpus = tf.config.list_physical_devices("GPU")
        if backend != "tensorflow":
            # TensorFlow then only reads and augments images, and would take the GPU's memory.
            tf.config.set_visible_devices([], "GPU")
    if not say:
        return
    match backend:
        case "tensorflow":
            names = [
                tf.config.experimental.get_device_details(gpu).get("device_name") for gpu in gpus
            ]
            version = f"TensorFlow {tf.__version__}"
        case "jax":
            import jax

            names = [each.device_kind for each in jax.devices() if each.platform != "cpu"]
            version = f"JAX {jax.__version__}"
        case "torch":
            import torch

            names = [torch.cuda.get_device_name(each) for each in range(torch.cuda.device_count())]
            version = f"PyTorch {torch.__version__}"
    print(f"{version} on {', '.join(map(str, names)) or 'CPU'}.")


@contextlib.contextmanager
def _quiet_start():
    """Drops TensorFlow's start-up notes, unless TF_CPP_MIN_LOG_LEVEL is set.

    C++ code writes them past `sys.stderr`, hence the exchange of the file descriptor.
    """
    if "TF_CPP_MIN_LOG_LEVEL" in os.environ:
        yield
        return
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    sys.stderr.flush()
    terminal = os.dup(2)
    try:
        with open(os.devnull, "w") as nowhere:
            os.dup2(nowhere.fileno(), 2)
        yield
    finally:
        os.dup2(terminal, 2)
        os.close(terminal)
    # Each model traces its own function; TensorFlow warns as if one function were traced often.
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
