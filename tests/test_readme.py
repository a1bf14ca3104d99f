"""README's promises: two commands of one line each, and lines of Python that run."""

import re
from pathlib import Path

import keras
import numpy as np
import pytest
from keras import layers

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text("utf-8")
BLOCKS = re.findall(r"^```(\w*)\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
RNG = np.random.default_rng(0)


class Subclassed(keras.Model):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.convolution = layers.Conv2D(4, 3, activation="relu")
        self.pool = layers.GlobalAveragePooling2D()
        self.dense = layers.Dense(3)

    def call(self, x, training=False):
        return self.dense(self.pool(self.convolution(x)))


def sequential():
    return keras.Sequential([keras.Input((32, 32, 3)), layers.Flatten(), layers.Dense(3)])


def functional():
    inputs = keras.Input((32, 32, 3))
    outputs = layers.Dense(3, activation="softmax")(layers.GlobalMaxPooling2D()(inputs))
    return keras.Model(inputs, outputs)


def application():
    return keras.applications.MobileNetV2((32, 32, 3), alpha=0.35, weights=None, classes=3)


def test_first_two_blocks_are_one_line_each():
    for (_, text), last in zip(BLOCKS[:2], ("distillation_train.py", "pytest"), strict=True):
        assert text.count("\n") == 1
        assert text.strip().endswith(last)
        assert "venv" in text


@pytest.mark.parametrize(
    ("teacher", "student"),
    [(application, sequential), (Subclassed, functional), (functional, Subclassed)],
)
def test_lines_of_python_distil_a_strangers_models(teacher, student, tmp_path, monkeypatch, capsys):
    (lines,) = [text for language, text in BLOCKS if language == "python"]
    assert len(lines.strip().splitlines()) <= 10
    monkeypatch.chdir(tmp_path)
    x = RNG.normal(size=(96, 32, 32, 3)).astype("float32")
    y = RNG.integers(0, 3, 96)
    models = {"teacher": teacher(), "student": student()}
    for model in models.values():
        model(x[:1])
    before = [np.copy(value) for value in models["teacher"].get_weights()]
    start = [np.copy(value) for value in models["student"].get_weights()]
    data = {"x_train": x[:64], "y_train": y[:64], "x_validation": x[64:], "y_validation": y[64:]}
    exec(lines, {**models, **data})
    assert "teacher's validation accuracy" in capsys.readouterr().out
    for old, new in zip(before, models["teacher"].get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)
    assert any(
        not np.array_equal(*pair)
        for pair in zip(start, models["student"].get_weights(), strict=True)
    )
    custom = {"Subclassed": Subclassed}
    saved = keras.saving.load_model(tmp_path / "student.keras", custom_objects=custom)
    np.testing.assert_allclose(saved(x), models["student"](x), rtol=1e-5, atol=1e-6)


def test_links_lead_somewhere():
    links = re.findall(r"\]\(([^)#:]+)\)", README)
    assert len(links) > 8
    for link in links:
        assert (ROOT / link).exists(), link
    assert "map of the code" in README
    assert "(CONTRIBUTING.md)" in README
