"""MobileNetV2 from Caltech-256 to Caltech-101, and a student with overlapping group convolutions.

Data: Caltech-256 (https://data.caltech.edu/records/nyy15-4j048; not in TensorFlow Datasets: unpack
its archive so that the folder 256_ObjectCategories lies in the working directory) and Caltech-101
(https://www.tensorflow.org/datasets/catalog/caltech101).
Source: a public PyTorch write-up on distilling MobileNetV2. The teacher learns Caltech-256
(257 classes with the clutter) for 300 epochs: recipe `caltech256`. Then its classifier is replaced
and trained alone on Caltech-101 for 30 epochs: recipe `caltech`. The student has overlapping group
convolutions in its inverted residual blocks and expansion 4. The source does not define them;
`distill.models.mobilenet` does. AdamW, KL divergence at temperature 5, alpha 0.3 (the same in the
source and here), 120 epochs.
The teacher's learning rate, 1e-4, falls to 9e-6 by cosine annealing with warm restarts. The first
restart comes after 34,560 steps, which are 50 epochs of our 689 steps; each period is twice as long
as the one before. The 30 epochs on Caltech-101 are shorter than one period, so their learning rate
is constant here. Not stated, and so our choice: batch size, the strength of the augmentation, and
AdamW's weight decay (PyTorch's default).
Its results, top-1 of one seed: teacher 69.1 % on Caltech-256 and 84.4 % on Caltech-101; distilled
student 84.5 % and baseline 82.8 % at a constant 1e-4, 86.5 % and 86.0 % at 2e-4.
`caltech-small` trains on 2 cores: flowers at 64 pixels. Its teacher learns three kinds of flower
first (recipe `caltech-small-pretraining`), then two others.
Command: python distillation_train.py --recipe caltech
Cost: a GPU and about two days for one seed; `caltech-small` about 15 minutes on one core.
Result: docs/results/caltech.md (of `caltech-small`).
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

_AUGMENTATION = ("resized_crop", "flip", "rand_augment", "erasing")
CALTECH_256 = Recipe(
    name="caltech256",
    data=Data(name="./256_ObjectCategories", image_size=224),
    teacher=Teacher(
        model="mobilenet_v2",
        training=TrainingOverrides(
            learning_rate=1e-4, schedule="warm_restarts", schedule_floor=0.09, epochs=300
        ),
    ),
    student=Student(model="overlapping_mobilenet_v2", options={"expansion": 4}),
    distillation=Distillation(method="kd", alpha=0.3, temperature=5.0),
    training=Training(
        optimizer="adamw",
        optimizer_options={"weight_decay": 0.01},
        learning_rate=1e-4,
        schedule_epochs=50.0,  # the student's schedule is constant; warm restarts use it
        epochs=120,
        batch_size=32,
        augmentation=_AUGMENTATION,
    ),
)
CALTECH = CALTECH_256.with_values(
    {
        "name": "caltech",
        "data.name": "caltech101",
        "teacher.pretraining": "caltech256",
        # Explicit, so that a study of the student's schedule or augmentation keeps the teacher.
        "teacher.training.augmentation": _AUGMENTATION,
        "teacher.training.schedule": "constant",
        "teacher.training.epochs": 30,
    }
)
CALTECH_SMALL_PRETRAINING = CALTECH_256.with_values(
    {
        "name": "caltech-small-pretraining",
        "data.name": "tf_flowers",
        "data.image_size": 64,
        "data.include": ("dandelion", "daisy", "roses"),
        "teacher.options.width": 0.5,
        "teacher.training.learning_rate": 1e-3,
        "teacher.training.epochs": 35,
        "training.schedule_epochs": 5.0,
        "training.augmentation": ("flip",),
    }
)
CALTECH_SMALL = CALTECH_SMALL_PRETRAINING.with_values(
    {
        "name": "caltech-small",
        "data.include": ("tulips", "sunflowers"),
        "teacher.pretraining": "caltech-small-pretraining",
        "teacher.training.augmentation": ("flip",),
        "teacher.training.learning_rate": 1e-2,
        "teacher.training.epochs": 15,
        "student.options.width": 0.5,
        "training.learning_rate": 1e-3,
        "training.epochs": 15,
        "training.augmentation": _AUGMENTATION,
    }
)
STUDIES = {
    "schedule": (
        "Constant or cosine (down to a tenth), and which learning rate?",
        "training.schedule=constant,cosine",
        "training.schedule_floor=0.1",
        "learning_rate=1e-4,2e-4",
    ),
    "augmentation": (
        "Does augmentation help the student?",
        "training.augmentation=none,resized_crop+flip,resized_crop+flip+rand_augment+erasing",
    ),
    "alpha": ("How much weight for the labels? 0 to 1", "alpha=0,0.1,0.3,0.5,0.7,1"),
    "temperature": ("Which temperature? 1 to 20", "temperature=1,2,5,10,20"),
}
# Fewer steps need a higher learning rate, and fewer runs take less time.
SMALL_STUDIES = STUDIES | {
    "schedule": (*STUDIES["schedule"][:3], "learning_rate=1e-3,2e-3"),
    "augmentation": (
        STUDIES["augmentation"][0],
        "training.augmentation=none,resized_crop+flip+rand_augment+erasing",
    ),
    "alpha": (STUDIES["alpha"][0], "alpha=0,0.3,0.7,1"),
    "temperature": (STUDIES["temperature"][0], "temperature=1,5,20"),
}
