"""Distillation on MNIST after the first paper: a large MLP teaches a smaller one.

Data: MNIST. Source: Hinton, Vinyals and Dean (2015), section 3, https://arxiv.org/abs/1503.02531.
The paper's teacher is 784-1200-1200-10 with dropout (0.2 on the pixels, 0.5 on hidden units) and a
weight constraint, trained on images translated by up to 2 pixels. Its student is 784-800-800-10
without any of these, at temperature 20.
The loss weights and the optimizer come from a public PyTorch reproduction: 0.7 for the soft loss
and 0.3 for the hard loss (our alpha 0.3), SGD with momentum 0.9, batch size 128. Its soft loss is
averaged over classes and so 10 times smaller than ours. It also translates the student's images;
the paper does not, and neither does this recipe (`--training.translation 2` does).
Learning rates, schedule, epochs and the weight constraint were chosen on validation data.
The paper's errors on 10,000 test images: teacher 67, baseline 146, distilled student 74.
Command: python distillation_train.py --recipe mnist-hinton
Cost: 20 to 40 minutes for one seed on 2 cores.
Result: docs/results/hinton.md and docs/results/hinton-short.md.
"""

from distill.recipes.recipe import (
    Data,
    Distillation,
    Recipe,
    Student,
    Teacher,
    Training,
    TrainingOverrides,
)

MNIST_HINTON = Recipe(
    name="mnist-hinton",
    data=Data(name="mnist"),
    teacher=Teacher(
        model="mlp",
        options={"hidden": 1200, "depth": 2, "dropout": 0.5, "input_dropout": 0.2, "max_norm": 2.0},
        training=TrainingOverrides(learning_rate=0.1, epochs=200, translation=2),
    ),
    student=Student(
        model="mlp",
        options={"hidden": 800, "depth": 2},
        baseline=TrainingOverrides(learning_rate=0.1),
    ),
    distillation=Distillation(method="kd", alpha=0.3, temperature=20.0),
    training=Training(
        optimizer="sgd",
        optimizer_options={"momentum": 0.9},
        learning_rate=0.03,
        schedule="cosine",
        epochs=100,
        batch_size=128,
    ),
)
STUDIES = {
    "shifted-images": ("Does the student need translated images?", "training.translation=0,2"),
    "learning-rate": (
        "Which learning rate is best for each loss, on validation data?",
        "learning_rate=0.01,0.03,0.1",
        "student.baseline.learning_rate=none",
        "epochs=20",
    ),
    "omitted-3": (
        "Does the student recognise a 3 if it never sees one?",
        "data.student_exclude=3",
        "epochs=40",
    ),
    "only-7-and-8": (
        "Does the student recognise the other digits if it only sees 7s and 8s?",
        "data.student_include=none,7+8",
    ),
    "30-units": (
        "Which temperature for a student with 30 units in each layer?",
        "student.options.hidden=30",
        "epochs=40",
        "temperature=1,2.5,4,8,20",
    ),
    "300-units": (
        "Which temperature for a student with 300 units in each layer?",
        "student.options.hidden=300",
        "epochs=40",
        "temperature=1,8,20",
    ),
    "convolutional": (
        "Does a convolutional teacher help more than a fully connected one?",
        "teacher=mlp,cnn",
        "teacher.training.epochs=20",
    ),
    "weight-constraint": (
        "Does the teacher need a weight constraint, more epochs, or both?",
        "teacher.options.max_norm=none,2",
        "teacher.training.epochs=5,20",
    ),
}
