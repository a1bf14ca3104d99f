"""Nearly linear networks on MNIST, and students that never see a digit.

Data: MNIST. Source: a blog post on distilling linear networks. Teacher 784-1200-1200-10 with
dropout 0.5, 20 epochs; student 784-50-10, 14 epochs; Adam. It uses soft targets only (our alpha 0).
Its soft loss is the squared difference of the softened probabilities, at temperature 4.
Differences: our teacher has no activation after the second hidden layer, the post's has ReLU; our
batch size is 64, the post's 100.
Its results, test accuracy of one seed: teacher 97.84 %, baseline 96.71 %, distilled student
97.01 %, and nearly 40 % for a student distilled on pure noise.
Command: python distillation_train.py --recipe mnist-linear
Cost: about 4 minutes for one seed on 2 cores.
Result: docs/results/linear.md.
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

MNIST_LINEAR = Recipe(
    name="mnist-linear",
    data=Data(name="mnist"),
    teacher=Teacher(model="linear_teacher", training=TrainingOverrides(epochs=20)),
    student=Student(model="linear_student", options={"hidden": 50}),
    distillation=Distillation(method="mse_probabilities", alpha=0.0, temperature=4.0),
    training=Training(optimizer="adam", learning_rate=0.001, epochs=14, batch_size=64),
)
STUDIES = {
    "temperature": ("Which temperature? 1 to 20", "temperature=1,2,3,4,6,8,10,15,20"),
    "omitted-class": (
        "Does the student recognise a digit that it never sees?",
        "data.student_exclude=none,0,1,2,3,4,5,6,7,8,9",
    ),
    "noise-share": (
        "How much uniform noise may be mixed into the student's images?",
        "data.noise=0,0.25,0.5,0.75,0.9,1",
    ),
    "noise": (
        "Can the student learn from images that show nothing?",
        "data.noise=1",
        "data.noise_kind=uniform,smoothed,pixels,mixture",
        "temperature=1,4,20",
    ),
}
