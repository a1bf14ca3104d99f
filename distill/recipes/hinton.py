"""Hinton, Vinyals and Dean (2015), section 3, on MNIST, and work C, its reproduction in PyTorch.

The paper's teacher is 784-1200-1200-10 with dropout (0.2 on the pixels, 0.5 on hidden units) and a
weight constraint, on images moved by up to 2 pixels; its student is 784-800-800-10, without any
of these, at T=20. Work C weighs the soft loss by 0.7 (our alpha is 0.3), with SGD, momentum 0.9,
batch 128, up to 1000 epochs, the teacher's learning rate 0.01 halved every 100 epochs, the
student's 0.001; its soft loss is averaged over classes too and so 10 times smaller than ours. It
moves the student's images as well; the paper does not, and neither does this recipe (`--shift 2`).
Learning rates, schedule, epochs and the weight constraint were chosen on validation data.
The paper's figures, of 10,000 test images: teacher 67 errors, student from labels 146, distilled
74. Work C gives none. What came out here: docs/results/hinton.md and hinton-short.md.
Cost: 20 to 40 minutes for one seed on 2 cores.
"""

from distill.recipes.recipe import Recipe

MNIST_HINTON = Recipe(
    name="mnist-hinton",
    dataset="mnist",
    teacher="mlp",
    teacher_options={
        "hidden": 1200,
        "depth": 2,
        "dropout": 0.5,
        "input_dropout": 0.2,
        "max_norm": 2.0,
    },
    teacher_learning_rate=0.1,
    teacher_epochs=200,
    teacher_shift=2,
    student="mlp",
    student_options={"hidden": 800, "depth": 2},
    method="kd",
    alpha=0.3,
    temperature=20.0,
    optimizer="sgd",
    optimizer_options={"momentum": 0.9},
    learning_rate=0.03,
    labels_learning_rate=0.1,
    schedule="cosine",
    epochs=100,
    batch_size=128,
)
STUDIES = {
    "shifted-images": (
        "does the student have to see shifted images?",
        "shift=0,2",
    ),
    "learning-rate": (
        "which learning rate is best for either loss? on validation data",
        "learning_rate=0.01,0.03,0.1",
        "labels_learning_rate=none",
        "epochs=20",
    ),
    "omitted-3": (
        "what of the 3s, if the student never sees one?",
        "omitted_classes=3",
        "epochs=40",
    ),
    "only-7-and-8": (
        "what of the other eight digits, if the student sees 7s and 8s only?",
        "kept_classes=none,7+8",
    ),
    "30-units": (
        "which temperature for a student of 30 units a layer?",
        "student_options.hidden=30",
        "epochs=40",
        "temperature=1,2.5,4,8,20",
    ),
    "300-units": (
        "which temperature for a student of 300 units a layer?",
        "student_options.hidden=300",
        "epochs=40",
        "temperature=1,8,20",
    ),
    "convolutional": (
        "a convolutional teacher in place of the fully connected one?",
        "teacher=mlp,cnn",
        "teacher_epochs=20",
    ),
    "weight-constraint": (
        "does the teacher need a weight constraint, more epochs, or both?",
        "teacher_options.max_norm=none,2",
        "teacher_epochs=5,20",
    ),
}
