"""propagate: the covariance of f(x) from that of x."""

import numpy as np
import pytest

from gradfast import Central, Nodes, propagate

X = np.array([0.5, 1.0, 1.5])


def test_the_covariance_of_a_result():
    x, cov = np.array([2.0, 3.0]), np.array([[0.04, 0.01], [0.01, 0.09]])
    slopes = np.array([[3.0, 2.0], [1.0, 1.0]])
    value, found = propagate(lambda x: np.array([x[0] * x[1], x[0] + x[1]]), x, cov)
    assert value == pytest.approx([6, 5])
    assert found == pytest.approx(slopes @ cov @ slopes.T)
    value, found = propagate(lambda x: x[0] * x[1], x, np.diagonal(cov))
    assert isinstance(found, float)
    assert (value, found) == (6.0, pytest.approx(9 * 0.04 + 4 * 0.09))
    assert propagate(lambda x: x[0] * x[1], x, 0.5)[1] == pytest.approx(0.5 * 13)
    assert propagate(np.exp, 1.0, 0.25) == (pytest.approx(np.e), pytest.approx(0.25 * np.e**2))
    assert propagate(np.exp, [1.0], [[0.25]])[1] == pytest.approx(np.array([[0.25 * np.e**2]]))
    assert propagate(lambda p: p["a"] * p["b"], {"a": 2.0, "b": 3.0}, cov)[1] == pytest.approx(
        slopes[0] @ cov @ slopes[0]
    )
    value, found = propagate(
        lambda a, x, b: a * x + b, x, cov, args=(2.0,), kwargs={"b": 1.0}, argnum=1, method="complex"
    )
    assert found == pytest.approx(4 * cov)
    assert propagate(lambda x: np.outer(x, x), x, cov)[1].shape == (2, 2, 2, 2)
    assert propagate(lambda x: x[0] * x[1], x, 0.5, method=Nodes((-1, 1, 2)))[1] == pytest.approx(0.5 * 13)


def test_propagate_agrees_with_jacobi():
    jacobi = pytest.importorskip("jacobi")
    cov = np.array([[0.04, 0.01, 0.0], [0.01, 0.09, 0.02], [0.0, 0.02, 0.1]])

    def f(x):
        return np.array([x[0] * np.exp(x[1]), np.sin(x[2]) * x[0]])

    for given in (cov, np.diagonal(cov), 0.04):
        value, found = propagate(f, X, given, method=Central(6))
        other_value, other = jacobi.propagate(f, X, given)
        assert value == pytest.approx(other_value)
        assert found == pytest.approx(other, rel=1e-8)


def test_propagate_evaluates_f_at_x_once(counted):
    f = counted(lambda x: x**2)
    propagate(f, X, 1.0)
    assert f.calls == 7


def test_what_is_no_covariance_raises():
    for cov, wanted in (
        (np.ones(2), r"cov must be one variance, 3 variances or a matrix of shape \(3, 3\); got shape \(2,\)"),
        (np.triu(np.ones((3, 3))), "cov must be symmetric; got "),
        ([1.0, -1.0, 1.0], "cov must have no negative variance; got -1.0"),
        (-np.eye(3), "cov must have no negative variance; got -1.0"),
        (np.eye(3) + 2 * np.eye(3)[::-1] - 2 * np.diag([0, 1, 0]), "cov must have no correlation beyond 1; got "),
    ):
        with pytest.raises(ValueError, match=wanted):
            propagate(np.sum, X, cov)
    with pytest.raises(TypeError, match="cov must hold real numbers; got 'a'"):
        propagate(np.sum, X, "a")


def test_an_f_without_values_has_no_covariances():
    value, found = propagate(lambda x: x[:0], [1.0, 2.0], 1.0)
    assert value.shape == (0,)
    assert found.shape == (0, 0)


def test_the_variance_of_a_complex_value_is_real():
    _, found = propagate(lambda x: x[0] + 1j * x[1], [1.0, 2.0], [0.5, 0.25])
    assert found == pytest.approx(0.75)


