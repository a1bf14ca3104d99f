"""The package's version, readable without importing TensorFlow."""

VERSION = "0.2.0.dev0"
