"""pandas objects: their labels are kept, and read in the order of x."""

import numpy as np
import pytest

import gradfast
from gradfast import Central, check_gradient, gradient, jacobian, propagate
from gradfast.parameters import ravel

METHODS = ["central", "forward", "backward", "complex", "adaptive", Central(4)]


@pytest.mark.parametrize("f", [lambda p: p["a"] ** 2 * p["b"], lambda p: p.a**2 * p.b], ids=["keys", "attributes"])
def test_an_f_that_looks_for_labels_in_vain_is_told_how_to_find_them(f):
    pandas = pytest.importorskip("pandas")
    series = pandas.Series({"a": 1.0, "b": 2.0})
    told = "f was called with the values of x, a Series; vector, unravel = gradfast.parameters.ravel(x) makes"
    for call in (
        lambda: gradfast.hessian(f, series),
        lambda: gradfast.directional_derivative(f, series, [1.0, 0.0]),
        lambda: gradfast.noise(f, series),
        lambda: gradfast.check_jacobian(f, np.ones(2), series),
    ):
        with pytest.raises((IndexError, AttributeError)) as caught:
            call()
        assert any(note.startswith(told) for note in caught.value.__notes__)
    vector, unravel = ravel(series)
    assert gradfast.hessian(lambda v: f(unravel(v)), vector) == pytest.approx(
        np.array([[4.0, 2.0], [2.0, 0.0]]), abs=1e-4
    )


class Labeled:
    """An array of another package, as xarray.DataArray."""

    def __array__(self, dtype=None, copy=None):
        return np.array([1.0, 2.0])

    def sel(self, name):
        return float(self["ab".index(name)])


@pytest.mark.parametrize("f", [lambda p: p.sel("a") ** 2, lambda p: p["a"] ** 2], ids=["a method", "a key"])
def test_an_f_that_looks_for_more_than_an_array_is_told_what_it_got(f):
    for operator in (gradient, jacobian, gradfast.hessian, gradfast.noise):
        with pytest.raises((IndexError, AttributeError)) as caught:
            operator(f, Labeled())
        assert "f was called with the values of x, a Labeled, in an array" in caught.value.__notes__


def test_nothing_is_said_of_the_kind_of_a_list():
    with pytest.raises(IndexError) as caught:
        gradient(lambda p: p[5], [1.0, 2.0])
    assert not any("values of x" in note for note in caught.value.__notes__)


def test_labels_of_pandas_are_kept():
    pandas = pytest.importorskip("pandas")
    series = pandas.Series({"alpha": 1.0, "beta": 2.0}, name="fit")
    before = series.copy()

    def f(p):
        return p["alpha"] ** 2 + 3 * p["beta"]

    for method in METHODS:
        found = gradient(f, series, method=method)
        assert (list(found.index), found.name) == (["alpha", "beta"], "fit")
        assert found.to_numpy() == pytest.approx([2.0, 3.0])
    assert series.equals(before)
    table = jacobian(lambda p: [p["alpha"] * p["beta"], p["alpha"]], series)
    assert (type(table), list(table.columns)) == (pandas.DataFrame, ["alpha", "beta"])
    assert table.to_numpy() == pytest.approx(np.array([[2.0, 1.0], [1.0, 0.0]]))
    frame = pandas.DataFrame([[1, 2], [3, 4]], index=["r", "s"], columns=["a", "b"])
    found = gradient(lambda p: (p["a"] ** 2).sum() + p.loc["s", "b"], frame)
    assert (list(found.index), list(found.columns)) == (["r", "s"], ["a", "b"])
    assert found.to_numpy() == pytest.approx(np.array([[2.0, 0.0], [6.0, 1.0]]))
    nested = gradient(lambda p: f(p["s"]) * p["W"][0], {"s": series, "W": np.ones(1)})
    assert nested["s"]["alpha"] == pytest.approx(2.0)
    with pytest.raises(ValueError, match=r"f must leave x as it is; it changed x\['beta'\]"):
        gradient(lambda p: p.__setitem__("beta", 7.0) or 1.0, series)
    with pytest.raises(ValueError, match=r"got x\['beta'\] = 2 in \[0, 1\]"):
        gradient(f, series, bounds=(0, 1))
    rows = gradient(lambda p: (p**2).sum(axis=-1), series, vectorized=True)  # as an array: f takes many points
    assert rows == pytest.approx(np.array([2.0, 4.0]))
    assert gradfast.hessian(lambda p: p[0] * p[1], series) == pytest.approx(1 - np.eye(2), abs=1e-5)


