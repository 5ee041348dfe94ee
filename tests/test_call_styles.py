"""Every public function gives the same, values and errors, however it is called and whatever holds its numbers."""

import inspect
from fractions import Fraction

import numpy as np
import pytest

import gradfast

POINT = (0.5, -1.25, 2.0)


def cubes(x):
    """Return the sum of cubes, rounded the same wherever x lies: NumPy's powers differ by strides in the last bit."""
    return float(sum(number * number * number for number in np.asarray(x).tolist()))


EXAMPLES = {
    "numerical_diff": (np.exp, 0.5),
    "numerical_gradient": (cubes, POINT),
    "derivative": (np.sin, POINT),
    "gradient": (cubes, POINT),
    "value_and_gradient": (cubes, POINT),
    "jacobian": (lambda x: np.array([x[0] * x[1], np.sin(x[2])]), POINT),
    "hessian": (lambda x: x[0] * x[1] ** 2 + np.exp(x[2]), POINT),
    "directional_derivative": (cubes, POINT, (1.0, 0.0, -2.0)),
    "check_gradient": (cubes, [3 * number**2 for number in POINT], POINT),
    "noise": (lambda x: np.sum(x) + 1e-6 * np.sin(1e9 * np.sum(x)), POINT),
    "detect_sparsity": (np.diff, POINT),
}


def in_a_transpose(numbers):
    return np.array([numbers, numbers], float).T[:, 1]


def in_every_other_place(numbers):
    return np.repeat(np.array(numbers, float), 2)[::2]


def backwards_in_memory(numbers):
    return np.array(numbers, float)[::-1].copy()[::-1]


def read_only(numbers):
    array = np.array(numbers, float)
    array.flags.writeable = False
    return array


def of_other_bytes(numbers):
    return np.array(numbers, ">f8")


def of_fractions(numbers):
    return np.array([Fraction(number) for number in numbers])


HOLDERS = [tuple, list, np.array, in_a_transpose, in_every_other_place, backwards_in_memory, read_only, of_other_bytes]


def told(name, result):
    """Return what a function gave, as something to compare."""
    if isinstance(result, tuple):
        return [told(name, part) for part in result]
    if name == "check_gradient":
        return [list(result.verdict), result.numeric.tolist()]
    return np.asarray(result.toarray() if name == "detect_sparsity" else result).tolist()


def outcome(name, *arguments, **options):
    try:
        return told(name, getattr(gradfast, name)(*arguments, **options))
    except Exception as error:
        return type(error), str(error)


@pytest.fixture(params=EXAMPLES)
def name(request):
    if request.param == "detect_sparsity":
        pytest.importorskip("scipy", reason="SciPy is not installed")
    return request.param


def test_arguments_may_be_given_by_name(name):
    parameters = inspect.signature(getattr(gradfast, name)).parameters
    expected = outcome(name, *EXAMPLES[name])
    assert not isinstance(expected, tuple)  # no error
    assert outcome(name, **dict(zip(parameters, EXAMPLES[name], strict=False))) == expected


@pytest.mark.parametrize("holder", HOLDERS, ids=lambda holder: holder.__name__)
def test_numbers_may_be_held_by_anything(name, holder):
    f, *numbers = EXAMPLES[name]
    if not isinstance(numbers[-1], tuple):
        numbers = [holder(numbers)] if name == "derivative" else numbers
    held = [holder(part) if isinstance(part, (tuple, list)) else part for part in numbers]
    expected = outcome(name, *EXAMPLES[name])
    assert np.allclose(flat(outcome(name, f, *held)), flat(expected), rtol=1e-13, atol=0, equal_nan=True)


@pytest.mark.parametrize(
    "holder",
    [of_fractions, lambda numbers: np.array(numbers, complex), str],
    ids=["fractions", "complex numbers", "text"],
)
def test_what_holds_no_real_numbers_is_the_same_error_by_position_and_by_name(name, holder):
    f, *numbers = EXAMPLES[name]
    held = [holder(part) if isinstance(part, (tuple, list)) else holder((part,)) for part in numbers]
    parameters = inspect.signature(getattr(gradfast, name)).parameters
    error, message = outcome(name, f, *held)
    assert issubclass(error, (TypeError, ValueError))
    assert message.partition(" ")[0] in parameters
    assert outcome(name, **dict(zip(parameters, (f, *held), strict=False))) == (error, message)


def flat(values):
    """Return the numbers in nested lists; what is no number stands as its hash does in this run."""
    if isinstance(values, list):
        return [number for part in values for number in flat(part)]
    return [values if isinstance(values, (int, float)) else hash(values)]


@pytest.mark.parametrize("holder", [np.array, in_a_transpose, in_every_other_place, backwards_in_memory])
def test_a_drop_in_and_its_reference_agree_on_what_is_held_anyhow(implementation, holder):
    x = holder(POINT)
    assert implementation.numerical_gradient(cubes, x).tolist() == gradfast.numerical_gradient(f=cubes, x=x).tolist()
    assert implementation.numerical_diff(np.exp, h=1e-4, x=x).tolist() == gradfast.numerical_diff(np.exp, x).tolist()
    assert implementation.tangent_line(np.exp, x=0.5)(1.0) == gradfast.tangent_line(f=np.exp, x=0.5)(1.0)
