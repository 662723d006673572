"""The checks that tests make of annotated calls: beartype, with NumPy's numbers taken for Python's.

``int`` in an annotation accepts an ``np.int64``, and ``float`` an int, as they do everywhere in Python that
asks for a number; shapes and dtypes of arrays are exact.
"""

import numpy as np
from beartype import BeartypeConf, FrozenDict, beartype

checked = beartype(
    conf=BeartypeConf(
        hint_overrides=FrozenDict({int: int | np.integer, float: float | int | np.floating | np.integer})
    )
)
