"""Handwritten digits with few labels, and a teacher that has seen all of them. The default.

Data: the 1,797 real 8×8 images of scikit-learn's `load_digits` (UCI Optical Recognition of
Handwritten Digits, https://archive.ics.uci.edu/dataset/80).
The student has labels for one training image in ten. The teacher, a convolutional network trained
on all labels, gives soft targets for every training image. Alpha 0.1 and temperature 4 are the
usual values: RepDistiller has them, the code of Tian, Krishnan and Isola (2020),
https://arxiv.org/abs/1910.10699. They were chosen before any result was seen.
Command: python distillation_train.py
Cost: less than a minute on 2 cores.
Result: README.md.
"""

from distill.recipes.recipe import (
    Data,
    Distillation,
    Experiment,
    Recipe,
    Student,
    Teacher,
    Training,
    TrainingOverrides,
)

DIGITS = Recipe(
    name="digits",
    data=Data(name="digits", label_fraction=0.1),
    teacher=Teacher(
        model="cnn",
        options={"filters": 16, "dense": 64},
        training=TrainingOverrides(epochs=15),
    ),
    student=Student(model="mlp", options={"hidden": 32, "depth": 1}),
    distillation=Distillation(method="kd", alpha=0.1, temperature=4.0),
    training=Training(
        optimizer="adam", learning_rate=0.003, schedule="cosine", epochs=30, batch_size=32
    ),
    experiment=Experiment(seeds=5),
)
