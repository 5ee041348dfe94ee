"""How others call f and the operators: SciPy, f's own argument lists, an f that returns more than its value."""

import json
import pickle

import numpy as np
import pytest

from gradfast import (
    Central,
    Derivative,
    DirectionalDerivative,
    Gradient,
    Hessian,
    Jacobian,
    ValueAndGradient,
    derivative,
    directional_derivative,
    gradient,
    hessian,
    jacobian,
    value_and_gradient,
)

integrate = pytest.importorskip("scipy.integrate", reason="SciPy is not installed")
optimize = pytest.importorskip("scipy.optimize", reason="SciPy is not installed")

X = np.array([1.0, 2.0, 3.0])
V = np.array([1.0, -1.0, 2.0])


# --- in SciPy's hands -------------------------------------------------------------------------------------------------


def valley(x, width=1.0, height=100.0):
    return float(np.sum(height * (x[1:] - x[:-1] ** 2) ** 2 + (width - x[:-1]) ** 2))


START = np.array([1.3, 0.7, 0.8, 1.9, 1.2])
INSIDE = [(0.0, 2.0)] * 5


@pytest.mark.parametrize(
    "options",
    [
        {"jac": Gradient(valley)},
        {"jac": Gradient(valley), "hess": Hessian(valley), "method": "Newton-CG"},
        {"jac": Gradient(valley), "hess": Hessian(valley), "method": "trust-constr"},
        {"jac": Gradient(valley, method=Central(accuracy=4)), "method": "L-BFGS-B", "bounds": INSIDE},
        {"jac": Gradient(valley, bounds=INSIDE), "method": "SLSQP", "bounds": INSIDE},
    ],
    ids=["BFGS", "Newton-CG", "trust-constr", "L-BFGS-B", "SLSQP"],
)
def test_minimize_takes_a_gradient_and_arguments_of_f(options):
    fit = optimize.minimize(valley, START, args=(1.0, 50.0), tol=1e-9, **options)
    assert fit.x == pytest.approx(np.ones(5), abs=1e-4)


@pytest.mark.parametrize("bounds", [None, INSIDE, optimize.Bounds(0, 2), np.array(INSIDE)], ids=type)
def test_minimize_takes_value_and_gradient_as_one_function(bounds):
    fit = optimize.minimize(
        ValueAndGradient(valley, bounds=bounds), START, args=(1.0, 50.0), jac=True, bounds=bounds, tol=1e-9
    )
    assert fit.x == pytest.approx(np.ones(5), abs=1e-4)


def test_least_squares_root_and_curve_fit_take_a_jacobian():
    def misfit(p, t, data):
        return p[0] * np.exp(-p[1] * t) - data

    def model(t, a, b):
        return a * np.exp(-b * t)

    t = np.linspace(0, 4, 40)
    data = 2.5 * np.exp(-1.3 * t)
    fit = optimize.least_squares(misfit, [1.0, 1.0], jac=Jacobian(misfit), args=(t, data))
    assert fit.x == pytest.approx([2.5, 1.3])
    slopes = Jacobian(lambda p, t: model(t, *p))
    found, _ = optimize.curve_fit(model, t, data, p0=[1.0, 1.0], jac=lambda t, *p: slopes(p, t))
    assert found == pytest.approx([2.5, 1.3])

    def circle_and_line(x, radius):
        return [x[0] ** 2 + x[1] ** 2 - radius**2, x[0] - x[1]]

    found = optimize.root(circle_and_line, [1.0, 0.5], args=(2.0,), jac=Jacobian(circle_and_line))
    assert found.x == pytest.approx([2**0.5, 2**0.5])


def kinetics(t, y):
    fast, slow = 1e4 * y[1] * y[2], 3e7 * y[1] ** 2
    return np.array([fast - 0.04 * y[0], 0.04 * y[0] - fast - slow, slow])


@pytest.mark.parametrize("method", ["BDF", "Radau", "LSODA"])
def test_solve_ivp_takes_a_jacobian_in_the_second_argument(method):
    options = {"method": method, "rtol": 1e-7, "atol": 1e-10}
    found = integrate.solve_ivp(kinetics, (0, 40), [1.0, 0.0, 0.0], jac=Jacobian(kinetics, argnum=1), **options)
    assert found.success
    assert found.y[0, -1] == pytest.approx(0.71583, abs=1e-4)


def test_a_nonlinear_constraint_takes_a_jacobian():
    def product(x):
        return [x[0] * x[1]]

    constraint = optimize.NonlinearConstraint(product, 2.0, np.inf, jac=Jacobian(product))
    plane = Gradient(np.sum)
    fit = optimize.minimize(np.sum, [1.0, 3.0], jac=plane, constraints=[constraint], bounds=[(0, None)] * 2)
    assert fit.x == pytest.approx([2**0.5, 2**0.5], abs=1e-4)


