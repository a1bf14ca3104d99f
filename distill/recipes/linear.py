"""Work D: a blog post's nearly linear networks on MNIST, and students that never see a digit.

Teacher 784-1200-1200-10 with dropout 0.5 and no activation after the second hidden layer, 20
epochs; student 784-50-10, 14 epochs; Adam. Soft targets alone (our alpha is 0); the soft loss is
the squared difference of the softened probabilities, at T=4. The batch size is not stated; 64 here.
Its results, test accuracy, one seed: teacher 97.84 %, student from labels 96.71, distilled 97.01;
distilled on pure noise nearly 40. What came out here: docs/results/linear.md.
Cost: about 4 minutes for one seed on 2 cores.
"""

from distill.recipes.recipe import Recipe

MNIST_LINEAR = Recipe(
    name="mnist-linear",
    dataset="mnist",
    teacher="linear_teacher",
    student="linear_student",
    student_options={"hidden": 50},
    method="mse_probabilities",
    alpha=0.0,
    temperature=4.0,
    optimizer="adam",
    learning_rate=0.001,
    epochs=14,
    teacher_epochs=20,
    batch_size=64,
)
STUDIES = {
    "temperature": (
        "which temperature? 1 to 20",
        "temperature=1,2,3,4,6,8,10,15,20",
    ),
    "omitted-class": (
        "what of a digit that the student never sees?",
        "omitted_classes=none,0,1,2,3,4,5,6,7,8,9",
    ),
    "noise-share": (
        "how much uniform noise may be mixed into its images?",
        "noise=0,0.25,0.5,0.75,0.9,1",
    ),
    "noise": (
        "can it learn from images that show nothing?",
        "noise=1",
        "noise_kind=uniform,smoothed,pixels,mixture",
        "temperature=1,4,20",
    ),
}
