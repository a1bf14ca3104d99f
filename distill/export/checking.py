"""`check_file`: runs an exported file on the test set in its own runtime, in a separate process."""

import dataclasses
import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from scipy.special import softmax
from scipy.stats import binomtest

from distill.data import Split
from distill.errors import UserError, check_number
from distill.evaluation import agreement
from distill.export import runtimes
from distill.export.deployable import PROBABILITIES
from distill.export.format import Format


@dataclasses.dataclass(frozen=True)
class FileCheck:
    """What an exported file does on the test set, in its own runtime.

    Attributes:
        format: name of the format.
        runtime: the runtime and its version.
        output: what the file returns, `"logits"` or `"probabilities"`.
        examples: number of test images.
        difference: largest absolute difference of an output from the Keras model's.
        largest: largest absolute output of the Keras model.
        agreement: fraction of images for which both predict the same class.
        accuracy: of the file, from 0 to 1.
        accuracy_interval: Wilson's 95 % interval.
        keras_accuracy: of the Keras model.
        median_ms: median time for one image, in milliseconds.
        p95_ms: 95th percentile of that time.
        calls: how many calls were timed.
        threads: threads that the runtime was allowed.
        file_bytes: size of the file, or of all files of a folder.
        peak_memory_bytes: largest memory of the process up to the timing, with Python and the
            runtime; `None` if unknown.
        memory_before_bytes: its largest memory before it loaded the runtime and the model.
    """

    format: str
    runtime: str
    output: str
    examples: int
    difference: float
    largest: float
    agreement: float
    accuracy: float
    accuracy_interval: tuple[float, float]
    keras_accuracy: float
    median_ms: float
    p95_ms: float
    calls: int
    threads: int
    file_bytes: int
    peak_memory_bytes: int | None
    memory_before_bytes: int | None


def check_file(
    path: Path, format: Format, test: Split, keras_logits: np.ndarray, threads: int = 1
) -> FileCheck:
    """Runs an exported file on a test set in a separate process, which does not import `distill`.

    Latency is that of one image at a time, on the processor.

    Args:
        path: the file or folder that the format's `write` has written.
        format: its format.
        test: labelled images, uint8, of the size that the file takes.
        keras_logits: the Keras model's logits on them, `(examples, classes)`.
        threads: how many threads the runtime may use.

    Returns:
        What was measured. `require_close` compares it with the format's bounds.

    Raises:
        UserError: the file does not run, or its outputs have another shape or are not numbers.
    """
    check_number("threads", threads, "a whole number, at least 1", least=1)
    outputs, result = _run(Path(path), format, test.images, threads)
    keras_outputs = np.asarray(keras_logits, "float64")
    if result["output"] == PROBABILITIES:
        keras_outputs = softmax(keras_outputs, axis=-1)
    if outputs.shape != keras_outputs.shape:
        raise UserError(
            f"The {format.name} file returns shape {outputs.shape} and the Keras model "
            f"{keras_outputs.shape}; choose another format."
        )
    if not np.isfinite(outputs).all():
        raise UserError(
            f"The {format.name} file returns values that are not finite numbers; choose a format "
            "with higher precision."
        )
    correct = int(np.sum(outputs.argmax(axis=-1) == test.labels))
    interval = binomtest(correct, len(test)).proportion_ci(0.95, method="wilson")
    return FileCheck(
        format=format.name,
        runtime=result["runtime"],
        output=result["output"],
        examples=len(test),
        difference=float(np.max(np.abs(outputs - keras_outputs))),
        largest=float(np.max(np.abs(keras_outputs))),
        agreement=agreement(keras_outputs, outputs),
        accuracy=correct / len(test),
        accuracy_interval=(float(interval.low), float(interval.high)),
        keras_accuracy=float(np.mean(keras_outputs.argmax(axis=-1) == test.labels)),
        median_ms=result["latency"]["median_ms"],
        p95_ms=result["latency"]["p95_ms"],
        calls=result["latency"]["calls"],
        threads=threads,
        file_bytes=_size(Path(path)),
        peak_memory_bytes=result["peak_memory_bytes"],
        memory_before_bytes=result["memory_before_bytes"],
    )


def require_close(check: FileCheck, format: Format) -> None:
    """Raises a `UserError` if a file is further from the Keras model than its format's bounds.

    Args:
        check: what `check_file` returns.
        format: the file's format.
    """
    bounds, problem = format.bounds, None
    allowed = (bounds.difference or 0) * max(1.0, check.largest)
    lost = check.keras_accuracy - check.accuracy
    if bounds.difference is not None and not check.difference <= allowed:
        problem = (
            f"its {check.output} differ by up to {check.difference:.2g} from the Keras model's, "
            f"and {allowed:.2g} is allowed"
        )
    elif check.agreement < bounds.agreement:
        problem = (
            f"it predicts the Keras model's class on {check.agreement:.1%} of "
            f"{check.examples:,} test images, and {bounds.agreement:.0%} is required"
        )
    elif lost > bounds.accuracy_loss and lost * check.examples > 1.5:
        problem = (
            f"its test accuracy is {check.accuracy:.1%} and the Keras model's "
            f"{check.keras_accuracy:.1%}, and a loss of {bounds.accuracy_loss:.0%} is allowed"
        )
    if problem:
        raise UserError(
            f"The {check.format} file is not kept, because {problem}; choose a format with higher "
            "precision."
        )


def _run(path, format, images, threads):
    """The outputs of the file on all images, and what the process reports."""
    # As text, not as a file: the folder of a program is searched for modules, and this one holds
    # `onnx.py`.
    program = Path(runtimes.__file__).read_text("utf-8")
    with TemporaryDirectory() as folder:
        names = {"images": "images.npy", "outputs": "outputs.npy", "result": "result.json"}
        job = {name: str(Path(folder, file)) for name, file in names.items()}
        job |= {"path": str(path.resolve()), "runtime": format.runtime, "threads": threads}
        np.save(job["images"], images)
        done = subprocess.run(
            [sys.executable, "-c", program, json.dumps(job)],
            capture_output=True,
            text=True,
            errors="replace",
            cwd=folder,
            env={**os.environ, "CUDA_VISIBLE_DEVICES": "-1", "TF_CPP_MIN_LOG_LEVEL": "3"},
        )
        if done.returncode or not Path(job["result"]).exists():
            last = (done.stderr.strip().splitlines() or [f"exit status {done.returncode}"])[-1]
            reason = textwrap.shorten(last.rstrip("."), 200, placeholder=" …")
            raise UserError(
                f"The {format.name} file does not run in its runtime ({reason}); choose another "
                "format, or report this."
            )
        result = json.loads(Path(job["result"]).read_text("utf-8"))
        return np.load(job["outputs"]), result


def _size(path):
    files = path.rglob("*") if path.is_dir() else [path]
    return sum(file.stat().st_size for file in files if file.is_file())
