"""Hypothesis strategies: arrays of every dtype, shape, layout, byte order, writable or not."""

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

FLOATS = ("f4", "f8", "g")
OTHERS = (">f4", ">f8", "f2", "i8", "i4", "u1", "?")


def _elements(dtype, magnitude):
    kind = np.dtype(dtype).kind
    if kind == "c":
        width = np.dtype(dtype).itemsize * 8
        return st.complex_numbers(max_magnitude=magnitude, width=width, allow_subnormal=False)
    if kind == "f":
        width = {2: 16, 4: 32}.get(np.dtype(dtype).itemsize, 64)
        return st.floats(-magnitude, magnitude, width=width, allow_subnormal=False)
    return st.booleans() if kind == "b" else st.integers(0 if kind == "u" else -100, 100)


@st.composite
def points(draw, dtypes=("f8",), min_dims=1, max_dims=2, min_side=0, max_side=5, magnitude=100.0, readonly=False):
    """Draw an array whose memory is contiguous, strided, reversed or transposed."""
    dtype = np.dtype(draw(st.sampled_from(dtypes)))
    shape = draw(
        hnp.array_shapes(min_dims=max(min_dims, 1), max_dims=max_dims, min_side=max(min_side, 1), max_side=max_side)
    )
    if min_side == 0 and draw(st.integers(0, 9)) == 0:
        shape = (0, *shape[1:])
    values = draw(hnp.arrays(dtype, shape, elements=_elements(dtype, magnitude)))
    layout = draw(st.sampled_from(["contiguous", "every second", "reversed", "transposed", "column of a table"]))
    if layout == "every second":
        host = np.zeros(tuple(2 * s for s in shape), dtype)
        view = host[tuple(slice(None, None, 2) for _ in shape)]
    elif layout == "reversed":
        view = np.zeros(shape, dtype)[tuple(slice(None, None, -1) for _ in shape)]
    elif layout == "transposed":
        view = np.zeros(shape[::-1], dtype).T
    elif layout == "column of a table":
        view = np.zeros((*shape, 3), dtype)[..., 1]
    else:
        view = np.zeros(shape, dtype)
    view[...] = values
    if readonly and draw(st.booleans()):
        view.flags.writeable = False
    return view
