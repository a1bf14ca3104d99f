"""`Distiller`: a Keras model that trains a student to imitate a frozen teacher.

The mathematics is in `keras.ops` and in `methods/`; `_apply_gradients_of` alone is TensorFlow's.
"""

import inspect
import math

import keras
import tensorflow as tf
from keras import ops

from distill.callbacks import StopOnNaN
from distill.errors import UserError, check_number
from distill.methods import get_method
from distill.methods.labels import label_weights, resolve_hard_loss
from distill.methods.method import MeanOverBatch, at_least_float32
from distill.models.features import feature_model
from distill.models.logits import check_logits, logits_model


@keras.saving.register_keras_serializable(package="distill")
class Distiller(keras.Model):
    """Trains `student` on `alpha * hard_loss + (1 - alpha) * soft_loss`.

    The hard loss is the cross-entropy with the labels, the soft loss is what `method` makes of the
    logits of teacher and student, and of their features where it names a hint; the student's own
    regularisation losses are added. It compiles, fits, evaluates, predicts (the student's logits),
    saves and loads like any Keras model, and logs `loss`, `hard_loss`, `soft_loss` and the
    student's metrics.

    The teacher runs in inference mode and is never changed; its `trainable` flag is left alone.
    A functional or sequential model that ends in softmax is cut before it for training: its
    `student` or `teacher` attribute is still the whole model. A subclassed one is refused.

    `alpha` and `temperature` are variables: assign to them at any time, in a callback say, and the
    compiled step uses the new value without a retrace.

    Where the teacher's logits are stored, give them beside the labels, and the teacher is not run,
    unless the method matches its features, too: `fit(x, {"labels": y, "teacher_logits": logits})`.

    Args:
        teacher: trained Keras model, inputs -> `(batch, classes)`.
        student: Keras model of the same inputs and classes.
        method: name in `distill.methods.METHODS`, a `Method`, or a function
            `(teacher_logits, student_logits, temperature) -> (batch,)`.
        alpha: weight of the hard loss, 0 to 1. 1 is plain training, 0 uses no label.
        temperature: positive number by which logits are divided before softmax.
        **kwargs: `name` and what else `keras.Model` takes.

    Raises:
        UserError: a value out of range, an unknown method, models that share weights or have
            different numbers of classes, or a Keras backend other than TensorFlow.

    Example:

    >>> import numpy as np
    >>> x, y = np.random.rand(64, 4).astype("float32"), np.arange(64) % 3
    >>> teacher = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])
    >>> student = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])
    >>> distiller = Distiller(teacher=teacher, student=student, alpha=0.1, temperature=4.0)
    >>> distiller.compile(optimizer="adam", metrics=["accuracy"])
    >>> history = distiller.fit(x, y, epochs=1, verbose=0)
    >>> sorted(history.history)
    ['accuracy', 'hard_loss', 'loss', 'soft_loss']
    >>> warmer = keras.callbacks.LambdaCallback(
    ...     on_epoch_begin=lambda epoch, logs: setattr(distiller, "temperature", 8.0 / (epoch + 1))
    ... )
    >>> history = distiller.fit(x, y, epochs=2, verbose=0, callbacks=[warmer])
    >>> distiller.temperature
    4.0

    Source: Hinton, Vinyals and Dean (2015), Distilling the Knowledge in a Neural Network,
    arXiv:1503.02531.
    """

    def __init__(self, *, teacher, student, method="kd", alpha=0.1, temperature=4.0, **kwargs):
        if keras.backend.backend() != "tensorflow":
            raise UserError(
                f"distill trains on Keras' TensorFlow backend, and the backend is "
                f"{keras.backend.backend()!r}; set the environment variable "
                "KERAS_BACKEND=tensorflow before Keras is imported."
            )
        _check_models(teacher, student)
        method = get_method(method)
        # The student's policy decides whether Keras scales the loss for float16 gradients.
        kwargs.setdefault("dtype", student.dtype_policy)
        super().__init__(**kwargs)
        self.student = student
        self.teacher = teacher
        self.method = method
        self._alpha = self._add_setting("alpha", _checked_alpha(alpha))
        self._temperature = self._add_setting("temperature", _checked_temperature(temperature))
        self._hard_loss_tracker = keras.metrics.Mean(name="hard_loss")
        self._soft_loss_tracker = keras.metrics.Mean(name="soft_loss")
        self._soft_loss_mean = MeanOverBatch()
        if student.built and teacher.built:
            self.build()

    def _add_setting(self, name, value):
        initializer = keras.initializers.Constant(value)
        return self.add_weight((), initializer, dtype="float32", trainable=False, name=name)

    @property
    def alpha(self):
        """The weight of the hard loss, 0 to 1."""
        return _as_float(self._alpha)

    @alpha.setter
    def alpha(self, value):
        self._alpha.assign(_checked_alpha(value))

    @property
    def temperature(self):
        """The temperature of the soft loss, above 0."""
        return _as_float(self._temperature)

    @temperature.setter
    def temperature(self, value):
        self._temperature.assign(_checked_temperature(value))

    # The teacher is tracked, so that it is saved and counted, and never trained.

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
        for model in (self.student, self.teacher):
            if not model.built:
                model(keras.tree.map_shape_structure(keras.KerasTensor, input_shape))
        # Functions, because Keras would track models a second time, under other names.
        if self.method.hint is None:
            teacher, student = logits_model(self.teacher), logits_model(self.student)
            self._run_teacher = lambda inputs: (teacher(inputs, training=False),)
            self._run_student = lambda inputs, training: (student(inputs, training=training),)
        else:
            teacher, student = map(feature_model, (self.teacher, self.student), self.method.hint)
            self._run_teacher = lambda inputs: teacher(inputs, training=False)
            self._run_student = lambda inputs, training: student(inputs, training=training)
            if not self.method.built:
                self.method.build(teacher.output_shape[1], student.output_shape[1])
        self.built = True

    def call(self, inputs, training=False, features=False):
        """Returns the student's logits; with `features`, those and the features of the hint."""
        logits, *hint = self._run_student(inputs, training)
        logits = check_logits(logits, self.student, "student")
        return (logits, *hint) if features else logits

    def teacher_logits(self, inputs):
        """Returns the teacher's logits in inference mode, outside any gradient."""
        return self.teacher_outputs(inputs)[0]

    def teacher_outputs(self, inputs):
        """Returns the teacher's logits, and after them the features of a method's hint."""
        if not self.built:
            self.build(keras.tree.map_structure(lambda x: tuple(x.shape), inputs))
        # Whatever a teacher would update in a forward pass is caught by the scope and dropped.
        with keras.StatelessScope():
            logits, *hint = self._run_teacher(inputs)
        outputs = check_logits(logits, self.teacher, "teacher"), *hint
        return tuple(ops.stop_gradient(output) for output in outputs)

    def compile(self, optimizer="adam", loss=None, metrics=None, **kwargs):
        """Configures training; see `keras.Model.compile`.

        Args:
            optimizer: as in Keras.
            loss: the hard loss. `None` is the cross-entropy of the student's logits with class
                numbers or one-hot labels; a class number below 0 marks an example without a label.
                A Keras loss must take logits (`from_logits=True`).
            metrics: metrics of the student's logits. With unlabelled examples use
                `weighted_metrics`, which skip them.
            **kwargs: `weighted_metrics`, `jit_compile`, `steps_per_execution` and so on.

        Raises:
            UserError: the loss takes probabilities.
        """
        super().compile(
            optimizer=optimizer, loss=resolve_hard_loss(loss), metrics=metrics, **kwargs
        )

    def compile_from_config(self, config):
        self.compile(**keras.saving.deserialize_keras_object(config))
        if self.built:
            self.optimizer.build(self.trainable_variables)

    def fit(self, *args, **kwargs):
        """Like `keras.Model.fit`; stops with a sentence when the loss is not a number any more."""
        arguments = inspect.signature(super().fit).bind_partial(*args, **kwargs).arguments
        callbacks = arguments.get("callbacks") or []
        if isinstance(callbacks, keras.callbacks.CallbackList):
            callbacks.append(StopOnNaN())
        else:
            callbacks = [*keras.tree.flatten(callbacks), StopOnNaN()]
        return super().fit(**{**arguments, "callbacks": callbacks})

    def train_step(self, data):
        x, y, sample_weight, teacher_logits = _unpack(data)
        # A batch with NaN is shown as a loss of NaN, which ends the training, and is kept from the
        # student: what it learned before stays whole.
        is_finite = _all_finite(x)
        x = keras.tree.map_structure(lambda values: _zeros_unless(is_finite, values), x)
        teacher_logits, *teacher_hint = self._imitated(x, teacher_logits)
        with tf.GradientTape() as tape:
            student_logits, *student_hint = self(x, training=True, features=True)
            features = *teacher_hint, *student_hint
            losses = self.compute_losses(teacher_logits, student_logits, y, sample_weight, features)
            losses["loss"] = ops.where(is_finite, losses["loss"], math.nan)
            scaled_loss = self.optimizer.scale_loss(losses["loss"])
        self._apply_gradients_of(scaled_loss, tape)
        return self._log(losses, x, y, student_logits, sample_weight)

    def test_step(self, data):
        x, y, sample_weight, teacher_logits = _unpack(data)
        teacher_logits, *teacher_hint = self._imitated(x, teacher_logits)
        student_logits, *student_hint = self(x, training=False, features=True)
        features = *teacher_hint, *student_hint
        losses = self.compute_losses(teacher_logits, student_logits, y, sample_weight, features)
        return self._log(losses, x, y, student_logits, sample_weight)

    def _imitated(self, x, stored_logits):
        """The teacher's logits, stored ones where the batch brings them, and its features."""
        if stored_logits is not None and self.method.hint is None:
            return (stored_logits,)
        logits, *hint = self.teacher_outputs(x)
        return logits if stored_logits is None else stored_logits, *hint

    def compute_losses(
        self, teacher_logits, student_logits, y=None, sample_weight=None, features=()
    ):
        """Computes the parts of the loss on one batch.

        Args:
            teacher_logits: float tensor `(batch, classes)`.
            student_logits: float tensor `(batch, classes)`.
            y: labels, `(batch,)` or one-hot; `None` only with `alpha=0`.
            sample_weight: weight of each example, for both losses.
            features: of a method with a `hint`, the teacher's features and the student's.

        Returns:
            Scalars by name: `loss`, `hard_loss`, `soft_loss`.
        """
        if teacher_logits.shape[-1] != student_logits.shape[-1]:
            raise UserError(_different_classes(teacher_logits.shape[-1], student_logits.shape[-1]))
        teacher_logits = at_least_float32(teacher_logits)
        student_logits = at_least_float32(student_logits)
        per_example = self.soft_losses(teacher_logits, student_logits, features)
        soft_loss = self._soft_loss_mean(per_example, per_example, sample_weight)
        hard_loss = ops.zeros_like(soft_loss)
        if y is not None:
            hard_loss = self._compile_loss(y, student_logits, sample_weight)
        else:
            self._require_no_hard_loss()
        loss = self._alpha * hard_loss + (1.0 - self._alpha) * soft_loss
        for penalty in (*self.student.losses, *self.method.losses):
            loss += ops.cast(ops.sum(penalty), loss.dtype) / self._replicas
        return {"loss": loss, "hard_loss": hard_loss, "soft_loss": soft_loss}

    def soft_losses(self, teacher_logits, student_logits, features=()):
        """Computes the soft loss of each example, `(batch,)`; see `compute_losses`."""
        hint = dict(zip(("teacher_features", "student_features"), features, strict=False))
        return self.method(teacher_logits, student_logits, temperature=self._temperature, **hint)

    def _require_no_hard_loss(self):
        with tf.init_scope():
            alpha = self.alpha
        if alpha != 0.0:
            raise UserError(
                f"alpha is {alpha} and there are no labels; give labels, or set alpha=0."
            )

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        """Computes the loss from the inputs, as Keras' own steps would ask for it."""
        teacher_logits, *features = self.teacher_outputs(x)
        if features:
            features += self(x, training=training, features=True)[1:]
        return self.compute_losses(teacher_logits, y_pred, y, sample_weight, features)["loss"]

    @property
    def _replicas(self):
        return self.distribute_strategy.num_replicas_in_sync

    def _apply_gradients_of(self, loss, tape):
        variables = self.trainable_variables
        if not variables:
            raise UserError(
                f"The student {self.student.name!r} has no trainable weights; set "
                "student.trainable = True."
            )
        self.optimizer.apply_gradients(zip(tape.gradient(loss, variables), variables, strict=True))

    def _log(self, losses, x, y, student_logits, sample_weight):
        trackers = {
            "loss": self._loss_tracker,
            "hard_loss": self._hard_loss_tracker,
            "soft_loss": self._soft_loss_tracker,
        }
        examples = ops.shape(student_logits)[0]
        for name, tracker in trackers.items():
            # Each replica's loss is its share of the sum over all; what is shown is the whole.
            tracker.update_state(losses[name] * self._replicas, sample_weight=examples)
        weights = label_weights(y, sample_weight)
        return self.compute_metrics(x, y, student_logits, sample_weight=weights)

    def get_config(self):
        serialize = keras.saving.serialize_keras_object
        return {
            "name": self.name,
            "teacher": serialize(self.teacher),
            "student": serialize(self.student),
            "method": serialize(self.method),
            "alpha": self.alpha,
            "temperature": self.temperature,
        }

    @classmethod
    def from_config(cls, config):
        deserialize = keras.saving.deserialize_keras_object
        models = {name: deserialize(config[name]) for name in ("teacher", "student", "method")}
        return cls(**{**config, **models})


