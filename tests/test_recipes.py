"""The recipes of the page on uncertainty: other frameworks get derivatives from gradfast, where they are installed."""

import re

import numpy as np
import pytest
from test_documents import text_of

import gradfast

X = np.array([0.5, 1.0, 2.0])
SLOPE = np.sin(X) + X * np.cos(X)


def f(x):
    assert x.dtype == float
    return np.sum(np.sin(x) * x)


def recipe(number, **names):
    """Return what a recipe defines, by name."""
    text = text_of("docs/guide/uncertainty.md")
    blocks = re.findall(r"```python\n(.*?)```", text[text.index("## Other frameworks") :], flags=re.DOTALL)
    scope = {"f": f, "np": np, "gradfast": gradfast} | names
    exec(blocks[number], scope)
    return scope


@pytest.mark.parametrize(("precision", "tolerance"), [("float32", 1e-5), ("float64", 1e-9)])
@pytest.mark.filterwarnings("ignore")
def test_a_rule_for_jax(precision, tolerance):
    jax = pytest.importorskip("jax")
    g = recipe(0, jax=jax)["g"]
    with jax.enable_x64(precision == "float64"):
        x = jax.numpy.asarray(X, precision)
        value, slope = jax.jit(jax.value_and_grad(lambda x: 2 * g(x)))(x)
        assert slope.dtype == value.dtype == precision
        assert float(value) == pytest.approx(2 * f(X), rel=tolerance)
        assert np.asarray(slope) == pytest.approx(2 * SLOPE, rel=tolerance, abs=tolerance)
        assert np.asarray(jax.vmap(jax.grad(g))(jax.numpy.stack([x, x]))).shape == (2, 3)


@pytest.mark.filterwarnings("ignore")
def test_what_jax_returns_is_differentiated():
    jax = pytest.importorskip("jax")

    def h(x):
        return jax.numpy.sum(jax.numpy.sin(x) * x)

    for form in (h, jax.jit(h)):
        assert gradfast.gradient(form, X) == pytest.approx(SLOPE, rel=1e-3, abs=1e-3)
    assert gradfast.jacobian(jax.numpy.sin, X) == pytest.approx(np.diag(np.cos(X)), abs=1e-3)
    assert gradfast.check_gradient(h, jax.grad(h), X)


@pytest.mark.parametrize(("precision", "tolerance"), [("float32", 1e-5), ("float64", 1e-9)])
@pytest.mark.filterwarnings("ignore")
def test_a_function_for_torch(precision, tolerance):
    torch = pytest.importorskip("torch")
    apply = recipe(1, torch=torch)["F"].apply
    x = torch.tensor(X, dtype=getattr(torch, precision), requires_grad=True)
    value = 2 * apply(x)
    value.backward()
    assert value.dtype == x.grad.dtype == x.dtype
    assert value.item() == pytest.approx(2 * f(X), rel=tolerance)
    assert x.grad.numpy() == pytest.approx(2 * SLOPE, rel=tolerance, abs=tolerance)
    if precision == "float64":
        assert torch.autograd.gradcheck(apply, (x,))


@pytest.mark.filterwarnings("ignore")
def test_what_torch_returns_is_differentiated():
    torch = pytest.importorskip("torch")
    weights = torch.nn.Linear(3, 1).double()
    found = gradfast.gradient(lambda x: weights(torch.as_tensor(x)), X)
    assert found == pytest.approx(weights.weight.detach().numpy()[0], rel=1e-8)


@pytest.mark.filterwarnings("ignore")
def test_an_operation_for_pymc():
    pytensor = pytest.importorskip("pytensor")
    operation = recipe(2, pytensor=pytensor)["LogLikelihood"]()
    x = pytensor.tensor.dvector()
    value = operation(x)
    both = pytensor.function([x], [value, pytensor.grad(value, x)], mode="FAST_COMPILE")
    found, slope = both(X)
    assert found == pytest.approx(f(X))
    assert slope == pytest.approx(SLOPE, rel=1e-9, abs=1e-9)
