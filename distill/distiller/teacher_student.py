"""`TeacherStudent`: a frozen teacher and a student as one Keras model, with the outputs of both."""

import keras
from keras import ops

from distill.distiller.steps import unchanged
from distill.errors import UserError
from distill.methods import Method, Outputs
from distill.methods.method import STAGES
from distill.models.features import feature_model, stage_layers
from distill.models.logits import check_logits, logits_model
from distill.models.pair import check_models


class TeacherStudent(keras.Model):
    """Runs both models for a method; called, it is the student. The base of `Distiller`."""

    def __init__(self, teacher: keras.Model | None, student: keras.Model, method: Method, **kwargs):
        # The student's policy decides whether Keras scales the loss for float16 gradients.
        kwargs.setdefault("dtype", student.dtype_policy)
        super().__init__(**kwargs)
        self.student = student
        self.teacher = teacher
        self.method = method

    @property
    def _models(self):
        return [model for model in (self.student, self.teacher) if model is not None]

    # The teacher is tracked, so that it is saved and counted, but it is never trained.

    @property
    def trainable(self):
        return self._trainable

    @trainable.setter
    def trainable(self, value):
        self._trainable = bool(value)
        self.student.trainable = value
        self.method.trainable = value

    @property
    def trainable_variables(self):
        if not self.trainable:
            return []
        return self.student.trainable_variables + self.method.trainable_variables

    @property
    def non_trainable_variables(self):
        trained = {id(variable) for variable in self.trainable_variables}
        return [variable for variable in self.variables if id(variable) not in trained]

    @property
    def trainable_weights(self):
        return self.trainable_variables

    @property
    def non_trainable_weights(self):
        trained = {id(variable) for variable in self.trainable_variables}
        return [variable for variable in self.weights if id(variable) not in trained]

    def build(self, input_shape=None):
        for model in self._models:
            if not model.built:
                model(keras.tree.map_shape_structure(keras.KerasTensor, input_shape))
        check_models(self.teacher, self.student)  # again, now that all weights are there
        stages = {*self.method.teacher_layers, *self.method.student_layers} & {*STAGES}
        if stages and self.teacher is not None:
            self.method.name_stages(stage_layers(self.teacher), stage_layers(self.student))
        # Functions, because Keras would track models a second time, under other names.
        method, activation = self.method, self.method.final_activation
        self._run_student, student = _runner(self.student, method.student_layers, activation)
        self._run_teacher, teacher = None, student
        if self.teacher is not None:
            self._run_teacher, teacher = _runner(self.teacher, method.teacher_layers, activation)
        # The shapes of subclassed models are not known before they run.
        if not self.method.built and teacher is not None and student is not None:
            self.method.build(teacher, student)
        self.built = True

    def _build_for(self, inputs):
        if not self.built:
            self.build(keras.tree.map_structure(lambda x: tuple(x.shape), inputs))

    def call(self, inputs, training=False, features=False):
        """Returns the student's logits, or with `features` its `Outputs`."""
        logits, *of_layers = self._run_student(inputs, training)
        logits = check_logits(logits, self.student, "student")
        return Outputs(logits, tuple(of_layers)) if features else logits

    def teacher_outputs(self, inputs) -> Outputs:
        """Returns the teacher's outputs in inference mode, outside any gradient."""
        if self.teacher is None:
            raise UserError(
                "The distiller has no teacher, so the labels must be a dictionary with "
                "'teacher_logits' or 'teacher_probabilities', in training and in validation."
            )
        self._build_for(inputs)
        with unchanged(self.teacher):
            logits, *features = self._run_teacher(inputs, False)
        check_logits(logits, self.teacher, "teacher")
        return Outputs(ops.stop_gradient(logits), tuple(map(ops.stop_gradient, features)))

    def teacher_side(self, x, targets) -> Outputs:
        """Returns the teacher's outputs for a batch, with stored logits if there are any."""
        self._build_for(x)
        if not self.method.uses_teacher:
            shapes = keras.tree.map_structure(lambda each: tuple(each.shape), x)
            classes = self.student.compute_output_shape(shapes)[-1]
            return Outputs(ops.zeros((ops.shape(keras.tree.flatten(x)[0])[0], classes)))
        stored = targets.stored_logits(self.method.multi_label)
        if stored is None:
            return self.teacher_outputs(x)
        features = self.teacher_outputs(x).features if self.method.teacher_layers else ()
        return Outputs(stored, features)

    def export(self, *args, **kwargs):
        """Exports the student; see `keras.Model.export`."""
        return self.student.export(*args, **kwargs)


def _runner(model, layers, activation):
    """Returns a function `(inputs, training) -> [logits, *features]`, and its shapes if known."""
    if layers:
        view = feature_model(model, layers, activation)
        shapes = view.output_shape
        return lambda inputs, training: view(inputs, training=training), Outputs(
            shapes[0], tuple(shapes[1:])
        )
    view = logits_model(model, activation)
    shape = getattr(view, "output_shape", None)
    is_known = isinstance(shape, tuple) and len(shape) == 2
    known = Outputs(shape) if is_known else None
    return lambda inputs, training: (view(inputs, training=training),), known
