import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from objectives import cubes, rosen, rosen_gradient, same
from strategies import FLOATS, points

from gradfast import Complex, derivative, directional_derivative, gradient, hessian, jacobian, value_and_gradient
from gradfast.steps.methods import LONGEST_CHECK, check_along, direction_inside, random_direction

UNCHECKED = Complex(check=False)


# --- values -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("method", ["complex", UNCHECKED], ids=repr)
def test_the_error_is_that_of_rounding(dtype, method):
    eps = np.finfo(dtype).eps
    x = np.random.default_rng(0).uniform(-1.0, 1.5, (50, 10)).astype(dtype)
    found = gradient(rosen, x, axis=1, method=method)
    exact = rosen_gradient(x.astype("g"))
    assert found.dtype == x.dtype
    assert np.abs(found - exact).max() < 8 * eps * np.abs(exact).max()
    assert np.all(
        np.abs(
            gradient(lambda x: np.sum(np.exp(x) * np.sin(x)), x, method=method) - np.exp(x) * (np.sin(x) + np.cos(x))
        )
        < 16 * eps
    )


@pytest.mark.parametrize("x", [1e-300, 1e-30, 1e-8, 1.0, 1e8, 1e12])
@pytest.mark.parametrize(
    ("f", "slope"),
    [
        (np.log, lambda x: 1 / x),
        (np.sqrt, lambda x: 0.5 / np.sqrt(x)),
        (np.sin, np.cos),
        (lambda x: x * 3, lambda x: 3.0 + 0 * x),
        (lambda x: 1 / (1 + x), lambda x: -1 / (1 + x) ** 2),
    ],
    ids=["log", "sqrt", "sin", "linear", "quotient"],
)
def test_x_of_any_scale(x, f, slope):
    exact = slope(np.float64(x))
    assert derivative(f, x, method="complex") == pytest.approx(exact, rel=1e-14, abs=0)
    assert gradient(lambda x: f(x[0]), np.array([x]), method="complex")[0] == pytest.approx(exact, rel=1e-14, abs=0)


@pytest.mark.parametrize(
    ("f", "slope"),
    [
        (np.exp, 1.0),
        (np.sin, 1.0),
        (np.cosh, 0.0),
        (lambda x: 2 * x, 2.0),
        (lambda x: x**3, 0.0),
        (lambda x: x**5 - x**4, 0.0),
    ],
    ids=["exp", "sin", "cosh", "linear", "cube", "quintic"],
)
@pytest.mark.parametrize("dtype", FLOATS)
def test_zero_is_a_point_like_others(f, slope, dtype):
    for zero in (np.zeros((), dtype), np.array(-0.0, dtype), np.zeros(3, dtype)):
        found = derivative(f, zero, method="complex")
        assert np.abs(found - slope).max() <= np.finfo(dtype).eps
        assert np.array_equal(gradient(lambda x: np.sum(f(x)), zero, method="complex"), found)
        assert np.array_equal(jacobian(f, np.ravel(zero), method="complex").diagonal(), np.ravel(found))


@pytest.mark.parametrize("frequency", [1e3, 1e6, 1e9])
def test_a_fast_f_that_is_analytic_is_not_blamed(frequency):
    for x in (0.0, 0.3, 1.0, -2.5, 17.0):
        found = derivative(lambda x: np.sin(frequency * x), x, method="complex")
        assert found == pytest.approx(frequency * np.cos(frequency * x), rel=1e-6)
    x = np.random.default_rng(0).normal(size=40)
    assert gradient(lambda x: np.sum(np.sin(frequency * x)), x, method="complex") == pytest.approx(
        frequency * np.cos(frequency * x)
    )


@given(st.floats(-6, 6), st.floats(-1, 1), st.integers(1, 5), st.integers(0, 2**32 - 1))
def test_an_analytic_f_is_not_blamed(log_frequency, x, n, seed):
    point = x * np.random.default_rng(seed).normal(size=n)
    frequency = 10.0**log_frequency
    for f in (np.sin, lambda z: z**3, lambda z: np.exp(-(z**2)), lambda z: z**9 - z):
        gradient(lambda x: np.sum(f(frequency * x)), point, method="complex")  # noqa: B023
        jacobian(lambda x: f(frequency * x), point, method="complex")  # noqa: B023
        derivative(lambda x: f(frequency * x), point, method="complex")  # noqa: B023


@pytest.mark.parametrize("x", [26.0, 26.5, 26.6, 27.0])
def test_an_f_that_underflows_is_not_blamed(x):
    assert derivative(lambda z: np.exp(-(z**2)), x, method="complex") == pytest.approx(0.0, abs=1e-290)


