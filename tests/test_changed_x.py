"""An f that changes x: an error that names a coordinate, and x as it was, also if a second call undoes it."""

import contextlib
import re

import numpy as np
import pytest
from objectives import bits

import gradfast
from gradfast import gradient, hessian, jacobian, numerical_gradient, value_and_gradient
from gradfast._kernels.one_point import OnePoint

POINT = np.array([0.5, 1.0])


def negating(x):
    return float(np.exp(np.negative(x, out=x)).sum())


def subtracting(x):
    return float(np.exp(np.subtract(1, x, out=x)).sum())


def flipping(x):
    x[..., :2] *= -1
    return float(np.exp(x).sum())


def mirroring(x):
    x[..., 1] = 2 - x[..., 1]  # which leaves POINT as it is
    return float(np.exp(x).sum())


def clipping(x):
    return float(np.exp(np.clip(x, None, POINT, out=x)).sum())


def clipping_below(x):
    return float(np.exp(np.clip(x, POINT, None, out=x)).sum())


def rounding(x):
    return float(np.exp(np.round(x, 1, out=x)).sum())


def moving_another(x):
    x[..., 1][x[..., 0] != POINT[0]] += 0.5  # wherever the first is moved
    return float(np.exp(x).sum())


def rows_of(f):
    return lambda points: np.full(len(points), f(points))


CALLS = {
    "numerical_gradient": numerical_gradient,
    "numerical_gradient, rows": lambda f, x: numerical_gradient(f, x.reshape(1, 2)),
    "numerical_gradient, three axes": lambda f, x: numerical_gradient(f, x.reshape(1, 1, 2)),
    "numerical_gradient, vectorized": lambda f, x: numerical_gradient(rows_of(f), x, vectorized=True),
    "gradient": gradient,
    "gradient, forward": lambda f, x: gradient(f, x, method="forward"),
    "gradient, adaptive": lambda f, x: gradient(f, x, method="adaptive"),
    "gradient, float32": lambda f, x: gradient(f, x.astype("f")),
    "gradient, axis": lambda f, x: gradient(f, x.reshape(1, 2), axis=1),
    "gradient, vectorized": lambda f, x: gradient(rows_of(f), x, vectorized=True),
    "gradient, vectorized, axis": lambda f, x: gradient(rows_of(f), x.reshape(1, 2), vectorized=True, axis=1),
    "gradient, progress": lambda f, x: gradient(f, x, progress=lambda done, total: None),
    "gradient, workers": lambda f, x: gradient(f, x, workers=map),
    "value_and_gradient": gradfast.value_and_gradient,
    "jacobian": lambda f, x: jacobian(lambda x: np.array([f(x)]), x),
    "hessian": hessian,
    "directional_derivative": lambda f, x: gradfast.directional_derivative(f, x, np.ones(2)),
    "noise": gradfast.noise,
    "check_gradient": lambda f, x: gradfast.check_gradient(f, -np.exp(-x), x),
}
SPARSE_CALLS = {
    "jacobian, sparse": lambda f, x: jacobian(lambda x: np.array([f(x)]), x, sparsity=np.ones((1, 2))),
    "hessian, sparse": lambda f, x: hessian(f, x, sparsity=np.ones((2, 2))),
    "detect_sparsity": gradfast.detect_sparsity,
}

CHANGES = [negating, subtracting, flipping, mirroring, clipping, clipping_below, rounding, moving_another]


@pytest.mark.parametrize("f", CHANGES)
@pytest.mark.parametrize("name", [*CALLS, *SPARSE_CALLS])
def test_changes_that_later_calls_or_moves_undo_are_seen(name, f):
    if name == "detect_sparsity" and f in (mirroring, clipping, clipping_below, rounding):
        pytest.skip("they leave a NaN where it was put, and nothing else is moved")
    if name == "gradient, forward" and f is clipping_below:
        pytest.skip("nothing is moved below x")
    if name in SPARSE_CALLS:
        pytest.importorskip("scipy", reason="SciPy is not installed")
    x = POINT.copy()
    with pytest.raises(ValueError, match=r"^f must leave x as it is; it changed x\[[0, ]*[01]\]"):
        (CALLS | SPARSE_CALLS)[name](f, x)
    assert np.array_equal(x, POINT)


def flipping_the_real_part(z):
    z.real *= -1
    return np.exp(z).sum()


@pytest.mark.parametrize(
    "operator", [gradient, lambda f, x, method: jacobian(lambda z: f(z).reshape(1), x, method=method)]
)
def test_the_real_part_of_a_complex_copy_is_looked_at_too(operator):
    with pytest.raises(ValueError, match=r"f must leave x as it is; it changed x\[0\]"):
        operator(flipping_the_real_part, POINT.copy(), method="complex")


