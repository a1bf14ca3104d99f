"""The Keras model in which hard and soft loss meet."""

from distill.distiller.distiller import Distiller

__all__ = ["Distiller"]
