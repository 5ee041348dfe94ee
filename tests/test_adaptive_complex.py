"""`Adaptive(complex=True)`: higher derivatives from slopes at complex points, believed where f's values agree."""

import math

import numpy as np
import pytest
from objectives import ObjectiveError, assert_covered, bits

from gradfast import Adaptive, compiled, derivative
from gradfast._kernels.adaptive_search import Search

COMPLEX = Adaptive(complex=True)
FACTORIAL = math.factorial

# f, x, and the n-th derivative at x.
SMOOTH = {
    "growth": (lambda x: 0.5 * np.exp(2 * x - 1), 0.5, lambda n: 2.0 ** (n - 1)),
    "decay": (lambda x: np.exp(-x), 2.0, lambda n: (-1) ** n * math.exp(-2)),
    "wave": (np.sin, 1.0, lambda n: math.sin(1 + n * math.pi / 2)),
    "long wave": (lambda x: np.sin(x / 1e3), 700.0, lambda n: math.sin(0.7 + n * math.pi / 2) / 1e3**n),
    "log": (np.log, 3.0, lambda n: (-1) ** (n - 1) * FACTORIAL(n - 1) / 3.0**n),
    "inverse": (lambda x: 1 / x, -0.7, lambda n: (-1) ** n * FACTORIAL(n) / (-0.7) ** (n + 1)),
    "tiny x": (lambda x: 1 / x, 1e-9, lambda n: (-1) ** n * FACTORIAL(n) / 1e-9 ** (n + 1)),
    "of a scale of its own at 0": (lambda x: np.exp(1e3 * x), 0.0, lambda n: 1e3**n),
    "0 at 0": (lambda x: x * np.exp(x), 0.0, lambda n: n),
}

# The largest relative errors: those of f's values alone are 10 to 100 times as large.
LARGEST = {2: 1e-13, 3: 2e-12, 4: 5e-11, 5: 2e-9}


def both(f, x, n, **options):
    """Return the derivative and its info, with complex numbers and without."""
    return (derivative(f, x, n=n, method=method, full_output=True, **options) for method in (COMPLEX, Adaptive()))


@pytest.mark.parametrize("n", LARGEST)
@pytest.mark.parametrize("name", SMOOTH)
def test_smooth_functions_have_hardly_any_rounding(name, n):
    f, x, exact = SMOOTH[name]
    assert_covered(derivative(f, x, n=n, method=COMPLEX, full_output=True), exact(n), LARGEST[n])


@pytest.mark.parametrize("n", [2, 3, 4])
def test_errors_and_bars_are_a_fifth_or_less(n):
    errors, bars = [], []
    for f, x, exact in SMOOTH.values():
        (value, info), (without, plain) = both(f, x, n)
        assert info.scheme == "complex"
        assert plain.scheme == "central"
        assert info.trace[-1].error == info.error
        errors.append(abs(value - exact(n)) / max(abs(without - exact(n)), 1e-16 * abs(exact(n))))
        bars.append(info.error / plain.error)
    assert np.median(errors) <= 0.2
    assert np.median(bars) <= 0.3


@pytest.mark.parametrize("n", [2, 3, 4, 5, 6])
def test_random_waves_are_covered(n):
    random, covered = np.random.default_rng(n), 0
    for _ in range(100):
        w, x, c = 10 ** random.uniform([-1, -1, -2], [2, 1, 3])
        exact = w**n * math.sin(w * x + n * math.pi / 2)

        def f(x, w=w, c=c):
            return np.sin(w * x) + c

        value, info = derivative(f, x, n=n, method=COMPLEX, full_output=True)
        error = abs(value - exact)
        covered += error <= info.error + 1e-15 * w * x * w**n
        assert error <= 100 * info.error + 1e-12 * w**n
    assert covered >= 95


@pytest.mark.parametrize("n", [2, 3, 4])
@pytest.mark.parametrize("name", [*SMOOTH, "size", "square"])
def test_evaluations_are_counted_and_few_more_than_without(name, n):
    f, x, _ = (SMOOTH | {"size": (np.abs, 1.0, None), "square": (np.square, 3.0, None)})[name]
    calls = []
    (_, info), (_, plain) = both(lambda x: (calls.append(x), f(x))[1], x, n)
    assert info.evaluations + plain.evaluations == len(calls)
    assert info.evaluations <= plain.evaluations + 5


