"""The experiments by name, one file for each source."""

from distill.errors import UserError
from distill.recipes import caltech, flowers, hinton, imagenette, linear
from distill.recipes.digits import DIGITS
from distill.recipes.few_labels import FEW_LABELS
from distill.recipes.own_data import OWN_DATA
from distill.recipes.recipe import Recipe
from distill.recipes.settings import effects_of
from distill.recipes.values import (
    flag_of,
    full_name,
    parse_option,
    parse_value,
    short_name,
    show_value,
)

RECIPES = {
    recipe.name: recipe
    for recipe in (
        DIGITS,
        OWN_DATA,
        FEW_LABELS,
        hinton.MNIST_HINTON,
        linear.MNIST_LINEAR,
        flowers.FLOWERS,
        imagenette.IMAGENETTE,
        imagenette.CATS_VS_DOGS,
        imagenette.IMAGENETTE_SMALL,
        caltech.CALTECH_256,
        caltech.CALTECH,
        caltech.CALTECH_SMALL_PRETRAINING,
        caltech.CALTECH_SMALL,
    )
}
# The studies of each source, by recipe: a question, and the axes that answer it.
RECIPE_STUDIES = {
    "mnist-hinton": hinton.STUDIES,
    "mnist-linear": linear.STUDIES,
    "flowers": flowers.STUDIES,
    "imagenette": imagenette.STUDIES,
    "cats-vs-dogs": imagenette.STUDIES,
    "imagenette-small": imagenette.SMALL_STUDIES,
    "caltech": caltech.STUDIES,
    "caltech-small": caltech.SMALL_STUDIES,
}


def get_recipe(name: str) -> Recipe:
    """Returns the recipe of that name.

    Raises:
        UserError: there is none; the sentence lists the names.
    """
    if name not in RECIPES:
        raise UserError(f"Unknown recipe {name!r}; use one of {', '.join(RECIPES)}.")
    return RECIPES[name]


__all__ = [
    "RECIPES",
    "RECIPE_STUDIES",
    "Recipe",
    "effects_of",
    "flag_of",
    "full_name",
    "get_recipe",
    "parse_option",
    "parse_value",
    "short_name",
    "show_value",
]
