"""Hinton, Vinyals and Dean (2015), section 3, on MNIST, as a public PyTorch reproduction runs it.

Teacher 784-1200-1200-10 with dropout, student 784-800-800-10 without. The source weighs its soft
loss by 0.7 (our alpha is 0.3) at T=20, with SGD, momentum 0.9, batch 128, and learning rates 0.01
for the teacher and 0.001 for the student. It trains up to 1000 epochs and shifts the images by up
to 2 pixels; here 60 epochs and no shifts. Its soft loss is averaged over classes too and so 10
times smaller than ours.
The paper: teacher 67 errors of 10,000, student from labels 146, distilled 74.
Cost: about 12 minutes for one seed on 2 cores.
"""

from distill.recipes.recipe import Recipe

MNIST_HINTON = Recipe(
    name="mnist-hinton",
    dataset="mnist",
    teacher="mlp",
    teacher_options={"hidden": 1200, "depth": 2, "dropout": 0.5, "input_dropout": 0.2},
    teacher_learning_rate=0.01,
    student="mlp",
    student_options={"hidden": 800, "depth": 2},
    method="kd",
    alpha=0.3,
    temperature=20.0,
    optimizer="sgd",
    optimizer_options={"momentum": 0.9},
    learning_rate=0.001,
    epochs=60,
    batch_size=128,
)