# --- arguments --------------------------------------------------------------------------------------------------------


def of_three(a, x, b, *, scale=1.0):
    return scale * a * np.sum(x**2) + b


ARRANGED = {"argnum": 1, "kwargs": {"scale": 2.0}}
METHODS = ["central", "forward", "complex", "adaptive"]
SLOPES = {
    "gradient": (gradient, Gradient, 12 * X),
    "value_and_gradient": (value_and_gradient, ValueAndGradient, 12 * X),
    "jacobian": (jacobian, Jacobian, 12 * X),
    "hessian": (hessian, Hessian, 12 * np.eye(3)),
}


def slopes_of(result):
    return result[1] if isinstance(result, tuple) else result


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("name", SLOPES)
def test_x_may_be_any_argument_of_f(name, method):
    operator, kind, wanted = SLOPES[name]
    if (name, method) == ("hessian", "complex"):
        method = "central"
    tolerance = 1e-1 if (name, method) == ("hessian", "forward") else 1e-4
    found = operator(of_three, X, args=(3.0, 5.0), method=method, **ARRANGED)
    assert slopes_of(found) == pytest.approx(wanted, abs=tolerance)
    prepared = kind(of_three, method=method, **ARRANGED)
    for again in (prepared, pickle.loads(pickle.dumps(prepared))):
        assert np.array_equal(slopes_of(again(3.0, X, 5.0)), slopes_of(found))
    assert prepared == kind(of_three, method=method, **ARRANGED) != kind(of_three, method=method, argnum=1)
    assert repr(prepared).endswith("kwargs={'scale': 2.0}, argnum=1)")


@pytest.mark.parametrize("options", [{}, {"vectorized": True}, {"workers": map}, {"bounds": (0, 9)}], ids=str)
def test_arranged_arguments_reach_f_however_it_is_called(options):
    def f(a, x, *, scale):
        return scale * a * np.sum(x**2, axis=-1)

    assert gradient(f, X, args=(3.0,), argnum=1, kwargs={"scale": 2.0}, **options) == pytest.approx(12 * X)


def test_x_may_be_another_argument_elementwise_and_along_a_direction():
    def power(n, x):
        return x**n

    assert derivative(power, 2.0, args=(3,), argnum=1) == pytest.approx(12.0)
    assert derivative(power, X, args=(3,), argnum=1) == pytest.approx(3 * X**2)
    assert Derivative(power, argnum=1)(3, X) == pytest.approx(3 * X**2)
    assert directional_derivative(power, X, V, args=(3,), argnum=1) == pytest.approx(3 * X**2 * V)
    assert DirectionalDerivative(power, argnum=1)(X, V, 3) == pytest.approx(3 * X**2 * V)


def test_a_gradient_may_have_x_as_another_argument():
    def slope(a, x, *, power):
        return a * x**power

    options = {"gradient": slope, "argnum": 1, "kwargs": {"power": 3}}
    assert hessian(None, X, args=(2.0,), **options) == pytest.approx(np.diag(6 * X**2))
    assert Hessian(**options)(2.0, X) == pytest.approx(np.diag(6 * X**2))


def test_wrong_arrangements_raise():
    for argnum in (-1, 1.5, "x", True):
        with pytest.raises(ValueError, match="argnum must be an integer from 0 up; got "):
            gradient(of_three, X, argnum=argnum)
    for kwargs in ([1], {1: 2}, "scale"):
        with pytest.raises(TypeError, match="kwargs must be a dictionary of f's keyword arguments; got "):
            Gradient(of_three, kwargs=kwargs)
    with pytest.raises(TypeError, match=r"args must hold the 1 arguments of f before x for argnum = 1; got \(\)"):
        gradient(of_three, X, argnum=1)
    with pytest.raises(TypeError, match="a call must have at least 3 arguments for argnum = 2; got 1"):
        Gradient(of_three, argnum=2)(X)
    with pytest.raises(TypeError, match=r"args must hold the 2 arguments of f before x for argnum = 2; got \(1,\)"):
        DirectionalDerivative(of_three, argnum=2)(X, V, 1)


# --- more than a value ------------------------------------------------------------------------------------------------


def with_point(x, factor=1.0):
    return factor * np.sum(x**3), {"x": np.array(x), "name": "cubes"}


