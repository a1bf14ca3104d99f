"""What the student learns from the teacher, by name; one file for each kind of knowledge."""

import functools
import inspect
import re
from collections.abc import Callable

from distill.errors import UserError
from distill.methods.ab import AB
from distill.methods.at import AT
from distill.methods.cc import CC
from distill.methods.combination import Combination
from distill.methods.crd import CRD
from distill.methods.curriculum import CurriculumTemperature
from distill.methods.dist import DIST, dist
from distill.methods.dkd import DKD, dkd
from distill.methods.features import FitNet, hint_loss
from distill.methods.fsp import FSP
from distill.methods.ft import FT
from distill.methods.labels import CrossEntropy
from distill.methods.logits import (
    KD,
    HardLabel,
    MSELogits,
    MSEProbabilities,
    hard_label,
    kd,
    mse_logits,
    mse_probabilities,
)
from distill.methods.method import Batch, FunctionMethod, Method, Outputs
from distill.methods.multi_label import BinaryCrossEntropy, MultiLabelKD, multi_label_kd
from distill.methods.multi_level import MultiLevel, multi_level
from distill.methods.nkd import NKD, nkd
from distill.methods.nst import NST
from distill.methods.ofd import OFD
from distill.methods.pkt import PKT
from distill.methods.reviewkd import ReviewKD
from distill.methods.rkd import RKD
from distill.methods.sp import SP
from distill.methods.standardised import Standardised, standardise
from distill.methods.teacher_free import TeacherFree
from distill.methods.vid import VID
from distill.options import bind_options, look_up

METHODS = {
    "kd": KD,
    "mse_logits": MSELogits,
    "mse_probabilities": MSEProbabilities,
    "hard_label": HardLabel,
    "dkd": DKD,
    "nkd": NKD,
    "dist": DIST,
    "multi_level": MultiLevel,
    "standardised": Standardised,
    "curriculum": CurriculumTemperature,
    "teacher_free": TeacherFree,
    "fitnet": FitNet,
    "at": AT,
    "nst": NST,
    "fsp": FSP,
    "ft": FT,
    "vid": VID,
    "ab": AB,
    "ofd": OFD,
    "reviewkd": ReviewKD,
    "sp": SP,
    "rkd": RKD,
    "cc": CC,
    "pkt": PKT,
    "crd": CRD,
    "multi_label_kd": MultiLabelKD,
}

_TERM = re.compile(r"(?:(?P<weight>[^*]+)\*)?\s*(?P<name>[^\s*]+)\s*")


def get_method(method: str | Method | Callable, /, **options) -> Method:
    """Returns a `Method` from its name, from a sum of names or from a function.

    Args:
        method: a name in `METHODS`, or `"module:name"` for a method or function of your own; a sum
            of names with weights, such as `"kd + 0.5 * fitnet"`; a function
            `(teacher_logits, student_logits, temperature) -> (batch,)`; or a `Method`, which is
            returned as it is.
        **options: arguments of the method of that name, e.g. `weight=2.0` for `"fitnet"`.

    Raises:
        UserError: an unknown name or option, or an option of the wrong type.

    Examples:
        >>> get_method("kd").name
        'kd'
        >>> [type(member).__name__ for member in get_method("kd + 0.5 * fitnet").methods]
        ['KD', 'FitNet']
    """
    if isinstance(method, str):
        terms = method_terms(method)
        if len(terms) == 1 and terms[0][0] == 1.0:
            return _named(terms[0][1], options)
        if options:
            raise UserError(
                f"The method {method!r} is a combination and takes no options such as "
                f"{next(iter(options))!r}; combine methods in Python, as in "
                "0.5 * FitNet(weight=2.0), to give each its own."
            )
        return Combination([_named(name, {}) for _, name in terms], [weight for weight, _ in terms])
    if isinstance(method, Method) or (callable(method) and not isinstance(method, type)):
        if options:
            raise UserError(
                f"The method {getattr(method, 'name', method)!r} is not a name, so it takes no "
                f"options such as {next(iter(options))!r}; give them to the method itself."
            )
        return method if isinstance(method, Method) else FunctionMethod(method)
    raise _unknown(method)


def method_terms(text: str) -> list[tuple[float, str]]:
    """Returns the weights and names of a sum of methods, such as `"kd + 0.5 * fitnet"`.

    Raises:
        UserError: a name that is not known, or text that is not such a sum.

    Examples:
        >>> method_terms("kd + 0.5 * fitnet")
        [(1.0, 'kd'), (0.5, 'fitnet')]
    """
    if text in METHODS:
        return [(1.0, text)]
    terms = []
    # A plus sign after an exponent, as in 1e+2, belongs to a number.
    for term in re.split(r"(?<![0-9]e)\+", text):
        match = _TERM.fullmatch(term.strip())
        if match is None or look_up(METHODS, match["name"]) is None:
            raise _unknown(match["name"] if match else text)
        try:
            weight = 1.0 if match["weight"] is None else float(match["weight"])
        except ValueError:
            raise UserError(
                f"The weight {match['weight'].strip()!r} in the method {text!r} is not a number; "
                "write a sum such as 'kd + 0.5 * fitnet'."
            ) from None
        terms.append((weight, match["name"]))
    return terms


def _named(name, options):
    found = look_up(METHODS, name)
    short = name.rpartition(":")[2]
    if inspect.isclass(found):
        bind_options(f"method {name!r}", found, options)
        return found(**options, name=short)
    logits_and_temperature = tuple(inspect.signature(found).parameters)[:3]
    bind_options(f"method {name!r}", found, options, given=logits_and_temperature)
    if not options:
        return FunctionMethod(found)
    return FunctionMethod(functools.partial(found, **options), name=short)


def _unknown(method):
    return UserError(
        f"Unknown method {method!r}; use one of {', '.join(METHODS)}, a sum of them such as "
        "'kd + 0.5 * fitnet', a distill.methods.Method, or a function "
        "(teacher_logits, student_logits, temperature) -> (batch,)."
    )


__all__ = [
    "AB",
    "AT",
    "CC",
    "CRD",
    "DIST",
    "DKD",
    "FSP",
    "FT",
    "KD",
    "METHODS",
    "NKD",
    "NST",
    "OFD",
    "PKT",
    "RKD",
    "SP",
    "VID",
    "Batch",
    "BinaryCrossEntropy",
    "Combination",
    "CrossEntropy",
    "CurriculumTemperature",
    "FitNet",
    "FunctionMethod",
    "HardLabel",
    "MSELogits",
    "MSEProbabilities",
    "Method",
    "MultiLabelKD",
    "MultiLevel",
    "Outputs",
    "ReviewKD",
    "Standardised",
    "TeacherFree",
    "dist",
    "dkd",
    "get_method",
    "hard_label",
    "hint_loss",
    "kd",
    "method_terms",
    "mse_logits",
    "mse_probabilities",
    "multi_label_kd",
    "multi_level",
    "nkd",
    "standardise",
]
