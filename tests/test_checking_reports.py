"""What a gradient check shows: its table, what is wrong with each array, advice, a record and a figure."""

import numpy as np
import pytest

import gradfast as gf
from gradfast import check_gradient


def test_table_shows_the_ten_worst_rows():
    x = np.linspace(0.5, 2.0, 30)
    wrong = np.exp(x)
    wrong[17] += 1
    table = str(check_gradient(lambda x: np.sum(np.exp(x)), wrong, x)).splitlines()
    assert table[0] == "gradient check failed: 1 wrong, 0 cannot tell, 0 kink, 29 right"
    assert table[1].split() == ["coordinate", "analytic", "numeric", "difference", "error", "bar", "verdict"]
    assert table[2].startswith("x[17]")
    assert len(table) == 2 + 10 + 1
    assert table[-1] == "... and 20 more"


def test_table_counts_the_rows_left_out():
    check = check_gradient(np.sum, np.ones_like, np.ones(11))
    assert str(check).startswith("gradient check passed: 0 wrong")
    assert str(check).endswith("... and 1 more")


WHOLE = "W: 9 of 9 wrong: "


def wrong_arrays(gradient, **options):
    """Return the lines on arrays of a check of three parameters, of which a part of the gradient is replaced."""
    params = {"W": np.arange(1.0, 10.0).reshape(3, 3), "b": np.array([0.5, 1.0, 2.0, 3.0]), "s": np.array(2.0)}
    right = {"W": np.cos(params["W"]), "b": 3 * params["b"] ** 2, "s": 2 * params["s"]}
    changed = right | {name: change(right[name]) for name, change in gradient.items()}
    check = check_gradient(
        lambda p: np.sum(np.sin(p["W"])) + np.sum(p["b"] ** 3) + p["s"] ** 2, changed, params, **options
    )
    lines = str(check).splitlines()
    return lines[1 : next(i for i, line in enumerate(lines) if line.startswith("coordinate "))]


@pytest.mark.parametrize(
    ("gradient", "lines"),
    [
        ({}, []),
        ({"W": lambda g: g.T}, ["W: 6 of 9 wrong; its transpose would fit"]),
        ({"W": lambda g: np.where(np.arange(9).reshape(3, 3) == 8, 1, g.T)}, ["W: 7 of 9 wrong"]),
        (
            {"W": lambda g: 0 * g, "b": lambda g: -g},
            [WHOLE + "analytic = 0", "b: 4 of 4 wrong: analytic = -1.00 * numeric"],
        ),
        ({"b": lambda g: g / 50}, ["b: 4 of 4 wrong: analytic = 0.0200 * numeric"]),
        ({"b": lambda g: 1e6 * g}, ["b: 4 of 4 wrong: analytic = 1.00e+06 * numeric"]),
        ({"b": lambda g: g * [1, 1, 2, 2]}, ["b: 2 of 4 wrong: analytic = 2.00 * numeric"]),
        ({"b": lambda g: g * [1, 1, 2, 2.1]}, ["b: 2 of 4 wrong"]),
        ({"b": lambda g: g * [1, 1, 1, 2]}, ["b: 1 of 4 wrong"]),
        ({"W": lambda g: 1.003 * g}, [WHOLE + "analytic = 1.003 * numeric"]),
        ({"W": lambda g: g * [[1, -1, 1], [-1] * 3, [-1] * 3]}, ["W: 7 of 9 wrong: analytic = -1.00 * numeric"]),
        ({"W": lambda g: -g * [[2, 1, 1], [1, 1, 1], [1, 1, 1]]}, ["W: 9 of 9 wrong"]),
        ({"W": lambda g: -g + [[0.001, 0, 0], [0, 0, 0], [0, 0, 0]]}, ["W: 9 of 9 wrong"]),
        ({"b": lambda g: np.nan * g, "s": lambda g: 2 * g}, ["b: 4 of 4 wrong"]),
    ],
)  # fmt: skip
def test_a_report_says_what_is_wrong_with_each_array(gradient, lines):
    rest = [name for name in ("W", "b") if name not in gradient]
    assert wrong_arrays(gradient) == lines + [f"{name}: all right" for name in rest if lines]


