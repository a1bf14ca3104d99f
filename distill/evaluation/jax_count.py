"""Multiply-adds of a forward pass, counted in JAX's program; see `cost.multiply_adds`."""

import math

import jax


def count(model, input_shape: tuple[int, ...]) -> int:
    """Counts the multiply-adds of one image."""
    images = jax.ShapeDtypeStruct((1, *input_shape), "float32")
    return _in_program(jax.make_jaxpr(lambda images: model(images, training=False))(images).jaxpr)


def _in_program(program) -> int:
    total = 0
    for equation in program.eqns:
        total += _in_equation(equation)
        if equation.primitive.name not in ("scan", "while", "cond"):
            inner = (getattr(each, "jaxpr", each) for each in equation.params.values())
            total += sum(_in_program(each) for each in inner if hasattr(each, "eqns"))
    return total


def _in_equation(equation) -> int:
    shapes = [each.aval.shape for each in equation.invars]
    of_output = math.prod(equation.outvars[0].aval.shape)
    if equation.primitive.name == "dot_general":
        (contracted, _), _ = equation.params["dimension_numbers"]
        return of_output * math.prod(shapes[0][axis] for axis in contracted)
    if equation.primitive.name == "conv_general_dilated":
        outputs, inputs, *_ = equation.params["dimension_numbers"].rhs_spec
        filters = math.prod(shapes[1])
        if math.prod(equation.params["lhs_dilation"]) > 1:
            # In a transposed convolution, each input is multiplied by every weight of the filter.
            return math.prod(shapes[0]) * filters // shapes[1][inputs]
        return of_output * filters // shapes[1][outputs]
    return 0
