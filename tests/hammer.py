"""Random calls of all operators: nothing lost, nothing leaked, no crash. Prints how many there were, by kind.

    python tests/hammer.py --calls 1000000 --seed 1

Each call has a random operator, options, memory layout and dtype of x. What is looked at depends on its kind:

values      the result has the bits of the plain twin (twins.py), in each way to call f (ways.py)
exceptions  f raises at its k-th call: just that comes out
changes     f changes x at its k-th call, numbers or form: ValueError, or the right result if f had a copy
results     f returns something odd at its k-th call: an error of ours, in the house's form, or a result
interrupts  a signal at a random instant, whose handler raises KeyboardInterrupt: that comes out

After every call x has the bits, the shape, the strides and the dtype that it had, and x and f as many references.
"""

# ruff: noqa: PT017

import argparse
import collections
import gc
import random
import re
import signal
import sys
import time
import warnings
from contextlib import suppress

import numpy as np
from objectives import cubes, same
from ways import COMPILED, COMPILED_OF_A_NUMBER, ON_A_WORKER, PYTHON, REFERENCE, VECTORIZED

import gradfast as gf

HOUSE_FORM = re.compile(r"[a-z_]\w*(\[[^\]]*\])* must .+; (got|it returned|it changed) ", re.DOTALL)
EXCEPTIONS = [ValueError, KeyError, StopIteration, GeneratorExit, KeyboardInterrupt, SystemExit, MemoryError]
EXCEPTIONS += [RuntimeError, ZeroDivisionError, OSError, AttributeError, RecursionError, StopAsyncIteration]
METHODS = ["central", "forward", "backward", gf.Central(4), gf.Forward(3), gf.Central(step=1e-3)]
MORE_METHODS = [*METHODS, "adaptive", gf.Nodes((-1, 1, 2)), gf.Adaptive(max_evaluations=9)]
OPERATORS = ["gradient", "value_and_gradient", "jacobian", "hessian", "directional_derivative"]
SHAPES = [(0,), (1,), (2,), (3,), (5,), (2, 2), (1, 3), (2, 1, 2), (33,)]
FEW = [(1,), (2,), (1, 3)]  # of a Hessian
LAYOUTS = ["contiguous", "fortran", "strided", "reversed", "transposed", "column"]
COPIED = ["read-only", "swapped", "overlapping", "list"]
ODD = [None, "a", 1j, [], [1.0, 2.0], np.ones(3), np.ones((2, 2)), np.nan, np.inf, 10**400, True, np.float32(1)]
ODD += [np.array(1.0), np.array([1.0]), np.zeros(0), object(), {}, np.array("a"), np.array([None]), b"1", float]


def objective(x):
    return cubes(np.ravel(x)) if np.size(x) else 0.0


def of_parameters(p):
    return objective(p["a"]) + p["b"]


def many(points):
    return np.array([objective(point) for point in points])


def array(draw, shape, layout, dtype="f8"):
    """Return numbers in an array, or list, of a layout."""
    count = int(np.prod(shape))
    values = np.array([draw.choice((0.0, draw.uniform(-2, 2))) for _ in range(count)], dtype).reshape(shape)
    if layout == "list":
        return values.tolist()
    if layout == "swapped":
        return values.astype(values.dtype.newbyteorder())
    if layout == "fortran":
        return np.asfortranarray(values)
    if layout == "overlapping" and count > 1:
        return np.lib.stride_tricks.as_strided(values.reshape(-1)[:1].copy(), shape, (0,) * len(shape))
    if layout == "strided":
        view = np.zeros(tuple(2 * s for s in shape), dtype)[tuple(slice(None, None, 2) for _ in shape)]
    elif layout == "reversed":
        view = np.zeros(shape, dtype)[tuple(slice(None, None, -1) for _ in shape)]
    elif layout == "transposed":
        view = np.zeros(shape[::-1], dtype).T
    elif layout == "column":
        view = np.zeros((*shape, 3), dtype)[..., 1]
    else:
        view = np.zeros(shape, dtype)
    view[...] = values
    if layout == "read-only":
        view.flags.writeable = False
    return view


