"""The overhaul of feature distillation against loops over neurons, and its margins."""

import numpy as np
from method_tools import losses, normal, outputs

from distill.methods import OFD
from distill.methods.ofd import partial_distance


def test_equals_the_papers_cases_neuron_by_neuron():
    teacher, student = normal(3, 2, 2, 5), normal(3, 2, 2, 5, seed=1)
    margin = -np.abs(normal(5, seed=2))
    got = partial_distance(teacher, student, margin)
    for row in range(3):
        wanted = 0.0
        for place in np.ndindex(2, 2, 5):
            t, s, m = float(teacher[row][place]), float(student[row][place]), margin[place[-1]]
            if t > 0 or s > t > m:
                wanted += (s - t) ** 2
            elif s > m >= t:
                wanted += (s - m) ** 2
        np.testing.assert_allclose(got[row], wanted, rtol=1e-5)


def test_margins_are_means_of_the_negative_values_so_far():
    method, student = OFD("a", "a"), outputs((4, 4, 3), seed=5)
    batches = [outputs((4, 4, 6), seed=seed) for seed in (1, 2)]
    for teacher in batches:
        losses(method, teacher, student, training=True)
    before = np.array(method.negatives[0])
    losses(method, outputs((4, 4, 6), seed=3), student)
    np.testing.assert_array_equal(method.negatives[0], before)
    values = np.concatenate([each.features[0].reshape(-1, 6) for each in batches])
    wanted = [channel[channel < 0].mean() for channel in values.T]
    np.testing.assert_allclose(before[0] / before[1], wanted, rtol=1e-5)


def test_the_weight_of_a_pair_and_the_connector():
    teacher, student = outputs((4, 4, 6), (2, 2, 5)), outputs((4, 4, 3), (2, 2, 2), seed=1)
    method = OFD(("a", "b"), ("a", "b"), weight=3.0)
    got = losses(method, teacher, student)["ofd"]
    wanted = 0.0
    for number, share in enumerate((0.5, 1.0)):
        t = teacher.features[number]
        x = student.features[number] @ method.connectors[number].convolution.kernel.numpy()
        margin = np.array([c[c < 0].mean() for c in t.reshape(-1, t.shape[-1]).T], "float32")
        each = partial_distance(t, (x / np.sqrt(1.001)).astype("float32"), margin)
        wanted = wanted + 3 * share * np.asarray(each)
    np.testing.assert_allclose(got, wanted, rtol=1e-4)


def test_features_after_a_relu_have_margin_zero():
    positive = np.abs(normal(2, 2, 2, 3))
    got = partial_distance(0 * positive, -positive, np.zeros(3, "float32"))
    np.testing.assert_array_equal(got, 0)
