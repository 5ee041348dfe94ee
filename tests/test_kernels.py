"""The seam's laws: values of moves, their parts and pieces, weighted sums; and the textbook's two loops."""

import ctypes
import itertools
import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from objectives import ObjectiveError, bits, same
from strategies import FLOATS, points

import gradfast
from gradfast._kernels.combine import combined, second_derivatives_of
from gradfast._kernels.evaluator import Evaluator
from gradfast._kernels.evaluator_in_place import OnePoint
from gradfast._kernels.evaluator_of_copies import Elements
from gradfast._kernels.moves import Groups, Moves
from gradfast._kernels.steps_and_bounds import Stencil
from gradfast.calls.evaluators import Call
from gradfast.calls.workers import Progress, Workers
from gradfast.values.callables import as_objective

CENTRAL = Stencil((1, -1), (1, -1), 2)
FORWARD = Stencil((1,), (1,), 1, center=-1)
SECOND = Stencil((1, -1), (1, 1), 1, n=2, center=-2)
WIDE = Stencil((2, 1, -1, -2), (-1, 8, -8, 1), 12)
DOUBLES = ctypes.POINTER(ctypes.c_double)

# --- stencils, groups, moves ------------------------------------------------------------------------------------------


def test_stencils_are_values_one_can_print():
    assert repr(SECOND) == "Stencil(nodes=(1, -1), weights=(1, 1), denominator=1, n=2, center=-2)"
    assert (SECOND.nodes, SECOND.weights, SECOND.denominator, SECOND.n) == ((1, -1), (1, 1), 1.0, 2)
    assert repr(pickle.loads(pickle.dumps(SECOND))) == repr(SECOND)


@pytest.mark.parametrize(("nodes", "weights"), [((1, -1), (1,)), ((), ())])
def test_stencils_with_missing_weights_raise(nodes, weights):
    with pytest.raises(ValueError, match=f"at least one; got {len(weights)} for {len(nodes)}"):
        Stencil(nodes, weights, 1)


GROUPS = {
    "each": (Groups.each(3), [[0], [1], [2]]),
    "each of some": (Groups.each(6, [4, 1]), [[4], [1]]),
    "together": (Groups.together(3), [[0, 1, 2]]),
    "some together": (Groups.together(6, [5, 0]), [[5, 0]]),
    "columns": (Groups.strided(6, 2), [[0, 2, 4], [1, 3, 5]]),
    "pairs": (Groups.pairs(3), [[0], [0, 1], [1], [0, 2], [1, 2], [2]]),
    "pairs of some": (Groups.pairs(9, [3, 8]), [[3], [3, 8], [8]]),
    "colors": (Groups.listed(6, [0, 2, 2, 5], [3, 0, 1, 5, 2]), [[3, 0], [], [1, 5, 2]]),
    "none": (Groups.each(0), []),
}
every_kind = pytest.mark.parametrize(("groups", "members"), GROUPS.values(), ids=GROUPS)


@every_kind
def test_groups_list_the_coordinates_that_move_together(groups, members):
    for made in (groups, pickle.loads(pickle.dumps(groups))):
        assert [made[g] for g in range(len(made))] == members
        assert made.coordinates == groups.coordinates
    for outside in (-1, len(groups)):
        with pytest.raises(IndexError, match=f"group must be from 0 to {len(groups) - 1}; got {outside}"):
            groups[outside]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Groups.each(-1), "coordinates must be a number from 0 up; got -1"),
        (lambda: Groups.each(3, [0, 3]), r"chosen must be coordinates from 0 to 2; got \[0, 3\]"),
        (lambda: Groups.together(3, [-1]), r"chosen must be coordinates from 0 to 2; got \[-1\]"),
        (lambda: Groups.listed(3, [0, 1], [7]), r"chosen must be coordinates from 0 to 2; got \[7\]"),
        (lambda: Groups.listed(3, [0, 2], [1]), r"starts must rise from 0 to 1; got \[0, 2\]"),
        (lambda: Groups.listed(3, [1, 0], [1]), r"starts must rise from 0 to 1; got \[1, 0\]"),
        (lambda: Groups.listed(3, [-1, 1], [1]), r"starts must rise from 0 to 1; got \[-1, 1\]"),
        (lambda: Groups.listed(3, [], []), r"starts must rise from 0 to 0; got \[\]"),
        (lambda: Groups.strided(5, 2), "groups must be a divisor of 5 coordinates; got 2"),
        (lambda: Groups.strided(5, 0), "groups must be a divisor of 5 coordinates; got 0"),
        (lambda: Moves(Groups.each(2), np.ones(2), CENTRAL).part(0, 5), "rows must be from 0 to 4; got 0 to 5"),
        (lambda: Moves(Groups.each(2), np.ones(2), CENTRAL).part(2, 1), "rows must be from 0 to 4; got 2 to 1"),
        (lambda: Moves(Groups.each(2), np.ones(2), CENTRAL).part(-1, 1), "rows must be from 0 to 4; got -1 to 1"),
        (lambda: Moves(Groups.each(2), np.ones(2), CENTRAL, first=3, last=5), "rows must be from 0 to 4; got 3 to 5"),
        (lambda: Moves(Groups.each(2), np.ones(2), CENTRAL, first=3, last=2), "rows must be from 0 to 4; got 3 to 2"),
        (lambda: Moves(Groups.each(2), np.ones(3), CENTRAL), "steps must be one for each of 2 coordinates; got 3"),
        (lambda: Moves(Groups.each(2), np.ones(1), CENTRAL), "steps must be one for each of 2 coordinates; got 1"),
    ],
)
def test_moves_of_what_is_not_there_raise(make, message):
    with pytest.raises(ValueError, match=message):
        make()


