"""x is as it was, whatever f does and however a call ends."""

import functools
import itertools

import numpy as np
import pytest
from every import (
    DIFFERENCES,
    EVERY,
    METHODS,
    WITH_ONE_F,
    along_ones,
    any_layout,
    cases,
    every_operator,
    layouts,
    one_derivative,
    operators,
    smooth,
)
from objectives import ObjectiveError, bits, same

from gradfast import (
    Central,
    directional_derivative,
    gradient,
    hessian,
    jacobian,
    numerical_gradient,
    value_and_gradient,
)


@pytest.mark.parametrize(("operator", "method"), cases(EVERY, METHODS))
@any_layout
def test_x_holds_its_old_bits(operator, method, x):
    before = bits(x)
    operator(smooth, x, method=method)
    assert bits(x) == before


@pytest.mark.parametrize(
    ("operator", "method", "vectorized"), cases(EVERY, ["central", "forward", "complex"], [False, True])
)
def test_x_holds_its_old_bits_whichever_call_of_f_fails(operator, method, vectorized):

    def failing(x, k):
        calls.append(1)
        if len(calls) == k:
            raise ObjectiveError(f"call {k}")
        return np.sum(x**2, axis=tuple(range(1, x.ndim))) if vectorized else np.sum(x**2)

    options = {"vectorized": True} if vectorized else {}
    for name, x in layouts():
        calls = []
        x = x[:2, :2]
        before = bits(x)
        operator(functools.partial(failing, k=0), x, method=method, **options)
        count = len(calls)
        assert bits(x) == before, name
        for k in range(1, count + 1):
            calls = []
            with pytest.raises(ObjectiveError, match=rf"^call {k}(\n|$)"):
                operator(functools.partial(failing, k=k), x, method=method, **options)
            assert bits(x) == before, (name, k)


@pytest.mark.parametrize("axis", [0, 1, -1])
@pytest.mark.parametrize("vectorized", [False, True])
@pytest.mark.parametrize("method", ["central", "forward", "complex"])
@pytest.mark.parametrize("bounds", [None, (-4, 0.5)])
def test_a_batch_holds_its_old_bits_whichever_call_of_f_fails(axis, vectorized, method, bounds):
    def failing(x, k):
        calls.append(1)
        if len(calls) == k:
            raise ObjectiveError(f"call {k}")
        return np.sum(x**2, axis=axis) if vectorized else np.sum(x**2)

    for name, x in layouts():
        calls = []
        x = np.minimum(x, 0.5, out=x)[:2, :3]
        before = bits(x)
        options = {"axis": axis, "vectorized": vectorized, "method": method, "bounds": bounds}
        gradient(functools.partial(failing, k=0), x, **options)
        for k in range(1, len(calls) + 1):
            calls = []
            with pytest.raises(ObjectiveError, match=rf"^call {k}(\n|$)"):
                gradient(functools.partial(failing, k=k), x, **options)
            assert bits(x) == before, (name, k)


@operators
@any_layout
def test_f_sees_x_itself(operator, x):
    seen = set()

    def f(point):
        seen.add(point is x)
        return np.sum(point)

    operator(f, x)
    assert seen == {True}


@pytest.mark.parametrize("operator", [gradient, jacobian, hessian, along_ones], ids=lambda o: o.__name__)
@pytest.mark.parametrize("method", DIFFERENCES, ids=repr)
@any_layout
def test_f_may_read_x_through_a_closure(operator, method, x):
    expected = operator(smooth, x.copy(order="K"), method=method)
    assert same(operator(lambda ignored: smooth(x), x, method=method), expected)


@pytest.mark.parametrize(("operator", "method"), cases(WITH_ONE_F, METHODS))
@any_layout
def test_an_f_that_changes_x_is_an_error_and_x_is_put_back(operator, method, x):
    before = bits(x)

    def f(x):
        x[1, 2] += 1.0
        return np.sum(x)

    with pytest.raises(ValueError, match=r"f must leave x as it is; it changed x\[1, 2\]"):
        operator(f, x, method=method)
    assert bits(x) == before


def test_a_direction_and_bounds_may_be_x_itself():
    x = np.array([1.0, 2.0])
    assert directional_derivative(np.sum, x, x) == pytest.approx(3.0, rel=1e-9)
    assert directional_derivative(np.sum, x, [1, 1], bounds=(x, np.inf)) == pytest.approx(2.0, rel=1e-9)
    assert directional_derivative(np.sum, x, x[::-1], bounds=(-np.inf, x)) == pytest.approx(3.0, rel=1e-9)
    assert gradient(np.sum, x, bounds=(x, x + 1)) == pytest.approx([1.0, 1.0])


@every_operator
def test_an_f_that_keeps_its_argument_holds_the_restored_point(operator):
    x = np.array([1.0, 2.0])
    kept = []
    operator(lambda x: kept.append(x) or np.sum(x), x)
    assert len(kept) > 1
    assert list(x) == [1.0, 2.0]
    if operator is not one_derivative:
        assert all(point is x for point in kept)


