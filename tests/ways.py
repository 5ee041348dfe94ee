"""The ways in which the same f, of one point, can be differentiated."""

import ctypes
import inspect
import math
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from operator import attrgetter
from types import ModuleType

import numpy as np
import pytest
import twins

import gradfast
from gradfast import Complex

DOUBLES = ctypes.POINTER(ctypes.c_double)
OF_A_NUMBER = ctypes.CFUNCTYPE(ctypes.c_double, ctypes.c_double)
OF_A_POINT = ctypes.CFUNCTYPE(ctypes.c_double, ctypes.c_int, DOUBLES)
OF_AN_ARRAY = ctypes.CFUNCTYPE(None, ctypes.c_int, DOUBLES, ctypes.c_int, DOUBLES)


class Call:
    """One f at one x: `shape` is that of f's value, where that is known or needed, and `raised` what f raised.

    With an axis, x holds many points along it; f is still of one.
    """

    def __init__(self, f, x, shape=(), axis=None):
        self.f, self.x, self.shape, self.axis, self.raised = f, x, shape, axis, []

    def value(self, *arguments):
        """Call f where nothing can be raised: it is NaN then, and is raised once the operator is done."""
        try:
            return np.asarray(self.f(*arguments), float)
        except BaseException as error:
            self.raised.append(error)
            return np.full(self.shape, math.nan)

    def plain(self):
        return self.f

    def of_many_points(self):
        return (
            self.of_a_batch if self.axis is not None else lambda points: np.array([self.f(point) for point in points])
        )

    def of_a_batch(self, x):
        rows = np.moveaxis(x, self.axis, -1)
        values = [self.f(rows[index]) for index in np.ndindex(rows.shape[:-1])]
        return np.array(values, None if values else x.dtype).reshape(rows.shape[:-1])

    def compiled(self):
        """Return a C function that calls back f: what a compiled f looks like, with no compiler."""
        if self.shape == ():
            return OF_A_POINT(lambda n, x: float(self.value(self.point(n, x))))
        return self.compiled_of_an_array()

    def compiled_of_an_array(self):
        return gradfast.compiled(OF_AN_ARRAY(self.write), outputs=math.prod(self.shape))

    def write(self, n, x, m, out):
        for j, value in enumerate(self.value(self.point(n, x)).flat):
            out[j] = value

    def point(self, n, x):
        return np.array(x[:n]).reshape(np.shape(self.x) if self.axis is None else n)

    def compiled_of_a_number(self):
        return OF_A_NUMBER(lambda x: float(self.value(np.float64(x))))


def reshaped(result, shape):
    """Return the derivatives of compiled f, which writes its values in a row, in the shape of them."""
    return (result[0].reshape(shape), result[1]) if isinstance(result, tuple) else result.reshape(shape)


