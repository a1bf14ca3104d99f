"""Times a training step: python benchmarks/train_step.py

Compares `distill` with `keras.distillation` and with the limit: a plain training step of the
student plus a forward pass of the teacher, each compiled as one function. They take turns in one
process, so their ratios hold even if the speed of the machine drifts. Prints a Markdown table.
"""

import argparse
import os
import platform
import statistics
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import tensorflow as tf

from distill import Distiller, build_model

CASES = {
    "MNIST MLPs, batch 128": (
        (28, 28, 1),
        128,
        ("mlp", {"hidden": 1200, "dropout": 0.5, "input_dropout": 0.2}),
        ("mlp", {"hidden": 800}),
    ),
    "digits, batch 32": (
        (8, 8, 1),
        32,
        ("cnn", {"filters": 16, "dense": 64}),
        ("mlp", {"hidden": 32, "depth": 1}),
    ),
    "CNNs at 32 px, batch 64": (
        (32, 32, 3),
        64,
        ("cnn", {"filters": 64, "dense": 256}),
        ("cnn", {"filters": 16, "dense": 64}),
    ),
}


def _models(case):
    shape, _, (teacher, teacher_options), (student, student_options) = CASES[case]
    return (
        build_model(teacher, shape, 10, **teacher_options),
        build_model(student, shape, 10, **student_options),
    )


def _ours(case):
    teacher, student = _models(case)
    distiller = Distiller(teacher=teacher, student=student)
    distiller.compile("adam", metrics=["accuracy"])
    return distiller.make_train_function() or distiller.train_function


def _keras(case):
    from keras.distillation import Distiller as KerasDistiller
    from keras.distillation import LogitsDistillation

    teacher, student = _models(case)
    distiller = KerasDistiller(teacher, student, LogitsDistillation(temperature=4.0))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    distiller.compile("adam", loss, metrics=["accuracy"])
    return distiller.make_train_function() or distiller.train_function


def _limit(case):
    teacher, student = _models(case)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    student.compile("adam", loss, metrics=["accuracy"])
    train = student.make_train_function() or student.train_function
    infer = tf.function(lambda x: teacher(x, training=False), jit_compile=student.jit_compile)

    def step(iterator):
        infer(next(iterator)[0])
        return train(iterator)

    return step


CANDIDATES = {"distill": _ours, "keras.distillation": _keras, "limit": _limit}


def _milliseconds(step, iterator, steps):
    started = time.perf_counter()
    for _ in range(steps):
        logs = step(iterator)
    float(logs["loss"])  # waits for the device
    return (time.perf_counter() - started) / steps * 1000


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=100, help="steps in a round (default: 100)")
    parser.add_argument("--rounds", type=int, default=9, help="rounds (default: 9)")
    arguments = parser.parse_args()
    columns = "distill / limit | keras.distillation / limit | distill / keras.distillation"
    print(f"| case | limit, ms | {columns} |")
    print("| --- | ---: | ---: | ---: | ---: |")
    for case, (shape, batch, _, _) in CASES.items():
        rng = np.random.default_rng(0)
        images = rng.integers(0, 256, (batch, *shape)).astype("float32")
        data = tf.data.Dataset.from_tensors((images, rng.integers(0, 10, batch))).cache().repeat()
        steps = {name: candidate(case) for name, candidate in CANDIDATES.items()}
        iterators = {name: iter(data) for name in steps}
        times = {name: [] for name in steps}
        for round_number in range(arguments.rounds + 1):
            for name, step in steps.items():
                count = arguments.steps if round_number else 5  # the first round traces
                elapsed = _milliseconds(step, iterators[name], count)
                if round_number:
                    times[name].append(elapsed)

        def ratio(first, second, times=times):
            ratios = [a / b for a, b in zip(times[first], times[second], strict=True)]
            low, *_, high = statistics.quantiles(ratios, n=4)
            return f"{statistics.median(ratios):.2f} ({low:.2f} to {high:.2f})"

        print(
            f"| {case} | {statistics.median(times['limit']):.2f} | {ratio('distill', 'limit')} | "
            f"{ratio('keras.distillation', 'limit')} | {ratio('distill', 'keras.distillation')} |"
        )
    devices = tf.config.list_physical_devices("GPU") or f"{os.cpu_count()} CPU cores"
    versions = f"TensorFlow {tf.__version__}, Keras {keras.__version__}"
    print(
        f"\nMedian and quartiles of {arguments.rounds} rounds of {arguments.steps} steps, on "
        f"{devices}; Python {platform.python_version()}, {versions}."
    )


if __name__ == "__main__":
    main()
