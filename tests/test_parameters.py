"""Parameters by name: moved where they are, f called with all of them, derivatives with the same names."""

import collections
import pickle
import re
from typing import NamedTuple

import numpy as np
import pytest
from objectives import ObjectiveError, bits

import gradfast
from gradfast import Gradient, Jacobian, check_gradient, gradient, jacobian, value_and_gradient
from gradfast._kernels.evaluator_in_place import Named
from gradfast.parameters import Layout, ravel

METHODS = ["central", "forward", "backward", "complex", "adaptive", gradfast.Central(4)]


def model():
    return {
        "layer": {"W": np.arange(1.0, 7.0).reshape(2, 3), "b": np.array([0.5, -0.5])},
        "rest": [np.array([2.0]), (np.ones((2, 2)), 3.0)],
        "none": None,
    }


def loss(p):
    square = np.sum(p["layer"]["W"] ** 2) * p["rest"][0][0]
    return square + np.sum(p["layer"]["b"] ** 3) + np.sum(p["rest"][1][0]) * p["rest"][1][1] ** 2


def slopes_of_loss(p):
    W, b, (a,), (Z, c) = p["layer"]["W"], p["layer"]["b"], p["rest"][0], p["rest"][1]
    rest = [np.array([np.sum(W**2)]), (np.full(Z.shape, c**2), 2 * c * np.sum(Z))]
    return {"layer": {"W": 2 * W * a, "b": 3 * b**2}, "rest": rest, "none": None}


def assert_same(found, wanted, tolerance=1e-4):
    """Hold two structures against each other: types of containers, names, shapes, numbers."""
    if isinstance(wanted, dict):
        assert type(found) is type(wanted)
        assert list(found) == list(wanted)
        for key, value in wanted.items():
            assert_same(found[key], value, tolerance)
    elif isinstance(wanted, (list, tuple)):
        assert type(found) is type(wanted)
        assert len(found) == len(wanted)
        for one, other in zip(found, wanted, strict=True):
            assert_same(one, other, tolerance)
    elif wanted is None:
        assert found is None
    else:
        assert np.shape(found) == np.shape(wanted)
        assert found == pytest.approx(wanted, abs=tolerance)


# --- structure in, structure out --------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", METHODS, ids=str)
@pytest.mark.parametrize("workers", [None, map])
def test_a_gradient_has_the_structure_of_the_parameters(method, workers):
    p = model()
    before = pickle.dumps(p)
    assert_same(gradient(loss, p, method=method, workers=workers), slopes_of_loss(model()))
    value, slopes = value_and_gradient(loss, p, method=method, workers=workers)
    assert value == loss(model())
    assert_same(slopes, slopes_of_loss(model()))
    assert pickle.dumps(p) == before


def test_processes_get_the_parameters():
    value, slopes = value_and_gradient(loss, model(), workers=2)
    assert value == loss(model())
    assert_same(slopes, slopes_of_loss(model()))


@pytest.mark.parametrize("method", ["central", "complex", "adaptive"])
def test_a_jacobian_has_a_part_for_each_parameter(method):
    p = {"A": np.array([[1.0, 2.0], [3.0, 4.0]]), "x": np.array([5.0, 6.0]), "shift": 1.0}
    slopes = jacobian(lambda p: p["A"] @ p["x"] + p["shift"], p, method=method)
    assert slopes["A"] == pytest.approx(np.einsum("ij,k->ijk", np.eye(2), p["x"]))
    assert slopes["x"] == pytest.approx(p["A"])
    assert slopes["shift"] == pytest.approx(np.ones(2))


def test_a_sparse_jacobian_counts_parameters_one_after_another():
    p = {"a": np.array([1.0, 2.0]), "b": np.array([3.0, 4.0])}
    pattern = np.hstack([np.eye(2), np.eye(2)])
    found = jacobian(lambda p: p["a"] * p["b"], p, sparsity=pattern)
    assert found.toarray() == pytest.approx(np.array([[3, 0, 1, 0], [0, 4, 0, 2]]))


