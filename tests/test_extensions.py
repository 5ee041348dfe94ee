"""What can be added without a change to the package: a way of calling f, a wrapper of evaluators, an operator."""

import pickle
from queue import Queue
from threading import Thread

import numpy as np
import pytest

from gradfast import Adaptive, Forward, Gradient, Hessian, Info, Jacobian, gradient, hessian, jacobian
from gradfast._kernels.evaluator import Evaluator
from gradfast._kernels.evaluator_in_place import OnePoint
from gradfast.calls.evaluators import Call, call_of


def waves(x):
    return np.sin(x) * np.cumsum(x)


def total(x):
    return float(np.sum(waves(x)))


# --- a way of calling f -----------------------------------------------------------------------------------------------


class Queued:
    """f, whose points go into a queue; a thread takes them from there."""

    def __init__(self, f):
        self.f, self.points, self.values, self.lengths = f, Queue(), Queue(), []
        Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            self.values.put(self.f(*self.points.get()))

    def at_all(self, points, args):
        self.lengths.append(len(points))
        for point in points:
            self.points.put((point, *args))
        return np.array([self.values.get() for _ in points], float)

    def __call__(self, x, *args):
        return self.at_all([x.copy()], args)[0]

    def evaluator_at(self, call, x, places):
        return AtQueue(self, call, x)


class AtQueue(Evaluator):
    """The values of a queued f: all points of some moves are in the queue at once."""

    def __init__(self, f, call, x):
        super().__init__(OnePoint(f, x, call.args, call.single, call.axis))
        self.f, self.args = f, call.args

    def values(self, moves):
        points = [np.array(self.x) for _ in range(len(moves))]
        for point, row in zip(points, moves, strict=True):
            for i, by in row:
                point.flat[i] += by
        found = self.f.at_all(points, self.args)
        self._learn(found.shape[1:])
        self._count(len(found))
        return found


@pytest.mark.parametrize("method", ["central", Forward(accuracy=3), "adaptive"], ids=str)
@pytest.mark.parametrize("options", [{}, {"bounds": (0.0, 1.2)}, {"progress": lambda done, total: None}], ids=str)
def test_a_queued_f_has_the_same_derivatives(method, options):
    x = np.array([0.5, 1.0, 1.2])
    f, many = Queued(total), Queued(waves)
    assert np.array_equal(gradient(f, x, method=method, **options), gradient(total, x, method=method, **options))
    assert np.array_equal(jacobian(many, x, method=method, **options), jacobian(waves, x, method=method, **options))
    assert max(f.lengths) > 1
    assert np.array_equal(x, [0.5, 1.0, 1.2])


def test_a_queued_f_counts_its_evaluations_and_may_be_prepared():
    x = np.array([0.5, 1.0])
    f = Queued(total)
    found, info = Gradient(f, full_output=True)(x)
    assert np.array_equal(found, gradient(total, x))
    assert info.evaluations == sum(f.lengths) == 4
    assert np.array_equal(hessian(f, x), hessian(total, x))
    assert call_of(Call(f, single=True).at(x)).f is f


# --- a wrapper of evaluators ------------------------------------------------------------------------------------------


class Cached:
    """f, whose values at the same moves of the same x are remembered."""

    def __init__(self, f):
        self.f, self.known = f, {}

    def __call__(self, *args):
        return self.f(*args)

    def evaluator_at(self, call, x, places):
        return Remembered(call._replace(f=self.f).at(x, places), self.known)


class Remembered(Evaluator):
    def __init__(self, inner, known):
        super().__init__(inner)
        self.known = known

    def values(self, moves):
        key = self.kept, pickle.dumps(moves)
        if key not in self.known:
            self.known[key] = self.inner.values(moves)
        self._learn(self.known[key].shape[1:])
        return self.known[key]


@pytest.mark.parametrize("kind", [Gradient, Jacobian, Hessian])
def test_a_cached_f_is_called_at_new_points_alone(kind):
    f = waves if kind is Jacobian else total
    cached = kind(Cached(f), full_output=True)
    x = np.array([0.5, 1.0])
    (first, done), (again, also) = cached(x), cached(x)
    assert np.array_equal(first, kind(f)(x))
    assert np.array_equal(first, again)
    assert done.evaluations == kind(f, full_output=True)(x)[1].evaluations
    assert also.evaluations <= 1  # of f(x), which is not asked for by moves
    x[0] = 0.75
    assert np.array_equal(cached(x)[0], kind(f)(x))


class Short(Remembered):
    def values(self, moves):
        return super().values(moves)[1:]


def test_a_wrapper_that_returns_too_few_values_raises():
    class Shortened(Cached):
        def evaluator_at(self, call, x, places):
            return Short(call._replace(f=self.f).at(x, places), {})

    message = r"an evaluator must return 1 values for each of 4 rows; got shape \(3,\)"
    with pytest.raises(ValueError, match=message):
        gradient(Shortened(total), np.array([0.5, 1.0]))


# --- an operator ------------------------------------------------------------------------------------------------------


class Laplacian(Hessian):
    """The sum of the second derivatives along each coordinate."""

    options = tuple(name for name in Hessian.options if name != "diagonal")

    def __init__(self, f, **options):
        super().__init__(f, diagonal=True, **options)

    def __call__(self, x, *args, **keywords):
        found = super().__call__(x, *args, **keywords)
        return (np.sum(found[0]), found[1]) if isinstance(found, tuple) else np.sum(found)


def scaled(x, by=1.0):
    return by * float(np.sum(np.exp(x)))


@pytest.mark.parametrize("options", [{}, {"bounds": (0.0, 1.0)}, {"workers": map}, {"method": Adaptive()}], ids=str)
def test_an_operator_has_all_options(options):
    x = np.array([0.0, 0.5, 1.0])
    assert Laplacian(scaled, **options)(x) == pytest.approx(np.sum(np.exp(x)), rel=1e-5)
    found, info = Laplacian(scaled, full_output=True, **options)(x, 2.0)
    assert found == pytest.approx(2 * np.sum(np.exp(x)), rel=1e-5)
    assert isinstance(info, Info)
    again = pickle.loads(pickle.dumps(Laplacian(scaled, **{**options, "workers": None})))
    assert again(x) == Laplacian(scaled, **options)(x)