def test_a_move_that_only_longdouble_sees_is_seen():
    x = np.array([1.0, 137.5], np.longdouble)
    bounds = (x - [1e-9, 1e-9], x)
    assert derivative(lambda x: x**2, x, method="complex", bounds=bounds) == pytest.approx(2 * x)
    with pytest.raises(ValueError, match="f must be analytic at x"):
        derivative(lambda x: x * np.conj(x) if x.dtype.kind == "c" else x * x, x, method="complex", bounds=bounds)


def test_large_constants_are_not_blamed():
    x = np.array([1.0, 2.0])
    assert gradient(lambda x: 1e12 + np.sum(x**2), x, method="complex") == pytest.approx(2 * x, rel=1e-14)


def test_comparisons_and_maxima_that_pick_a_branch_of_the_real_part_are_fine():
    x = np.array([0.5, -1.5])
    assert gradient(lambda x: np.sum(np.where(x.real > 0, x**2, -x)), x, method="complex") == pytest.approx([1.0, -1.0])
    assert gradient(lambda x: np.sum(np.maximum(x, 0) ** 2), x, method="complex") == pytest.approx([1.0, 0.0])
    assert gradient(lambda x: x[0] ** 2 if x[0] > 0 else x[1], x, method="complex") == pytest.approx([1.0, 0.0])


@pytest.mark.parametrize("x", [1e-300, 1e-30, 1e-9, 0.05, 3.0])
def test_an_f_more_curved_near_zero_than_any_step_is_not_blamed(x):
    for f in (
        lambda x: x * np.log(x),
        lambda x: x**1.1,
        lambda x: x**0.9,
        lambda x: np.exp(np.sqrt(x)),
        lambda x: x**2,
    ):
        derivative(f, x, method="complex")
        gradient(lambda x: f(x[0]) + f(x[1]), np.array([x, 1.0]), method="complex")  # noqa: B023
        directional_derivative(lambda x: f(x[0]) * f(x[1]), np.array([x, 1.0]), [1.0, 1.0], method="complex")  # noqa: B023


# --- an f that is not analytic ----------------------------------------------------------------------------------------

NOT_ANALYTIC = {
    "abs of one term": lambda x: np.sum(np.abs(x) + 0j * x),
    "x times its conjugate": lambda x: np.sum(x * np.conj(x)),
    "conj": lambda x: np.sum(np.conj(x) ** 2),
    "a norm": lambda x: np.linalg.norm(x) + 0j * x[0],
    "one coordinate's real part": lambda x: x[0].real ** 2 + x[1] ** 2 + x[2],
    "vdot": lambda x: np.vdot(x, x),
    "a rounded parameter": lambda x: np.sum(x[1:] ** 2) + 2 * float(np.real(x[0])) + 0j,
}


@pytest.mark.parametrize("name", NOT_ANALYTIC)
@pytest.mark.parametrize("dtype", FLOATS)
def test_an_f_that_is_not_analytic_is_found(name, dtype):
    def f(x):
        result = NOT_ANALYTIC[name](x)
        return result if x.dtype.kind == "c" else np.real(result)

    x = np.array([0.5, -1.5, 2.0], dtype)
    for operator in (gradient, value_and_gradient, jacobian):
        with pytest.raises(ValueError, match="f must be analytic at x for method 'complex'; along a random direction"):
            operator(f, x, method="complex")
        operator(f, x, method=UNCHECKED)
    with pytest.raises(ValueError, match="f must be analytic at x for method 'complex'"):
        directional_derivative(f, x, [1.0, 2.0, 3.0], method="complex")
    directional_derivative(f, x, [1.0, 2.0, 3.0], method=UNCHECKED)


def test_the_error_tells_both_derivatives():
    with pytest.raises(ValueError, match=r"is 0 by the complex step and 4(\.\d+)? by a difference"):
        directional_derivative(lambda x: x * np.conj(x) if x.dtype.kind == "c" else x * x, 2.0, 1.0, method="complex")


@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("vectorized", [False, True])
def test_one_point_of_a_batch_that_is_not_analytic_is_found(axis, vectorized):
    x = np.array([[1.0, 2.0], [3.0, 4.0]])
    x = x if axis else x.T

    def f(p):
        total = np.sum(p * np.where(p.real > 3.5, np.conj(p), p), axis=axis if vectorized else None)
        return total if p.dtype.kind == "c" else np.real(total)

    with pytest.raises(ValueError, match="f must be analytic at x for method 'complex'"):
        gradient(f, x, axis=axis, method="complex", vectorized=vectorized)
    assert gradient(f, np.minimum(x, 3), axis=axis, method="complex", vectorized=vectorized) == pytest.approx(
        2 * np.minimum(x, 3)
    )