def _unpack(data):
    """Inputs, labels, sample weights, and stored teacher's logits where the batch brings them."""
    x, y, sample_weight = keras.utils.unpack_x_y_sample_weight(data)
    if not isinstance(y, dict):
        return x, y, sample_weight, None
    if "teacher_logits" not in y or not set(y) <= {"labels", "teacher_logits"}:
        raise UserError(
            f"The labels are a dictionary of {', '.join(map(repr, y))}; it must hold "
            "'teacher_logits', (batch, classes), and may hold 'labels'."
        )
    return x, y.get("labels"), sample_weight, y["teacher_logits"]


def _all_finite(inputs):
    floats = [x for x in keras.tree.flatten(inputs) if _is_float(x)]
    return ops.all([ops.all(ops.isfinite(x)) for x in floats]) if floats else True


def _zeros_unless(condition, values):
    return ops.where(condition, values, ops.zeros_like(values)) if _is_float(values) else values


def _is_float(values):
    return keras.backend.is_float_dtype(keras.backend.standardize_dtype(values.dtype))


def _as_float(variable):
    return float(f"{float(variable.numpy()):.7g}")  # 0.1, not float32's 0.10000000149


def _checked_alpha(alpha):
    wanted = "between 0 (soft loss alone) and 1 (labels alone)"
    return float(check_number("alpha", alpha, wanted, least=0, most=1))


def _checked_temperature(temperature):
    wanted = "a positive number; 1 softens nothing"
    return float(check_number("temperature", temperature, wanted, above=0))


def _different_classes(teacher, student):
    return (
        f"The teacher has {teacher} classes and the student {student}; they must have the same "
        "number, in the same order."
    )


def _check_models(teacher, student):
    for role, model in (("teacher", teacher), ("student", student)):
        if not isinstance(model, keras.Model):
            raise UserError(f"The {role} is {type(model).__name__}; it must be a keras.Model.")
    if teacher is student or set(map(id, teacher.weights)) & set(map(id, student.weights)):
        raise UserError(
            "Teacher and student share weights, so that training the student would change the "
            "teacher; clone one of them with keras.models.clone_model."
        )
    shapes = [getattr(model, "output_shape", None) for model in (teacher, student)]
    if all(isinstance(shape, tuple) and len(shape) == 2 for shape in shapes):
        classes = [shape[-1] for shape in shapes]
        if classes[0] != classes[1]:
            raise UserError(_different_classes(*classes))