@operators
def test_f_may_differentiate_the_same_point_again(operator):
    x = np.array([1.0, 2.0, 3.0])
    before = bits(x)
    inner = operator(lambda x: np.sum(gradient(lambda x: np.sum(x**3) / 3, x)), x, method=Central(step=2.0**-7))
    assert inner == pytest.approx(operator(lambda x: np.sum(x**2), x, method=Central(step=2.0**-7)), abs=1e-4)
    assert bits(x) == before


@pytest.mark.parametrize(
    ("operator", "shape"),
    [*itertools.product([gradient, value_and_gradient, jacobian], [(1_000_000,), (1000, 1000)]), (hessian, (1000,))],
)
def test_ctrl_c_stops_the_loop_over_a_c_function(interrupted_after, operator, shape):
    """partial(next, iterator) runs no Python code, so nothing but the kernel looks for signals."""
    x = np.ones(shape)
    counter = iter(range(1 << 60))
    f = functools.partial(next, counter)
    with interrupted_after(0.02):
        operator(f, x)
    assert next(counter) < 900_000  # of a million at least: Python would see the signal after them
    assert np.all(x == 1.0)


def test_ctrl_c_stops_a_vectorized_c_function(interrupted_after):
    values = iter(np.arange(1e5)[:, np.newaxis])  # one for each of the points, of which a block has room for one
    with interrupted_after(0.02):
        gradient(functools.partial(next, values), np.ones(1 << 15), vectorized=True)
    assert next(values) < 60_000  # of 65,536 points: Python would see the signal after them


@pytest.mark.parametrize("operator", [value_and_gradient, jacobian])
def test_x_is_put_back_where_f_changes_it_and_returns_a_complex_number(operator):
    x = np.array([1.0, 2.0])

    def f(x):
        x[1] += 1.0
        return x[0] * 1j

    with pytest.raises(ValueError, match="f must"):
        operator(f, x, method="forward")
    assert x.tolist() == [1.0, 2.0]


@pytest.mark.parametrize("bounds", [None, ([1, 2], [1, 2])], ids=["free", "fixed"])
def test_what_f_changes_in_its_last_call_is_seen(bounds):
    x, calls = np.array([1.0, 2.0]), []

    def f(x):
        calls.append(1)
        if len(calls) == last:
            x[0] += 1.0
        return float(np.sum(x))

    last = 0
    value_and_gradient(f, x, method="forward", bounds=bounds)
    last, _ = len(calls), calls.clear()
    with pytest.raises(ValueError, match=r"f must leave x as it is; it changed x\[0\]"):
        value_and_gradient(f, x, method="forward", bounds=bounds)
    assert x.tolist() == [1.0, 2.0]


POINTS = {
    "contiguous": np.array([0.5, -1.0, 2.0]),
    "strided": np.array([0.5, 9, -1.0, 9, 2.0])[::2],
    "float32": np.array([0.5, -1.0, 2.0], "f"),
    "strided float32": np.array([0.5, 9, -1.0, 9, 2.0], "f")[::2],
    "longdouble": np.array([0.5, -1.0, 2.0], "g"),
}
WAYS = {
    **WITH_ONE_F,
    "sparse hessian": functools.partial(hessian, sparsity=np.ones((3, 3))),
    "along ones": along_ones,
    "numerical_gradient": numerical_gradient,
    "numerical_gradient, vectorized": lambda f, x: numerical_gradient(
        lambda x: np.full(1, f(x[0])), x[np.newaxis], vectorized=True
    ),
    "bounds": lambda f, x: gradient(f, x, bounds=(x, x + 9)),
    "NaN on one side": lambda f, x: gradient(lambda p: f(p) if p[0] <= 0.5 else f(p) * np.nan, x),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("layout", POINTS)
def test_whatever_f_changes_at_whichever_call_is_found(way, layout):
    x = POINTS[layout]
    before, calls = bits(x), itertools.count(1)

    def f(point, k, i):
        if next(calls) == k:
            x[i] += 1
        return np.sum(point**2)

    if way == "sparse hessian":
        pytest.importorskip("scipy.sparse", reason="SciPy is not installed")
    WAYS[way](functools.partial(f, k=0, i=0), x)
    for k, i in itertools.product(range(1, next(calls)), range(3)):
        calls = itertools.count(1)
        place = "0, " if "vectorized" in way else ""
        with pytest.raises(ValueError, match=rf"f must leave x as it is; it changed x\[{place}{i}\]"):
            WAYS[way](functools.partial(f, k=k, i=i), x)
        assert bits(x) == before


@pytest.mark.filterwarnings("ignore:Setting the:DeprecationWarning")
@pytest.mark.parametrize("call", [1, 4, 6, 7, 12])
def test_a_row_that_f_gives_another_shape_is_found(call):
    x, calls = np.ones((2, 3)), itertools.count(1)

    def f(row):
        if next(calls) == call:
            row.shape = (3, 1)
        return float(np.sum(row))

    with pytest.raises(ValueError, match="f must leave x as it is"):
        numerical_gradient(f, x)
    assert (x == 1).all()
