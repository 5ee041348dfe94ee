"""What tests of gradients share, of a point and of a batch."""

import numpy as np
import twins
from hypothesis import assume
from objectives import bits, cubes, same

from gradfast import Backward, Central, Forward

METHODS = ["central", "forward", "backward", Central(4), Forward(2), Central(step=0.01), "complex"]
WITH_STEPS = [*METHODS[:-1], Backward(step=0.3), Forward(rel_step=3e-3), Central(4, noise=1e-6)]


def alike(a, b, method):
    """Return whether two results are equal; by the complex step nearly: NumPy rounds products of arrays otherwise."""
    if method != "complex":
        return same(a, b)
    return np.allclose(a, b, rtol=8 * np.finfo(a.dtype).eps, atol=8 * np.finfo(a.dtype).eps)


def sum_of_squares(x):
    return np.sum(x**2)


def hold_to_the_twin(way, x, **options):
    assume(way.takes(dtype=x.dtype.char))
    before = bits(x)
    found, info = way.gradient(cubes, x, full_output=True, **options)
    assert bits(x) == before
    expected, twin = twins.gradient(cubes, way.as_evaluated(x), full_output=True, **options)
    assert same(found, expected.astype(x.dtype))
    assert same(info.step, twin.step)
    assert np.array_equal(info.scheme, twin.scheme)
    assert info.evaluations == twin.evaluations
