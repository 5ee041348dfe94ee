"""Results of other shapes: flat, diagonal, of many points, of many values."""

import numpy as np
import pytest

from gradfast import (
    Central,
    Hessian,
    Jacobian,
    directional_derivative,
    gradient,
    hessian,
    jacobian,
    numerical_gradient,
)

X = np.array([0.5, 1.0, 1.5])
METHODS = ["central", "forward", "adaptive", Central(4)]


# --- flat -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", [*METHODS, "complex"], ids=str)
def test_a_flat_jacobian_is_a_matrix_whatever_the_shapes(method):
    column, row = X.reshape(3, 1), X.reshape(1, 3)
    for x in (column, row, X):
        found, info = jacobian(lambda x: (x**2).reshape(1, 3, 1), x, flat=True, method=method, full_output=True)
        assert found == pytest.approx(np.diag(2 * X), abs=1e-5)
        assert info.step.shape == x.shape
        assert info.error is None or info.error.shape == (3, 3)
    assert jacobian(np.sum, column, flat=True, method=method) == pytest.approx(np.ones((1, 3)), abs=1e-6)
    assert jacobian(np.sin, 1.0, flat=True, method=method).shape == (1, 1)
    names = jacobian(lambda p: p["a"] * p["b"], {"a": X, "b": 2.0}, flat=True, method=method)
    assert names == pytest.approx(np.column_stack([2 * np.eye(3), X]), abs=1e-5)
    assert Jacobian(np.sin, flat=True) != Jacobian(np.sin)


# --- directions -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", [*METHODS, "complex"], ids=str)
def test_many_directions_in_one_call_are_each_its_own(method):
    directions = np.random.default_rng(1).normal(size=(4, 3))
    for f in (lambda x: x**2, lambda x: np.sum(x**3)):
        found, info = directional_derivative(f, X, directions, method=method, full_output=True)
        wanted = np.array([directional_derivative(f, X, v, method=method) for v in directions])
        assert np.array_equal(found, wanted)
        assert info.step.shape == info.scheme.shape == (4,)
    (found, aux) = directional_derivative(lambda x: (x[0] * x[1], "aux"), X.tolist(), directions.tolist(), has_aux=True)
    assert found == pytest.approx(directions @ [X[1], X[0], 0])
    assert aux == "aux"
    assert directional_derivative(np.sin, 1.0, [1.0, 2.0]) == pytest.approx([np.cos(1), 2 * np.cos(1)])


def test_a_jacobian_as_a_linear_operator():
    linalg = pytest.importorskip("scipy.sparse.linalg")
    matrix = np.array([[4.0, 1.0, 0.0], [1.0, 3.0, 1.0], [0.0, 1.0, 5.0]])

    def f(a, x, *, power):
        return a * (matrix @ x) ** power

    operator = Jacobian(f, argnum=1, kwargs={"power": 2}).as_linear_operator(2.0, X)
    dense = jacobian(f, X, args=(2.0,), argnum=1, kwargs={"power": 2})
    assert operator.shape == (3, 3)
    assert operator @ np.eye(3) == pytest.approx(dense, rel=1e-6)
    found, failed = linalg.gmres(operator, np.ones(3), rtol=1e-8)
    assert failed == 0
    assert found == pytest.approx(np.linalg.solve(dense, np.ones(3)), rel=1e-5)


def test_a_linear_operator_has_no_place_for_aux():
    with pytest.raises(ValueError, match="^has_aux must be False for a linear operator; got True$"):
        Jacobian(lambda x: (x, None), has_aux=True).as_linear_operator(X)


# --- diagonal ---------------------------------------------------------------------------------------------------------


def quartic(x):
    return np.sum(x**4) + x.flat[0] * x.flat[-1]


@pytest.mark.parametrize("method", ["central", "adaptive", Central(4)], ids=str)
@pytest.mark.parametrize("options", [{}, {"bounds": (0, 9)}, {"bounds": (X, 9)}, {"workers": map}], ids=str)
def test_the_diagonal_alone(method, options):
    x = X.copy()
    found, info = hessian(quartic, x, diagonal=True, method=method, full_output=True, **options)
    assert found == pytest.approx(12 * X**2, rel=1e-3)
    assert found.shape == info.step.shape == X.shape
    assert np.array_equal(x, X)


