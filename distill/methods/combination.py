"""Sums of methods with a weight each: `KD() + 100.0 * FitNet()`, or as text."""

import keras

from distill.errors import UserError
from distill.methods.method import Method, Outputs, check_weight


@keras.saving.register_keras_serializable(package="distill")
class Combination(Method):
    """Several methods whose parts add up to one soft loss: `Σⱼ weightⱼ · methodⱼ`.

    Write it as `KD() + 0.5 * FitNet()`. Each part of a member is multiplied by the member's weight.
    If two members have a part of the same name, the second is numbered: `kd`, `kd_2`.

    Args:
        methods: the members, each a different object.
        weights: one number, 0 or more, for each member. `None`: all 1.
        **kwargs: as in `Method`.

    Raises:
        UserError: a weight out of range, or one method object given twice.

    Examples:
        >>> from distill.methods import KD, MSELogits
        >>> method = KD() + 0.5 * MSELogits()
        >>> parts = method(Outputs([[2.0, 0.0]]), Outputs([[0.0, 0.0]]))
        >>> {name: round(float(values[0]), 4) for name, values in parts.items()}
        {'kd': 0.3278, 'mse_logits': 1.0}
    """

    def __init__(self, methods, weights=None, **kwargs):
        super().__init__(**kwargs)
        weights = [1.0] * len(methods) if weights is None else list(map(check_weight, weights))
        self.methods, self.factors = [], []
        for method, weight in zip(methods, weights, strict=True):
            # A combination of combinations is one flat combination.
            is_nested = isinstance(method, Combination)
            members = method.methods if is_nested else [method]
            inner = method.factors if is_nested else [1.0]
            self.methods += members
            self.factors += [weight * factor for factor in inner]
        if len(set(map(id, self.methods))) < len(self.methods):
            raise UserError(
                "A combination has the same method object twice; raise its weight, or create a "
                "second method."
            )
        kinds = {method.multi_label for method in self.methods}
        if len(kinds) > 1:
            raise UserError(
                "A combination has methods for several labels per example beside methods for one "
                "class per example; choose methods of one kind."
            )
        self.multi_label = kinds.pop() if kinds else False
        self.uses_teacher = any(method.uses_teacher for method in self.methods)

    # Properties, because the members' layers are named when the models are known.

    @property
    def teacher_layers(self):
        return _union(method.teacher_layers for method in self.methods)

    @property
    def student_layers(self):
        return _union(method.student_layers for method in self.methods)

    def name_stages(self, teacher, student):
        for method in self.methods:
            method.name_stages(teacher, student)

    def build(self, teacher, student):
        for method in self.methods:
            if not method.built:
                method.examples = self.examples
                method.build(*self._for_member(method, teacher, student))

    def call(self, teacher, student, batch):
        parts = {}
        for method, weight in zip(self.methods, self.factors, strict=True):
            for name, values in method(*self._for_member(method, teacher, student), batch).items():
                parts[_unused(name, parts)] = values if weight == 1.0 else weight * values
        return parts

    def _for_member(self, method, teacher, student):
        """Leaves of both models' outputs what one member asks for."""
        return (
            _selected(teacher, self.teacher_layers, method.teacher_layers),
            _selected(student, self.student_layers, method.student_layers),
        )

    def get_config(self):
        serialize = keras.saving.serialize_keras_object
        return {
            **super().get_config(),
            "methods": [serialize(method) for method in self.methods],
            "weights": list(self.factors),
        }

    @classmethod
    def from_config(cls, config):
        methods = map(keras.saving.deserialize_keras_object, config["methods"])
        return cls(**{**config, "methods": list(methods)})


def _union(groups):
    return tuple(dict.fromkeys(name for names in groups for name in names))


def _selected(outputs, names, wanted):
    return Outputs(outputs.logits, tuple(outputs.features[names.index(name)] for name in wanted))


def _unused(name, taken):
    number, unused = 1, name
    while unused in taken:
        number += 1
        unused = f"{name}_{number}"
    return unused