@pytest.mark.parametrize(
    ("f", "found"),
    [
        (lambda x: np.sum(np.abs(x)), r"np\.float64\(3\.\d*\), of dtype float64"),
        (lambda x: np.sum(x.real), r"np\.float64\(3\.0\), of dtype float64"),
        (lambda x: float(np.sum(x.real)), "3.0, of dtype float64"),
        (lambda x: 3, "3, of dtype int64"),
        (lambda x: None, "None, of dtype object"),
    ],
    ids=["abs", "real", "float", "integer", "nothing"],
)
@pytest.mark.parametrize("method", ["complex", UNCHECKED], ids=repr)
def test_an_f_that_drops_the_imaginary_part_is_told_so(f, found, method):
    x = np.array([1.0, 2.0])
    message = rf"f must compute with complex numbers for method 'complex'; it returned {found}"
    for operator in (gradient, jacobian):
        with pytest.raises(TypeError, match=message):
            operator(f, x, method=method)
    with pytest.raises(TypeError, match=message):
        directional_derivative(f, x, x * 0 + 1, method=method)


def test_vectorized_f_that_drops_the_imaginary_part_is_told_so():
    x = np.ones((2, 3))
    message = "f must compute with complex numbers for method 'complex'; it returned .*of dtype float64"
    for operator, options in ((gradient, {}), (gradient, {"axis": 1}), (jacobian, {})):
        with pytest.raises(TypeError, match=message):
            operator(lambda p: p.real.reshape(len(p), -1).sum(axis=1), x, method="complex", vectorized=True, **options)
    with pytest.raises(TypeError, match=message):
        derivative(np.real, np.ones(3), method="complex")


def test_a_float_of_a_complex_number_is_python_s_own_error():
    with pytest.raises((TypeError, np.exceptions.ComplexWarning), match="complex"):
        gradient(lambda x: float(x[0]), np.array([1.0]), method="complex")


def test_f_must_be_real_at_a_real_point():
    x = np.array([1.0, 2.0])
    with pytest.raises(TypeError, match=r"f must return a real scalar; it returned .*3\+0j.*, a complex128$"):
        gradient(lambda x: np.sum(x) + 0j, x, method="complex")
    with pytest.raises(TypeError, match=r"f must return real numbers; it returned .*, of dtype complex128$"):
        jacobian(lambda x: x + 0j, x, method="complex")
    assert gradient(lambda x: np.sum(x) + 0j, x, method=UNCHECKED) == pytest.approx([1.0, 1.0])


@pytest.mark.parametrize("method", ["complex", UNCHECKED], ids=repr)
@pytest.mark.parametrize("vectorized", [False, True])
def test_an_f_that_changes_its_complex_copy_is_an_error(method, vectorized):
    def f(x):
        x[..., 1] += 1.0
        return (x**2).sum(axis=-1)

    x = np.array([1.0, 2.0, 3.0])
    for operator in (gradient, jacobian):
        with pytest.raises(ValueError, match=r"f must leave x as it is; it changed x\[1\]"):
            operator(f, x, method=method, vectorized=vectorized)
    assert list(x) == [1.0, 2.0, 3.0]


# --- evaluations ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("n", [1, 4])
def test_the_check_costs_two_evaluations_and_its_tries_are_counted(n, counted):
    x = np.linspace(0.5, 1.0, n)
    for f, extra in ((lambda x: np.sum(x**2), 2), (lambda x: np.sum(np.sin(1e10 * x)), 4)):
        for operator in (gradient, jacobian):
            g = counted(f)
            _, info = operator(g, x, method="complex", full_output=True)
            assert info.evaluations == g.calls == n + extra
            g = counted(f)
            _, info = operator(g, x, method=UNCHECKED, full_output=True)
            assert info.evaluations == g.calls == n
        assert list(info.scheme) == ["complex"] * n
        g = counted(f)
        _, info = directional_derivative(g, x, np.ones(n), method="complex", full_output=True)
        assert info.evaluations == g.calls == 1 + extra


def test_a_hessian_from_a_gradient_by_the_complex_step(counted):
    x = np.array([-1.2, 1.0, 0.7])
    grad = counted(rosen_gradient)
    found, info = hessian(None, x, gradient=grad, method="complex", full_output=True)
    assert info.evaluations == grad.calls == 3 + 2
    assert same(found, found.T)


@given(points(dtypes=FLOATS, max_dims=2, magnitude=100.0), st.integers(-8, 8))
def test_a_linear_f_is_differentiated_exactly(x, slope):
    assert np.array_equal(gradient(lambda x: slope * np.sum(x), x, method=UNCHECKED), np.full(x.shape, slope))