@pytest.mark.parametrize("calls_that_flip", [(1, 2), (2,)], ids=["undone", "at the end"])
def test_the_real_part_is_looked_at_after_the_first_call_and_at_the_end(calls_that_flip):
    calls = []

    def f(z):
        calls.append(1)
        value = np.exp(z).sum()
        if len(calls) in calls_that_flip:
            z.real[0] *= -1
        return value

    with pytest.raises(ValueError, match=r"f must leave x as it is; it changed x\[0\]"):
        gradient(f, POINT.copy(), method="complex")


POINT_CALLS = {
    "gradient": gradient,
    "gradient of a row": lambda f, x: gradient(f, x.reshape(1, -1), axis=1),
    "gradient of parameters": lambda f, x: gradient(lambda p: f(p["a"]), {"a": x}),
    "jacobian": lambda f, x: jacobian(lambda x: [f(x)], x),
}


@pytest.mark.parametrize("call", POINT_CALLS.values(), ids=POINT_CALLS)
def test_what_the_first_call_changes_and_the_second_undoes_is_seen(call):
    calls = []

    def f(x):
        calls.append(1)
        if len(calls) <= 2:
            x[2] *= -1
        return float(np.sum(x))

    with pytest.raises(ValueError, match=r"f must leave x as it is; it changed x(\['a'\])?\[(0, )?2\]"):
        call(f, np.ones(3))


@pytest.mark.parametrize("call", POINT_CALLS.values(), ids=POINT_CALLS)
def test_what_f_changes_before_its_turn_is_seen_at_its_turn(call):
    """Else the move would write over it, and the derivative along another coordinate were wrong."""
    calls = []

    def f(x):
        calls.append(1)
        if len(calls) == 2:
            x[2] = 7.0
        return float(np.prod(x))

    x = np.array([1.0, 2.0, 3.0])
    with pytest.raises(ValueError, match=r"f must leave x as it is; it changed x(\['a'\])?\[(0, )?2\]"):
        call(f, x)
    assert len(calls) <= 4
    assert x.tolist() == [1.0, 2.0, 3.0]


LAYOUTS = {
    "in a row": lambda n: np.ones(n),
    "apart": lambda n: np.ones(2 * n)[::2],
    "backwards": lambda n: np.ones(n)[::-1],
}


@pytest.mark.parametrize("new", [2.0, -0.0, np.nan])
@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
@pytest.mark.parametrize("call", [*POINT_CALLS.values(), numerical_gradient], ids=[*POINT_CALLS, "numerical_gradient"])
def test_what_f_changes_at_its_last_call_is_seen_at_the_end(call, layout, new):
    x, calls = layout(3), []
    x[0] = 0.0

    def f(x):
        calls.append(1)
        if len(calls) == 6:
            x[0] = new
        return float(np.sum(x))

    with pytest.raises(ValueError, match=r"f must leave x as it is; it changed x(\['a'\])?\[(0, )?0\]"):
        call(f, x)
    assert bits(x) == bits(np.array([0.0, 1.0, 1.0]))


def test_x_is_put_back_where_a_progress_bar_raises_after_f_changed_it():
    calls = []

    def f(x):
        calls.append(1)
        if len(calls) == 2:
            x[1] = 7.0
        return float(np.sum(x))

    def progress(done, total):
        if done:
            raise ArithmeticError

    x = POINT.copy()
    with pytest.raises(ArithmeticError):
        gradient(f, x, progress=progress)
    assert np.array_equal(x, POINT)


def test_numerical_gradient_sees_what_f_does_later():
    """f changes a coordinate only from its third call on, when that coordinate is the one that is moved."""
    calls = []

    def f(x):
        calls.append(1)
        if len(calls) > 2:
            x[1] *= -1
        return float(np.sum(x))

    with pytest.raises(ValueError, match=r"it changed x\[1\]"):
        numerical_gradient(f, POINT.copy())


@pytest.mark.parametrize("call", [gradfast.numerical_diff, lambda f, x: gradfast.tangent_line(f, x)(x)])
def test_f_of_an_array_of_numbers_gets_arrays_of_its_own(call):
    x = POINT.copy()
    found = call(lambda x: np.exp(np.negative(x, out=x)), x)
    assert np.array_equal(x, POINT)
    assert np.array_equal(found, call(lambda x: np.exp(-x), x))


# --- the form of x --------------------------------------------------------------------------------------------------


def reshaped(x):
    x.shape = (-1, 1)


def in_other_bytes(x):
    x.dtype = x.dtype.newbyteorder("S")


def as_integers(x):
    x.dtype = f"i{x.itemsize}"


def longer(x):
    x.resize(10**6, refcheck=False)  # which mostly moves it elsewhere