def test_a_covariance_is_symmetric_to_rounding():
    with pytest.raises(ValueError, match="cov must be symmetric; got "):
        propagate(np.sum, np.ones(2), [[1.0, 0.5], [0.5 + 1e-5, 1.0]])
    assert propagate(np.sum, np.ones(2), [[1.0, 0.5], [0.5 + 1e-12, 1.0]])[1] == pytest.approx(3.0)


def test_the_value_that_is_propagated_is_f_s_at_x_though_f_uses_its_array_again():
    buffer = np.empty(2)
    value, _ = propagate(lambda x: np.multiply(x, x, out=buffer), np.array([1.0, 2.0]), 1.0)
    assert np.array_equal(value, [1, 4])


def test_variances_may_have_the_shape_of_x():
    x = np.arange(1.0, 7.0).reshape(2, 3)
    for cov in (x, x.reshape(-1), x.reshape(-1, 1)):
        assert propagate(np.sum, x, cov)[1] == pytest.approx(21)
    assert propagate(np.sum, x, [2.0])[1] == pytest.approx(12)


def test_coordinates_may_be_known_to_vary_as_one_up_to_rounding():
    for variance in np.linspace(0.1, 3, 20):
        assert propagate(np.sum, X, np.full((3, 3), variance))[1] == pytest.approx(9 * variance)


def test_units_of_x_do_not_change_the_propagated_error():
    """A default step of 6e-7 would be longer than these parameters, and as long as 600 of their deviations."""
    for x, deviation, f, slope in (
        (1e-9, 1e-12, lambda q: 1 / q[0], 1e18),  # a time constant, and its rate
        (0.0, 1e-10, lambda q: np.exp(-1e9 * q[0]), 1e9),  # at 0, where only the deviation tells the unit
        (0.0, 1e-12, lambda q: 1 + q[0], 1.0),  # where f's values are rounded to 1e-4 of the deviation
        (3e8, 1e3, lambda q: q[0] ** 2, 6e8),
    ):
        for given in (deviation**2, [deviation**2], [[deviation**2]]):
            _, variance = propagate(f, [x], given)
            assert np.sqrt(variance) == pytest.approx(slope * deviation, rel=3e-2), x
    _, found = propagate(lambda p: p["k"] * np.exp(-p["t"] / 1e-6), {"t": np.full((2, 2), 1e-8), "k": 2.0}, 1e-20)
    assert np.sqrt(found[0, 0, 0, 0]) == pytest.approx(np.hypot(2e6, 1) * np.exp(-0.01) * 1e-10)


def test_steps_that_were_given_to_propagate_are_used():
    seen = []

    def f(x):
        seen.append(float(x[0]))
        return x[0]

    for method in (Central(step=0.5), Central(rel_step=0.5), Central(scale=1.0)):
        seen.clear()
        propagate(f, [0.0], 1e-6, method=method)
        assert max(seen) == pytest.approx(method.steps_at(np.zeros(1), 1)[0])
    seen.clear()
    propagate(f, [0.0], 1e-20)
    assert 0 < max(seen) < 2e-10


def test_steps_suit_parameters_that_are_small_in_their_units():
    def rates(q):
        return 1 / q[0] * q[1]

    x, cov, exact = np.array([1e-9, 2.0]), np.array([1e-24, 0.01]), (2e18) ** 2 * 1e-24 + 1e18 * 0.01
    for given in (cov, np.diag(cov)):
        assert propagate(rates, x, given)[1] == pytest.approx(exact)
        assert propagate(rates, x, given, method="forward")[1] == pytest.approx(exact, rel=1e-3)
    named = {"time": 1e-9, "size": np.array([2.0])}
    assert propagate(lambda p: p["size"][0] / p["time"], named, cov)[1] == pytest.approx(exact)
    # At 0 there is no size of x, and the deviation alone tells.
    assert propagate(lambda q: np.exp(1e9 * q), 0.0, 1e-24)[1] == pytest.approx(1e-6)
    assert propagate(lambda q: np.exp(q @ [1e9, 1.0]), np.zeros(2), [1e-24, 0.0])[1] == pytest.approx(1e-6)
    # Single precision has longer steps, but no longer ones than these.
    x = np.zeros(1, np.float32)
    assert propagate(lambda q: np.exp(1e9 * float(q[0])), x, 1e-24)[1] == pytest.approx(1e-6, rel=1e-3)
