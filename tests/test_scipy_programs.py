"""Programs around SciPy's solvers, which call prepared operators in their own ways: with keywords, tuples, products."""

import numpy as np
import pytest

from gradfast import (
    Central,
    Derivative,
    DirectionalDerivative,
    Gradient,
    Hessian,
    Jacobian,
    compiled,
    directional_derivative,
    gradient,
    jacobian,
)

integrate = pytest.importorskip("scipy.integrate", reason="SciPy is not installed")
linalg = pytest.importorskip("scipy.sparse.linalg", reason="SciPy is not installed")
optimize = pytest.importorskip("scipy.optimize", reason="SciPy is not installed")

T = np.linspace(0.0, 4.0, 40)
Y = 2.5 * np.exp(-1.3 * T)


def decay(p, t, y):
    return p[0] * np.exp(-p[1] * t) - y


def valley(x, width=1.0, height=100.0):
    return float(np.sum(height * (x[1:] - x[:-1] ** 2) ** 2 + (width - x[:-1]) ** 2))


START = np.array([1.3, 0.7, 0.8, 1.9, 1.2])


# --- keywords of a call -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["trf", "dogbox", "lm"])
def test_least_squares_hands_keywords_of_f_to_its_jacobian(method):
    fit = optimize.least_squares(decay, [1.0, 1.0], jac=Jacobian(decay), kwargs={"t": T, "y": Y}, method=method)
    assert fit.x == pytest.approx([2.5, 1.3])


def test_keywords_of_a_call_stand_beside_those_of_the_operator():
    def f(x, a, *, b=1.0, c=1.0):
        return a * b * c * np.sum(x**2)

    x = np.array([1.0, 2.0])
    assert Gradient(f)(x, 3.0, b=2.0) == pytest.approx(12 * x)
    prepared = Gradient(f, kwargs={"b": 2.0, "c": 5.0})
    assert prepared(x, 3.0, c=7.0) == pytest.approx(2 * 3 * 2 * 7 * x)
    assert prepared(x, 3.0) == pytest.approx(2 * 3 * 2 * 5 * x)
    assert prepared(x, a=3.0) == pytest.approx(2 * 3 * 2 * 5 * x)
    assert Hessian(f)(x, 3.0, b=2.0) == pytest.approx(12 * np.eye(2), abs=1e-5)
    assert Hessian(None, gradient=lambda x, b: b * x**2)(x, b=2.0) == pytest.approx(np.diag(4 * x), abs=1e-8)
    assert DirectionalDerivative(f)(x, x, 1.0, b=2.0) == pytest.approx(4 * x @ x)
    assert Derivative(lambda x, k: x**k)(2.0, k=3) == pytest.approx(12.0)
    with pytest.raises(TypeError, match="unexpected keyword argument 'd'"):
        Gradient(f)(x, 3.0, d=1.0)


# --- products ---------------------------------------------------------------------------------------------------------

MATRIX = np.array([[4.0, 1.0, 0.0], [1.0, 3.0, 1.0], [0.0, 1.0, 2.0]])
POINT = np.array([0.1, 0.2, 0.3])


def bent(x, scale=1.0):
    return scale * (MATRIX @ x) + 0.01 * x**2


def test_krylov_solvers_take_the_jacobian_as_a_linear_operator(counted):
    exact, b = MATRIX + np.diag(0.02 * POINT), np.ones(3)
    operator = Jacobian(bent).as_linear_operator(POINT, 1.0)
    assert linalg.gmres(operator, b, rtol=1e-10)[0] == pytest.approx(np.linalg.solve(exact, b))
    assert operator.T @ b == pytest.approx(exact.T @ b)
    assert operator @ (1j * b) == pytest.approx(1j * (exact @ b))
    for solve in (linalg.lsmr, linalg.lsqr):
        assert solve(operator, b)[0] == pytest.approx(np.linalg.solve(exact, b), rel=1e-4)