def test_second_derivatives_take_no_more_evaluations_than_without():
    found = [both(f, x, 2) for f, x, _ in SMOOTH.values()]
    assert np.median([info.evaluations - plain.evaluations for (_, info), (_, plain) in found]) <= 0


def test_max_evaluations_holds():
    (_, info), (_, plain) = both(lambda x: np.sin(3000 * x), 1.396, 3)
    assert plain.evaluations == 41
    assert info.evaluations <= 41


def test_f_gets_no_complex_number_without_leave():
    def f(x):
        assert not np.iscomplexobj(x)
        return np.exp(x)

    derivative(f, 1.0, n=2, method="adaptive")
    derivative(f, 1.0, n=1, method=COMPLEX)  # which a slope has no use for
    derivative(f, np.float32(1), n=2, method=COMPLEX)
    derivative(f, 1.0, n=2, method=Adaptive(rtol=1e-3, complex=True))  # f's values are enough
    with pytest.raises(AssertionError):
        derivative(f, 1.0, n=2, method=COMPLEX)


# --- f that are not the same function of complex numbers --------------------------------------------------------------


def of_parts(real, imaginary):
    """Return a function of real numbers that has another imaginary part than its own beside them."""
    return lambda x: real(np.real(x)) + 1j * imaginary(x) if np.iscomplexobj(x) else real(x)


def noise_at(x):
    """Return a number between -1 and 1 that looks random and depends on x's bits."""
    return np.random.default_rng(int(np.float64(x).view(np.uint64))).uniform(-1, 1)


def of_complex(real, other):
    return lambda x: other(x) if np.iscomplexobj(x) else real(x)


X = 1.3

LIARS = {
    "real part": lambda x: np.exp(np.real(x)) + 0 * x,
    "half real part": lambda x: np.exp(np.real(x) / 2) * np.exp(x / 2),
    "square of the size": lambda x: np.exp(x * np.conj(x) / X),
    "slope that stays": of_parts(np.exp, lambda x: x.imag * math.exp(X)),
    "slope right at x, curvature doubled": of_parts(np.exp, lambda x: np.exp(x).imag * (1 + x.real - X)),
    "no slope": of_parts(np.exp, lambda x: 0.0),
    "line without slope": of_parts(lambda x: 3 * x, lambda x: 0.0),
    "other function": of_complex(np.exp, np.sin),
    "hardly another function": of_complex(np.exp, lambda x: np.exp(x) * (1 + 1e-10 * np.sin(5 * x))),
    "tangent at x": of_complex(np.exp, lambda x: math.exp(X) * (1 + x - X)),
    "parabola at x": of_complex(np.exp, lambda x: math.exp(X) * (1 + x - X + (x - X) ** 2 / 2)),
    "tangent between walls": lambda x: np.where(abs(np.real(x) - X) < 0.05, LIARS["tangent at x"](x), np.nan),
    "by the imaginary part": lambda x: np.where(np.imag(x) > 0, np.exp(x) * (1 + x - X), np.exp(x)),
    "small part is real": lambda x: np.exp(x) + 1e-7 * np.sin(np.real(x)),
    "noisy, and the slope stays": of_parts(lambda x: np.exp(x) + 10 * noise_at(x), lambda x: x.imag),
    "infinite": of_complex(np.exp, lambda x: np.inf * x),
    "NaN": of_complex(np.exp, lambda x: np.nan * x),
    "NaN beside x": of_complex(np.exp, lambda x: np.where(np.real(x) == X, np.exp(x), np.nan * x)),
}


@pytest.mark.parametrize("n", [2, 3, 4])
@pytest.mark.parametrize("name", LIARS)
def test_another_function_of_complex_numbers_is_not_believed(name, n):
    (value, info), (without, plain) = both(LIARS[name], X, n)
    assert info.scheme == "central"
    assert abs(value - without) <= plain.error
    assert info.error <= 3 * plain.error
    assert info.converged == plain.converged
    assert info.evaluations <= plain.evaluations + 9  # some are wasted where f is NaN at the first looks


@pytest.mark.parametrize("n", [2, 3, 4])
@pytest.mark.parametrize("f", [np.abs, lambda x: np.exp(np.real(x)), lambda x: x.real**3], ids=["abs", "exp", "cube"])
def test_f_that_returns_real_numbers_has_the_same_bits_and_one_evaluation_more(f, n):
    (value, info), (without, plain) = both(f, X, n)
    assert bits(value) == bits(without)
    assert bits(info.error) == bits(plain.error)
    assert info.evaluations == plain.evaluations + 1


