"""Times a training step of every method: python benchmarks/method_cost.py

The pair is a CIFAR ResNet-56 that teaches a ResNet-20, on random images of 32×32 pixels, with a
live teacher. Every method trains a few steps in turn, in several rounds; its best round counts,
because the speed of a shared machine varies. Writes docs/results/method-cost.md.
"""

import os
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import tensorflow as tf

from distill import Distiller, build_model
from distill.analysis.page.parts import Table
from distill.files import write_text
from distill.methods import METHODS

PAGE = Path(__file__).parent.parent / "docs" / "results" / "method-cost.md"
BATCH, CLASSES, STEPS, ROUNDS = 64, 100, 4, 5
EXAMPLES = 50_000  # of CIFAR-100, for the memory of crd
TEXT = f"""# What a method costs

Time of a training step with each method, relative to `kd`: a CIFAR ResNet-56 teaches a ResNet-20
on random images of 32×32 pixels, {CLASSES} classes, batches of {BATCH}, with a live teacher and the
default options, on {{cores}} processor cores (TensorFlow {tf.__version__},
Keras {keras.__version__}).
Each method has {ROUNDS} rounds of {STEPS} steps, one method after the other; the best round counts.
`kd` takes {{kd:.0f}} ms a step. Methods of logits differ by a few operations on {BATCH}×{CLASSES}
numbers, which take no time beside the models, so their range here, {{low:.2f}} to {{high:.2f}}, is
what this machine cannot tell apart. With stored soft targets they need no teacher in the step, and
cost less.
`python benchmarks/method_cost.py` writes this page.

{{table}}
"""


def trainer(name, batch):
    """Returns a function that trains a few steps with a method, compiled and warmed up."""
    keras.utils.set_random_seed(0)
    models = {
        role: build_model(model, (32, 32, 3), CLASSES)
        for role, model in (("teacher", "resnet56"), ("student", "resnet20"))
    }
    distiller = Distiller(**models, method=name, alpha=0.5, examples=EXAMPLES)
    distiller.compile(keras.optimizers.SGD(0.001))

    def train():
        began = time.perf_counter()
        for _ in range(STEPS):
            distiller.train_on_batch(*batch)
        return (time.perf_counter() - began) / STEPS

    train()
    extra = sum(int(np.prod(weight.shape)) for weight in distiller.method.weights)
    return train, extra


def main():
    random = np.random.default_rng(0)
    images = random.uniform(0, 255, (BATCH, 32, 32, 3)).astype("float32")
    index = random.choice(EXAMPLES, BATCH, replace=False)
    batch = images, {"labels": random.integers(0, CLASSES, BATCH), "index": index}
    names = [name for name in METHODS if name != "multi_label_kd"]
    trainers = {}
    for name in names:
        trainers[name] = trainer(name, batch)
        print(name, flush=True)
    seconds = {name: [] for name in names}
    for _ in range(ROUNDS):
        for name, (train, _) in trainers.items():
            seconds[name].append(train())
    best = {name: min(each) for name, each in seconds.items()}
    cost = {name: each / best["kd"] for name, each in best.items()}
    of_logits = [
        cost[name]
        for name in names
        if METHODS[name]().uses_teacher and not METHODS[name]().teacher_layers
    ]
    rows = [[f"`{name}`", f"{each:.2f}", f"{trainers[name][1]:,}"] for name, each in cost.items()]
    header = ["method", "time of a step, kd = 1", "numbers in its weights and memory"]
    text = TEXT.format(
        cores=os.cpu_count(),
        kd=1000 * best["kd"],
        low=min(of_logits),
        high=max(of_logits),
        table=Table(header, rows).markdown().strip(),
    )
    write_text(PAGE, text)
    print(text)


if __name__ == "__main__":
    main()
