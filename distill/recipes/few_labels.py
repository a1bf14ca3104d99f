"""The walkthrough's experiment: MNIST, and a student with a label for one image in a hundred.

`notebooks/experiments.ipynb` goes through it. The teacher, a small convolutional network, learns
from all labels; the student, a network of one hidden layer, has 540 labels and the teacher's soft
targets on all 54,000 training images. Alpha and temperature are the usual 0.1 and 4 (RepDistiller);
these and all other values were fixed before any result of this recipe was seen.
Cost: about 11 minutes for three seeds on 2 cores.
"""

from distill.recipes.recipe import Recipe

FEW_LABELS = Recipe(
    name="few-labels",
    dataset="mnist",
    label_fraction=0.01,
    teacher="cnn",
    teacher_options={"filters": 16},
    teacher_learning_rate=0.001,
    teacher_epochs=3,
    student="mlp",
    student_options={"hidden": 32, "depth": 1},
    method="kd",
    alpha=0.1,
    temperature=4.0,
    optimizer="adam",
    learning_rate=0.003,
    schedule="cosine",
    epochs=10,
    batch_size=128,
    seeds=3,
)