class Point(NamedTuple):
    x: float
    y: np.ndarray


def test_other_containers_stay_what_they_are():
    found = gradient(lambda p: p.x**2 + np.sum(p.y**2), Point(3.0, np.array([4.0])))
    assert type(found) is Point
    assert (found.x, found.y) == (pytest.approx(6.0), pytest.approx(np.array([8.0])))
    assert type(gradient(lambda p: p.x * p.y, Point(3.0, 2.0))) is Point
    ordered = collections.OrderedDict(b=np.ones(2), a=2.0)
    found = gradient(lambda p: np.sum(p["b"]) * p["a"], ordered)
    assert_same(found, collections.OrderedDict(b=np.full(2, 2.0), a=2.0))
    proxy = __import__("types").MappingProxyType({"a": np.ones(2)})
    assert_same(gradient(lambda p: np.sum(p["a"] ** 2), proxy), {"a": np.full(2, 2.0)})


def test_parameters_are_made_of_a_list_too():
    vector, unravel = ravel({"a": 1.0, "b": np.array([2.0, 3.0])})
    for values in ([4, 5, 6], (4.0, 5.0, 6.0), vector + 3):
        assert_same(unravel(values), {"a": 4.0, "b": np.array([5.0, 6.0])})
    with pytest.raises(ValueError, match=r"vector must have shape \(3,\); got shape \(2,\)"):
        unravel([1, 2])


class Floats(dict):
    """A mapping that makes numbers of its own of what is put into it, as an xarray.Dataset."""

    def __setitem__(self, key, value):
        super().__setitem__(key, np.array(value, float))


def test_a_mapping_that_cannot_hold_what_f_gets_is_a_dictionary():
    x = Floats()
    x["a"], x["b"] = [1.0, 2.0], 3.0
    found = gradient(lambda p: np.sum(p["a"] ** 2) * p["b"], x)
    assert_same(found, {"a": np.array([6.0, 12.0]), "b": np.float64(5.0)})
    assert type(found) is dict


def test_lists_of_numbers_stay_arrays():
    seen = []

    def f(x):
        seen.append(type(x))
        return np.sum(x**2)

    for x in ([1.0, 2.0], (1.0, 2.0), [[1, 2], [3, 4]], [np.float64(1), 2.0]):
        assert gradient(f, x) == pytest.approx(2 * np.asarray(x))
    assert set(seen) == {np.ndarray}


def test_f_gets_numbers_as_numbers_and_arrays_as_they_are():
    p = {"a": 2, "b": np.float64(3.0), "list": [1, 2], "W": np.ones(2)}

    def f(q):
        assert type(q["a"]) is float
        assert type(q["b"]) is np.float64
        assert q["W"] is p["W"]
        q["a"] *= 1.0  # into a dictionary of its own
        return q["a"] * q["b"] + np.sum(q["list"]) + np.sum(q["W"])

    assert_same(gradient(f, p), {"a": 3.0, "b": 2.0, "list": np.ones(2), "W": np.ones(2)})
    assert type(p["a"]) is int


@pytest.mark.parametrize("x", [{}, {"a": np.empty(0)}, {"a": None}], ids=str)
def test_no_parameters_have_no_derivatives(x):
    assert_same(gradient(lambda p: 1.0, x), x)
    assert_same(gradient(lambda p: 1.0, x, method="adaptive"), x)


# --- in place ---------------------------------------------------------------------------------------------------------


def test_arrays_that_f_reads_through_a_closure_move():
    p = model()
    assert_same(gradient(lambda _: np.sum(p["layer"]["W"] ** 2), p)["layer"]["W"], 2 * p["layer"]["W"])


