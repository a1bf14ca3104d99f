"""The data of a recipe: folds, the baseline's images, the transfer set."""

import numpy as np
import pytest

from distill.errors import UserError
from distill.training.data import (
    baseline_set,
    clean_transfer_set,
    data_of,
    omitted_classes,
    transfer_fingerprints,
    transfer_set,
)


def test_classes_are_restricted(tiny):
    data = data_of(tiny.with_values({"data.include": ("7", "8", "9")}))
    assert data.class_names == ("7", "8", "9")
    data = data_of(tiny.with_values({"data.exclude": ("7", "8", "9")}))
    assert data.class_names == tuple("0123456")


def test_each_seed_has_its_fold_of_cross_validation(tiny):
    recipe = tiny.with_values({"experiment.folds": 4})
    folds = [data_of(recipe.with_seed(seed)) for seed in range(5)]
    assert len({fold.fingerprint for fold in folds[:4]}) == 4
    tested = sum(len(fold.test) for fold in folds[:4])
    assert tested == 1797
    np.testing.assert_array_equal(folds[0].test.labels[:50], data_of(recipe).test.labels[:50])


def test_the_baseline_has_the_labelled_images_only(tiny):
    baseline, transfer = baseline_set(tiny), transfer_set(tiny)
    assert np.all(baseline.labels >= 0)
    labelled = transfer.labels >= 0
    np.testing.assert_array_equal(transfer.images[labelled], baseline.images)
    assert len(transfer) == len(data_of(tiny).train)


def test_a_clean_transfer_set_has_all_labels_and_no_noise(tiny):
    clean = clean_transfer_set(tiny.with_values({"data.noise": 0.5}))
    train = data_of(tiny).train
    np.testing.assert_array_equal(clean.images, train.images)
    np.testing.assert_array_equal(clean.labels, train.labels)


def test_images_of_another_set_join_the_transfer_set_without_labels(tiny):
    recipe = tiny.with_values({"data.label_fraction": 1.0})
    own = transfer_set(recipe)
    joined = transfer_set(recipe.with_values({"data.transfer_images": ("own", "digits")}))
    assert len(joined) == 2 * len(own)
    np.testing.assert_array_equal(joined.labels[: len(own)], own.labels)
    assert set(joined.labels[len(own) :]) == {-1}
    np.testing.assert_array_equal(joined.images[len(own) :], own.images)
    fingerprints = transfer_fingerprints(
        recipe.with_values({"data.transfer_images": ("own", "digits")})
    )
    assert fingerprints == ["own", data_of(recipe).fingerprint]


def test_noise_is_that_of_the_seed(tiny):
    noisy = tiny.with_values({"data.noise": 0.5})
    first, again, other = (transfer_set(noisy.with_seed(seed)).images for seed in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


@pytest.mark.parametrize(
    ("values", "omitted"),
    [
        ({}, []),
        ({"data.student_exclude": ("8", "3", "3")}, [3, 8]),
        ({"data.student_include": ("8", "3")}, [0, 1, 2, 4, 5, 6, 7, 9]),
        ({"data.include": ("7", "8", "9"), "data.student_exclude": ("8",)}, [1]),
    ],
)
def test_omitted_classes(values, omitted, tiny):
    recipe = tiny.with_values(values)
    assert omitted_classes(recipe) == omitted
    seen = set(baseline_set(recipe).labels)
    assert seen == set(range(data_of(recipe).classes)) - set(omitted)


def test_unknown_classes_are_refused(tiny):
    for name in ("student_exclude", "student_include"):
        with pytest.raises(UserError, match="no class 'eleven'"):
            omitted_classes(tiny.with_values({f"data.{name}": ("eleven",)}))
