"""What a teacher and a student must have in common, and what they must not share."""

import hashlib

import keras

from distill.errors import UserError


def check_models(teacher: keras.Model | None, student: keras.Model) -> None:
    """Refuses a teacher and a student that do not fit together."""
    models = {"student": student} if teacher is None else {"teacher": teacher, "student": student}
    for role, model in models.items():
        if not isinstance(model, keras.Model):
            raise UserError(f"The {role} is {type(model).__name__}; it must be a keras.Model.")
    if teacher is None:
        return
    if teacher is student or set(map(id, teacher.weights)) & set(map(id, student.weights)):
        raise UserError(
            "Teacher and student share weights, so training the student would change the teacher; "
            "clone one of them with keras.models.clone_model."
        )
    shapes = [getattr(model, "output_shape", None) for model in (teacher, student)]
    classes = [shape[-1] for shape in shapes if isinstance(shape, tuple) and len(shape) == 2]
    if len(classes) == 2:
        check_same_classes(*classes)


def check_same_classes(teacher: int, student: int) -> None:
    """Refuses different numbers of classes."""
    if teacher != student:
        raise UserError(
            f"The teacher has {teacher} classes and the student {student}; they must have the same "
            "number, in the same order."
        )


def weights_hash(model: keras.Model | None) -> str | None:
    """Returns a hash of a model's weights; `None` without a model or before it is built."""
    if model is None or not model.built:
        return None
    digest = hashlib.blake2b(digest_size=16)
    for weights in model.get_weights():
        digest.update(weights.tobytes())
    return digest.hexdigest()