@dataclass(frozen=True)
class Way:
    """The operators, and what they are given of f. What f raises, they raise; its values keep their shape."""

    name: str
    f_of: Callable = Call.plain
    options: dict = field(default_factory=dict)
    operators: ModuleType = gradfast

    @property
    def is_compiled(self):
        return self.f_of in (Call.compiled, Call.compiled_of_a_number)

    def takes(self, method="central", dtype="f8"):
        """Return whether there is such a case: compiled f knows double alone, and no twin the complex step."""
        is_complex = isinstance(method, Complex) or method == "complex"
        if self.is_compiled:
            return not is_complex and dtype != "g"
        return not is_complex or self.operators is gradfast

    def as_evaluated(self, x):
        """Return x in the precision in which f is evaluated."""
        return np.array(x, float) if self.is_compiled else x

    def gradient(self, f, x, **options):
        return self._run("gradient", Call(f, x, axis=options.get("axis")), x, **options)

    def value_and_gradient(self, f, x, **options):
        return self._run("value_and_gradient", Call(f, x, axis=options.get("axis")), x, **options)

    def jacobian(self, f, x, **options):
        call = Call(f, x, self._shape_of_value(f, x))
        if not self.is_compiled:
            return self._run("jacobian", call, x, **options)
        result = self._run("jacobian", call, x, f_of=Call.compiled_of_an_array, **options)
        return result if "sparsity" in options else reshaped(result, call.shape + np.shape(x))

    def hessian(self, f, x, *, gradient=None, **options):
        if gradient is None:
            return self._run("hessian", Call(f, x), x, **options)
        f_of = Call.compiled_of_an_array if self.is_compiled else self.f_of
        return self._run("hessian_from_gradient", Call(gradient, x, np.shape(x)), x, f_of=f_of, **options)

    def directional_derivative(self, f, x, v, **options):
        call = Call(f, x, self._shape_of_value(f, x))
        result = self._run("directional_derivative", call, x, v, **options)
        return reshaped(result, call.shape) if self.is_compiled and call.shape else result

    def derivative(self, f, x, **options):
        return self._run("derivative", Call(f, x), x, **options)

    def _shape_of_value(self, f, x):
        """Return the shape of f's value, which compiled code must know before it is called; it is no evaluation."""
        return np.shape(inspect.unwrap(f)(np.array(x, float))) if self.is_compiled else ()

    def _run(self, operator, call, *point, f_of=None, **options):
        f, options = (f_of or self.f_of)(call), {**self.options, **options}
        f, options = (None, {"gradient": f, **options}) if operator == "hessian_from_gradient" else (f, options)
        with warnings.catch_warnings():
            if "workers" in options:  # which cannot tell a constant f from one that reads x through a closure
                warnings.filterwarnings("ignore", "all derivatives are exactly 0")
            result = getattr(self.operators, operator.partition("_from")[0])(f, *point, **options)
        if call.raised:
            raise call.raised[0]
        return result


PYTHON, REFERENCE = Way("python"), Way("reference", operators=twins)
VECTORIZED = Way("vectorized", Call.of_many_points, {"vectorized": True})
COMPILED, COMPILED_OF_A_NUMBER = Way("compiled", Call.compiled), Way("compiled", Call.compiled_of_a_number)
ON_A_WORKER = Way("on a worker", options={"workers": map})

AT_A_POINT = [PYTHON, VECTORIZED, COMPILED, ON_A_WORKER, REFERENCE]
ALONG_A_LINE = [PYTHON, VECTORIZED, COMPILED, REFERENCE]  # these two operators have no workers
AT_A_NUMBER = [PYTHON, COMPILED_OF_A_NUMBER, REFERENCE]


def each_but_the_twin(cases):
    """Return a decorator that runs a test in each of some ways. The twin has no adaptive method."""
    return pytest.mark.parametrize("way", cases[:-1], ids=attrgetter("name"))


at_a_point, along_a_line, at_a_number = map(each_but_the_twin, (AT_A_POINT, ALONG_A_LINE, AT_A_NUMBER))


def same_as_python(way, operator, f, x, *direction, method="adaptive", **options):
    """Return value and info of an operator, which have the bits, the steps and the evaluations of the python way."""
    options = {"method": method, "full_output": True, **options}
    value, info = getattr(way, operator)(f, x, *direction, **options)
    expected, plain = getattr(PYTHON, operator)(f, way.as_evaluated(x), *direction, **options)
    rounded = np.fmax(plain.error, np.finfo(np.asarray(value).dtype).eps * np.abs(expected))
    for ours, theirs in ((value, expected), (info.error, rounded), (info.step, plain.step)):
        in_double = np.asarray(theirs)  # of compiled f, whose result is then rounded to float32 if x is
        assert np.array_equal(ours, in_double.astype(np.asarray(ours).dtype), equal_nan=True)
    assert np.array_equal(info.scheme, plain.scheme)
    assert np.array_equal(info.converged, plain.converged)
    assert info.evaluations == plain.evaluations
    return value, info
