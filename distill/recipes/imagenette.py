"""MobileNetV2 at 224 pixels on Imagenette and on Cats vs Dogs; a small version on flowers.

Data: Imagenette (https://github.com/fastai/imagenette) and Cats vs Dogs
(https://www.tensorflow.org/datasets/catalog/cats_vs_dogs).
Source: a public image-classification framework in PyTorch Lightning. It trains on any
classification data set. Its soft loss is the mean squared error of the logits, or else the KL
divergence; it states no weights (our alpha 0.5). It names neither its networks nor its schedule and
shows its results as curves only. Ours: MobileNetV2 of full width as the teacher and of width 0.35
as the student, Adam with a cosine schedule, random crops and flips.
`imagenette-small` trains on 2 cores: five kinds of flower at 64 pixels, widths 0.5 and 0.2.
The assistant follows Mirzadeh et al. (2020), https://arxiv.org/abs/1902.03393.
Command: python distillation_train.py --recipe imagenette
Cost: a GPU and about an hour for one seed; `imagenette-small` about 20 minutes on one core.
Result: docs/results/imagenette.md (of `imagenette-small`).
"""

from distill.recipes.recipe import Data, Distillation, Recipe, Student, Teacher, Training

IMAGENETTE = Recipe(
    name="imagenette",
    data=Data(name="imagenette/320px-v2", image_size=224),
    teacher=Teacher(model="mobilenet_v2", options={"width": 1.0}),
    student=Student(model="mobilenet_v2", options={"width": 0.35}),
    distillation=Distillation(method="mse_logits", alpha=0.5, temperature=1.0),
    training=Training(
        optimizer="adam",
        learning_rate=0.001,
        schedule="cosine",
        warmup_epochs=1.0,
        epochs=60,
        batch_size=64,
        augmentation=("resized_crop", "flip"),
    ),
)
CATS_VS_DOGS = IMAGENETTE.with_values({"name": "cats-vs-dogs", "data.name": "cats_vs_dogs"})
IMAGENETTE_SMALL = IMAGENETTE.with_values(
    {
        "name": "imagenette-small",
        "data.name": "tf_flowers",
        "data.image_size": 64,
        "teacher.options.width": 0.5,
        "student.options.width": 0.2,
        "training.epochs": 20,
        "training.batch_size": 32,
    }
)
STUDIES = {
    "loss": (
        "Squared error of the logits, or KL divergence at temperature 4?",
        "method=mse_logits,kd",
        "temperature=4",
    ),
    "assistant": (
        "Does a teacher assistant help?",
        "distillation.assistant=none,mobilenet_v2",
        "distillation.assistant_options.width=0.5",
    ),
}
# The assistant's width lies between that of the teacher and that of the student.
SMALL_STUDIES = STUDIES | {
    "assistant": (*STUDIES["assistant"][:2], "distillation.assistant_options.width=0.35"),
}