@pytest.mark.parametrize("options", [{}, {"workers": map}, {"kwargs": {"factor": 1.0}}], ids=str)
@pytest.mark.parametrize("method", METHODS)
def test_what_f_returns_beside_its_value_is_that_of_the_unmoved_x(method, options):
    slopes, aux = gradient(with_point, X, has_aux=True, method=method, **options)
    assert slopes == pytest.approx(3 * X**2, abs=1e-4)
    assert np.array_equal(aux["x"], X)
    assert aux["name"] == "cubes"
    (value, aux), slopes = value_and_gradient(with_point, X, has_aux=True, method=method, **options)
    assert value == pytest.approx(36.0)
    assert slopes == pytest.approx(3 * X**2, abs=1e-4)
    assert np.array_equal(aux["x"], X)


def test_every_operator_returns_aux():
    def elementwise(x):
        return x**2, "aux"

    assert jacobian(elementwise, X, has_aux=True)[0] == pytest.approx(np.diag(2 * X))
    assert hessian(with_point, X, has_aux=True)[0] == pytest.approx(np.diag(6 * X), abs=1e-4)
    assert derivative(elementwise, 3.0, has_aux=True) == (pytest.approx(6.0), "aux")
    assert derivative(elementwise, X, has_aux=True)[0] == pytest.approx(2 * X)
    assert directional_derivative(elementwise, X, V, has_aux=True)[0] == pytest.approx(2 * X * V)
    ((slopes, aux), info) = Gradient(with_point, has_aux=True, full_output=True)(X)
    assert slopes == pytest.approx(3 * X**2)
    assert (aux["name"], info.evaluations) == ("cubes", 7)
    assert (
        gradient(lambda x: (np.sum(x, axis=1), "all"), np.ones((4, 3)), axis=1, vectorized=True, has_aux=True)[1]
        == "all"
    )


@pytest.mark.parametrize(("method", "calls"), [("central", 7), ("forward", 4)])
def test_aux_costs_at_most_f_at_x(counted, method, calls):
    f = counted(with_point)
    gradient(f, X, has_aux=True, method=method)
    assert f.calls == calls


def test_an_f_that_returns_no_pair_raises():
    for f in (np.sum, lambda x: (1.0, 2.0, 3.0), lambda x: [1.0, 2.0]):
        x = X.copy()
        with pytest.raises(TypeError, match=r"f must return \(value, aux\) with has_aux=True; it returned "):
            gradient(f, x, has_aux=True)
        assert np.array_equal(x, X)
    with pytest.raises(ValueError, match="has_aux must be True or False; got 'yes'"):
        gradient(with_point, X, has_aux="yes")
    with pytest.raises(ValueError, match="has_aux must be False with axis, unless f takes all points at once"):
        gradient(with_point, np.ones((2, 3)), axis=1, has_aux=True)
    with pytest.raises(ValueError, match="has_aux must be False with gradient; got True"):
        hessian(with_point, X, gradient=np.exp, has_aux=True)


def test_an_f_that_changes_x_while_it_is_asked_for_aux_raises():
    def f(x):
        x[1] += 1
        return np.sum(x), None

    x = X.copy()
    with pytest.raises(ValueError, match=r"f must leave x as it is; it changed x\[1\]"):
        gradient(f, x, has_aux=True)
    assert np.array_equal(x, X)


def test_compiled_f_takes_no_such_options():
    from ways import OF_A_POINT

    f = OF_A_POINT(lambda n, x: x[0])
    for name, value, usual in (("argnum", 1, 0), ("kwargs", {}, None), ("has_aux", True, False)):
        with pytest.raises(ValueError, match=f"{name} must be {usual} when f is compiled code; got {value}"):
            gradient(f, X, **{name: value})


# --- numbers ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", METHODS)
def test_a_number_in_gives_a_number_out(method):
    found = [derivative(np.sin, 1.0, method=method), gradient(np.sin, 1.0, method=method)]
    found += [*value_and_gradient(np.sin, 1.0, method=method), jacobian(np.sin, 1.0, method=method)]
    found += [hessian(np.sin, 1.0, method="adaptive" if method == "adaptive" else "central")]
    found += [hessian(None, 1.0, gradient=np.cos, method=method)]
    json.dumps(found)
    for number in found:
        assert isinstance(number, float)
    assert found == pytest.approx([np.cos(1)] * 2 + [np.sin(1)] + [np.cos(1)] * 2 + [-np.sin(1)] * 2, abs=1e-5)


@pytest.mark.parametrize("char", "fdg")
def test_an_array_without_axes_gives_a_number_of_its_dtype(char):
    for operator in (gradient, jacobian, derivative):
        assert type(operator(np.sin, np.array(1.0, char))) is np.dtype(char).type


