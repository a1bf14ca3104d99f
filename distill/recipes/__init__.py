"""The experiments by name, one file for each source."""

from distill.errors import UserError
from distill.recipes.digits import DIGITS
from distill.recipes.flowers import FLOWERS
from distill.recipes.hinton import MNIST_HINTON
from distill.recipes.recipe import Recipe
from distill.recipes.values import parse_option, parse_value

RECIPES = {recipe.name: recipe for recipe in (DIGITS, MNIST_HINTON, FLOWERS)}


def get_recipe(name: str) -> Recipe:
    """Returns the recipe of that name, or raises a `UserError` that lists the names."""
    if name not in RECIPES:
        raise UserError(f"Unknown recipe {name!r}; use one of {', '.join(RECIPES)}.")
    return RECIPES[name]


__all__ = ["RECIPES", "Recipe", "get_recipe", "parse_option", "parse_value"]