@pytest.mark.parametrize(
    ("change", "lines"),
    [
        (lambda g: 2 * g, ["x: 12 of 12 wrong: analytic = 2.00 * numeric"]),
        (lambda g: 0 * g, ["x: 12 of 12 wrong: analytic = 0"]),
        (lambda g: np.append(-g[:3], g[3:]), ["x: 3 of 12 wrong: analytic = -1.00 * numeric"]),
        (lambda g: g[::-1], []),
        (lambda g: g * np.append(2, np.ones(11)), []),
    ],
)
def test_a_report_on_a_vector_says_by_what_factor_it_is_off(change, lines):
    x = np.linspace(0.3, 1.4, 12)
    check = check_gradient(lambda x: np.sum(np.exp(x)), change(np.exp(x)), x)
    assert check.outcome == "failed"
    assert [line for line in str(check).splitlines() if " wrong: " in line] == lines


@pytest.mark.parametrize(
    ("off", "advice"),
    [
        (4e-5, "Wrong by 0.004 % at most: f may be computed to a tolerance, as by a solver. rtol=1e-04 accepts that."),
        (7e-4, "Wrong by 0.07 % at most: f may be computed to a tolerance, as by a solver. rtol=1e-03 accepts that."),
        (2e-3, None),
        (np.nan, None),
    ],
)
def test_a_check_that_failed_by_little_says_by_how_much_and_what_accepts_it(off, advice):
    x = np.linspace(0.3, 1.4, 3)
    claimed = np.exp(x) * (1 + off * np.array([1, -0.3, 0]))
    check = check_gradient(lambda x: np.sum(np.exp(x)), claimed, x)
    assert str(check).splitlines()[5:] == ([advice] if advice else [])
    if advice:
        accepted = float(advice.partition("rtol=")[2].split()[0])
        assert check_gradient(lambda x: np.sum(np.exp(x)), claimed, x, rtol=accepted)


def test_a_report_on_some_coordinates_counts_these():
    assert wrong_arrays({"W": lambda g: g.T}, coordinates=12, seed=0) == ["W: 4 of 7 wrong", "b: all right"]
    assert wrong_arrays({"W": lambda g: g.T}, directions=2) == []


def test_a_report_names_ten_arrays():
    params = {f"b{i}": np.ones(2) for i in range(12)}
    check = check_gradient(lambda p: sum(np.sum(b**2) for b in p.values()), params, params)
    table = str(check).splitlines()
    assert table[1:11] == [f"b{i}: 2 of 2 wrong: analytic = 0.500 * numeric" for i in range(10)]
    assert table[11] == "... and 2 more arrays"


@pytest.mark.parametrize(
    ("error", "said"), [(1e-9, "-1.98"), (1e-3, "-1.98"), (0.01, "-2.0"), (0.1, None), (np.inf, None), (np.nan, None)]
)
def test_a_factor_has_the_digits_that_are_known(error, said):
    """Of numeric entries with an error bar: it is twice as wide, and is to be within half a unit of the last digit."""
    names, ones = np.array(["b[0]", "b[1]", "W[0, 0]"]), np.ones(3)
    verdicts = np.array(["wrong", "wrong", "right"])
    check = gf.GradientCheck(names, -1.984 * ones, ones, error * ones, 0 * ones, verdicts, ones, 10)
    line = "b: 2 of 2 wrong" + (f": analytic = {said} * numeric" if said else "")
    assert str(check).splitlines()[1] == line