def longer_and_replaced(x):
    longer(x)
    TAKEN.extend([np.ones(shape) for shape in (2, (2, 3)) for _ in range(20)])  # where it was, others are now


def strided(x):
    x.strides = (0,) * x.ndim


TAKEN = []
FORMS = [reshaped, in_other_bytes, as_integers, longer, strided]


def first_of(change):
    def f(x):
        value = float(np.sum(x * 1.0))
        change(x)
        return value

    return f


@pytest.mark.filterwarnings("ignore:Setting the:DeprecationWarning")
@pytest.mark.parametrize("change", FORMS)
@pytest.mark.parametrize("name", CALLS)
def test_an_f_that_changes_the_form_of_x_is_refused_and_x_gets_it_back(name, change):
    x = np.array([0.5, 1.0])
    with pytest.raises(ValueError, match=r"^f must leave x as it is; it changed|does not own its data"):
        CALLS[name](first_of(change), x)
    assert x.shape == (2,)
    assert x.strides == (8,)
    assert x.flags.c_contiguous
    assert x.dtype == np.float64
    assert np.array_equal(x, POINT)


@pytest.mark.filterwarnings("ignore:Setting the:DeprecationWarning")
@pytest.mark.parametrize("change", [reshaped, in_other_bytes, longer, longer_and_replaced, strided])
@pytest.mark.parametrize("axis", [None, 0, 1])
def test_the_form_of_a_matrix_is_given_back_too(change, axis):
    x = np.arange(6.0).reshape(2, 3).copy()

    def f(_):
        change(x)
        return 1.0

    with pytest.raises(ValueError, match=r"^f must leave x as it is; it changed its shape"):
        gradient(f, x, axis=axis)
    assert x.shape == (2, 3)
    assert np.array_equal(x, np.arange(6.0).reshape(2, 3))


@pytest.mark.filterwarnings("ignore:Setting the:DeprecationWarning")
@pytest.mark.parametrize("change", FORMS)
@pytest.mark.parametrize("more", [{}, {"b": 3.0}])
def test_parameters_get_their_form_back(change, more):
    x = {"a": np.array([0.5, 1.0]), **more}
    with pytest.raises(ValueError, match=r"^f must leave x as it is; it changed its shape"):
        gradient(lambda p: first_of(change)(p["a"]), x)
    assert x["a"].shape == (2,)
    assert np.array_equal(x["a"], POINT)


class ResizesAtCall:
    """f of parameters that gives an array another size at its k-th call, which frees the memory that it had."""

    def __init__(self, array, k):
        self.array, self.k = array, k

    def __call__(self, p):
        value = float(np.sum(p["a"] ** 2))
        self.k -= 1
        if self.k == 0:
            longer(self.array)
        return value


@pytest.mark.parametrize("k", [1, 2, 3])
@pytest.mark.parametrize("method", ["central", "forward", "adaptive"])
@pytest.mark.parametrize("is_part", [False, True])
def test_parameters_are_not_looked_for_where_f_freed_their_memory(is_part, method, k):
    """After a call at x itself, too, and where the array is a part of a larger. Only a sanitizer surely sees it."""
    whole = np.arange(1.0, 10_001.0)
    part = whole[:2] if is_part else whole[:2].copy()
    resized = whole if is_part else part
    before = resized.ctypes.data
    f = ResizesAtCall(resized, k)
    try:
        value_and_gradient(f, {"a": part}, method=method)
    except ValueError as error:
        said = str(error)
    else:  # at the end of the heap, an array may grow where it is
        said = "nothing" if is_part and resized.ctypes.data == before else "too little"
    assert re.match(r"f must leave x as it is; it changed its shape|nothing", said)
    assert f.k == 0 or said == "nothing"  # f is not called again


@pytest.mark.parametrize("k", [1, 2, 3])
@pytest.mark.parametrize("operator", [gradient, numerical_gradient, value_and_gradient])
def test_an_f_that_frees_the_memory_of_which_x_is_a_part_is_not_called_again(operator, k):
    whole, *behind = (np.arange(1.0, 10_001.0) for _ in range(4))  # it can hardly grow where it is
    before, calls = whole.ctypes.data, []

    def f(x):
        value = float(np.sum(x**2))
        calls.append(1)
        if len(calls) == k:
            longer(whole)
        return value

    error = None
    try:
        operator(f, whole[5000:5002])  # which stays as it was, for a while
    except ValueError as found:
        error = found
    if whole.ctypes.data != before:
        assert str(error).startswith("f must leave x as it is; it changed its shape")
        assert len(calls) == k
    assert len(behind) == 3


