

def test_steps_suit_parameters_that_are_small_in_their_units():
    def rates(q):
        return 1 / q[0] * q[1]

    x, cov, exact = np.array([1e-9, 2.0]), np.array([1e-24, 0.01]), (2e18) ** 2 * 1e-24 + 1e18 * 0.01
    for given in (cov, np.diag(cov)):
        assert propagate(rates, x, given)[1] == pytest.approx(exact)
        assert propagate(rates, x, given, method="forward")[1] == pytest.approx(exact, rel=1e-6)
    named = {"time": 1e-9, "size": np.array([2.0])}
    assert propagate(lambda p: p["size"][0] / p["time"], named, cov)[1] == pytest.approx(exact)
    # At 0 there is no size of x, and the deviation alone tells.
    assert propagate(lambda q: np.exp(1e9 * q), 0.0, 1e-24)[1] == pytest.approx(1e-6)
    assert propagate(lambda q: np.exp(q @ [1e9, 1.0]), np.zeros(2), [1e-24, 0.0])[1] == pytest.approx(1e-6)
    # A method object is taken as it is.
    assert propagate(lambda q: np.sin(1e9 * q), 0.0, 1e-24, method=Central())[1] < 1e-8
