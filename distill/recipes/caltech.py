"""Work E: MobileNetV2 from Caltech-256 to Caltech-101, and a student of overlapping groups.

The teacher, MobileNetV2, learns Caltech-256 (257 classes with the clutter) for 300 epochs: recipe
`caltech256`. Then its classifier is replaced and alone trained on Caltech-101 for 30: `caltech`.
The student has overlapping group convolutions in its inverted residual blocks, expansion 4; work E
does not define them, `distill.models.mobilenet` does. AdamW, KL at T=5, alpha 0.3 (already ours),
120 epochs. The teacher's learning rate, 1e-4, falls by cosines with warm restarts to 9e-6, the
first after 34,560 steps, each period twice the one before: 50 epochs of our 689 steps. The 30
epochs on Caltech-101 are a tenth of that first period, and have one rate here. Not stated, and so
ours: batch size, the chances of augmentations, AdamW's weight decay (PyTorch's default).
Its results, top-1 of one seed: teacher 69.1 % on Caltech-256, 84.4 on Caltech-101; student
distilled 84.5 and from labels 82.8 at a constant 1e-4, 86.5 and 86.0 at 2e-4.
Caltech-256 is not in TFDS: unpack its archive, so that the folder 256_ObjectCategories lies in the
working directory. `caltech-small` is all of it on flowers at 64 pixels, which 2 cores can train:
its teacher learns three kinds of flower first, then two others. What came out:
docs/results/caltech.md.
Cost: a GPU and about two days for one seed; `caltech-small` about 15 minutes on one core.
"""

import dataclasses

from distill.recipes.recipe import Recipe

_AUGMENTATION = ("resized_crop", "flip", "rand_augment", "erasing")
CALTECH_256 = Recipe(
    name="caltech256",
    dataset="./256_ObjectCategories",
    image_size=224,
    augmentation=_AUGMENTATION,
    teacher="mobilenet_v2",
    student="overlapping_mobilenet_v2",
    student_options={"expansion": 4},
    alpha=0.3,
    temperature=5.0,
    optimizer="adamw",
    optimizer_options={"weight_decay": 0.01},
    learning_rate=1e-4,
    teacher_learning_rate=1e-4,
    teacher_schedule="restarts",
    teacher_floor=0.09,
    schedule_epochs=50.0,
    epochs=120,
    teacher_epochs=300,
    batch_size=32,
)
CALTECH = dataclasses.replace(
    CALTECH_256,
    name="caltech",
    dataset="caltech101",
    teacher_pretraining="caltech256",
    teacher_augmentation=_AUGMENTATION,
    teacher_schedule="constant",
    teacher_epochs=30,
)
CALTECH_SMALL_PRETRAINING = dataclasses.replace(
    CALTECH_256,
    name="caltech-small-pretraining",
    dataset="tf_flowers",
    image_size=64,
    classes=("dandelion", "daisy", "roses"),
    augmentation=("flip",),
    teacher_options={"width": 0.5},
    teacher_learning_rate=1e-3,
    schedule_epochs=5.0,
    teacher_epochs=35,
)
CALTECH_SMALL = dataclasses.replace(
    CALTECH_SMALL_PRETRAINING,
    name="caltech-small",
    classes=("tulips", "sunflowers"),
    augmentation=_AUGMENTATION,
    teacher_augmentation=("flip",),
    teacher_pretraining="caltech-small-pretraining",
    teacher_learning_rate=1e-2,
    teacher_epochs=15,
    student_options={"expansion": 4, "width": 0.5},
    learning_rate=1e-3,
    epochs=15,
)
STUDIES = {
    "schedule": (
        "constant or cosine (down to a tenth), and which learning rate?",
        "schedule=constant,cosine",
        "floor=0.1",
        "learning_rate=1e-4,2e-4",
    ),
    "augmentation": (
        "does augmentation help the student?",
        "augmentation=none,resized_crop+flip,resized_crop+flip+rand_augment+erasing",
    ),
    "alpha": ("how much weight for the labels? 0 to 1", "alpha=0,0.1,0.3,0.5,0.7,1"),
    "temperature": ("which temperature? 1 to 20", "temperature=1,2,5,10,20"),
}
# Fewer steps need a higher learning rate, and fewer runs less time.
SMALL_STUDIES = STUDIES | {
    "schedule": (*STUDIES["schedule"][:3], "learning_rate=1e-3,2e-3"),
    "augmentation": (
        STUDIES["augmentation"][0],
        "augmentation=none,resized_crop+flip+rand_augment+erasing",
    ),
    "alpha": (STUDIES["alpha"][0], "alpha=0,0.3,0.7,1"),
    "temperature": (STUDIES["temperature"][0], "temperature=1,5,20"),
}