def test_the_diagonal_takes_its_evaluations_and_the_bits_of_the_whole(counted):
    f = counted(quartic)
    found = hessian(f, X, diagonal=True)
    assert f.calls == 7
    assert np.array_equal(found, np.diagonal(hessian(quartic, X)))
    assert hessian(quartic, X.reshape(3, 1), diagonal=True).shape == (3, 1)
    assert isinstance(hessian(np.exp, 1.0, diagonal=True), float)
    assert hessian(None, X, gradient=lambda x: 4 * x**3, diagonal=True) == pytest.approx(12 * X**2)
    assert hessian(quartic, X, diagonal=True, f0=quartic(X)) == pytest.approx(12 * X**2, rel=1e-4)
    fixed = hessian(quartic, X, diagonal=True, bounds=([0, 1.0, 0], [9, 1.0, 9]))
    assert fixed == pytest.approx([3, 0, 27], rel=1e-3)
    for name, value in (("diagonal", True), ("axis", 0)):
        with pytest.raises(ValueError, match=f"{name} must not be given with sparsity; got {value}"):
            hessian(quartic, X, sparsity=np.eye(3), **{name: value})


# --- many points ------------------------------------------------------------------------------------------------------


POINTS = np.random.default_rng(0).normal(size=(7, 2))


def curve(x):
    return np.array([x[0] * x[1], x[0] ** 2, x[1]])


def curves(x):
    """The same of points along other axes than the last."""
    return np.stack([x[..., 0] * x[..., 1], x[..., 0] ** 2, x[..., 1]], axis=-1)


@pytest.mark.parametrize("method", [*METHODS, "complex"], ids=str)
def test_jacobians_of_many_points_take_the_place_of_the_axis(method):
    x = POINTS.copy()
    wanted = np.array([jacobian(curve, point, method=method) for point in POINTS])
    for axis in (-1, 1):
        found, info = jacobian(curve, x, axis=axis, method=method, full_output=True)
        assert np.array_equal(found, wanted)
        assert info.step.shape == info.scheme.shape == POINTS.shape
        assert info.error is None or info.error.shape == wanted.shape
    first = jacobian(curve, x.T, axis=0, method=method)
    assert np.array_equal(first, np.moveaxis(wanted, 0, -1))
    grid = np.moveaxis(np.array([POINTS, POINTS]), -1, 1)  # components in the middle
    assert np.array_equal(jacobian(curve, grid, axis=1, method=method)[0], np.moveaxis(wanted, 0, -1))
    assert jacobian(curves, x, axis=-1, vectorized=True, method=method) == pytest.approx(wanted, rel=1e-6)
    rows_first = jacobian(lambda x: curves(x.T).T, x.T, axis=0, vectorized=True, method=method)
    assert rows_first == pytest.approx(np.moveaxis(wanted, 0, -1), rel=1e-6)
    assert np.array_equal(x, POINTS)


def test_hessians_of_many_points():
    def f(x, a=1.0):
        return a * x[0] ** 2 * x[1]

    wanted = np.array([[[2 * y, 2 * x], [2 * x, 0]] for x, y in POINTS])
    assert hessian(f, POINTS, axis=1) == pytest.approx(wanted, abs=1e-5)
    assert hessian(f, POINTS.T, axis=0) == pytest.approx(np.moveaxis(wanted, 0, -1), abs=1e-5)
    assert Hessian(f, axis=-1, bounds=(-9, 9))(POINTS, 2.0) == pytest.approx(2 * wanted, abs=1e-5)
    diagonal = np.diagonal(wanted, axis1=1, axis2=2)
    assert hessian(f, POINTS, axis=1, diagonal=True) == pytest.approx(diagonal, abs=1e-5)
    by_slopes = hessian(None, POINTS, axis=1, gradient=lambda x: np.array([2 * x[0] * x[1], x[0] ** 2]))
    assert by_slopes == pytest.approx(wanted, abs=1e-6)
    arranged = hessian(lambda a, x: f(x, a), POINTS, axis=1, argnum=1, args=(2.0,))
    assert arranged == pytest.approx(2 * wanted, abs=1e-5)


def test_bounds_of_many_points_are_those_of_each():
    lower = POINTS - np.array([0.0, 1.0])

    def f(x):
        assert any(np.all(x >= low) for low in lower)
        return curve(x)

    found, info = jacobian(f, POINTS, axis=1, bounds=(lower, None), full_output=True)
    assert found == pytest.approx(jacobian(curve, POINTS, axis=1), abs=1e-6)
    assert info.scheme[0].tolist() == ["forward", "central"]


def test_wrong_axes_raise():
    with pytest.raises(ValueError, match=r"axis must be an axis of x, whose shape is \(7, 2\); got 2"):
        jacobian(curve, POINTS, axis=2)
    with pytest.raises(ValueError, match="f0 must not be given with axis; got 1.0"):
        jacobian(curve, POINTS, axis=1, f0=1.0)
    with pytest.raises(ValueError, match="has_aux must be False with axis; got True"):
        jacobian(lambda x: (curve(x), 0), POINTS, axis=1, has_aux=True, vectorized=True)
    with pytest.raises(ValueError, match="axis must be None with sparsity; got 1"):
        jacobian(curve, POINTS, axis=1, sparsity=np.ones((3, 2)))
    with pytest.raises(ValueError, match="vectorized must be False with axis and gradient; got True"):
        hessian(None, POINTS, axis=1, gradient=curve, vectorized=True)
    assert jacobian(curve, np.empty((0, 2)), axis=1).shape[0] == 0


