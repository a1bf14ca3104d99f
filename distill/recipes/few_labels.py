"""MNIST, and a student that has the label of one image in a hundred.

Data: MNIST. Source: the walkthrough in notebooks/experiments.ipynb.
The teacher, a small convolutional network, is trained on all labels. The student, a network with
one hidden layer, gets 540 labels and the teacher's soft targets on all 54,000 training images.
Alpha 0.1 and temperature 4 are the usual values: RepDistiller has them, the code of Tian, Krishnan
and Isola (2020), https://arxiv.org/abs/1910.10699. All values were fixed before
any result was seen.
Command: python distillation_train.py --recipe few-labels
Cost: about 11 minutes for three seeds on 2 cores.
Result: notebooks/experiments.ipynb.
"""

from distill.recipes.recipe import (
    Data,
    Distillation,
    Experiment,
    Recipe,
    Student,
    Teacher,
    Training,
    TrainingOverrides,
)

FEW_LABELS = Recipe(
    name="few-labels",
    data=Data(name="mnist", label_fraction=0.01),
    teacher=Teacher(
        model="cnn",
        options={"filters": 16},
        training=TrainingOverrides(learning_rate=0.001, epochs=3),
    ),
    student=Student(model="mlp", options={"hidden": 32, "depth": 1}),
    distillation=Distillation(method="kd", alpha=0.1, temperature=4.0),
    training=Training(
        optimizer="adam", learning_rate=0.003, schedule="cosine", epochs=10, batch_size=128
    ),
    experiment=Experiment(seeds=3),
)