def fingerprint(x):
    """Return what must stay as it is of x; NumPy does not mind the stride of an axis of one or no element."""
    if not isinstance(x, np.ndarray):
        return repr(x)
    strides = [step for step, extent in zip(x.strides, x.shape, strict=True) if extent > 1 and x.size]
    return x.dtype, x.shape, strides, x.tobytes()


def any_point(draw, shapes=SHAPES):
    layout, dtype = draw.choice([*LAYOUTS, *COPIED]), draw.choice(["f8", "f8", "f4", "g"])
    return array(draw, draw.choice(shapes), layout, "f8" if layout in {*COPIED} - {"swapped"} else dtype)


def cubic(t):
    return t * t * t - 2 * t


def two_rows(x):
    return np.stack([np.ravel(x), np.ravel(x) ** 2]) if np.size(x) else np.zeros((2, 0))


# --- values -----------------------------------------------------------------------------------------------------------


def values(draw):
    """Compare a way to call f with the plain twin."""
    operator = draw.choice(
        ["gradient", "value_and_gradient", "jacobian", "hessian", "directional_derivative", "derivative"]
    )
    x, method = any_point(draw, FEW if operator == "hessian" else SHAPES[1:]), draw.choice(METHODS)
    shape, dtype = np.shape(x), getattr(x, "dtype", np.dtype(float))
    ways = {"derivative": [PYTHON, COMPILED_OF_A_NUMBER], "directional_derivative": [PYTHON, VECTORIZED, COMPILED]}
    way = draw.choice(ways.get(operator, [PYTHON, VECTORIZED, COMPILED, ON_A_WORKER]))
    if not way.takes(method, dtype.char):
        way = PYTHON
    options, v = {"method": method, "full_output": draw.random() < 0.5}, ()
    if operator == "directional_derivative":
        v = (1 + np.arange(np.size(x)).reshape(shape),)
    elif draw.random() < 0.3:
        options["bounds"] = (-2.0, np.where(np.asarray(x) > 1, np.inf, 2.0))
    f = {"derivative": cubic, "jacobian": two_rows}.get(operator, objective)
    if len(shape) == 2 and operator.endswith("gradient") and draw.random() < 0.4:
        options["axis"] = draw.choice([0, 1])
    before = fingerprint(x)
    own = np.array(x, dtype.newbyteorder("="), order="C")
    found = getattr(way, operator)(f, x, *v, **options)
    wanted = getattr(REFERENCE, operator)(f, way.as_evaluated(own), *v, **options)
    assert fingerprint(x) == before, "x changed"
    for one, other in zip(parts_of(found), parts_of(wanted), strict=True):
        assert same(one, np.asarray(other).astype(np.asarray(one).dtype)), (
            f"{operator} {way.name} {options}: {one}, {other}"
        )
    return operator


def parts_of(found):
    """Return the numbers in what an operator returned, from its Info the evaluations."""
    if isinstance(found, tuple):
        return [part for one in found for part in parts_of(one)]
    return [found.evaluations] if isinstance(found, gf.Info) else [np.asarray(found)]


# --- f that goes wrong ------------------------------------------------------------------------------------------------


def any_call(draw, f):
    """Return the name of a random operator, x, and a call of it in which ``f(g, x)`` stands for each ``g(x)``."""
    name = draw.choice([*OPERATORS, "derivative", "textbook", "noise", "check_gradient", "parameters"])
    x, options = any_point(draw, FEW if name == "hessian" else SHAPES), {"method": draw.choice(MORE_METHODS)}
    point, of_f = (x,), [objective]

    def g(x, *args, **kwargs):
        return f(of_f[0], x)

    if name == "directional_derivative":
        point = (x, np.ones(np.shape(x)))
    if name == "derivative":
        return name, x, lambda: gf.derivative(lambda t: f(cubic, t), x, **options)
    if name == "noise":
        return name, x, lambda: gf.noise(g, x)
    if name == "check_gradient":
        return name, x, lambda: gf.check_gradient(g, np.ones(np.shape(x)), x)
    if name == "textbook":
        return name, x, lambda: gf.numerical_gradient(g, x, axis=draw.choice([None, -1]))
    if name == "parameters":
        of_f[0] = of_parameters
        return name, x, lambda: gf.gradient(g, {"a": x, "b": 1.0}, **options)
    more = {"bounds": (-9, 9), "workers": map, "progress": lambda done, total: None, "on_error": "nan", "args": (1, 2)}
    more |= {"kwargs": {"a": 1}, "full_output": True, "vectorized": True, "axis": len(np.shape(x)) - 1}
    operator = getattr(gf, name)
    for key in draw.sample(sorted(more), draw.choice([0, 0, 1, 2])):
        if key not in ("workers", "progress", "axis", "bounds") or name in ("gradient", "value_and_gradient"):
            options[key] = more[key]
    if "vectorized" in options:
        axis = options.pop("axis", None)
        of_f[0] = many
        options |= {} if axis is None or len(np.shape(x)) != 2 else {"axis": None}
    if draw.random() < 0.3 and "args" not in options:
        prepared = getattr(gf, "".join(part.title() for part in name.split("_")))(g, **options)
        return name, x, lambda: prepared(*point)
    return name, x, lambda: operator(g, *point, **options)


