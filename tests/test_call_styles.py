"""Every public function gives the same, values and errors, however it is called and whatever holds its numbers."""

import inspect
import pickle
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
    "check_jacobian": (cubes, [3 * number**2 for number in POINT], POINT),
    "propagate": (cubes, POINT, (0.1, 0.2, 0.3)),
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
    if name in ("check_gradient", "check_jacobian"):
        return [list(result.verdict), result.numeric.tolist()]
    return np.asarray(result.toarray() if name == "detect_sparsity" else result).tolist()


def outcome(name, *arguments, **options):
    try:
        return told(name, getattr(gradfast, name)(*arguments, **options))
    except Exception as error:
        return type(error), str(error)


def test_every_public_function_of_f_and_x_has_an_example():
    functions = [name for name in gradfast.__all__ if name.islower() and name not in ("plotting", "tangent_line")]
    of_x = {name for name in functions if {"f", "x"} <= set(inspect.signature(getattr(gradfast, name)).parameters)}
    assert of_x == set(EXAMPLES)


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


# --- prepared operators -----------------------------------------------------------------------------------------------

PREPARED = {
    "derivative": gradfast.Derivative,
    "gradient": gradfast.Gradient,
    "value_and_gradient": gradfast.ValueAndGradient,
    "jacobian": gradfast.Jacobian,
    "hessian": gradfast.Hessian,
    "directional_derivative": gradfast.DirectionalDerivative,
}
OF_A_CALL = {"x", "v", "f0", "args"}  # what a prepared operator is called with, and not made of
OPTIONS = [
    {},
    {"method": "forward"},
    {"method": gradfast.Central(4)},
    {"method": "complex"},
    {"method": "adaptive"},
    {"bounds": (-2.0, np.array([0.5, 9.0, 9.0]))},
    {"full_output": True},
    {"workers": map},
    {"progress": lambda done, total: None},
    {"method": "no method"},
    {"bounds": 3},
]


def powers(x, power=3):
    """Return a sum of powers, of one number the power itself."""
    return np.sum(x**power) if np.ndim(x) else x**power


@pytest.fixture(params=PREPARED)
def prepared(request):
    return request.param


def taken_by(prepared, options):
    """Return the options that an operator has."""
    parameters = inspect.signature(PREPARED[prepared]).parameters
    return {name: value for name, value in options.items() if name in parameters}


def example_of(prepared):
    _, *point = EXAMPLES[prepared]
    return (lambda x: x**3, 0.5) if prepared == "derivative" else (powers, *map(np.array, point))


def same_results(one, other):
    if isinstance(one, tuple):
        return len(one) == len(other) and all(map(same_results, one, other))
    if isinstance(one, gradfast.Info):
        return all(same_results(getattr(one, name), getattr(other, name)) for name in ("evaluations", "step", "scheme"))
    return np.asarray(one).dtype == np.asarray(other).dtype and np.array_equal(one, other)


def result_of(function, *arguments, **options):
    try:
        return function(*arguments, **options)
    except Exception as error:
        return type(error).__name__, str(error)


@pytest.mark.parametrize("options", OPTIONS, ids=lambda options: " ".join(map(str, options.values())))
def test_a_prepared_operator_gives_what_its_function_gives(prepared, options):
    f, *point = example_of(prepared)
    options = taken_by(prepared, options)
    if prepared == "derivative" and "bounds" in options and options["bounds"] != 3:
        options["bounds"] = (-2.0, 0.5)
    expected = result_of(getattr(gradfast, prepared), f, *point, **options)
    try:
        operator = PREPARED[prepared](f, **options)
    except Exception as error:
        assert (type(error).__name__, str(error)) == expected  # noqa: PT017 (either may raise)
        return
    assert same_results(result_of(operator, *point), expected)
    assert same_results(result_of(operator, *point), expected)  # at every call
    elsewhere = [part - 0.25 for part in point]
    expected = result_of(getattr(gradfast, prepared), f, *elsewhere, **options)
    assert same_results(result_of(operator, *elsewhere), expected)


def test_a_prepared_operator_hands_on_what_it_is_called_with(prepared):
    f, *point = example_of(prepared)
    if prepared == "derivative":
        f = lambda x, power: x**power  # noqa: E731
    expected = getattr(gradfast, prepared)(f, *point, args=(2,))
    assert same_results(PREPARED[prepared](f)(*point, 2), expected)


@pytest.mark.parametrize("count", [13, 14, 15, 16, 40])
def test_f_may_take_many_more_arguments(count):
    given = tuple(range(1, count + 1))
    found = gradfast.gradient(lambda x, *args: x[0] * sum(args) if args == given else np.nan, [1.0], args=given)
    assert found == pytest.approx([sum(given)])


@pytest.mark.parametrize("name", ["gradient", "jacobian", "hessian"])
def test_a_prepared_operator_may_be_told_f_s_value(name):
    calls = []
    operator = PREPARED[name](lambda x: calls.append(1) or powers(x), method="forward")
    expected = operator(np.array(POINT))
    count = len(calls)
    assert same_results(operator(np.array(POINT), f0=powers(np.array(POINT))), expected)
    assert len(calls) == 2 * count - 1


def test_a_prepared_operator_has_its_function_s_options(prepared):
    of_function = inspect.signature(getattr(gradfast, prepared)).parameters
    of_class = dict(inspect.signature(PREPARED[prepared]).parameters)
    assert of_class["others"].kind is inspect.Parameter.VAR_KEYWORD  # which get an error that names ours
    assert list(of_class) == [name for name in of_function if name not in OF_A_CALL]
    for name, parameter in of_class.items():
        if name not in ("f", "others"):
            assert (parameter.kind, parameter.default) == (parameter.KEYWORD_ONLY, of_function[name].default)


def test_a_prepared_operator_is_told_from_others_and_travels(prepared):
    make = PREPARED[prepared]
    plain, other = make(powers), make(powers, method="forward")
    assert plain == make(powers, method="central") != other
    assert plain != make(cubes)
    assert plain != powers
    assert hash(plain) == hash(make(powers))
    assert repr(plain) == f"{make.__name__}({powers!r})"
    assert repr(other) == f"{make.__name__}({powers!r}, method={gradfast.Forward()!r})"
    _, *point = example_of(prepared)
    for operator in (plain, other, make(powers, bounds=(np.array(-2.0), None), full_output=True)):
        again = pickle.loads(pickle.dumps(operator))
        assert again == operator
        assert same_results(again(*point), operator(*point))


def test_what_a_caller_changes_afterwards_changes_no_prepared_operator(prepared):
    f, *point = example_of(prepared)
    point[1:] = [np.abs(v) for v in point[1:]]
    upper = np.array(point[0])  # no room above
    operator = PREPARED[prepared](f, bounds=(-9.0, upper), full_output=True)
    before = operator(*point)[1].scheme
    upper += 1
    assert np.array_equal(operator(*point)[1].scheme, before)
    assert "backward" in np.ravel(before)


def test_an_option_of_a_prepared_operator_cannot_be_set_afterwards(prepared):
    operator = PREPARED[prepared](powers)
    for name in ("f", "method", "bounds", "full_output"):
        with pytest.raises(AttributeError, match=name):
            setattr(operator, name, None)
