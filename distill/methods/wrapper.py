"""`Wrapper`: the base of methods that change what another method sees."""

import keras

from distill.methods.method import Method


class Wrapper(Method):
    """A method that holds another one, given by name or as an object, and saves it with itself.

    Args:
        method: a `Method`, or what `get_method` takes.
        **kwargs: as in `Method`.
    """

    def __init__(self, method, **kwargs):
        from distill.methods import get_method  # whose registry has the subclasses

        super().__init__(**kwargs)
        self.method = get_method(method)
        self.multi_label = self.method.multi_label
        self.uses_teacher = self.method.uses_teacher

    @property
    def teacher_layers(self):
        return self.method.teacher_layers

    @property
    def student_layers(self):
        return self.method.student_layers

    def name_stages(self, teacher, student):
        self.method.name_stages(teacher, student)

    def build(self, teacher, student):
        self.method.examples = self.examples
        if not self.method.built:
            self.method.build(teacher, student)

    def get_config(self):
        method = keras.saving.serialize_keras_object(self.method)
        return {**super().get_config(), "method": method}

    @classmethod
    def from_config(cls, config):
        method = keras.saving.deserialize_keras_object(config["method"])
        return cls(**{**config, "method": method})
