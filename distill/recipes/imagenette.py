"""Work B: an image-classification framework at 224 pixels, on Imagenette and Cats vs Dogs.

It takes any classification data set; its soft loss is the mean squared error of the logits, with
KL divergence as the alternative. It names neither its networks nor its schedule and shows its
results as curves: here, MobileNetV2 of full width as teacher, of 0.35 of the width as student,
Adam with a cosine schedule, random crops and flips. `imagenette-small` is the same on five kinds
of flower at 64 pixels, with widths of 0.5 and 0.2, which 2 cores can train; what came out:
docs/results/imagenette.md.
Cost: a GPU and about an hour for one seed; `imagenette-small` about 20 minutes on one core.
"""

import dataclasses

from distill.recipes.recipe import Recipe

IMAGENETTE = Recipe(
    name="imagenette",
    dataset="imagenette/320px-v2",
    image_size=224,
    augmentation=("resized_crop", "flip"),
    teacher="mobilenet_v2",
    teacher_options={"width": 1.0},
    student="mobilenet_v2",
    student_options={"width": 0.35},
    method="mse_logits",
    alpha=0.5,
    temperature=1.0,
    optimizer="adam",
    learning_rate=0.001,
    schedule="cosine",
    warmup_epochs=1.0,
    epochs=60,
    batch_size=64,
)
CATS_VS_DOGS = dataclasses.replace(IMAGENETTE, name="cats-vs-dogs", dataset="cats_vs_dogs")
IMAGENETTE_SMALL = dataclasses.replace(
    IMAGENETTE,
    name="imagenette-small",
    dataset="tf_flowers",
    image_size=64,
    teacher_options={"width": 0.5},
    student_options={"width": 0.2},
    epochs=20,
    batch_size=32,
)
STUDIES = {
    "loss": (
        "squared error of the logits, or KL divergence at T=4?",
        "method=mse_logits,kd",
        "temperature=4",
    ),
    "assistant": (
        "does a teacher assistant help?",
        "assistant=none,mobilenet_v2",
        "assistant_options.width=0.5",
    ),
}
# An assistant lies between its teacher and its student.
SMALL_STUDIES = STUDIES | {
    "assistant": (*STUDIES["assistant"][:2], "assistant_options.width=0.35"),
}