@given(st.integers(0, 10**9 - 1).flatmap(lambda i: st.tuples(st.just(i), st.integers(0, i))))
def test_any_pair_of_a_billion_coordinates_is_found_without_a_list(pair):
    i, j = pair
    assert Groups.pairs(10**9)[i * (i + 1) // 2 + j] == sorted({i, j})


@every_kind
@pytest.mark.parametrize("char", "dg")
def test_moves_say_which_coordinates_go_how_far(groups, members, char):
    steps = np.arange(1, groups.coordinates + 1, dtype=char)
    moves = Moves(groups, steps, WIDE)
    expected = [[(i, node * steps[i]) for i in group] for group in members for node in WIDE.nodes]
    assert list(moves) == expected
    assert len(moves) == len(expected)
    for first, last in ((0, len(moves)), (len(moves) // 2, len(moves)), (len(moves), len(moves))):
        for part in (moves.part(first, last), pickle.loads(pickle.dumps(moves.part(first, last)))):
            assert list(part) == expected[first:last]
            assert same(part.step_of_each, steps)


def test_moves_along_a_direction_keep_its_step():
    moves = Moves(Groups.together(2), [0.5, 1.0], CENTRAL, along=0.25)
    assert [made.along for made in (moves, moves.part(0, 1), pickle.loads(pickle.dumps(moves)))] == [0.25] * 3
    assert moves.part(0, 1).part(0, 1).along == 0.25


def test_moves_want_a_step_for_each_coordinate():
    with pytest.raises(ValueError, match="steps must be one for each of 3 coordinates; got 2"):
        Moves(Groups.each(3), np.ones(2), CENTRAL)
    for groups, stencil in ((None, CENTRAL), (Groups.each(1), None)):
        with pytest.raises(TypeError, match="incorrect type .expected gradfast._kernels"):
            Moves(groups, np.ones(1), stencil)


# --- f's values at moves ----------------------------------------------------------------------------------------------


def polynomial(x):
    """One number of a point, or of points along first axes; every coordinate has its own part in it."""
    weights = np.arange(1, x.shape[-1] + 1)
    return (x**3 * weights).sum(axis=-1)


def cubes(x):
    return np.stack([polynomial(x), -x[..., 0], x[..., -1] ** 2], axis=-1)


def compiled(f):
    """Return a C function that calls back f, of one number or of an array of three."""
    if f is polynomial:
        return as_objective(
            ctypes.CFUNCTYPE(ctypes.c_double, ctypes.c_int, DOUBLES)(lambda n, x: float(f(np.array(x[:n]))))
        )

    def write(n, x, m, out):
        for j, value in enumerate(f(np.array(x[:n]))):
            out[j] = value

    return gradfast.compiled(ctypes.CFUNCTYPE(None, ctypes.c_int, DOUBLES, ctypes.c_int, DOUBLES)(write), outputs=3)


class Counting(Evaluator):
    """An evaluator of somebody else's that wraps another."""

    def __init__(self, inner):
        super().__init__(inner)
        self.rows = 0

    def values(self, moves):
        self.rows += len(moves)
        return self.inner.values(moves)


def on_workers(f, x, **options):
    call = Call(f, **options)
    return Workers(call.at(x), call, map)


EVALUATORS = {
    "one point": lambda f, x, **o: Call(f, **o).at(x),
    "many points": lambda f, x, **o: Call(f, vectorized=True, **o).at(x),
    "compiled": lambda f, x, **o: Call(compiled(f), **o).at(x),
    "compiled, threads": lambda f, x, **o: Call(compiled(f), threads=2, **o).at(x),
    "workers": on_workers,
    "progress": lambda f, x, **o: Progress(Call(f, **o).at(x), lambda done, total: None),
    "counting": lambda f, x, **o: Counting(Call(f, **o).at(x)),
    "two wrappers": lambda f, x, **o: Progress(Counting(on_workers(f, x, **o)), lambda done, total: None),
}

# Compiled f knows double alone; where there is no coordinate, f has no value.
EVERY = [(name, dtype) for name in EVALUATORS for dtype in FLOATS if dtype != "g" or "compiled" not in name]
SOME = {name: groups for name, (groups, _) in GROUPS.items() if len(groups)}


def moved(x, row):
    """Return a copy of x with some coordinates moved: the sum is rounded once, to x's type."""
    point = x.copy()
    for i, by in row:
        point.flat[i] = point.flat[i] + by
    return point


@pytest.mark.parametrize(("way", "dtype"), EVERY)
@pytest.mark.parametrize("groups", SOME.values(), ids=SOME)
@pytest.mark.parametrize("f", [polynomial, cubes])
def test_values_have_a_row_for_each_group_and_node(way, dtype, groups, f):
    x = np.random.default_rng(0).normal(size=groups.coordinates).astype(dtype)
    before, value = bits(x), np.longdouble if dtype == "g" else np.float64
    moves = Moves(groups, 2.0 ** -np.arange(x.size, dtype=value), WIDE)
    e = EVALUATORS[way](f, x, single=f is polynomial)
    at = x.astype(float) if "compiled" in way else x
    expected = np.array([f(moved(at, row)) for row in moves]).astype(value)
    assert same(e.values(moves), expected)
    assert e.evaluations == len(moves)
    for first, last in ((0, 3), (1, 2), (len(moves) // 2, len(moves))):
        assert same(e.values(moves.part(first, last)), expected[first:last])
    pieces = list(e.pieces(moves))
    assert [row for first, last, _ in pieces for row in range(first, last)] == list(range(len(moves)))
    assert same(np.concatenate([rows for _, _, rows in pieces]), expected)
    assert same(e.value(), np.asarray(f(at)).astype(value))
    e.close()
    assert bits(x) == before


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("vectorized", [False, True])
def test_points_of_a_batch_are_one_line_of_coordinates(dtype, axis, vectorized):
    """Each point is moved alone; or a component of all at once, by an f that takes the whole batch."""
    x = np.random.default_rng(0).normal(size=(4, 3)).astype(dtype)
    x = x if axis == 1 else np.asfortranarray(x.T)
    rows, before = np.moveaxis(x, axis, -1), bits(x)

    def f(p):
        return polynomial(np.moveaxis(p, axis, -1)) if vectorized else polynomial(p)

    steps = np.full(12, 0.5, "g" if dtype == "g" else "d")
    moves = Moves(Groups.strided(12, 3) if vectorized else Groups.each(12), steps, CENTRAL)
    e = Call(f, single=True, axis=axis, vectorized=vectorized).at(x)
    found = e.values(moves)
    places = [(slice(None), j) for j in range(3)] if vectorized else list(np.ndindex(4, 3))
    for row, (place, node) in enumerate((place, node) for place in places for node in CENTRAL.nodes):
        point = rows.copy()
        point[place] = point[place] + node * 0.5
        assert np.array_equal(found[row], polynomial(point if vectorized else point[place[0]]))
    assert e.evaluations == 24
    assert np.array_equal(e.value(), polynomial(rows))
    e.close()
    assert bits(x) == before


@given(points(FLOATS, max_dims=3, min_side=1))
def test_values_are_those_at_x_of_any_layout(x):
    before = x.tobytes()
    moves = Moves(Groups.each(x.size), np.ones(x.size, "g" if x.dtype == "g" else "d"), CENTRAL)
    e = OnePoint(lambda point: point.copy(), x)
    found = e.values(moves)
    with np.errstate(all="ignore"):
        expected = np.array([moved(np.array(x), row) for row in moves])
    assert np.array_equal(found, expected, equal_nan=True)
    e.close()
    assert x.tobytes() == before


@pytest.mark.parametrize(("way", "dtype"), EVERY)
def test_moves_of_another_x_raise_and_steps_of_another_precision_are_taken(way, dtype):
    x = np.array([1.0, 2.0], dtype)
    e = EVALUATORS[way](cubes, x)
    steps = np.array([0.5, 0.25], "d" if dtype == "g" else "g")
    expected = e.values(Moves(Groups.each(2), steps.astype("g" if dtype == "g" else "d"), WIDE))
    assert same(e.values(Moves(Groups.each(2), steps, WIDE)), expected)
    assert same(e.values(Moves(Groups.each(2), steps, WIDE).part(3, 6)), expected[3:6])
    for n in (1, 3):
        with pytest.raises(ValueError, match=f"moves must be of x's 2 coordinates; got moves of {n}"):
            e.values(Moves(Groups.each(n), np.ones(n), CENTRAL))
    with pytest.raises(TypeError, match="must not be None|'moves' must|None"):
        e.values(None)


@pytest.mark.parametrize("way", ["one point", "many points", "counting", "progress"])
@pytest.mark.parametrize("call", range(1, 5))
def test_x_has_its_bits_whichever_call_raises(way, call):
    x = np.array([-0.0, np.nan, 3.0])
    before, calls = bits(x), []

    def f(x):
        calls.append(1)
        if len(calls) == call:
            raise ObjectiveError
        return x[..., 0] * 1.0

    e = EVALUATORS[way](f, x)
    moves = Moves(Groups.each(3), np.ones(3), CENTRAL)

    def work():
        for first in range(6):
            e.values(moves.part(first, first + 1))

    with pytest.raises(ObjectiveError):
        work()
    assert bits(x) == before
    inner = e if e.inner is None else e.inner
    assert (inner.failed, inner.failed_last) == (call - 1, call - 1)


@pytest.mark.parametrize("way", ["one point", "many points", "counting", "progress"])
def test_an_evaluator_finds_that_f_changed_x(way):
    x = np.array([1.0, 2.0])

    def f(x):
        x[..., 1] = 7.0
        return x[..., 0].copy()

    def work():
        e = EVALUATORS[way](f, x)
        try:
            e.values(Moves(Groups.each(2), np.ones(2), CENTRAL))
        except BaseException:
            e.put_back()
            raise
        e.close()

    with pytest.raises(ValueError, match=r"f must leave x as it is; it changed x\[1\]"):
        work()
    assert x.tolist() == [1.0, 2.0]


@pytest.mark.parametrize("x", [[1.0, 2.0], np.ones(2, int), np.broadcast_to(1.0, 2), np.ones(2, ">f8")], ids=repr)
def test_an_evaluator_takes_only_what_it_can_move(x):
    with pytest.raises((TypeError, AttributeError)):
        OnePoint(lambda x: 1.0, x)


# --- weighted sums ----------------------------------------------------------------------------------------------------


NUMBERS = st.sampled_from([0.0, -0.0, 1.0, -3.5, 1e300, 5e-324, np.inf, -np.inf, np.nan]) | st.floats(width=32)


def by_hand(stencil, values, center, step):
    """Return a derivative as `combine` promises it: from -0.0 or f(x), in the order of the nodes, divided once."""
    total = -0.0 if stencil.center == 0 else stencil.center * center
    for weight, value in zip(stencil.weights, values, strict=True):
        total = total + weight * value
    by = stencil.denominator
    for _ in range(stencil.n):
        by = by * step
    return total / by


@given(st.data(), st.sampled_from([CENTRAL, FORWARD, SECOND, WIDE]), st.sampled_from("dg"), st.integers(0, 3))
def test_combined_values_are_the_sums_of_the_formula_to_the_bit(data, stencil, char, width):
    n = 3
    moves = Moves(Groups.each(n), np.array([0.5, -0.25, 3.0], char), stencil)
    drawn = data.draw(st.lists(NUMBERS, min_size=len(moves) * width + width, max_size=len(moves) * width + width))
    values = np.array(drawn[width:], char).reshape(len(moves), width)
    center = np.array(drawn[:width], char)
    with np.errstate(all="ignore"):
        found = combined(values, moves, center)
        expected = np.empty((n, width), char)
        for i in range(n):
            rows = values[i * stencil.size : (i + 1) * stencil.size]
            for j in range(width):
                expected[i, j] = by_hand(stencil, rows[:, j], center[j], moves.step_of_each[i])
        part = moves.part(stencil.size, 3 * stencil.size)
        some = combined(values[stencil.size :], part, center)
    for result, wanted in ((found, expected), (some, expected[1:])):
        assert result.dtype == wanted.dtype
        assert np.array_equal(result, wanted, equal_nan=True)
        assert np.array_equal(np.signbit(result)[~np.isnan(wanted)], np.signbit(wanted)[~np.isnan(wanted)])


def test_sums_of_zeros_keep_their_sign():
    moves = Moves(Groups.each(2), np.ones(2), CENTRAL)
    assert np.signbit(combined([-0.0, 0.0, 0.0, 0.0], moves)).tolist() == [True, False]
    assert np.signbit(combined([-0.0, 0.0, 0.0, 0.0], moves, divided=False)).tolist() == [True, False]


def test_sums_that_are_not_divided_are_the_weighted_values():
    moves = Moves(Groups.each(2), [0.5, 0.25], SECOND)
    assert combined([1.0, 2.0, 3.0, 4.0], moves, [10.0], divided=False).tolist() == [-17.0, -13.0]


def test_each_point_of_a_batch_has_a_value_at_x_of_its_own():
    moves = Moves(Groups.each(4), np.ones(4), FORWARD)
    assert combined([5.0, 6.0, 7.0, 8.0], moves, [1.0, 2.0], point_size=2).tolist() == [4.0, 5.0, 5.0, 6.0]


def test_groups_keep_what_was_chosen_when_they_were_made():
    chosen = np.array([0, 1])
    groups = Groups.each(3, chosen)
    chosen[0] = 2
    assert groups[0] == [0]


@pytest.mark.parametrize("groups", [Groups.pairs(6), Groups.strided(6, 2)], ids=["pairs", "strided"])
def test_the_coordinate_is_named_that_f_changed_of_a_group(groups):
    def f(x):
        if x[2] != 1:
            x[2] = 7.0
        return 1.0

    e = OnePoint(f, np.ones(6), single=True)
    with pytest.raises(ValueError, match=r"f must leave x as it is; it changed x\[2\]"):
        e.values(Moves(groups, np.ones(6), CENTRAL))


@pytest.mark.parametrize("char", "dg")
def test_values_along_a_direction_are_divided_by_its_step(char):
    moves = Moves(Groups.together(3), np.array([3.0, 4.0, 5.0], char), CENTRAL, along=0.5)
    assert same(combined(np.array([[3.0], [1.0]], char), moves), np.array([[2.0]], char))


def test_pieces_of_a_slow_f_are_whole_groups(monkeypatch):
    clock = itertools.count()
    monkeypatch.setattr("gradfast._kernels.evaluator.perf_counter", lambda: next(clock))
    moves = Moves(Groups.each(3), np.ones(3), CENTRAL)
    pieces = OnePoint(np.sum, np.ones(3), single=True).pieces(moves)
    assert [piece[:2] for piece in itertools.islice(pieces, 9)] == [(0, 2), (2, 4), (4, 6)]


@pytest.mark.parametrize("char", "dg")
def test_second_derivatives_come_from_sums_of_pairs(char):
    """Of ``a x**2 + b x y + c y**2``, whose sums by a stencil of second derivatives are exact."""
    a, b, c = 3.0, 5.0, 7.0

    def f(x):
        return a * x[0] ** 2 + b * x[0] * x[1] + c * x[1] ** 2

    x, steps = np.array([1.0, 2.0], char), np.array([0.5, -0.25], char)
    moves = Moves(Groups.pairs(2), steps, SECOND)
    sums = combined(OnePoint(f, x, single=True).values(moves), moves, f(x), divided=False)
    assert same(second_derivatives_of(sums, moves), np.array([2 * a, b, 2 * c], char))


def test_elements_that_are_not_moved_stay_where_they_are():
    x, seen = np.array([1.0, 2.0, 3.0]), []

    def f(point):
        seen.append(point[[0, 2]].tolist())
        assert np.full(3, 7.0).all()  # memory that is free then, and holds something else
        return point**2

    Elements(f, x).values(Moves(Groups.together(3, [1]), np.ones(3), CENTRAL))
    assert seen == [[1.0, 3.0]] * 2
