"""Options together: each value of each with each of every other, on an f that is no trouble."""

import inspect
import itertools

import numpy as np
import pytest

from gradfast import (
    Backward,
    Central,
    derivative,
    directional_derivative,
    gradient,
    hessian,
    jacobian,
    value_and_gradient,
)

X = np.array([0.3, -0.4, 0.8])
V = np.array([1.0, 0.5, 2.0])

CORNER = ([-9, -9, 0.8], [0.3, 9, 9])  # of X, out of which V leads on either side


def sides(bounds):
    """Return the lower and the upper bound of each coordinate; None is none."""
    lower, upper = (np.array(side, float) for side in bounds)  # of None, NaN
    return np.where(np.isnan(lower), -np.inf, lower), np.where(np.isnan(upper), np.inf, upper)


OPERATORS = {
    "gradient": gradient,
    "value_and_gradient": value_and_gradient,
    "jacobian": jacobian,
    "hessian": hessian,
    "hessian from gradient": hessian,
    "derivative": derivative,
    "directional_derivative": directional_derivative,
}
OPTIONS = {
    "operator": list(OPERATORS),
    "method": ["central", "forward", "backward", "complex", "adaptive", Central(4), Central(noise=1e-12), Backward(2)],
    "bounds": [None, (-9, 9), (None, [None, None, 9]), (X, np.inf), CORNER],
    "axis": [None, 0, -1],
    "f0": [None, "given"],
    "workers": [None, 1, map],
    "progress": [False, lambda done, total: None],
    "vectorized": [False, True],
    "args": [(), (2.0,), 2.0],
    "full_output": [False, True],
}


def pairwise_cases(options):
    """Return cases, as dictionaries, in which each two values of two options meet: greedily, those that add most."""
    names = list(options)
    missing = {
        frozenset({(a, i), (b, j)})
        for a, b in itertools.combinations(names, 2)
        for i in range(len(options[a]))
        for j in range(len(options[b]))
    }
    cases = []
    while missing:
        chosen = dict(sorted(min(missing, key=sorted)))
        for name in names:
            if name not in chosen:
                chosen[name] = max(
                    range(len(options[name])),
                    key=lambda i, name=name: sum(frozenset({(name, i), other}) in missing for other in chosen.items()),
                )
        missing -= set(map(frozenset, itertools.combinations(chosen.items(), 2)))
        cases.append({name: options[name][chosen[name]] for name in names})
    return cases


CASES = pairwise_cases(OPTIONS)


def refused(operator, options):
    """Return the argument that cannot be what it is beside the others, or None."""
    if operator == "hessian" and options["method"] == "complex":
        return "method" if options["vectorized"] else "f0" if options["f0"] else None
    if operator == "hessian from gradient" and options["f0"]:
        return "f0"
    if operator == "directional_derivative" and options["bounds"] is CORNER and options["method"] != "complex":
        return "bounds"
    return None


def tolerance(operator, options):
    one_sided = options["method"] in ("forward", "backward")
    if operator == "hessian":
        return 1e-1 if one_sided or (options["bounds"] is not None and options["method"] != "adaptive") else 1e-4
    return 1e-5 if one_sided else 1e-7


@pytest.mark.parametrize("case", CASES, ids=[str(i) for i in range(len(CASES))])
def test_options_do_not_disturb_each_other(case):
    operator, factor = case["operator"], 2.0 if case["args"] != () else 1.0
    function, seen = OPERATORS[operator], []
    takes = set(inspect.signature(function).parameters)
    takes -= {"axis"} if function in (jacobian, hessian) else set()  # of which f here, of all of x, is no f of a point
    options = {name: value for name, value in case.items() if name in takes}
    axes = 1 if options.get("vectorized") else 0

    def number(x, a=1.0):
        seen.append(x)
        return a * np.exp(x).sum(axis=tuple(range(axes, x.ndim)))

    def array(x, a=1.0):
        return a * np.exp(x)

    f, slopes = number, factor * np.exp(X)
    wanted, value = slopes, slopes.sum()
    if operator in ("jacobian", "hessian", "hessian from gradient"):
        wanted = np.diag(slopes)
    if operator in ("jacobian", "derivative"):
        f, value = array, slopes
    if operator == "directional_derivative":
        wanted, options["v"] = slopes @ V, V
    if operator == "hessian from gradient":
        options["gradient"] = array
    options["f0"] = value if case["f0"] else None
    if "f0" not in takes:
        del options["f0"]

    x = X.copy()
    while name := refused(operator, case):
        with pytest.raises(ValueError, match=f"^{name} must .*; got "):
            function(f, x, **options)
        assert np.array_equal(x, X)
        case = case | {name: "central" if name == "method" else None}
        options[name] = case[name]
    found = function(f, x, **options)
    if case["full_output"]:
        found, info = found
        assert info.evaluations > 0
        assert info.step.shape == (() if operator == "directional_derivative" else X.shape)
    if operator == "value_and_gradient":
        at_x, found = found
        assert at_x == pytest.approx(value, rel=1e-15)
    assert found == pytest.approx(wanted, abs=tolerance(operator, case))
    assert np.array_equal(x, X)
    if case["bounds"] is not None:
        lower, upper = sides(case["bounds"])
        assert all(np.all((lower <= p.real) & (p.real <= upper)) for p in seen)