# --- many values ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["central", "adaptive", Central(4)], ids=str)
@pytest.mark.parametrize("diagonal", [False, True])
def test_the_hessian_of_many_values_has_one_for_each(method, diagonal):
    def f(x):
        return np.array([[x[0] ** 2 * x[1], x[2] ** 3]])

    x = X.copy()
    found, info = hessian(f, x, method=method, diagonal=diagonal, full_output=True)
    wanted = [hessian(lambda x, j=j: f(x).flat[j], X, method=method, diagonal=diagonal) for j in range(2)]
    assert np.array_equal(found, np.array([wanted]))
    assert found.shape == (1, 2) + (3,) * (1 if diagonal else 2)
    assert info.error is None or info.error.shape == found.shape
    assert np.array_equal(x, X)


def test_the_hessian_of_many_values_costs_one_evaluation_more(counted):
    f = counted(lambda x: np.array([x[0] ** 2, x[1] ** 2, x[0] * x[2]]))
    _, info = hessian(f, X, full_output=True)
    assert f.calls == info.evaluations == 14
    found = hessian(lambda a, x: (a * f(x), "aux"), X, argnum=1, args=(2.0,), has_aux=True)
    assert found[0][2] == pytest.approx(np.array([[0, 0, 2], [0, 0, 0], [2, 0, 0]]), abs=1e-4)
    assert found[1] == "aux"
    many = hessian(lambda x: np.array([x[0] ** 2, x[0] * x[1]]), POINTS, axis=1)
    assert many.shape == (7, 2, 2, 2)
    with pytest.raises(ValueError, match="f must return a scalar; it returned an array of shape"):
        hessian(f, X, f0=1.0)


# --- the drop-in, at one point of any shape ---------------------------------------------------------------------------


@pytest.mark.parametrize("vectorized", [False, True])
@pytest.mark.parametrize("shape", [(), (3,), (2, 3), (2, 2, 2)])
def test_numerical_gradient_takes_an_x_of_any_shape_as_one_point(shape, vectorized):
    if vectorized and len(shape) not in (1, 2):
        pytest.skip("many points of these shapes are for gradient")
    x = np.arange(np.prod(shape, dtype=int), dtype=float).reshape(shape) + 1
    before = x.copy()

    def f(w):
        assert w.shape[-len(shape) :] == shape[-len(w.shape) :] or vectorized
        return np.sum(w**2, axis=tuple(range(1, w.ndim))) if vectorized else np.sum(w**2)

    assert numerical_gradient(f, x, axis=None, vectorized=vectorized) == pytest.approx(2 * x)
    assert np.array_equal(x, before)


def test_a_two_dimensional_x_is_rows_unless_axis_is_none():
    W = np.arange(6.0).reshape(2, 3)
    f = lambda W: np.sum(W[0] * W[1])  # noqa: E731
    assert numerical_gradient(f, W, axis=None) == pytest.approx(np.array([[3, 4, 5], [0, 1, 2]]))
    for axis in (-1, 1):
        assert np.array_equal(numerical_gradient(f, W, axis=axis), numerical_gradient(f, W))
    assert np.array_equal(numerical_gradient(np.sum, W[0], axis=None), numerical_gradient(np.sum, W[0]))
    for axis in (0, 2, "x"):
        with pytest.raises(ValueError, match="axis must be -1, the last, or None for one point of any shape; got "):
            numerical_gradient(f, W, axis=axis)


def test_an_exception_from_a_row_says_so():
    with pytest.raises(IndexError) as caught:
        numerical_gradient(lambda W: W[0, 0], np.ones((2, 3)))
    moved, note = caught.value.__notes__
    assert moved == "f raised this with x[0, 0] moved by 0.0001"
    assert note == "f was called with a row of x, of shape (3,); with axis=None all of x is one point"
    with pytest.raises(IndexError) as caught:
        numerical_gradient(lambda W: W[0, 0], np.ones(3))
    assert caught.value.__notes__ == ["f raised this with x[0] moved by 0.0001"]


def test_compiled_f_takes_all_of_x_as_one_point():
    from ways import OF_A_POINT

    f = OF_A_POINT(lambda n, x: n * x[n - 1])
    assert numerical_gradient(f, np.ones((2, 3)), axis=None) == pytest.approx(np.array([[0, 0, 0], [0, 0, 6]]))
    assert numerical_gradient(f, np.ones((2, 3))) == pytest.approx(np.array([[0, 0, 3], [0, 0, 3]]))
    assert gradient(f, np.ones((2, 3))) == pytest.approx(np.array([[0, 0, 0], [0, 0, 6]]))