@pytest.mark.parametrize("n", [2, 3])
@pytest.mark.parametrize("size", 10.0 ** np.arange(-9, 0))
def test_bars_cover_a_part_that_is_not_analytic_however_small(size, n):
    def f(x):
        return np.exp(x) + size * np.abs(np.sin(3 * x))

    exact = math.exp(X) + size * -(3**n) * (math.sin(3 * X) if n == 2 else math.cos(3 * X)) * np.sign(math.sin(3 * X))
    assert_covered(derivative(f, X, n=n, method=COMPLEX, full_output=True), exact)


@pytest.mark.parametrize("x", [0.0, 1e-9, -1e-9, 0.1, -2.0])
def test_kinks_are_no_smoother_than_without(x):
    for f in (lambda x: np.maximum(x, 0) ** 2 + x, lambda x: x * np.sqrt(x * x), lambda x: np.sign(x) * x**2):
        (value, info), (without, plain) = both(f, x, 2)
        assert abs(value - without) <= info.error + plain.error


def test_another_function_at_x_itself_is_seen_at_once():
    (_, info), (_, plain) = both(LIARS["other function"], X, 2)
    assert info.evaluations == plain.evaluations + 1


# --- exceptions, domains, bounds --------------------------------------------------------------------------------------


@pytest.mark.parametrize("call", [1, 2, 3, 4, 5, 6, 9])
@pytest.mark.parametrize("error", [ObjectiveError, TypeError, KeyboardInterrupt])
def test_an_exception_of_f_comes_out_whatever_x_it_was_called_with(error, call):
    calls = []

    def f(x):
        calls.append(x)
        if len(calls) == call:
            raise error("call")
        return np.exp(x)

    with pytest.raises(error, match="call"):
        derivative(f, 1.0, n=3, method=COMPLEX)
    assert len(calls) == call


def test_numpy_warns_of_an_f_that_drops_the_imaginary_part():
    with pytest.warns(np.exceptions.ComplexWarning, match="discards the imaginary part"):
        value, info = derivative(math.exp, 1.0, n=2, method=COMPLEX, full_output=True)
    assert value == derivative(math.exp, 1.0, n=2, method="adaptive")
    assert info.scheme == "central"


def test_an_exception_at_a_moved_point_may_count_as_nan():
    def f(x):
        if np.real(x) > 1.05:
            raise ObjectiveError("domain")
        return np.exp(x)

    result = derivative(f, 1.0, n=2, method=COMPLEX, on_error="nan", full_output=True)
    assert_covered(result, math.e, 1e-3)
    assert result[1].scheme == "complex"


@pytest.mark.parametrize("n", [2, 3])
@pytest.mark.parametrize(
    ("f", "exact"),
    [
        (np.sqrt, lambda x, n: math.prod(0.5 - k for k in range(n)) * x ** (0.5 - n)),
        (lambda x: x**1.5, lambda x, n: math.prod(1.5 - k for k in range(n)) * x ** (1.5 - n)),
        (np.log, lambda x, n: (-1) ** (n - 1) * FACTORIAL(n - 1) / x**n),
    ],
    ids=["sqrt", "power", "log"],
)
@pytest.mark.parametrize(("shift", "x"), [(0, 0.01), (1, 1e-4), (1, 1e-7), (1, 0.06)])
def test_the_other_side_of_a_branch_point_is_as_nan(f, exact, n, shift, x):
    """Complex numbers have square roots and logarithms there, too."""
    x = shift + x - shift  # exactly the same beside the branch point
    result = derivative(lambda t: f(t - shift), shift + x, n=n, method=COMPLEX, full_output=True)
    assert_covered(result, exact(x, n), 1e-3)
    assert result[1].scheme == "complex" or x < 1e-6


@pytest.mark.parametrize("bounds", [(1.0, 2.0), (0.0, 1.0), (0.999, 1.2), (1.0, 1.0)])
def test_real_parts_stay_within_bounds(bounds):
    points = []
    value, info = derivative(
        lambda x: (points.append(x), np.exp(x))[1], 1.0, n=2, method=COMPLEX, bounds=bounds, full_output=True
    )
    assert all(bounds[0] <= np.real(x) <= bounds[1] for x in points)
    assert any(np.iscomplexobj(x) for x in points)
    fixed = bounds[0] == bounds[1]
    assert value == 0 if fixed else abs(value - math.e) <= info.error <= 1e-9
    assert info.scheme == ("fixed" if fixed else "complex")


# --- kinds of x and of f ----------------------------------------------------------------------------------------------