@pytest.mark.parametrize(
    "options",
    [{"method": "forward", "bounds": (0.1, None)}, {"method": "adaptive"}, {"full_output": True, "on_error": "nan"}],
    ids=str,
)
def test_a_linear_operator_keeps_the_options_of_its_jacobian(options):
    operator = Jacobian(bent, **options).as_linear_operator(POINT)
    assert operator @ np.eye(3) == pytest.approx(jacobian(bent, POINT), abs=1e-6)


def test_a_linear_operator_of_other_kinds_of_f():
    many = Jacobian(lambda points: points @ MATRIX, vectorized=True).as_linear_operator(POINT)
    assert many @ POINT == pytest.approx(MATRIX @ POINT)
    turned = Jacobian(lambda x: 1j * (MATRIX @ x)).as_linear_operator(POINT)
    assert turned.dtype == complex
    assert turned @ POINT == pytest.approx(1j * MATRIX @ POINT)
    transposed = turned.H @ POINT
    assert transposed == pytest.approx(MATRIX @ POINT / 1j)
    second = Jacobian(lambda t, y: t * MATRIX @ y, argnum=1).as_linear_operator(2.0, POINT)
    assert second @ POINT == pytest.approx(2 * MATRIX @ POINT)


def test_a_linear_operator_and_directions_of_compiled_f():
    pytest.importorskip("numba")
    squares = compiled(lambda x: x**2, outputs=3)
    for method in ("central", "forward"):
        operator = Jacobian(squares, method=method).as_linear_operator(POINT)
        assert operator @ np.ones(3) == pytest.approx(2 * POINT, rel=1e-5)
        along = directional_derivative(squares, POINT, np.eye(3), method=method)
        assert along == pytest.approx(np.diag(2 * POINT), abs=1e-5)
    total = compiled(lambda x: np.sum(x**2))
    for f0 in (None, POINT @ POINT):
        found = directional_derivative(total, POINT, np.eye(3), method="forward", f0=f0)
        assert found == pytest.approx(2 * POINT, rel=1e-5)
    with pytest.raises(ValueError, match=r"f0 must have the shape of f\(x\), \(3,\); got \(2,\)"):
        directional_derivative(squares, POINT, POINT, method="forward", f0=[1.0, 2.0])
    with pytest.raises(TypeError, match="f must write an array at a point"):
        Jacobian(total).as_linear_operator(POINT)


def test_a_linear_operator_knows_f_at_x(counted):
    f = counted(bent)
    operator = Jacobian(f, method="forward").as_linear_operator(POINT)
    assert f.calls == 1
    operator @ POINT, operator @ POINT
    assert f.calls == 3


def test_a_linear_operator_and_its_transpose_are_one_matrix(counted):
    f = counted(lambda x: np.exp(MATRIX @ x))
    operator = Jacobian(f).as_linear_operator(POINT)
    whole = operator.T @ np.eye(3)
    before = f.calls
    assert np.array_equal(operator @ np.eye(3), whole.T)
    assert f.calls == before
    assert operator @ (1j * POINT) == pytest.approx(1j * (whole.T @ POINT))


def test_least_squares_with_a_linear_operator():
    def products(p, t, y):
        return Jacobian(decay).as_linear_operator(p, t, y)

    fit = optimize.least_squares(decay, [1.0, 1.0], jac=products, args=(T, Y))
    assert fit.x == pytest.approx([2.5, 1.3])


@pytest.mark.parametrize("method", ["Newton-CG", "trust-ncg", "trust-krylov", "trust-constr"])
def test_minimize_takes_products_with_the_hessian(method):
    slope = Gradient(valley, method=Central(accuracy=4))
    fit = optimize.minimize(
        valley, START, args=(1.0, 30.0), jac=slope, hessp=DirectionalDerivative(slope), method=method
    )
    assert fit.x == pytest.approx(np.ones(5), abs=1e-3)


# --- other solvers ----------------------------------------------------------------------------------------------------


