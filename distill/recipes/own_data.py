"""Your own photos, in a folder or in TensorFlow Datasets: the recipe that `--dataset` takes.

Data: what `--dataset` names, with all its labels. The images are as large as the teacher file
wants them, or as they are, or 96×96 pixels if they have several sizes or are larger than 128
pixels.
Teacher: the model of `--teacher-file`; the one of `--teacher.pretraining`, whose classifier is
replaced; or a MobileNetV2 that is trained here.
Student: `separable_cnn` of width 0.5 (75,000 parameters); `--student.options.width 0.25` makes it
3.5 times smaller, and `--study student-size` compares five sizes. It is exported as litert-int8.
Teacher and student see the same flipped and translated photo, one of eight views of it, as Beyer et
al. (2022), Knowledge distillation: A good teacher is patient and consistent,
https://arxiv.org/abs/2106.05237, recommend; temperature and alpha are those of the code of Tian,
Krishnan and Isola (2020), https://arxiv.org/abs/1910.10699. Each student takes the better of two
learning rates on validation images. None of these values was chosen on test images.
Command: python distillation_train.py --dataset FOLDER --teacher-file FILE.keras
Cost: 9 minutes for 600 photos with a teacher of 2.5 million parameters, on 2 cores.
Result: none is kept, because it depends on the data.
"""

from distill.recipes.recipe import (
    Data,
    Distillation,
    Experiment,
    Recipe,
    Student,
    Teacher,
    Training,
)

OWN_DATA = Recipe(
    name="own-data",
    data=Data(name="photos"),
    teacher=Teacher(model="mobilenet_v2", options={"width": 0.5}),
    student=Student(model="separable_cnn", options={"width": 0.5}),
    distillation=Distillation(method="kd", alpha=0.1, temperature=4.0, views=8),
    training=Training(
        optimizer="adam",
        learning_rate=0.003,
        schedule="cosine",
        warmup_epochs=1.0,
        epochs=16,
        batch_size=32,
        augmentation=("flip",),
        translation=4,
    ),
    experiment=Experiment(seeds=3, learning_rates=(0.003, 0.01), export=("litert-int8",)),
)
