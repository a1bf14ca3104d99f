"""Runs an exported file in its own runtime. This file needs NumPy and that runtime, nothing else.

`check` runs it as a program in a separate process, in which `distill` is not imported.
"""

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np

BATCH = 32
LATENCY_CALLS = 200


class Runnable(NamedTuple):
    """A model that a runtime has loaded.

    Attributes:
        run: takes images `(batch, height, width, channels)` with values 0 to 255; returns float32
            `(batch, classes)`.
        image_shape: `(height, width, channels)`.
        classes: number of outputs.
        output: the name of the output, `"logits"` or `"probabilities"`.
        batch: how many images `run` takes at most; 0 for any number.
        version: the runtime and its version.
    """

    run: Callable[[np.ndarray], np.ndarray]
    image_shape: tuple[int, ...]
    classes: int
    output: str
    batch: int
    version: str


def open_tensorflow(path: Path, threads: int | None = None) -> Runnable:
    """Loads a SavedModel with TensorFlow."""
    import tensorflow as tf

    if threads:
        tf.config.threading.set_intra_op_parallelism_threads(threads)
        tf.config.threading.set_inter_op_parallelism_threads(threads)
    model = tf.saved_model.load(str(path))
    function = model.signatures["serving_default"]
    ((name, images),) = function.structured_input_signature[1].items()
    ((output, values),) = function.structured_outputs.items()

    def run(batch):
        return function(**{name: tf.constant(batch, tf.float32)})[output].numpy()

    # `run` keeps the model alive, on which its function depends.
    run.model = model
    shape = tuple(images.shape[1:])
    return Runnable(run, shape, values.shape[1], output, 0, f"TensorFlow {tf.__version__}")


def open_litert(path: Path, threads: int | None = None) -> Runnable:
    """Loads a `.tflite` file with the LiteRT interpreter."""
    import importlib.metadata

    from ai_edge_litert.interpreter import Interpreter

    model = Interpreter(str(path), num_threads=threads)
    model.allocate_tensors()
    (taken,), (given,) = model.get_input_details(), model.get_output_details()
    (signature,) = model.get_signature_list().values()

    def run(batch):
        model.set_tensor(taken["index"], _quantized(batch, taken))
        model.invoke()
        return _dequantized(model.get_tensor(given["index"]), given)

    shape, (output,) = taken["shape"].tolist(), signature["outputs"]
    classes = int(given["shape"][1])
    version = f"LiteRT {importlib.metadata.version('ai-edge-litert')}"
    return Runnable(run, tuple(shape[1:]), classes, output, shape[0], version)


def _quantized(values, tensor):
    if np.issubdtype(tensor["dtype"], np.floating):
        return values.astype(tensor["dtype"])
    scale, zero = tensor["quantization"]
    limits = np.iinfo(tensor["dtype"])
    return np.clip(np.round(values / scale) + zero, limits.min, limits.max).astype(tensor["dtype"])


def _dequantized(values, tensor):
    if np.issubdtype(tensor["dtype"], np.floating):
        return values
    scale, zero = tensor["quantization"]
    return ((values.astype("int32") - zero) * scale).astype("float32")


def open_onnxruntime(path: Path, threads: int | None = None) -> Runnable:
    """Loads an `.onnx` file with ONNX Runtime."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    if threads:
        options.intra_op_num_threads = options.inter_op_num_threads = threads
    session = onnxruntime.InferenceSession(str(path), options, ["CPUExecutionProvider"])
    (taken,), (given,) = session.get_inputs(), session.get_outputs()

    def run(batch):
        return session.run([given.name], {taken.name: batch.astype("float32")})[0]

    version = f"ONNX Runtime {onnxruntime.__version__}"
    return Runnable(run, tuple(taken.shape[1:]), given.shape[1], given.name, 0, version)


def open_keras(path: Path, threads: int | None = None) -> Runnable:
    """Loads a `.keras` file with Keras."""
    import keras
    import tensorflow as tf

    if threads:
        tf.config.threading.set_intra_op_parallelism_threads(threads)
        tf.config.threading.set_inter_op_parallelism_threads(threads)
    model = keras.saving.load_model(path, compile=False, safe_mode=True)
    function = tf.function(lambda images: model(images, training=False), reduce_retracing=True)

    def run(batch):
        return function(tf.constant(batch, tf.float32)).numpy()

    shape, output = model.input_shape[1:], model.layers[-1].name
    return Runnable(run, shape, model.output_shape[1], output, 0, f"Keras {keras.__version__}")


RUNTIMES: dict[str, Callable[[Path, int | None], Runnable]] = {
    "tensorflow": open_tensorflow,
    "litert": open_litert,
    "onnxruntime": open_onnxruntime,
    "keras": open_keras,
}


def run_all(model: Runnable, images: np.ndarray) -> np.ndarray:
    """Runs a model on all images, in batches that it takes.

    Args:
        model: the model.
        images: `(examples, height, width, channels)`, values 0 to 255.

    Returns:
        float32 `(examples, classes)`.
    """
    step = model.batch or BATCH
    starts = range(0, len(images), step)
    return np.concatenate([model.run(images[start : start + step]) for start in starts])


def main(job: dict) -> None:
    """Times a file, runs it on all test images, and writes what came out.

    Args:
        job: `path`, `runtime`, `threads`, `images` (an `.npy` file), `outputs` (an `.npy` file to
            write) and `result` (a JSON file to write).
    """
    images = np.load(job["images"], mmap_mode="r")  # read in parts: memory is measured
    memory = peak_memory()
    model = RUNTIMES[job["runtime"]](Path(job["path"]), job["threads"])
    chosen = [images[index % len(images)][None] for index in range(LATENCY_CALLS)]
    for image in chosen[:10]:
        model.run(image)
    times = []
    for image in chosen:
        began = time.perf_counter()
        model.run(image)
        times.append((time.perf_counter() - began) * 1e3)
    after = peak_memory()
    np.save(job["outputs"], run_all(model, images))
    median, slow = np.percentile(times, (50, 95)).tolist()
    result = {
        "runtime": model.version,
        "output": model.output,
        "latency": {"batch": 1, "calls": len(times), "median_ms": median, "p95_ms": slow},
        "peak_memory_bytes": after,
        "memory_before_bytes": memory,
        "distill_imported": "distill" in sys.modules,
    }
    Path(job["result"]).write_text(json.dumps(result), "utf-8")


def peak_memory() -> int | None:
    """Returns the most memory that this process has held so far, in bytes; `None` if unknown."""
    status = Path("/proc/self/status")
    if status.exists():  # not getrusage: on Linux it includes the process that started this one
        (line,) = [each for each in status.read_text().splitlines() if each.startswith("VmHWM")]
        return int(line.split()[1]) * 1024
    try:
        import resource
    except ImportError:  # Windows
        return None
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