def test_newton_s_and_halley_s_methods_take_derivatives():
    def f(x, c):
        return x**3 - c

    options = {"args": (2.0,), "fprime": Derivative(f)}
    assert optimize.newton(f, 1.0, **options) == pytest.approx(2 ** (1 / 3))
    assert optimize.newton(f, 1.0, fprime2=Derivative(f, n=2), **options) == pytest.approx(2 ** (1 / 3))
    root = optimize.root_scalar(f, x0=1.0, fprime2=Derivative(f, n=2), method="halley", **options)
    assert root.root == pytest.approx(2 ** (1 / 3))
    cubes = np.array([1.0, 2.0, 8.0])
    assert optimize.newton(f, np.ones(3), fprime=Derivative(f), args=(cubes,)) == pytest.approx(np.cbrt(cubes))


def test_older_interfaces_take_gradients_and_jacobians():
    ones, args = pytest.approx(np.ones(5), abs=1e-3), (1.0, 20.0)
    assert optimize.fmin_l_bfgs_b(valley, START, fprime=Gradient(valley), args=args)[0] == ones
    assert optimize.fmin_bfgs(valley, START, fprime=Gradient(valley), args=args, disp=0) == ones
    assert optimize.fmin_ncg(valley, START, Gradient(valley), fhess=Hessian(valley), args=args, disp=0) == ones
    assert optimize.check_grad(valley, Gradient(valley), START) < 1e-3
    assert optimize.leastsq(decay, [1.0, 1.0], args=(T, Y), Dfun=Jacobian(decay))[0] == pytest.approx([2.5, 1.3])
    assert optimize.fsolve(bent, POINT, fprime=Jacobian(bent)) == pytest.approx(np.zeros(3), abs=1e-9)


def oscillator(t, y, mu):
    return [y[1], mu * (1 - y[0] ** 2) * y[1] - y[0]]


def test_ode_solvers_take_a_jacobian_of_f_that_returns_a_list():
    slopes = Jacobian(oscillator, argnum=1)
    own = integrate.odeint(oscillator, [2.0, 0.0], [0.0, 20.0], args=(50.0,), tfirst=True)
    found = integrate.odeint(oscillator, [2.0, 0.0], [0.0, 20.0], args=(50.0,), tfirst=True, Dfun=slopes)
    assert found == pytest.approx(own, rel=1e-4)
    for method in ("BDF", "Radau"):
        run = integrate.solve_ivp(oscillator, (0, 20), [2.0, 0.0], method, args=(50.0,), jac=slopes, rtol=1e-7)
        assert run.y[:, -1] == pytest.approx(own[-1], rel=1e-4)


def test_a_boundary_value_problem_takes_jacobians_of_many_points():
    def f(y):
        return np.array([y[1], -np.exp(y[0])])

    def ends(left, right):
        return np.array([left[0], right[0]])

    run = integrate.solve_bvp(
        lambda x, y: f(y),
        ends,
        np.linspace(0, 1, 5),
        np.zeros((2, 5)),
        fun_jac=lambda x, y: jacobian(f, y, axis=0),
        bc_jac=lambda a, b: (jacobian(ends, a, args=(b,)), jacobian(ends, b, args=(a,), argnum=1)),
    )
    assert run.success
    assert run.y[0].max() == pytest.approx(0.1405, abs=1e-3)


# --- bounds -----------------------------------------------------------------------------------------------------------


def test_bounds_may_be_an_iterator_of_pairs():
    lower, upper = np.full(5, 0.7), np.full(5, 1.9)
    prepared = Gradient(valley, bounds=zip(lower, upper, strict=True))
    for _ in range(2):
        assert np.array_equal(prepared(START), gradient(valley, START, bounds=(lower, upper)))
    assert "array" in repr(prepared)


def test_a_linear_constraint_is_no_bounds():
    constraint = optimize.LinearConstraint(np.eye(5), 0, 2)
    with pytest.raises(ValueError, match=r"bounds must be \(lower, upper\), each broadcast to x's shape \(5,\); got <"):
        gradient(valley, START, bounds=constraint)


def test_a_linear_operator_is_of_one_point():
    with pytest.raises(ValueError, match="axis must be None for a linear operator; got 1"):
        Jacobian(np.sin, axis=1).as_linear_operator(np.ones((2, 2)))
