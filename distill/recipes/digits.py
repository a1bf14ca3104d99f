"""The embedded default: handwritten digits, few labels, and a teacher that saw them all.

Data: scikit-learn's 1,797 real 8×8 images (UCI Optical Recognition of Handwritten Digits). The
student has the labels of one training image in ten; the teacher, a convolutional network trained
on all labels, gives soft targets on every training image. Alpha and temperature are the usual
0.1 and 4 (RepDistiller), chosen before any result was seen.
Cost: less than a minute on 2 cores.
"""

from distill.recipes.recipe import Recipe

DIGITS = Recipe(
    name="digits",
    dataset="digits",
    label_fraction=0.1,
    teacher="cnn",
    teacher_options={"filters": 16, "dense": 64},
    student="mlp",
    student_options={"hidden": 32, "depth": 1},
    method="kd",
    alpha=0.1,
    temperature=4.0,
    optimizer="adam",
    learning_rate=0.003,
    schedule="cosine",
    epochs=30,
    teacher_epochs=15,
    batch_size=32,
    seeds=5,
)
