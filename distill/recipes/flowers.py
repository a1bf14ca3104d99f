"""Work A: five kinds of flower, a convolutional teacher of 2 M parameters, a student of 1 M.

tf_flowers (3,670 photos) at 180×180 pixels, Adam, 15 epochs, batch 32, both losses weighed 0.5,
T=3 (the first row of its temperature table). It has no validation split; here, as everywhere,
one tenth of the training images is kept for validation.
Its results, test accuracy, one seed: teacher 0.743, student from labels 0.749, distilled 0.741.
The augmentation is inside the networks, so the teacher, in inference mode, gives its soft targets
for the photo as it is, while the student sees it flipped, turned or zoomed.
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