@pytest.mark.parametrize(("few", "said"), [(0, ""), (1, " in 19 of them"), (2, " in 18 of them"), (3, None)])
def test_a_factor_that_a_few_entries_lack_says_so(few, said):
    names, ones = np.array([f"W[0, {i}]" for i in range(20)]), np.ones(20)
    analytic = 2 * ones + 0.01 * (np.arange(20) < few)
    check = gf.GradientCheck(names, analytic, ones, 1e-3 * ones, 0 * ones, np.array(["wrong"] * 20), ones, 10)
    line = "W: 20 of 20 wrong" + ("" if said is None else f": analytic = 2.00 * numeric{said}")
    assert str(check).splitlines()[1] == line


@pytest.mark.parametrize(("dtype", "advice"), [("d", "noise(f, x)"), ("f", "in double precision")])
def test_an_undecided_check_says_by_how_much_and_what_to_do(dtype, advice):
    random = np.random.default_rng(0)

    def f(x):
        return np.sum(np.sin(x)) + np.asarray(0.1 * random.normal(), dtype)

    check = check_gradient(f, np.cos, np.array([1.0, 2.0, 3.0], dtype))
    assert check.outcome == "undecided"
    *_, what, limit, way_out = str(check).splitlines()
    assert what.startswith("Undecided: what cannot be told")
    assert "may change the gradient by" in what
    assert limit == "Up to 1 % passes."
    assert advice in way_out


@pytest.mark.parametrize(("error", "part"), [(0.02, "up to 2 % of its norm"), (np.inf, "as much as its norm")])
def test_an_undecided_check_says_what_part_of_the_norm_is_open(error, part):
    names, verdicts, ones = np.array(["x[0]", "x[1]"]), np.array(["right", "cannot tell"]), np.ones(2)
    check = gf.GradientCheck(names, ones, ones, error * ones, 0 * ones, verdicts, ones, 10)
    assert f"may change the gradient by {part}." in str(check)


def check_of(verdicts, analytic, numeric, error=0.0, tolerance=0.0):
    """Return a check whose rows have these verdicts and numbers."""
    verdicts = np.array(verdicts)
    columns = [
        np.broadcast_to(np.asarray(part, float), verdicts.shape) for part in (analytic, numeric, error, tolerance)
    ]
    names = np.array([f"W[0, {i}]" for i in range(verdicts.size)])
    return gf.GradientCheck(names, *columns, verdicts, np.ones(verdicts.size), 10)


@pytest.mark.parametrize(
    ("off", "error", "outcome"), [(0.02, 0, "undecided"), (0, 0.02, "undecided"), (4e-3, 4e-3, "passed")]
)
def test_what_is_open_may_be_wrong_by_its_difference_and_its_bar(off, error, outcome):
    assert check_of(["right", "cannot tell"], [1, 1], [1, 1 + off], error).outcome == outcome


def test_a_difference_that_is_no_number_is_the_worst():
    check = check_of(["wrong"] * 3, [1, np.nan, 3], [2, 2, 9], 0.1)
    assert check.worst_first().tolist() == [1, 2, 0]


def test_ten_rows_are_all_there_are():
    assert "more" not in str(check_of(["right"] * 10, 1, 1))
    assert str(check_of(["right"] * 11, 1, 1)).endswith("... and 1 more")


def test_a_matrix_is_told_as_a_whole_and_an_array_of_one_number_is_not():
    check = check_gradient(lambda x: np.sum(x**2), lambda x: 4 * x, np.ones((2, 2)))
    assert str(check).splitlines()[1] == "x: 4 of 4 wrong: analytic = 2.00 * numeric"
    params = {"W": np.ones(2), "b": np.ones(1)}
    check = check_gradient(lambda p: np.sum(p["W"] ** 2) + p["b"][0], params, params)
    assert str(check).splitlines()[1] == "W: 2 of 2 wrong: analytic = 0.500 * numeric"
    check = check_gradient(lambda p: np.sum(p["W"]) + p["b"][0], {"W": np.ones(2), "b": np.zeros(1)}, params)
    assert "b:" not in str(check)