# --- at once, later, and where f raises -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("operator", "later"),
    [
        (lambda f, x: jacobian(f, x, axis=1), 9),
        (lambda f, x: jacobian(f, x, axis=0), 9),
        (lambda f, x: hessian(f, x, axis=1), 14),
    ],
    ids=["rows", "columns", "Hessians"],
)
@pytest.mark.parametrize("is_later", [False, True])
def test_all_points_are_put_back_where_f_changes_another_than_its_own(operator, later, is_later):
    """Of a batch whose points are differentiated one by one."""
    x = np.arange(1.0, 7.0).reshape(2, 3)
    calls, changed = [], (0, 0) if is_later else (1, 2)

    def f(point):
        calls.append(point)
        if len(calls) == (later if is_later else 1):
            x[changed] *= 2
        return float(np.sum(point**2))

    with pytest.raises(ValueError, match=rf"f must leave x as it is; it changed x\[{changed[0]}, {changed[1]}\]"):
        operator(f, x)
    assert np.array_equal(x, np.arange(1.0, 7.0).reshape(2, 3))


@pytest.mark.filterwarnings("ignore:Setting the:DeprecationWarning")
@pytest.mark.parametrize("k", range(1, 7))
def test_the_form_of_x_is_looked_at_before_adaptive_steps_go_on(k):
    x, calls = np.array([1.0, 2.0]), []

    def f(point):
        calls.append(1)
        if len(calls) == k:
            point.dtype = np.int64
        return float(np.sum(np.square(point, dtype=float)))

    with pytest.raises(ValueError, match="f must leave x as it is; it changed"), np.errstate(all="ignore"):
        gradient(f, x, method="adaptive")
    assert x.tolist() == [1.0, 2.0]


@pytest.mark.parametrize("name", ["numerical_gradient", "gradient", "gradient, forward", "jacobian", "hessian"])
def test_an_f_that_writes_another_nan_has_changed_nothing(name):
    x, calls = np.array([np.nan, 1.0]), []
    before = x.tobytes()

    def f(x):
        x[..., :1].view(np.uint64)[...] ^= 1
        calls.append(1)
        return 0.0

    CALLS[name](f, x)
    assert calls
    assert x.tobytes() == before


@pytest.mark.filterwarnings("ignore:Setting the:DeprecationWarning")
@pytest.mark.parametrize("change", [reshaped, in_other_bytes, longer, strided])
def test_an_f_that_changes_the_form_of_x_and_raises_leaves_it_as_it_was(change):
    x = np.array([0.5, 1.0])

    def f(x):
        change(x)
        raise ArithmeticError

    with pytest.raises(ArithmeticError):
        numerical_gradient(f, x)
    assert x.shape == (2,)
    assert np.array_equal(x, POINT)


@pytest.mark.filterwarnings("ignore:Setting the:DeprecationWarning")
def test_an_evaluator_that_is_closed_gives_x_its_form_back():
    x = np.arange(4.0).reshape(2, 2).copy()
    e = OnePoint(np.sum, x, (), True)
    e.value()
    x.shape = (4,)
    with pytest.raises(ValueError, match="f must leave x as it is; it changed its shape"):
        e.close()
    assert np.array_equal(x, [[0, 1], [2, 3]])


@pytest.mark.parametrize(
    "call",
    [
        lambda f, x: gradfast.check_gradient(f, [2.0, 4.0], x),
        lambda f, x: gradient(f, x, method="adaptive"),
        lambda f, x: jacobian(f, x, flat=True),
        lambda f, x: gradient(f, x, on_error="nan"),
    ],
    ids=["check", "adaptive", "flat", "on_error"],
)
def test_a_subclass_that_tells_another_dtype_and_shape_is_read_by_its_base(call):
    class Lying(np.ndarray):
        dtype = property(lambda self: np.dtype("c16"))
        shape = property(lambda self: (7, 7))

    base = np.array([1.0, 2.0])
    with contextlib.suppress(TypeError, ValueError):
        call(lambda x: float(np.sum(base**2)), base.view(Lying))
    assert base.tolist() == [1.0, 2.0]


@pytest.mark.filterwarnings("ignore:Setting the:DeprecationWarning")
def test_an_f_that_changes_the_form_of_a_row_is_refused_when_the_next_row_has_its_turn():
    calls = []

    def f(row):
        calls.append(row)
        value = float(np.sum(row))
        if len(calls) == 4:  # the last of the first row
            row.shape = (1, 2)
        return value

    with pytest.raises(ValueError, match="f must leave x as it is; it changed its shape"):
        gradient(f, np.ones((2, 2)), axis=1)


def test_an_f_of_many_points_that_changes_x_itself_is_refused():
    def f(points):
        if len(points) == 1:
            points *= 2
        return np.sum(points, axis=1)

    with pytest.raises(ValueError, match=r"f must leave x as it is; it changed x\[0\]"):
        value_and_gradient(f, np.ones(2), vectorized=True)
