"""Work A: five kinds of flower, a convolutional teacher of 2 M parameters, a student of 1 M.

tf_flowers (3,670 photos) at 180×180 pixels, Adam, 15 epochs, batch 32, both losses weighed 0.5,
T=3 (the first row of its temperature table). It has no validation split; here, as everywhere,
one tenth of the training images is kept for validation.
Its results, test accuracy, one seed: teacher 0.743, student from labels 0.749, distilled 0.741.
The augmentation is inside the networks, so the teacher, in inference mode, gives its soft targets
for the photo as it is, while the student sees it flipped, turned or zoomed. What came out here:
docs/results/flowers.md.
Cost: about 15 minutes for one seed on 2 cores.
"""

from distill.recipes.recipe import Recipe

FLOWERS = Recipe(
    name="flowers",
    dataset="tf_flowers",
    image_size=180,
    teacher="flower_cnn",
    teacher_options={"dense": 128},
    student="flower_cnn",
    student_options={"dense": 64},
    method="kd",
    alpha=0.5,
    temperature=3.0,
    optimizer="adam",
    learning_rate=0.001,
    epochs=15,
    batch_size=32,
)
STUDIES = {
    "temperature": (
        "which temperature? 1 to 40",
        "temperature=1,3,6,10,15,20,40",
    ),
    "alpha": (
        "how much weight for the labels? 0 to 1",
        "alpha=0,0.25,0.5,0.75,1",
    ),
    "student-size": (
        "how small may the student's dense layer be?",
        "student_options.dense=16,32,64",
    ),
    "intermediate-values": (
        "does matching what lies before the logits help, too?",
        "method=kd,fitnet",
    ),
    "early-stopped-teacher": (
        "must the teacher be trained to the end?",
        "teacher_epochs=3,15",
    ),
    "sizes": (
        "does a larger teacher help a small student? teacher × student",
        "teacher_options.dense=32,128",
        "student_options.dense=16,32,64",
    ),
}