@pytest.mark.parametrize("char", "fdg")
def test_arrays_of_any_layout_and_dtype_move(char):
    base = np.arange(24.0).astype(char).reshape(4, 6)
    p = {"strided": base[::2, ::3], "back": base[1, ::-1], "matrix": np.ones((2, 2), char).view(np.matrix)}
    before = base.tobytes()
    found = gradient(lambda _: np.sum(p["strided"] ** 2) + np.sum(p["back"]) + np.sum(np.asarray(p["matrix"]) ** 2), p)
    tolerance = 0.1 if char == "f" else 1e-6
    assert_same(found, {"strided": 2 * base[::2, ::3], "back": np.ones(6), "matrix": np.full((2, 2), 2.0)}, tolerance)
    assert {part.dtype.char for part in found.values()} == {char}
    assert base.tobytes() == before


def test_parameters_of_several_dtypes_keep_theirs():
    p = {
        "half": np.ones(2, "f2"),
        "single": np.full(2, 2.0, "f4"),
        "double": np.full(2, 3.0),
        "whole": np.array([4, 5]),
    }
    found = gradient(lambda p: sum(np.sum(part.astype(float) ** 2) for part in p.values()), p)
    assert_same(found, {name: 2 * np.asarray(part, float) for name, part in p.items()})
    assert [part.dtype.char for part in found.values()] == ["d", "f", "d", "d"]
    single = {"W": np.ones(2, "f4"), "rate": 0.5}
    assert gradient(lambda p: np.sum(p["W"]) * p["rate"], single)["W"].dtype == np.float32


def test_read_only_arrays_are_copied():
    W = np.ones(2)
    W.flags.writeable = False
    assert_same(gradient(lambda p: np.sum(p["W"] ** 2), {"W": W}), {"W": np.full(2, 2.0)})


def test_an_array_that_is_two_parameters_is_moved_as_each():
    W = np.arange(1.0, 7.0)
    found = gradient(lambda p: np.sum(p["one"] * p["other"] ** 2), {"one": W, "other": W})
    assert_same(found, {"one": W**2, "other": 2 * W**2})
    found = gradient(lambda p: np.sum(p["all"]) + np.sum(p["part"]), {"all": W, "part": W[2:4], "none": W[:0]})
    assert_same(found, {"all": np.ones(6), "part": np.ones(2), "none": np.empty(0)})


@pytest.mark.parametrize("method", ["central", "forward", "adaptive", "complex"])
def test_parameters_hold_their_old_bits_whichever_call_of_f_fails(method):
    p = {"W": np.array([[-0.0, 1.0]]), "b": np.array([1e-320, 2.0])[::-1]}
    before = bits(p["W"]), bits(p["b"])
    for k in range(1, 12):
        calls = []

        def f(p, k=k, calls=calls):
            calls.append(1)
            if len(calls) == k:
                raise ObjectiveError(f"call {k}")
            return np.sum(p["W"] ** 2) + np.sum(p["b"])

        try:
            gradient(f, p, method=method)
        except ObjectiveError:
            assert len(calls) == k
        assert (bits(p["W"]), bits(p["b"])) == before


@pytest.mark.parametrize(("method", "calls"), [("central", 8), ("forward", 5), ("complex", 6), ("value", 9)])
def test_evaluations_are_those_of_one_vector(counted, method, calls):
    f = counted(lambda p: np.sum(p["W"] ** 2) + np.sum(p["b"]))
    p = {"W": np.ones((1, 3)), "b": np.ones(1)}
    if method == "value":
        value_and_gradient(f, p)
    else:
        gradient(f, p, method=method)
    assert f.calls == calls


def test_an_f_that_changes_its_parameters_raises_and_they_are_put_back():
    def at_first(p):
        p["layer"]["W"][1, 2] += 1
        return loss(p)

    def in_the_end(p):
        seen.append(1)
        p["rest"][0][0] += len(seen) == 28
        return loss(p)

    def anew(p):
        p["layer"]["b"] = p["layer"]["b"] * 2
        return np.sum(p["layer"]["W"])

    def one_less(p):
        del p["layer"]["b"]
        return 1.0

    for f, name in ((at_first, r"x\['layer'\]\['W'\]\[1, 2\]"), (in_the_end, r"x\['rest'\]\[0\]\[0\]")):
        p, seen = model(), []
        before = pickle.dumps(p)
        with pytest.raises(ValueError, match=f"f must leave x as it is; it changed {name}$"):
            gradient(f, p)
        assert pickle.dumps(p) == before
    for f, name in ((anew, r"x\['layer'\]\['b'\]"), (one_less, "x")):
        for workers in (None, map):
            p = {"layer": model()["layer"]}
            with pytest.raises((ValueError, KeyError), match=f"f must leave x as it is; it changed {name}$|^'b'(\n|$)"):
                gradient(f, p, workers=workers)
            assert list(p["layer"]) == ["W", "b"]