def test_labels_are_read_in_the_order_of_x():
    pd = pytest.importorskip("pandas")
    x = pd.Series({"a": 1.0, "b": 2.0})

    def f(p):
        return p["a"] * p["b"]

    variances = pd.Series({"b": 0.4, "a": 0.1})
    table = pd.DataFrame([[0.4, 0.0], [0.0, 0.1]], index=["b", "a"], columns=["b", "a"])
    for cov in (variances, table):
        _, variance = propagate(f, x, cov)
        assert variance == pytest.approx(0.1 * 4 + 0.4 * 1)
    with pytest.raises(ValueError, match=r"cov must have the labels of x, \['a', 'b'\]; got \['c', 'b'\]"):
        propagate(f, x, pd.Series({"c": 0.4, "b": 0.1}))
    assert check_gradient(f, lambda p: pd.Series({"b": p["a"], "a": p["b"]}), x)
    assert check_gradient(f, lambda p: pd.Series([p["b"], p["a"]]), x)  # pandas' default labels say nothing
    with pytest.raises(ValueError, match=r"gradient must have the labels of x, \['a', 'b'\]; got \['a', 'c'\]"):
        check_gradient(f, pd.Series({"a": 2.0, "c": 1.0}), x)
    seen = []
    lower = pd.Series({"b": 1.9, "a": 0.0})
    gradient(lambda p: seen.append(tuple(p)) or f(p), x, bounds=(lower, None), method=Central(step=0.5))
    assert min(b for _, b in seen) >= 1.9
    assert min(a for a, _ in seen) == 0.5


def test_more_labels_than_x_has_are_no_gradient():
    pd = pytest.importorskip("pandas")
    x = pd.Series({"a": 1.0, "b": 2.0})
    with pytest.raises(ValueError, match=r"gradient must have the labels of x, \['a', 'b'\]; got \['a', 'b', 'c'\]"):
        check_gradient(lambda p: p["a"] * p["b"], pd.Series({"a": 2.0, "b": 1.0, "c": 5.0}), x)


def test_variances_of_a_table_are_read_by_its_labels_and_a_matrix_in_the_order_of_its_flat_values():
    pd = pytest.importorskip("pandas")
    x = pd.DataFrame([[1.0, 2.0], [3.0, 4.0]], index=["r", "s"], columns=["a", "b"])
    variances = pd.DataFrame([[0.4, 0.3], [0.2, 0.1]], index=["s", "r"], columns=["b", "a"])
    names = ["ra", "rb", "sa", "sb"]
    matrix = pd.DataFrame(np.diag([0.1, 0.2, 0.3, 0.4]), index=names, columns=names)
    for cov in (variances, matrix):
        value, variance = propagate(lambda p: p.loc["r", "a"] + 2 * p.loc["s", "b"], x, cov)
        assert (value, variance) == (9.0, pytest.approx(0.1 + 4 * 0.4))


def test_derivatives_of_a_matrix_by_a_series_are_an_array():
    pd = pytest.importorskip("pandas")
    x = pd.Series({"a": 1.0, "b": 2.0})
    found = jacobian(lambda p: np.array([[p["a"], p["b"]], [p["a"] * p["b"], 0.0]]), x)
    assert found == pytest.approx(np.array([[[1, 0], [0, 1]], [[2, 1], [0, 0]]]), abs=1e-8)


def test_a_gradient_by_a_series_may_be_an_array():
    pd = pytest.importorskip("pandas")
    x = pd.Series({"a": 1.0, "b": 2.0})
    assert check_gradient(lambda p: p["a"] * p["b"], lambda p: np.array([p["b"], p["a"]]), x)


def doubled_column(p):
    p["a"] = 2 * p["a"]


def doubled(p):
    p *= 2


def sorted_upside_down(p):
    p.sort_index(ascending=False, inplace=True)


def one_row_more(p):
    p.loc["more"] = 3.0


def one_row_less(p):
    p.drop("r", inplace=True)


def other_labels(p):
    p.index = ["t", "u"]


@pytest.mark.filterwarnings("ignore:The inplace keyword")
@pytest.mark.parametrize(
    "change", [doubled_column, doubled, sorted_upside_down, one_row_more, one_row_less, other_labels]
)
@pytest.mark.parametrize("is_in_a_dictionary", [False, True])
@pytest.mark.parametrize("columns", [["a"], ["a", "b"], None], ids=["column", "table", "series"])
def test_an_f_that_changes_a_pandas_object_is_refused(change, columns, is_in_a_dictionary):
    pd = pytest.importorskip("pandas")
    if columns is None:
        x = pd.Series([1.0, 2.0], index=["a", "r"])
    else:
        x = pd.DataFrame(np.arange(1.0, 2 * len(columns) + 1).reshape(2, -1), index=["r", "s"], columns=columns)
    before = x.copy()

    def f(p):
        part = p["it"] if is_in_a_dictionary else p
        change(part)
        return (part.to_numpy() ** 3).sum()

    with pytest.raises(ValueError, match="f must leave x as it is; it changed x"):
        gradient(f, {"it": x} if is_in_a_dictionary else x)
    assert x.equals(before)


@pytest.mark.parametrize("is_in_a_dictionary", [False, True])
def test_an_f_that_only_reads_a_pandas_object_is_not_refused(is_in_a_dictionary):
    pd = pytest.importorskip("pandas")
    x = pd.DataFrame([[1.0, 2.0], [3.0, 4.0]], columns=["a", "b"])

    def f(p):
        part = p["it"] if is_in_a_dictionary else p
        more = part.assign(c=part["a"] * part["b"])
        part.attrs["seen"] = True
        return more["c"].sum() + part.sort_values("b", ascending=False).iloc[0, 0]

    found = gradient(f, {"it": x} if is_in_a_dictionary else x)
    found = found["it"] if is_in_a_dictionary else found
    assert found.to_numpy() == pytest.approx(np.array([[2.0, 1.0], [5.0, 3.0]]), abs=1e-6)
