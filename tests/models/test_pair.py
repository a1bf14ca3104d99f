"""Teacher and student: what they must have in common, and what they must not share."""

import keras
import pytest

from distill.errors import UserError
from distill.models.pair import check_models, check_same_classes, weights_hash


def network(classes=3):
    return keras.Sequential([keras.Input((2,)), keras.layers.Dense(classes)])


def test_a_pair_that_fits():
    check_models(network(), network())
    check_models(None, network())


def test_mistakes():
    shared = keras.layers.Dense(3)
    pair = [keras.Sequential([keras.Input((2,)), shared]) for _ in range(2)]
    with pytest.raises(UserError, match="share weights"):
        check_models(*pair)
    with pytest.raises(UserError, match=r"The teacher is str; it must be a keras\.Model"):
        check_models("teacher.keras", network())
    with pytest.raises(UserError, match="The teacher has 4 classes and the student 3"):
        check_models(network(4), network())
    with pytest.raises(UserError, match="The teacher has 2 classes and the student 5"):
        check_same_classes(2, 5)


def test_the_hash_changes_with_any_weight():
    model = network()
    before = weights_hash(model)
    assert weights_hash(model) == before
    model.layers[-1].bias.assign([0.0, 0.0, 1e-7])
    assert weights_hash(model) != before
    assert weights_hash(None) is None
    assert weights_hash(keras.Sequential([keras.layers.Dense(3)])) is None