# --- bounds as pairs --------------------------------------------------------------------------------------------------


def exponentials(x):
    assert np.all((x >= 0) & (x <= 3.0))
    return np.sum(np.exp(x))


@pytest.mark.parametrize(
    "bounds",
    [
        [(0, 1), (0, 3)],
        [[0, 1], [0.0, 3.0]],
        [(0, None), (None, 3)],
        np.array([[0.0, 1.0], [0.0, 3.0]]),
        ((0.0, 0.0), (1.0, 3.0)),  # a tuple of two is two sides
        ([0.0, 0.0], [1.0, 3.0]),
    ],
    ids=str,
)
def test_two_pairs_are_pairs_and_a_tuple_of_two_is_two_sides(bounds):
    x = np.array([0.0, 3.0]) if isinstance(bounds, list) and bounds[0][1] is None else np.array([0.0, 1.5])
    assert gradient(exponentials, x, bounds=bounds) == pytest.approx(np.exp(x))


@pytest.mark.parametrize("kind", [list, tuple, np.array])
def test_as_many_pairs_as_coordinates_are_pairs(kind):
    x = np.array([0.0, 1.0, 3.0])
    bounds = kind([(0, 1), (0, 2), (0, 3)])
    assert gradient(exponentials, x, bounds=bounds) == pytest.approx(np.exp(x))
    column = x.reshape(3, 1)
    assert gradient(exponentials, column, bounds=bounds) == pytest.approx(np.exp(column))
    assert derivative(lambda x: x**2, 1.0, bounds=kind([(1, 2)])) == pytest.approx(2.0)


def test_pairs_are_compared_and_copied():
    pairs = np.array(INSIDE)
    operator = Gradient(valley, bounds=pairs)
    pairs[...] = 5.0
    assert operator(START) == pytest.approx(gradient(valley, START))
    assert operator == Gradient(valley, bounds=INSIDE) == pickle.loads(pickle.dumps(operator))


def test_as_many_pairs_as_no_coordinates_raise():
    with pytest.raises(ValueError, match=r"bounds must be \(lower, upper\), each broadcast to x's shape \(3,\)"):
        gradient(exponentials, X, bounds=[(0, 9)] * 2)


@pytest.mark.parametrize("method", ["central", "adaptive", "complex"])
def test_an_x_that_rounding_left_outside_is_at_its_bound(method):
    x = np.array([0.1 + 0.2, 2.0])  # above 0.3
    limit = np.array([0.3, 3.0])
    seen = []

    def f(x):
        seen.append(np.array(x.real))
        return np.sum(np.exp(x))

    assert gradient(f, x, bounds=(0, limit), method=method) == pytest.approx(np.exp(x))
    assert all(np.all(point <= np.maximum(limit, x)) for point in seen)
    below = np.array([-x[0], 2.0])
    assert gradient(f, below, bounds=(-limit, 9), method=method) == pytest.approx(np.exp(below))


def test_an_x_further_outside_raises_with_numbers_that_differ():
    x = np.array([0.3 + 1e-9, 2.0])
    with pytest.raises(ValueError, match=r"x must lie within bounds; got x\[0\] = 0.300000001 in \[0.0, 0.3\]"):
        gradient(np.sum, x, bounds=(0, [0.3, 3.0]))


def test_scipy_s_own_differences_give_the_same_fit_with_these_bounds():
    bounds = [(0.0, 0.9), (0.0, 2.0), (0.5, 2.0), (0.0, None), (None, 0.4)]
    start = np.array([0.9, 2.0, 0.5, 0.0, 0.4])
    fit = optimize.minimize(ValueAndGradient(valley, bounds=bounds), start, jac=True, bounds=bounds, tol=1e-10)
    other = optimize.minimize(valley, start, bounds=bounds, tol=1e-10)
    assert fit.fun <= other.fun * (1 + 1e-6)


def test_keywords_of_a_call_join_those_of_the_operator():
    prepared = Gradient(lambda x, a, b: a * b * np.sum(x**2), kwargs={"a": 2.0, "b": 3.0})
    assert prepared(X, b=5.0) == pytest.approx(20 * X)
    assert prepared(X) == pytest.approx(12 * X)


@pytest.mark.parametrize("operator", [jacobian, hessian])
@pytest.mark.parametrize("vectorized", [False, True])
def test_points_one_by_one_have_no_aux(operator, vectorized):
    with pytest.raises(ValueError, match="has_aux must be False with axis"):
        operator(lambda points: (points**2, None), np.ones((3, 2)), axis=1, vectorized=vectorized, has_aux=True)