class AtCall:
    """Do something at the k-th call of f."""

    def __init__(self, k, act):
        self.k, self.act, self.calls, self.has_acted = k, act, 0, False

    def __call__(self, f, x):
        self.calls += 1
        if self.calls == self.k:
            self.has_acted = True
            return self.act(f, x)
        return f(x)


def exceptions(draw):
    error = draw.choice(EXCEPTIONS)("f")

    def act(f, x):
        raise error

    f = AtCall(draw.randint(1, 12), act)
    name, x, call = any_call(draw, f)
    before, references = fingerprint(x), sys.getrefcount(x)
    try:
        call()
    except BaseException as caught:
        is_ours = isinstance(caught, (TypeError, ValueError)) and HOUSE_FORM.match(str(caught))
        is_of_f = f.has_acted and type(caught) is type(error) and caught.args[:1] == ("f",)
        assert is_ours or is_of_f, f"{name} raised {caught!r} for {error!r} at call {f.k}"
        caught.__traceback__ = None
    assert fingerprint(x) == before, "x changed"
    error.__traceback__ = error.__context__ = error.__cause__ = None
    del call
    assert not keeps(x, references), f"{name} keeps x after {error!r}"
    return name


def keeps(x, references):
    """Return whether there are more references to x than before; a traceback may be in a cycle."""
    if sys.getrefcount(x) > references + 1:
        gc.collect()
    return sys.getrefcount(x) > references + 1  # that of this call


def flip(x):
    x *= -1


def set_one(x):
    x.flat[-1] += 0.5


def sort(x):
    x[...] = np.sort(x, axis=None)[::-1].reshape(x.shape)


def reshape(x):
    x.shape = (-1, 1)


def other_bytes(x):
    x.dtype = x.dtype.newbyteorder("S")


def resize(x):
    x.resize(x.size + 10 ** (x.size % 6), refcheck=False)


OF_COPIES = ("noise", "derivative", "check_gradient")  # or of what cannot be compared
CHANGES = [flip, flip, set_one, set_one, sort, reshape, other_bytes, resize]


def changes(draw):
    change, seed = draw.choice(CHANGES), draw.random()

    def act(f, x):
        with suppress(TypeError, ValueError, AttributeError, IndexError):  # some cannot be changed like that
            change(x["a"] if isinstance(x, dict) else x)
        with np.errstate(all="ignore"):
            return f(x)

    f = AtCall(draw.randint(1, 9), act)
    state = draw.getstate()
    name, x, call = any_call(draw, f)
    before = fingerprint(x)
    try:
        found = call()
    except (TypeError, ValueError) as caught:
        assert HOUSE_FORM.match(str(caught)) or change in (reshape, resize, other_bytes), f"{name} raised {caught!r}"
        found = None
    assert fingerprint(x) == before, f"{name}: x changed by {change.__name__}"
    if (
        found is not None
        and change in (flip, set_one, sort)
        and f.has_acted
        and name not in ("noise", "derivative", "check_gradient")
    ):
        draw.setstate(state)
        _, _, again = any_call(draw, AtCall(0, None))
        assert_same(found, again(), f"{name} with {change.__name__} at call {f.k} {seed}")
    return name


