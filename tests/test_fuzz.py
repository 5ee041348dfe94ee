"""Arbitrary objects for f and x: no crash, no changed x, and every error one of ours or f's.

``GRADFAST_FUZZ=1000000 python -m pytest tests/test_fuzz.py`` tries that many.
"""

import os
import re
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
    "value_and_gradient": gradfast.value_and_gradient,
    "jacobian": gradfast.jacobian,
    "hessian": gradfast.hessian,
    "noise": gradfast.noise,
    "directional_derivative": lambda f, x, **options: gradfast.directional_derivative(f, x, x, **options),
    "derivative": lambda f, x, vectorized: gradfast.derivative(f, x),
    "numerical_diff": lambda f, x, vectorized: gradfast.numerical_diff(f, x),
    "tangent_line": lambda f, x, vectorized: gradfast.tangent_line(f, x),
}

# The house form of an error, here of one about what the test gives: the direction is x.
HOUSE_FORM = re.compile(r"(f|x|v) must .+; (got|it returned|it changed) ", re.DOTALL)


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
        if isinstance(result, str) and result == "the sum":
            try:
                return np.sum(point, axis=-1)
            except ValueError as error:  # a point without axes
                calls[-1] = ObjectiveError
                raise ObjectiveError from error
        return result

    message = "f must be no trouble; got none"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            OPERATORS[operator](f, x, vectorized=vectorized)
        except ObjectiveError:
            assert any(result is ObjectiveError for result in calls)
        except (TypeError, ValueError) as caught:
            message = str(caught)
        except KeyboardInterrupt:
            pytest.fail("nobody pressed Ctrl-C")
    assert HOUSE_FORM.match(message), message
    assert fingerprint(x) == before
