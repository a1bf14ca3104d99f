"""`Distiller`: a Keras model that trains a student to imitate a frozen teacher.

`compute_losses` is the only place where the hard and the soft loss meet.
"""

import functools
import operator
import types

import keras
from keras import ops

from distill.distiller.backend import BackendSteps
from distill.distiller.guarded_fit import GuardedFit
from distill.distiller.guards import Guard
from distill.distiller.steps import PartMean
from distill.distiller.targets import targets_of
from distill.distiller.teacher_student import TeacherStudent
from distill.errors import UserError, check_number, check_whole
from distill.methods import Batch, Outputs, get_method
from distill.methods.labels import label_weights, resolve_hard_loss
from distill.methods.method import MeanOverBatch, at_least_float32, wide_floatx
from distill.models.pair import check_models, check_same_classes

_LOSSES = ("loss", "hard_loss", "soft_loss")
# TensorFlow traces a step again if its first trace creates variables, so these are created before.
_SPARE_MEANS = 8


@keras.saving.register_keras_serializable(package="distill")
class Distiller(BackendSteps, GuardedFit, TeacherStudent):
    """Trains `student` on `alpha * hard_loss + (1 - alpha) * soft_loss`.

    The hard loss is the cross-entropy with the labels. The soft loss is what `method` computes from
    the outputs of teacher and student. The student's regularisation losses are added. A distiller
    compiles, fits, evaluates, predicts (the student's logits), saves and loads like any Keras
    model. It logs `loss`, `hard_loss`, `soft_loss`, the student's metrics and, if the method has
    several parts, each part by name.

    The teacher runs in inference mode and is never changed; its `trainable` flag is left alone. A
    functional or sequential model that ends in softmax is cut before it during training: the
    `student` and `teacher` attributes are still the whole models. Other models that return
    probabilities are refused.

    `alpha` and `temperature` are variables. Assign to them at any time, for example in a callback;
    the compiled step uses the new value without being traced again.

    **Labels** may be a dictionary with any of these entries:

    - `labels`: class numbers, negative where there is no label; one-hot rows; or probabilities;
    - `teacher_logits` or `teacher_probabilities`, `(batch, classes)`: stored outputs of the
      teacher, which is then not run unless the method needs its features. Probabilities `p` become
      logits `log(max(p, 1.2e-38))`, where the number is the smallest normal float32;
    - `index`: the position of each example in the training set, for methods that use it.

    Args:
        teacher: trained Keras model, inputs -> `(batch, classes)`. `None` if training and
            validation data bring stored outputs of the teacher.
        student: Keras model of the same inputs and classes.
        method: a name in `distill.methods.METHODS`, a sum such as `"kd + 0.5 * fitnet"`, a
            `Method`, or a function `(teacher_logits, student_logits, temperature) -> (batch,)`.
        alpha: weight of the hard loss, 0 to 1. 1 is plain training; 0 uses no labels.
        temperature: positive number that divides logits before softmax.
        examples: number of training examples, for methods that remember each one.
        **kwargs: `name` and other arguments of `keras.Model`.

    Raises:
        UserError: a value out of range, an unknown method, models that share weights or have
            different numbers of classes, or a method of features without a teacher.

    Examples:
        >>> import numpy as np
        >>> x, y = np.random.rand(64, 4).astype("float32"), np.arange(64) % 3
        >>> teacher = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])
        >>> student = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])
        >>> distiller = Distiller(teacher=teacher, student=student, alpha=0.1, temperature=4.0)
        >>> distiller.compile(optimizer="adam", metrics=["accuracy"])
        >>> history = distiller.fit(x, y, epochs=1, verbose=0)
        >>> sorted(history.history)
        ['accuracy', 'hard_loss', 'loss', 'soft_loss']
        >>> stored = {"labels": y, "teacher_logits": teacher.predict(x, verbose=0)}
        >>> distiller = Distiller(student=student)
        >>> distiller.compile(optimizer="adam")
        >>> history = distiller.fit(x, stored, epochs=1, verbose=0)

    Reference: Hinton, Vinyals and Dean (2015), Distilling the Knowledge in a Neural Network,
    https://arxiv.org/abs/1503.02531
    """

    def __init__(
        self,
        *,
        teacher=None,
        student,
        method="kd",
        alpha=0.1,
        temperature=4.0,
        examples=None,
        **kwargs,
    ):
        check_models(teacher, student)
        method = get_method(method)
        if teacher is None and method.teacher_layers:
            raise UserError(
                f"The method {method.name!r} matches features of the teacher, and there is no "
                "teacher; give one, or choose a method that compares logits only."
            )
        super().__init__(teacher, student, method, **kwargs)
        self.examples = examples
        if examples is not None:
            wanted = "the number of training examples, a whole number from 1 on"
            method.examples = check_whole("examples", examples, wanted)
        self._alpha = self._add_setting("alpha", _checked_alpha(alpha))
        self._temperature = self._add_setting("temperature", _checked_temperature(temperature))
        self._hard_loss_tracker = keras.metrics.Mean(name="hard_loss")
        self._soft_loss_tracker = keras.metrics.Mean(name="soft_loss")
        self._mean = MeanOverBatch()
        # Keras does not look into a namespace, so these are neither saved nor logged by themselves.
        self._untracked = types.SimpleNamespace(
            guards={True: Guard(), False: Guard()},
            part_means={},
            spare_means=[PartMean() for _ in range(_SPARE_MEANS)],
        )
        if all(model.built for model in self._models):
            self.build()

    def _add_setting(self, name, value):
        setting = self.add_weight((), "zeros", dtype=wide_floatx(), trainable=False, name=name)
        setting.assign(value)
        return setting

    @property
    def alpha(self):
        """The weight of the hard loss, 0 to 1."""
        self._sync()
        return _as_float(self._alpha)

    @alpha.setter
    def alpha(self, value):
        self._sync()
        self._alpha.assign(_checked_alpha(value))

    @property
    def temperature(self):
        """The temperature of the soft loss, above 0."""
        self._sync()
        return _as_float(self._temperature)

    @temperature.setter
    def temperature(self, value):
        self._sync()
        self._temperature.assign(_checked_temperature(value))

    @property
    def metrics(self):
        return [*super().metrics, *self._untracked.part_means.values()]

    def compile(self, optimizer="adam", loss=None, metrics=None, **kwargs):
        """Configures training; see `keras.Model.compile`.

        Args:
            optimizer: as in Keras.
            loss: the hard loss. `None` is the cross-entropy between labels and the student's
                logits (the binary one with a method for several labels per example); a negative
                class number marks an example without a label. A Keras loss must take logits
                (`from_logits=True`).
            metrics: metrics of the student's logits. With unlabelled examples use
                `weighted_metrics`, which skip them.
            **kwargs: `weighted_metrics`, `jit_compile`, `steps_per_execution` and so on.

        Raises:
            UserError: the loss takes probabilities.
        """
        several = self.method.multi_label
        kwargs |= {"loss": resolve_hard_loss(loss, several), "metrics": metrics}
        if several:
            for name in ("metrics", "weighted_metrics"):
                kwargs[name] = keras.tree.map_structure(_multi_label_metric, kwargs.get(name))
        super().compile(optimizer=optimizer, **kwargs)

    def compile_from_config(self, config):
        self.compile(**keras.saving.deserialize_keras_object(config))
        if self.built:
            self.optimizer.build(self.trainable_variables)

    def _batch(self, targets, training):
        return Batch(targets.labels, targets.index, self._temperature, training)

    def compute_losses(
        self, teacher: Outputs, student: Outputs, batch: Batch, sample_weight=None
    ) -> dict:
        """Computes the losses of one batch, in float32 at least.

        Returns:
            Scalars by name: `loss`, `hard_loss`, `soft_loss` and, if there are several, the parts
            of the soft loss.
        """
        check_same_classes(teacher.logits.shape[-1], student.logits.shape[-1])
        student = student._replace(logits=at_least_float32(student.logits))
        parts = self.method(teacher, student, batch)
        per_example = functools.reduce(operator.add, parts.values())
        soft_loss = self._mean(per_example, per_example, sample_weight)
        hard_loss = ops.zeros_like(soft_loss)
        if batch.labels is not None:
            hard_loss = self._compile_loss(batch.labels, student.logits, sample_weight)
            hard_loss = ops.cast(hard_loss, soft_loss.dtype)
        alpha = ops.cast(self._alpha, soft_loss.dtype)
        loss = alpha * hard_loss + (1.0 - alpha) * soft_loss
        for penalty in (*self.student.losses, *self.method.losses):
            loss += ops.cast(ops.sum(penalty), loss.dtype) / self._replicas
        losses = {"loss": loss, "hard_loss": hard_loss, "soft_loss": soft_loss}
        if len(parts) > 1:
            for name, values in parts.items():
                losses[_allowed_name(name, self.method)] = self._mean(values, values, sample_weight)
        return losses

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        """Computes the loss from the inputs and the student's logits, as Keras asks for it."""
        targets = targets_of(y)
        teacher = self.teacher_side(x, targets)
        student = Outputs(y_pred)
        if self.method.student_layers:
            student = self(x, training=training, features=True)._replace(logits=y_pred)
        batch = self._batch(targets, training)
        losses = self.compute_losses(teacher, student, batch, sample_weight)
        # Keras calls this before it trains replicas, which cannot create variables themselves.
        for name in losses:
            self._tracker_of(name)
        return losses["loss"]

    def _log(self, losses, x, labels, student_logits, sample_weight):
        examples = ops.shape(student_logits)[0]
        for name, loss in losses.items():
            # Each replica's loss is its share of the sum over all replicas; show the sum.
            self._tracker_of(name).update_state(loss * self._replicas, sample_weight=examples)
        return self.compute_metrics(x, labels, student_logits, sample_weight)

    def compute_metrics(self, x, y, y_pred, sample_weight=None):
        """Updates the metrics of the student's logits and returns all; see `keras.Model`."""
        labels = targets_of(y).labels
        if labels is None and self._compile_metrics is not None:
            raise UserError(
                "The metrics need labels, and there are none; give labels, or leave metrics and "
                "weighted_metrics out of compile."
            )
        weights = label_weights(labels, sample_weight)
        return super().compute_metrics(x, labels, y_pred, sample_weight=weights)

    def _tracker_of(self, name):
        if name in _LOSSES:
            return getattr(self, f"_{name}_tracker")
        means, spare = self._untracked.part_means, self._untracked.spare_means
        if name not in means:
            # The parts are known when the method runs for the first time, while a step is traced.
            means[name] = spare.pop() if spare else self._new_mean()
            means[name].name = name
        return means[name]

    def get_config(self):
        serialize = keras.saving.serialize_keras_object
        return {
            "name": self.name,
            "teacher": serialize(self.teacher),
            "student": serialize(self.student),
            "method": serialize(self.method),
            "alpha": self.alpha,
            "temperature": self.temperature,
            "examples": self.examples,
        }

    @classmethod
    def from_config(cls, config):
        deserialize = keras.saving.deserialize_keras_object
        models = {name: deserialize(config[name]) for name in ("teacher", "student", "method")}
        return cls(**{**config, **models})


def _allowed_name(name, method):
    if name in _LOSSES:
        raise UserError(
            f"The method {method.name!r} has a part named {name!r}, which the distiller logs "
            "itself; choose another name."
        )
    return name


def _multi_label_metric(metric):
    """Keras takes "accuracy" for one class per example where the labels have several columns."""
    is_accuracy = metric in ("accuracy", "acc", "binary_accuracy")
    return keras.metrics.BinaryAccuracy("accuracy", threshold=0.0) if is_accuracy else metric


def _as_float(variable):
    return float(f"{float(variable.numpy()):.7g}")  # 0.1, not float32's 0.10000000149


def _checked_alpha(alpha):
    wanted = "between 0 (soft loss only) and 1 (labels only)"
    return float(check_number("alpha", alpha, wanted, least=0, most=1))


def _checked_temperature(temperature):
    wanted = "a positive number; 1 changes nothing"
    return float(check_number("temperature", temperature, wanted, above=0))