def swapped(p):
    p["one"], p["two"] = p["two"], p["one"]
    return np.sum(p["one"] ** 3)


def turned(p):
    p["rest"].reverse()
    return np.sum(p["rest"][0] ** 3)


def renamed(p):
    old, new = ("two", "three") if "two" in p else ("three", "two")
    p[new] = p.pop(old)
    return np.sum(p["one"] ** 3)


@pytest.mark.parametrize("method", METHODS, ids=str)
@pytest.mark.parametrize("f", [swapped, turned, renamed])
def test_an_f_that_undoes_at_the_next_call_what_it_did_to_the_containers_is_refused(f, method):
    p = {"one": np.array([1.0, 2.0]), "rest": [np.array([3.0, 4.0]), np.array([5.0, 6.0])], "two": np.array([7.0, 8.0])}
    with pytest.raises(ValueError, match="f must leave x as it is; it changed x"):
        gradient(f, p, method=method)
    assert [list(p), *map(list, p["rest"])] == [["one", "rest", "two"], [3.0, 4.0], [5.0, 6.0]]


# --- with options -----------------------------------------------------------------------------------------------------


def test_info_has_the_structure_of_the_parameters():
    p = {"W": np.ones((2, 2)), "b": 1.0}
    _, info = gradient(lambda p: np.sum(p["W"]) * p["b"], p, full_output=True)
    assert info.evaluations == 10
    assert (info.step["W"].shape, info.scheme["W"].tolist()) == ((2, 2), [["central"] * 2] * 2)
    assert info.step["b"] > 0
    slopes, info = gradient(lambda p: np.sum(p["W"]) * p["b"], p, method="adaptive", full_output=True)
    assert info.error["W"].shape == info.converged["W"].shape == slopes["W"].shape
    slopes, info = jacobian(lambda p: p["W"] * p["b"], p, method="adaptive", full_output=True)
    assert info.error["W"].shape == info.converged["W"].shape == slopes["W"].shape == (2, 2, 2, 2)
    assert info.error["b"].shape == slopes["b"].shape == (2, 2)


def test_bounds_may_be_numbers_or_be_laid_out_like_the_parameters():
    def f(p):
        assert np.all(p["a"] >= 0)
        assert p["b"] <= 2.0
        return np.sum(np.exp(p["a"])) + np.exp(p["b"])

    p = {"a": np.array([0.0, 1.0]), "b": 2.0}
    wanted = {"a": np.exp(p["a"]), "b": np.exp(2.0)}
    lower = {"a": np.zeros(2), "b": None}
    for bounds in ((lower, {"a": [None, 3.0], "b": 2.0}), (lower, 2.0), (0, 2), [(0, 1), (0, 2), (None, 2)]):
        assert_same(gradient(f, p, bounds=bounds), wanted)
        assert_same(gradient(f, p, bounds=bounds, method="adaptive"), wanted)
    with pytest.raises(ValueError, match=r"x must lie within bounds; got x\['a'\]\[0\] = 0 in \[1, inf\]"):
        gradient(f, p, bounds=({"a": 1, "b": 0}, None))
    with pytest.raises(ValueError, match=r"bounds must have the names of x, \['a', 'b'\]; got \['a'\]"):
        gradient(f, p, bounds=({"a": 1}, None))
    with pytest.raises(ValueError, match=r"bounds\['a'\] must broadcast to shape \(2,\); got shape \(3,\)"):
        gradient(f, p, bounds=({"a": np.zeros(3), "b": 0}, None))
    with pytest.raises(ValueError, match="bounds must be 2 parts, as x; got "):
        gradient(lambda p: p[0].sum(), [np.ones(1), np.ones(2)], bounds=([np.zeros(1)], None))


