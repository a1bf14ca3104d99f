"""`distill`: train a small Keras model to imitate a large one, and find out how much that helped.

`__init__.pyi` lists the public interface. A name is imported when it is first used, so that
`--help` does not wait for TensorFlow.
"""

import lazy_loader

from distill.version import VERSION as __version__

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
__all__ += ["__version__"]