def test_a_large_factor_is_as_well_known_as_the_tolerance_lets_it_be():
    lines = str(check_of(["wrong"] * 4, 1234, 1, tolerance=0.1)).splitlines()
    assert lines[1] == "W: 4 of 4 wrong: analytic = 1.23e+03 * numeric"


def test_outcomes_agree_with_truth():
    checks = [check_gradient(lambda x: x @ x, [entry], [1.0]) for entry in (2.0, 3.0)]
    assert [(check.outcome, bool(check)) for check in checks] == [("passed", True), ("failed", False)]


def test_record_holds_the_rows():
    record = check_gradient(lambda x: np.sum(x**2), [2.0, 5.0], [1.0, 2.0]).record()
    assert record.dtype.names == ("name", "analytic", "numeric", "difference", "error", "verdict")
    assert record[1]["verdict"] == "wrong"
    assert record[1]["difference"] == pytest.approx(1.0)


def drawn(check):
    """Return the Axes of a check's figure, drawn, and the names along it."""
    figure = pytest.importorskip("matplotlib.figure").Figure(layout="constrained")
    ax = figure.subplots()
    assert check.plot(ax) is ax
    figure.canvas.draw()
    return ax, [text.get_text() for text in ax.get_xticklabels()]


def legend(ax):
    return [text.get_text() for text in ax.get_legend().get_texts()]


def test_plots_name_coordinates_and_leave_room_beside_kinks():
    x = np.array([1.0, 2.0, 0.0, 4.0])
    check = check_gradient(lambda x: x[0] ** 3 + x[1] ** 3 + abs(x[2]) + x[3], [3.0, 12.0, 0.3, np.nan], x)
    ax, names = drawn(check)
    assert names == ["x[0]", "x[1]", "x[2]", "x[3]"]
    assert legend(ax) == ["allowed", "right", "kink"]  # NaN is not drawn
    allowed = check.tolerance[0] + 2 * check.error[0]
    low, high = ax.transData.transform([(0, -allowed), (0, allowed)])[:, 1]
    assert high - low > 0.05 * ax.bbox.height
    assert len({line.get_marker() for line in ax.lines if line.get_label() in legend(ax)}) == 2


def test_plots_of_many_coordinates_name_those_that_are_not_right():
    wrong = 2 * np.ones(100)
    wrong[[7, 50, 51]] = 3, 4, 3
    _, names = drawn(check_gradient(lambda x: x @ x, wrong, np.ones(100)))
    assert names == ["x[7]", "x[50]"]  # the name of 51 would lie upon that of 50, which is worse


def test_plots_of_many_right_coordinates_name_some():
    _, names = drawn(check_gradient(lambda x: x @ x, 2 * np.ones(100), np.ones(100)))
    assert (names[:2], len(names)) == (["x[0]", "x[4]"], 25)


def test_plots_show_how_large_differences_may_be():
    check = check_gradient(lambda x: np.sum(x**2), [2.0, 5.0], [1.0, 2.0])
    ax, _ = drawn(check)
    assert legend(ax) == ["allowed", "right", "wrong"]
    (band,) = ax.collections
    assert band.get_datalim(ax.transData).y1 == pytest.approx(np.max(check.tolerance + 2 * check.error))
    assert ax.get_xlabel() == "coordinate"
    ticks = ax.get_yticks()
    assert 3 <= len(ticks) <= 11
    assert np.array_equal(np.sort(-ticks), np.sort(ticks))


def test_a_bar_without_end_is_drawn_as_far_as_the_others():
    ax, _ = drawn(check_of(["right", "wrong", "cannot tell"], [1, 3, 1], [1, 2, 1], [1e-3, 0.01, np.inf]))
    (band,) = ax.collections
    assert band.get_datalim(ax.transData).y1 == pytest.approx(1.0)


def test_checks_of_nothing_are_drawn():
    words, numbers = np.empty(0, "U4"), np.empty(0)
    ax, names = drawn(gf.GradientCheck(words, numbers, numbers, numbers, numbers, words, numbers, 1))
    assert (names, legend(ax)) == ([], ["allowed"])