def test_what_else_f_takes_and_returns():
    def f(t, p, *, power):
        return t * np.sum(p["a"] ** power), "aux"

    operator = Gradient(f, argnum=1, kwargs={"power": 3}, has_aux=True, full_output=True)
    (slopes, aux), info = operator(2.0, {"a": np.array([1.0, 2.0])})
    assert_same(slopes, {"a": np.array([6.0, 24.0])})
    assert (aux, info.evaluations) == ("aux", 5)
    told = []
    gradient(lambda p: np.sum(p["a"]), {"a": np.ones(3)}, progress=lambda done, total: told.append((done, total)))
    assert told[-1] == (6, 6)
    assert gradient(lambda p: np.sum(p["a"]), {"a": np.ones(3)}, f0=3.0, method="forward")["a"] == pytest.approx(1.0)


def test_a_prepared_operator_takes_parameters_of_any_structure():
    total = Gradient(lambda p: sum(np.sum(part**2) for part in (p.values() if isinstance(p, dict) else p)))
    assert_same(total({"a": np.ones(2)}), {"a": np.full(2, 2.0)})
    assert_same(total([np.ones((2, 1)), np.ones(3)]), [np.full((2, 1), 2.0), np.full(3, 2.0)])
    assert total(np.ones(2)) == pytest.approx(2.0)


# --- refused ----------------------------------------------------------------------------------------------------------


OTHERS = {
    "Hessian": gradfast.hessian,
    "Derivative": gradfast.derivative,
    "DirectionalDerivative": lambda f, x: gradfast.directional_derivative(f, x, 1.0),
    "JacobianOfGradient": lambda f, x: gradfast.hessian(None, x, gradient=f),
}


@pytest.mark.parametrize("name", OTHERS)
@pytest.mark.parametrize("x", [{"a": np.ones(2)}, [np.ones(2), np.ones(3)], Point(1.0, np.ones(2))], ids=type)
def test_other_operators_say_how_to_make_one_array_of_them(name, x):
    with pytest.raises(TypeError, match=rf"x must be one array for {name}; got \w+ of parameters; vector, unravel = "):
        OTHERS[name](np.sum, x)


def test_parameters_are_for_f_of_one_point_in_python():
    for options in ({"vectorized": True}, {"axis": 0}):
        with pytest.raises(TypeError, match="x must be one array with axis, vectorized or compiled f; got dict of"):
            gradient(loss, model(), **options)


def test_what_is_no_number_is_named():
    for x, name in (({"a": {"b": "text"}}, r"x\['a'\]\['b'\]"), ([np.ones(2), 1j], r"x\[1\]")):
        with pytest.raises(TypeError, match=f"{name} must hold real numbers; got "):
            gradient(np.sum, x)
    with pytest.raises(TypeError, match="x must be an array without a mask"):
        gradient(np.sum, {"a": np.ma.ones(2)})


def test_ravel_makes_one_vector_and_parameters_again():
    vector, unravel = ravel(model())
    assert vector.tolist() == [1, 2, 3, 4, 5, 6, 0.5, -0.5, 2, 1, 1, 1, 1, 3]
    assert_same(unravel(vector), model())
    matrix = gradfast.hessian(lambda v: loss(unravel(v)), vector)
    assert matrix[0, 8] == pytest.approx(2.0, abs=1e-3)
    slopes = Jacobian(lambda v: gradfast.parameters.ravel(gradient(loss, unravel(v)))[0])(vector)
    assert slopes == pytest.approx(matrix, abs=1e-3)


