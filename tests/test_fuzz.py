"""Arbitrary objects for f and x: no crash, no changed x, and every error one of ours or f's.

``GRADFAST_FUZZ=1000000 python -m pytest tests/test_fuzz.py`` tries that many.
"""

import os
import warnings

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from strategies import FLOATS, OTHERS, points

import gradfast

EXAMPLES = int(os.environ.get("GRADFAST_FUZZ", "300"))
SCALARS = st.one_of(
    st.floats(),
    st.integers(-(10**30), 10**30),
    st.booleans(),
    st.none(),
    st.complex_numbers(),
    st.text(max_size=3),
    st.binary(max_size=9),
    st.just(object()),
)
ARRAYS = points(dtypes=(*FLOATS, *OTHERS, "c16", "c8"), max_dims=3, magnitude=10.0, readonly=True)
ANYTHING = st.recursive(
    st.one_of(SCALARS, ARRAYS, st.sampled_from([np.array("a"), np.array([None, 1]), np.zeros(2, "M8[D]"), range(3)])),
    lambda children: st.one_of(st.lists(children, max_size=3), st.tuples(children, children), st.sets(st.floats())),
    max_leaves=4,
)
OPERATORS = {
    "numerical_gradient": gradfast.numerical_gradient,
    "gradient": gradfast.gradient,
    "jacobian": gradfast.jacobian,
}


class ObjectiveError(Exception):
    """What f raises of its own accord."""


def fingerprint(x):
    """Return what must stay as it is of any x."""
    if isinstance(x, np.ndarray):
        return x.dtype, x.shape, x.strides, x.tobytes()
    return repr(x)


@settings(max_examples=EXAMPLES, suppress_health_check=list(HealthCheck))
@given(
    x=ANYTHING,
    results=st.lists(
        st.one_of(ANYTHING, st.just(ObjectiveError), st.just("the point"), st.just("the sum")), min_size=1, max_size=3
    ),
    operator=st.sampled_from(sorted(OPERATORS)),
    vectorized=st.booleans(),
)
def test_no_f_and_no_x_crash_us_or_change_x(x, results, operator, vectorized):
    before, calls = fingerprint(x), []

    def f(point):
        result = results[len(calls) % len(results)]
        calls.append(result)
        if result is ObjectiveError:
            raise ObjectiveError
        if isinstance(result, str) and result == "the point":
            return point
        return np.sum(point, axis=-1) if isinstance(result, str) and result == "the sum" else result

    message = "none"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            OPERATORS[operator](f, x, vectorized=vectorized)
        except ObjectiveError:
            assert ObjectiveError in calls
        except (TypeError, ValueError, OverflowError) as error:
            message = str(error)
        except KeyboardInterrupt:
            pytest.fail("nobody pressed Ctrl-C")
    assert message
    assert fingerprint(x) == before