@pytest.mark.parametrize("room", [0.0, 5e-324, 1e-300, 1e-160, 1e-20, 1e-9, 1.0])
@pytest.mark.parametrize("dtype", FLOATS)
def test_bounds_of_hardly_any_room_blame_nobody(room, dtype):
    x = np.array([0.0, room, 1.0], dtype)
    options = {"method": "complex", "bounds": (x, x + np.array(room, dtype))}
    for f in (lambda x: x * x * x, lambda x: 2 * x, np.sin, lambda x: np.exp(-x) * x**2):
        jacobian(f, x, **options)
        derivative(f, x, **options)
        gradient(lambda x: np.sum(f(x)), x, **options)  # noqa: B023
        directional_derivative(f, x, [1.0, 0.0, 0.0], **options)


@given(points(dtypes=FLOATS, max_dims=1, min_side=1, max_side=5, magnitude=8.0))
def test_f_sees_copies_and_x_never_moves(x):
    before = x.tobytes()

    def f(z):
        assert not np.shares_memory(z, x)
        assert x.tobytes() == before
        return cubes(z)

    gradient(f, x, method="complex")


# --- the check itself -------------------------------------------------------------------------------------------------


def test_the_direction_leads_away_from_zero():
    x = np.array([1.0, -2.0, 0.0, -0.0, 1e8, np.nan, np.inf])
    v = random_direction(x)
    assert np.array_equal(np.signbit(v), np.signbit(x))
    assert np.isfinite(v).all()
    assert np.all(np.abs(v[:5]) >= 0.5 * np.maximum(np.abs(x[:5]), 0.1))
    assert np.array_equal(v, random_direction(x))


def test_bounds_turn_and_shorten_the_direction():
    x = np.array([1.0, 1.0, 1.0, 1.0])
    lower, upper = np.array([0.0, 1.0, 0.0, 1.0]), np.array([9.0, 9.0, 1.0, 1.0])
    v = direction_inside(x, np.ones(4), (lower, upper))
    assert list(v) == [1.0, 1.0, -1.0, 0.0]
    v = direction_inside(x, -np.ones(4), (x - 1e-20, x + 1e-9))
    assert np.all(v > 0)
    assert np.all(v * LONGEST_CHECK * 2e-8 <= 2e-9)
    assert np.all(direction_inside(np.zeros(4), np.full(4, 1e-6), (-1e-20 * x, 1e-20 * x)) > 0)


@pytest.mark.parametrize(("derivative", "calls"), [(3.0, 2), (3.0001, 2)])
def test_one_agreement_is_enough(derivative, calls):
    assert check_along(lambda t: 3 * t + 1, 1e-8, "d", derivative) == calls


def test_a_disagreement_of_differences_is_no_blame():
    values = iter([0.0, 1.0, -1.0, 500.0])  # at 0, and at the three steps
    assert check_along(lambda t: next(values), 1e-2, "d", 7.0) == 4
    with pytest.raises(ValueError, match="its derivative is 7 by the complex step and 3 by a difference"):
        check_along(lambda t: 3 * t, 1e-8, "d", 7.0)
    with pytest.raises(ValueError, match="its derivative is 7 by the complex step and 2 by a difference"):
        check_along(lambda t: np.array([t, 2 * t]), 1e-8, "d", np.array([1.0, 7.0]))
    assert check_along(lambda t: np.nan if t else 0.0, 1e-8, "d", 7.0) == 2


@pytest.mark.parametrize("vectorized", [False, True])
def test_the_check_of_a_batch_counts_each_of_its_points(vectorized, counted):
    x = np.arange(1.0, 7.0).reshape(3, 2)
    f = counted(lambda x: (x**2).sum(axis=-1))
    slope, info = gradient(f, x, axis=1, method="complex", vectorized=vectorized, full_output=True)
    assert np.array_equal(slope, 2 * x)
    assert info.evaluations == (f.points if vectorized else f.calls) == 6 + 2 * 3


@pytest.mark.parametrize("operator", [derivative, gradient])
def test_imaginary_steps_divide_exactly(operator):
    x = np.random.default_rng(0).normal(size=50) * 10.0 ** np.arange(-25, 25)
    slope, info = operator(
        lambda x: 3 * x if operator is derivative else 3 * x.sum(), x, method="complex", full_output=True
    )
    assert (slope == 3).all()
    assert (np.frexp(info.step)[0] == 0.5).all()


def test_f_at_x_itself_is_counted(counted):
    f = counted(lambda x: np.exp(x).sum())
    _, info = value_and_gradient(f, [0.5, 1.0, 1.5], method="complex", full_output=True)
    assert info.evaluations == f.calls


def test_what_a_vectorized_f_changes_of_imaginary_parts_is_named():
    def f(points):
        points[0, 1] += 1e-30j
        return points[:, 0] ** 2

    with pytest.raises(ValueError, match=r"f must leave x as it is; it changed x\[1\]"):
        gradient(f, np.array([1.0, 2.0]), method=UNCHECKED, vectorized=True)