def assert_same(one, other, what):
    if isinstance(one, tuple):
        for a, b in zip(one, other, strict=True):
            assert_same(a, b, what)
    elif isinstance(one, dict):
        assert_same(one["a"], other["a"], what)
    elif not isinstance(one, gf.Info):
        assert np.array_equal(one, other, equal_nan=True), f"{what}: {one}, {other}"


def results(draw):
    odd = draw.choice(ODD)
    f = AtCall(draw.randint(1, 9), lambda f, x: odd)
    name, x, call = any_call(draw, f)
    before, references = fingerprint(x), sys.getrefcount(x)
    try:
        call()
    except (TypeError, ValueError) as caught:
        assert HOUSE_FORM.match(str(caught)) or "must" in str(caught), f"{name} raised {caught!r} for {odd!r}"
        caught.__traceback__ = caught.__context__ = caught.__cause__ = None
    assert fingerprint(x) == before, "x changed"
    del call
    assert not keeps(x, references), f"{name} keeps x after {odd!r}"
    return name


class Interrupt:
    """The alarm's handler: it interrupts only what asked for it.

    A busy machine can deliver an alarm to a thread that runs only after the timer was stopped; by then another call
    may run, one that nobody wanted to interrupt.
    """

    is_wanted = False

    def __call__(self, *_):
        if self.is_wanted:
            self.is_wanted = False
            raise KeyboardInterrupt


interrupt = Interrupt()


def interrupts(draw):
    """Interrupt a call at a random instant, later ones more seldom."""
    name, x, call = any_call(draw, lambda f, x: f(x))
    before = fingerprint(x)
    try:
        interrupt.is_wanted = True
        signal.setitimer(signal.ITIMER_REAL, 10 ** draw.uniform(-5.0, -3.0))
        try:
            call()
        finally:
            interrupt.is_wanted = False
    except KeyboardInterrupt:
        pass
    except (TypeError, ValueError) as caught:
        assert HOUSE_FORM.match(str(caught)), f"{name} raised {caught!r}"
    signal.setitimer(signal.ITIMER_REAL, 0)
    assert fingerprint(x) == before, "x changed"
    return name


# --- all --------------------------------------------------------------------------------------------------------------

KINDS = {values: 30, exceptions: 25, changes: 20, results: 15, interrupts: 10}
WARM_UP = 2000


def resident():
    """Return how many MiB of memory this process holds, where that is told."""
    try:
        with open("/proc/self/statm") as file:
            return int(file.read().split()[1]) * 4096 / 2**20
    except OSError:
        return 0.0


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--calls", type=int, default=100_000)
    parser.add_argument("--seed", default="0")
    parser.add_argument("--only", default="")
    parser.add_argument("--most-found", type=int, default=20)
    options = parser.parse_args()
    kinds = {kind: weight for kind, weight in KINDS.items() if options.only in kind.__name__}
    if not hasattr(signal, "setitimer"):
        kinds.pop(interrupts, None)
    else:
        signal.signal(signal.SIGALRM, interrupt)
    sys.unraisablehook = lambda found: None  # an interrupt inside a callback of the garbage collector
    warnings.simplefilter("ignore")
    counts, found, start = collections.Counter(), 0, time.perf_counter()
    memory = objects = 0
    for i in range(options.calls):
        if i == min(WARM_UP, options.calls // 2):
            gc.collect()
            memory, objects = resident(), len(gc.get_objects())
        draw = random.Random(f"{options.seed} {i}")
        kind = draw.choices(list(kinds), list(kinds.values()))[0]
        try:
            counts[kind.__name__, kind(draw)] += 1
        except BaseException as error:
            found += 1
            counts[kind.__name__, "FOUND"] += 1
            print(f"call {i}, {kind.__name__}: {type(error).__name__}: {str(error)[:500]}", flush=True)
            if found == options.most_found:
                break
    gc.collect()
    for key in sorted(counts):
        print(f"{counts[key]:9,} {' '.join(key)}")
    grown, more = resident() - memory, len(gc.get_objects()) - objects
    print(f"{counts.total():9,} calls in {time.perf_counter() - start:.0f} s; {found} found")
    print(f"{grown:+9.0f} MiB, {more:+} objects since call {min(WARM_UP, options.calls // 2):,}")
    is_leaking = more > 1000 or grown > 64
    sys.exit(bool(found or is_leaking))


if __name__ == "__main__":
    main()
