"""Arbitrary objects for f, x and options: no crash, no changed x, and every error one of ours or f's.

hammer.py and hammer_workers.py are programs that try many more calls; here they run for a short time.

``GRADFAST_FUZZ=1000000 python -m pytest tests/test_fuzz.py`` tries that many.
"""

import inspect
import os
import re
import subprocess
import sys
import warnings

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from objectives import ObjectiveError
from strategies import FLOATS, OTHERS, points
from ways import OF_A_NUMBER, OF_A_POINT, OF_AN_ARRAY

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
GIVEN = st.one_of(ANYTHING, st.just(10**400))

OPERATORS = {
    "numerical_gradient": gradfast.numerical_gradient,
    "gradient": gradfast.gradient,
    "value_and_gradient": gradfast.value_and_gradient,
    "jacobian": gradfast.jacobian,
    "hessian": gradfast.hessian,
    "noise": gradfast.noise,
    "directional_derivative": gradfast.directional_derivative,
    "derivative": gradfast.derivative,
    "numerical_diff": gradfast.numerical_diff,
    "tangent_line": gradfast.tangent_line,
}

METHODS = ["central", "forward", "backward", "complex", "adaptive", gradfast.Central(4), gradfast.Nodes((-1, 1, 2))]
SOME_STEPS = st.lists(st.floats(1e-9, 1.0), max_size=3)
STEPS = st.one_of(
    GIVEN,
    st.floats(1e-9, 1.0),
    SOME_STEPS,
    st.builds(np.array, SOME_STEPS, st.sampled_from((*FLOATS, ">f4"))),
    st.builds(np.longdouble, st.floats(1e-9, 1.0)),
)
SIDES = st.one_of(GIVEN, st.floats(-200.0, 200.0), st.just(np.inf), st.just(-np.inf))

# What a call may have besides f and x; most calls have few of them, so that not every one is refused at once.
OPTIONS = {
    "method": st.one_of(st.sampled_from(METHODS), GIVEN),
    "axis": st.one_of(st.integers(-3, 3), GIVEN),
    "f0": GIVEN,
    "args": GIVEN,
    "bounds": st.one_of(st.tuples(SIDES, SIDES), GIVEN),
    "sparsity": st.one_of(st.tuples(GIVEN, GIVEN), GIVEN),
    "n": st.one_of(st.integers(-1, 8), GIVEN),
    "h": st.one_of(st.floats(1e-9, 1.0), GIVEN),
    "step": STEPS,
    "rel_step": STEPS,
    "vectorized": st.booleans(),
    "full_output": st.booleans(),
}

# The operators that can be prepared, and what they are called with, and not made of.
PREPARED = {
    "gradient": gradfast.Gradient,
    "value_and_gradient": gradfast.ValueAndGradient,
    "jacobian": gradfast.Jacobian,
    "hessian": gradfast.Hessian,
    "directional_derivative": gradfast.DirectionalDerivative,
    "derivative": gradfast.Derivative,
}

# The house form of an error, here of one about what the test gives.
NAMES = "|".join(["f", "x", "v", "step and rel_step", "max_evaluations", *OPTIONS])
HOUSE_FORM = re.compile(rf"({NAMES})(\[[01]\])* must .+; (got|it returned|it changed) ", re.DOTALL)


def fingerprint(x):
    """Return what must stay as it is of any x."""
    if isinstance(x, np.ndarray):
        return x.dtype, x.shape, x.strides, x.tobytes()
    return repr(x)


def call(operator, f, x, options, is_prepared=False):
    """Call an operator with those of the options that it has; steps make a central method, if there is no other."""
    function = OPERATORS[operator]
    is_prepared = is_prepared and operator in PREPARED
    steps = {name: options[name] for name in ("step", "rel_step") if name in options}
    options = {name: value for name, value in options.items() if name in inspect.signature(function).parameters}
    if steps and "method" in inspect.signature(function).parameters and "method" not in options:
        options["method"] = gradfast.Central(**steps)
    point = (x, x) if operator == "directional_derivative" else (x,)
    if not is_prepared:
        return function(f, *point, **options)
    args = options.pop("args", ())
    of_a_call = {"f0": options.pop("f0")} if "f0" in options else {}
    return PREPARED[operator](f, **options)(*point, *(args if isinstance(args, tuple) else (args,)), **of_a_call)


SOME_OPTIONS = st.lists(st.sampled_from(sorted(OPTIONS)), max_size=3, unique=True).flatmap(
    lambda names: st.fixed_dictionaries({name: OPTIONS[name] for name in names})
)


@settings(max_examples=EXAMPLES, suppress_health_check=list(HealthCheck))
@given(
    x=GIVEN,
    results=st.lists(
        st.one_of(GIVEN, st.just(ObjectiveError), st.just("the point"), st.just("the sum")), min_size=1, max_size=3
    ),
    operator=st.sampled_from(sorted(OPERATORS)),
    options=SOME_OPTIONS,
    is_prepared=st.booleans(),
)
def test_no_f_no_x_and_no_option_crash_us_or_change_x(x, results, operator, options, is_prepared):
    before, calls = fingerprint(x), []

    def f(point, *_):
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
            call(operator, f, x, options, is_prepared)
        except ObjectiveError:
            assert any(result is ObjectiveError for result in calls)
        except (TypeError, ValueError) as caught:
            message = str(caught)
        except KeyboardInterrupt:
            pytest.fail("nobody pressed Ctrl-C")
    assert HOUSE_FORM.match(message), message
    assert fingerprint(x) == before


def sum_of_squares(n, x):
    return sum(number * number for number in x[:n])


def squares(n, x, m, out):
    for i in range(min(n, m)):
        out[i] = x[i] * x[i]


COMPILED = {
    "a number": OF_A_POINT(sum_of_squares),
    "three numbers": gradfast.compiled(OF_AN_ARRAY(squares), outputs=3),
    "of a number": OF_A_NUMBER(lambda x: x * x),
}


@settings(max_examples=EXAMPLES, suppress_health_check=list(HealthCheck))
@given(
    x=st.one_of(ARRAYS, GIVEN),
    f=st.sampled_from(sorted(COMPILED)),
    operator=st.sampled_from(sorted(PREPARED)),
    options=SOME_OPTIONS,
    is_prepared=st.booleans(),
)
def test_compiled_f_is_taken_or_refused_and_gives_real_numbers(x, f, operator, options, is_prepared):
    before, message = fingerprint(x), "f must be no trouble; got none"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            result = call(operator, COMPILED[f], x, options, is_prepared)
        except (TypeError, ValueError) as caught:
            message, result = str(caught), 0.0
    assert HOUSE_FORM.match(message), message
    assert fingerprint(x) == before
    for part in result if isinstance(result, tuple) else (result,):
        if not isinstance(part, (gradfast.Info, tuple)):
            assert np.asarray(getattr(part, "data", part)).dtype.char in "fdg"


@pytest.mark.parametrize("program", ["hammer.py --calls 3000 --seed test", "hammer_workers.py --runs 3 --seed test"])
def test_random_calls_find_nothing(program):
    """In a process of its own: one that crashes or hangs is found, too."""
    name, *options = program.split()
    command = [sys.executable, os.path.join(os.path.dirname(__file__), name), *options]
    run = subprocess.run(command, capture_output=True, text=True, check=False, timeout=600)
    assert run.returncode == 0, run.stdout + run.stderr