def test_an_array_has_what_its_elements_have():
    x = np.array([[0.5, np.nan, 2.0], [-1.0, 1e-9, np.inf]])
    value, info = derivative(lambda x: np.exp(-x), x, n=2, method=COMPLEX, full_output=True)
    assert np.array_equal(np.isnan(value), ~np.isfinite(x))
    fine = np.isfinite(x)
    assert np.all(abs(value - np.exp(-x))[fine] <= info.error[fine])
    assert np.all(info.error[fine] <= 1e-11 * np.exp(-x[fine]))


def test_an_array_of_no_elements_has_no_derivatives():
    assert derivative(np.exp, np.empty((0, 3)), n=2, method=COMPLEX).shape == (0, 3)


def test_beside_an_x_of_0_f_may_be_of_any_scale():
    result = derivative(lambda x: np.exp(1e15 * x), 0.0, n=2, method=COMPLEX, full_output=True)
    assert_covered(result, 1e30, 1e-12)
    assert result[1].scheme == "complex"


@pytest.mark.parametrize(
    ("f", "x", "n"),
    [(np.arctan, 0.0, 2), (lambda x: x**3 - x, 1e-3, 2), (np.tanh, 1e-3, 4)],
    ids=["arc", "cubic", "tanh"],
)
def test_bars_are_not_wider_than_those_of_f_s_values(f, x, n):
    (_, info), (_, plain) = both(f, x, n)
    assert info.error <= 1.1 * plain.error


def test_a_curve_has_slopes_of_each_of_its_values():
    value, info = derivative(lambda t: [np.sin(t), np.exp(t), 1 / t], 0.7, n=3, method=COMPLEX, full_output=True)
    assert_covered((value, info), [-math.cos(0.7), math.exp(0.7), -6 / 0.7**4], 1e-8)
    assert np.asarray(info.error).shape == (3,)


def test_arguments_and_aux_reach_f():
    def f(k, x, *, shift):
        return np.exp(k * x) + shift, "aux"

    value, aux = derivative(f, 0.5, n=2, method=COMPLEX, argnum=1, args=(2.0,), kwargs={"shift": 1}, has_aux=True)
    assert abs(value - 4 * math.e) <= 1e-12
    assert aux == "aux"


def test_f_of_complex_values_has_the_same_derivative():
    (value, _), (without, _) = both(lambda x: np.exp(1j * x), 0.4, 2)
    assert value == without


@pytest.mark.skipif(np.finfo(np.longdouble).eps >= np.finfo(float).eps, reason="longdouble is no finer than double")
def test_longdouble_keeps_its_digits():
    x = np.longdouble(1)
    value, info = derivative(np.exp, x, n=2, method=COMPLEX, full_output=True)
    assert abs(value - np.exp(x)) <= info.error <= 1e-14


@pytest.mark.parametrize("n", [2, 3])
@pytest.mark.parametrize("noise", [1e-12, 1e-6])
def test_bars_cover_noise(n, noise):
    for seed in range(20):
        random = np.random.default_rng(seed)
        value, info = derivative(
            lambda x, random=random: np.exp(x) + noise * random.normal(), 0.5, n=n, method=COMPLEX, full_output=True
        )
        assert abs(value - math.exp(0.5)) <= 10 * info.error
        assert info.evaluations <= 45


def test_more_looks_than_a_search_holds_are_left_out():
    """The slope's search follows that of f, which may count fewer looks."""
    places = np.array([[1.0], [np.nan], [1.0], [np.inf], [np.inf]])
    search = Search(np.ones((1, 1)), places, 1e-16, 1e-12, 1e-6, 53, 40, 1)
    for step in 1 / np.arange(2.0, 102.0):
        search.tell(0, np.array([0]), np.array([[1 + step], [1 - step]]), np.array([step]))
    assert len(search.looks(0)[0]) == 20
    assert abs(search.results()[0].item() - 1) <= 1e-12


def test_complex_is_true_or_false():
    assert not Adaptive().complex
    with pytest.raises(ValueError, match="complex must be True or False; got 1"):
        Adaptive(complex=1)


def test_compiled_f_takes_no_complex_numbers():
    ctypes = pytest.importorskip("ctypes")
    f = ctypes.CFUNCTYPE(ctypes.c_double, ctypes.c_double)(math.exp)
    with pytest.raises(ValueError, match="complex must be False when f is compiled code; got Adaptive"):
        derivative(compiled(f), 1.0, n=2, method=COMPLEX)
