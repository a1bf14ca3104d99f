"""The default data set: scikit-learn's 8×8 digits, which need no download."""

import numpy as np
from sklearn import datasets

from distill.data.dataset import ImageData, Split, with_splits


def load_digits() -> ImageData:
    """Loads 1,797 handwritten digits of 8×8×1 pixels.

    The values, 0 to 16 in scikit-learn, are scaled to 0 to 255.

    Examples:
        >>> load_digits().image_shape
        (8, 8, 1)

    Reference: E. Alpaydin and C. Kaynak, Optical Recognition of Handwritten Digits, UCI, 1998.
    """
    digits = datasets.load_digits()
    images = np.rint(digits.images[..., np.newaxis] * (255 / 16)).astype(np.uint8)
    class_names = [str(name) for name in digits.target_names]
    return with_splits("digits", class_names, Split(images, digits.target.astype(np.int32)))
