"""Five kinds of flower: a convolutional teacher of 2 M parameters and a student of 1 M.

Data: tf_flowers (3,670 photos, https://www.tensorflow.org/datasets/catalog/tf_flowers) at 180×180
pixels. Source: a public TensorFlow write-up on tf_flowers. Adam, 15 epochs, batch size 32,
temperature 3 (the first row of its temperature table), both losses weighted 0.5 (our alpha 0.5).
Its results, test accuracy of one seed: teacher 0.743, baseline 0.749, distilled student 0.741.
Differences: its code leaves out the factor T², and it has no validation split; here one tenth of
the training images is kept for validation. The augmentation is part of the networks. The teacher
runs in inference mode, so its soft targets are for the photo as it is; the student sees the photo
flipped, rotated or zoomed.
Command: python distillation_train.py --recipe flowers
Cost: about 15 minutes for one seed on 2 cores.
Result: docs/results/flowers.md.
"""

from distill.recipes.recipe import Data, Distillation, Recipe, Student, Teacher, Training

FLOWERS = Recipe(
    name="flowers",
    data=Data(name="tf_flowers", image_size=180),
    teacher=Teacher(model="flower_cnn", options={"dense": 128}),
    student=Student(model="flower_cnn", options={"dense": 64}),
    distillation=Distillation(method="kd", alpha=0.5, temperature=3.0),
    training=Training(optimizer="adam", learning_rate=0.001, epochs=15, batch_size=32),
)
STUDIES = {
    "temperature": ("Which temperature? 1 to 40", "temperature=1,3,6,10,15,20,40"),
    "alpha": ("How much weight for the labels? 0 to 1", "alpha=0,0.25,0.5,0.75,1"),
    "student-size": (
        "How small may the student's dense layer be?",
        "student.options.dense=16,32,64",
    ),
    "intermediate-values": ("Does matching intermediate features help, too?", "method=kd,fitnet"),
    "early-stopped-teacher": (
        "Does the teacher have to be fully trained?",
        "teacher.training.epochs=3,15",
    ),
    "sizes": (
        "Does a larger teacher help a small student? teacher × student",
        "teacher.options.dense=32,128",
        "student.options.dense=16,32,64",
    ),
}