@pytest.mark.parametrize("shape", [(19,), (21,), (20, 1), (2, 20), ()])
def test_a_vector_of_another_shape_makes_no_parameters(shape):
    vector, unravel = ravel(model())
    assert vector.shape == (14,)
    with pytest.raises(ValueError, match=re.escape(f"vector must have shape (14,); got shape {shape}")):
        unravel(np.ones(shape))


# --- where arrays are moved -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("overlap", [1, 3])
def test_parameters_that_share_some_of_their_memory_are_moved_each_by_itself(overlap):
    memory = np.arange(1.0, 10.0)
    x = {"a": memory[:5], "b": memory[5 - overlap :]}
    assert_same(
        gradient(lambda p: np.sum(p["a"] ** 2) + np.sum(p["b"] ** 3), x), {"a": 2 * x["a"], "b": 3 * x["b"] ** 2}
    )


def test_parameters_that_share_memory_within_themselves_are_copied():
    windows = np.lib.stride_tricks.sliding_window_view(np.arange(5.0), 3, writeable=True)
    found = gradient(lambda p: np.sum(p["w"] ** 2) + p["b"][0], {"w": windows, "b": np.ones(1)})
    assert np.abs(found["w"] - 2 * windows).max() < 1e-8
    assert found["b"] == pytest.approx(1)
    assert windows.base is not None
    assert windows.tolist() == [[0, 1, 2], [1, 2, 3], [2, 3, 4]]


def test_places_that_cannot_be_moved_are_refused():
    """Layout.of gives none; another table of addresses would be written past its end."""
    layout, flat, _ = Layout.of({"w": np.ones((3, 3))})
    windows = np.lib.stride_tricks.sliding_window_view(np.arange(5.0), 3, writeable=True)
    for place in (windows, np.ones((3, 3), int), as_read_only(np.ones((3, 3)))):
        with pytest.raises(TypeError, match=r"x\['w'\] must be a writable array of float64; got "):
            Named(sum, flat, (), True, layout, [place])
    for place in (np.ones(10), np.ones((3, 3), "f")):
        with pytest.raises(TypeError, match=r"x\['w'\] must hold 9 numbers of float64; got "):
            Named(sum, flat, (), True, layout, [place])


def as_read_only(array):
    array.flags.writeable = False
    return array


def test_arrays_of_two_precisions_are_moved_in_the_finer():
    seen = set()
    gradient(
        lambda p: seen.add(float(p["b"][1])) or float(np.sum(p["a"])), {"a": np.ones(1, "f"), "b": np.full(2, 1 / 3)}
    )
    assert 1 / 3 in seen


def test_the_precision_of_a_number_does_not_count():
    a = np.ones(2, "f")
    assert np.isfinite(
        gradient(lambda p: float(np.sum(p["a"])) if p["a"] is a else np.nan, {"a": a, "b": 0.1})["a"]
    ).all()


@pytest.mark.parametrize(
    ("x", "claimed"),
    [
        ([np.ones(2), np.ones(3)], [np.ones(2)]),
        ([np.ones(2), np.ones(3)], [np.ones(2), np.ones(3), np.ones(4)]),
        ({"a": np.ones(2)}, {"a": np.ones(2), "b": np.ones(2)}),
        ({"a": np.ones(2)}, {}),
    ],
    ids=str,
)
def test_more_parts_than_x_has_or_fewer_are_no_gradient(x, claimed):
    with pytest.raises(ValueError, match="gradient must "):
        check_gradient(lambda x: 1.0, claimed, x)


def test_parameters_in_half_precision_are_moved_in_double():
    found = gradient(lambda p: float(np.sum(p["a"].astype(float) ** 2)), {"a": np.array([1.0, 3.0], np.float16)})
    assert found["a"] == pytest.approx([2.0, 6.0], rel=1e-6)


def test_a_list_that_holds_itself_is_refused():
    x = [np.ones(2)]
    x.append(x)
    with pytest.raises(ValueError, match="x must not hold itself; got a list that does"):
        gradient(lambda p: 1.0, x)
    x = [1.0]
    x.append(x)
    with pytest.raises((TypeError, ValueError)):
        gradient(lambda p: 1.0, x)
