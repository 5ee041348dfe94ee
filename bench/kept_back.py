"""The half of the functions of :mod:`bench.unseen` that was kept back until the adaptive method was done.

Two faults that they showed were mended after that.
"""

from bench.formulas import (
    acosh,
    atan,
    atanh,
    cos,
    decimals,
    digits,
    exp,
    expm1,
    half,
    log,
    log1p,
    maximum,
    noise,
    pi,
    sin,
    single,
    sinh,
    sqrt,
    tan,
    tanh,
    unless,
    where,
)
from bench.unseen import cases

KEPT_BACK = cases(
    {
        ("smooth", "ordinary"): [
            (lambda x: exp(-x / 3) * cos(5 * x + 1), (0.4, 2.7)),
            (lambda x: 3 * x / (1 + x**3), (0.3, 1.9)),
            (lambda x: atan(x * x - 2), (0.8, -1.7)),
            (lambda x: tanh(sin(x) + x / 2), (-1.3, 0.6)),
            (lambda x: x**x, (0.2, 3.1)),
            (lambda x: sqrt(1 + sqrt(2 + sqrt(x))), (0.5, 4e1)),
            (lambda x: sinh(x) / (x * x + 2), (-2.2, 1.4)),
            (lambda x: sin(x - 0.3) / (x - 0.3), (2.2, 5.9)),
            (lambda x: exp(-((x - 1.25) ** 2)) * cos(x - 1.25), (1.25,), 1.0),
            (lambda x: 1 / (1 + 3 * x * x) + cos(2 * x), (0.0,), 1.0),
            (lambda x: atan(3 * x) + x * cos(x), (0.0,)),
        ],
        ("smooth", "tiny x"): [
            (lambda x: x * log(x), (3e-10, 7e-17)),
            (lambda x: x**0.3, (1e-20, 4.4e-12)),
            (lambda x: exp(-1e-6 / x), (4e-7, 3e-6)),
            (lambda x: exp(-x / 1.4e-15) / x, (1e-15, 2.3e-15)),
            (lambda x: log1p(x / 1e-8), (3e-9, 8e-8)),
            (lambda x: 1 / (1 + (x / 1e-30) ** 2), (2e-30, -4e-31)),
        ],
        ("smooth", "huge x"): [
            (lambda x: x**1.5, (2e30,)),
            (lambda x: sin(x / 1e9 + 0.2), (3e9, -7e9)),
            (lambda x: x * exp(-x / 1e20), (4e19, 3e20)),
            (lambda x: log(x) * log(3 * x), (1e30, 5e9)),
            (lambda x: x * x / (x + 1e8), (2e8, 1e11)),
        ],
        ("smooth", "huge or tiny f"): [
            (lambda x: exp(-x * x), (17.0, 22.0)),
            (lambda x: 1e200 * x**3 - 4e200 * x, (0.3, 2.7)),
            (lambda x: exp(650 + sin(x)), (0.6, 5.0)),
            (lambda x: 1e-300 / (1 + x * x), (0.7,)),
        ],
        ("smooth", "two scales"): [
            (lambda x: exp(-x) + 1e-3 * exp(-1e5 * x), (1e-5, 4e-5)),
            (lambda x: atan(1e6 * (x - 1)) + 100 * x, (1.000001, 0.999997)),
            (lambda x: log(x) + 1e8 * x, (1e-8, 3e-7)),
            (lambda x: sqrt((x - 0.5) ** 2 + 1e-10) + sin(x), (0.50001, 0.49996)),
            (lambda x: x * x + exp(-(((x - 3) / 1e-3) ** 2)), (3.0004, 2.9985)),
        ],
        ("smooth", "short waves"): [
            (lambda x: cos(1e5 * x) * x, (0.77, 12.0)),
            (lambda x: cos(exp(x)), (9.0, 11.5)),
            (lambda x: x * sin(1 / x), (0.0011, -0.00027)),
            (lambda x: sin(x) + 0.5 * cos(2 * x), (1e7, 3.1e8)),
            (lambda x: exp(-x * x) * cos(700 * x), (0.3, 1.1)),
        ],
        ("smooth", "aliasing"): [
            (lambda x: sin(2 * pi * 1024 * x), (0.3, 0.77)),
            (lambda x: exp(cos(2 * pi * x)), (1000000.3, 30000.1)),
            (lambda x: sin(2 * pi * 1618.033988749895 * x), (0.618, 1.27)),
        ],
        ("smooth", "steep"): [
            (lambda x: exp(50 * x * x), (1.5, -2.0)),
            (lambda x: x**200, (1.01, 0.7)),
            (lambda x: 10 ** (40 * x - 20), (0.51,)),
            (lambda x: x ** (x * x), (4.0,)),
            (lambda x: exp(-0.5 * ((x - 3) / 0.01) ** 2), (3.02, 2.95)),
        ],
        ("smooth", "near domain"): [
            (lambda x: sqrt(x - 1) * x, (1.00000001, 1.001)),
            (lambda x: log(1 - x), (0.999999, 0.99999999999)),
            (lambda x: atanh(x) * x, (0.9999999, -0.99)),
            (acosh, (1.00001, 1.0000000001)),
            (lambda x: x / (1 - x), (0.9999999, 1.0001)),
        ],
        ("smooth", "physics"): [
            (
                lambda x: (
                    2 * 6.62607015e-34 * x**3 / 8.987551787e16 / expm1(6.62607015e-34 * x / (1.380649e-23 * 5800.0))
                ),
                (5e14, 3e12),
            ),
            (lambda x: 4 * 1.65e-21 * ((3.405e-10 / x) ** 12 - (3.405e-10 / x) ** 6), (3.5e-10, 6e-10)),
            (lambda x: 4 * 1.5e-21 * ((3.2e-10 / x) ** 12 - (3.2e-10 / x) ** 6), (3.591876e-10,), 4.6875e-12),
            (lambda x: 1 / tanh(x) - 1 / x, (0.8, 12.0)),
            (lambda x: 0.1 / ((x - 91.1876) ** 2 + 2.4952**2 / 4), (9e1, 91.2)),
            (lambda x: 1 / sqrt(1 - (x / 299792458.0) ** 2), (2.9e8, 3e4)),
            (lambda x: 2 * pi * sqrt(x / 9.80665) * (1 + 0.0625 * 0.01), (0.25, 67.0)),
            (lambda x: 2.307e-28 / x * exp(-x / 9.6e-10), (3e-10, 5e-9)),
            (
                lambda x: sqrt(
                    1 + 1.03961212 * x * x / (x * x - 0.00600069867) + 0.231792344 * x * x / (x * x - 0.0200179144)
                ),
                (0.587, 0.2),
            ),
        ],
        ("smooth", "finance"): [
            (lambda x: 250000 * x / 12 / (1 - (1 + x / 12) ** -360), (0.04, 0.004)),
            (lambda x: 0.55 * log(1 + x) + 0.45 * log(1 - x), (0.02, 0.7)),
        ],
        ("smooth", "learning"): [
            (lambda x: log(1 + exp(x)), (1.3, -14.0)),
            (lambda x: 0.5 * x * (1 + tanh(0.7978845608028654 * (x + 0.044715 * x**3))), (-0.9, 3.7)),
            (lambda x: -0.3 * log(1 / (1 + exp(-x))) - 0.7 * log(1 - 1 / (1 + exp(-x))), (0.2, -5.0)),
            (lambda x: 1 - exp(-((x / 2) ** 1.7)), (0.9, 7.0)),
            (lambda x: log(x / (1 - x)), (0.2, 1e-6, 0.999999)),
        ],
        ("smooth", "cancelling"): [
            (lambda x: (x + 1e6) ** 2 - x * x - 1e12, (3.0, 0.02)),
            (lambda x: (x * 3 - 1e5 + 0.1) ** 2 + (x - 33333.3) ** 2, (33333.0, 33333.3), 1.0),
            (lambda x: 1e10 * sin(x) - 1e10 * sin(x + 1e-3) + cos(x), (0.8, 2.4)),
        ],
        ("smooth", "rational"): [
            (lambda x: 1 / (1 + 25 * x * x), (0.1, 0.83)),
            (lambda x: 1 + x / (1 + x / (2 + x / (3 + x / (4 + x)))), (0.8, 15.0)),
            (lambda x: 1 / ((x - 1) ** 2 + 1e-4) + 1 / ((x - 1.1) ** 2 + 1e-3) - 3 / (x + 4), (1.004, 1.07)),
        ],
        ("smooth", "compositions"): [
            (lambda x: sin(cos(tan(x))), (0.7, 1.4)),
            (lambda x: tanh(log((x + 2) / (x * x + 0.5))), (0.9, 8.0)),
        ],
        ("smooth", "linear, constant, quadratic"): [
            (lambda x: 1e8 + 2.5 * x, (2.0, 0.001)),
            (lambda x: 4.25 + 0 * x, (1.7, 0.0, 1e9), 4.25),
            (lambda x: 0 * x, (3.0,), 1.0),
            (lambda x: x / 9 + 1 / 9, (1e6, 0.123)),
        ],
        ("rough", "float32"): [
            (lambda x: single(5 + 0.1 * log1p(x * x)), (1.1, 0.2)),
            (lambda x: single(1e5 * cos(x / 3) + 3e5), (2.2, 0.7)),
        ],
        ("rough", "float16"): [
            (lambda x: half(x / (1 + exp(-x))), (0.8, -1.4), 1.0),
        ],
        ("rough", "rounded"): [
            (lambda x: decimals(exp(x / 2) * cos(x), 4), (1.1, -0.4)),
            (lambda x: decimals(x**2.2 / (1 + x), 6), (1.9, 0.33)),
            (lambda x: decimals(1 / (2 + cos(x)), 8), (0.5, 4.0)),
            (lambda x: decimals(1000 * (1 + x) ** 7, 2), (0.03, 0.11)),
        ],
        ("rough", "printed"): [
            (lambda x: digits(1 / (x * x + 0.4), 8), (0.9, -1.6)),
            (lambda x: digits(3e-9 * exp(-x / 2e-6), 5), (1e-6, 4.3e-6)),
        ],
        ("rough", "noise"): [
            (lambda x: cos(2 * x) * x + 1e-12 * noise(x, 1), (0.7, 1.9, 3.4)),
            (lambda x: x**1.7 - 2 * x + 1e-6 * noise(x, 7), (0.7, 3.1, 1.4)),
            (lambda x: 3 * exp(x / 2) + 1e-3 * noise(x, 11), (1.2, 2.6)),
            (lambda x: 2 * x - 1 + 1e-7 * noise(x, 14), (0.4, 6.0)),
            (lambda x: 1.5 + 0 * x + 1e-8 * noise(x, 15), (0.9, 2e1), 1.5),
            (lambda x: sin(x) + x * x + 1e-6 * noise(x, 18), (0.0,)),
        ],
        ("rough", "kink beside"): [
            (lambda x: x * x + 0.02 * maximum(0, x - 1), (0.99, 0.9999, 0.9999999)),
            (lambda x: sin(2 * x) + 0.3 * abs(x - 0.7), (0.701, 0.69999, 0.7000000009999999)),
            (lambda x: abs(x - 0.5) + abs(x - 0.501) + x**4, (0.5005, 0.5013)),
            (lambda x: exp(-0.03) * maximum(x - 100, 0) + 0.4 * maximum(110 - x, 0), (100.02, 109.9, 99.9999)),
            (lambda x: where(x > 1.2, sin(x) + 0.5, sin(x)), (1.199, 1.21, 1.19999)),
        ],
        ("rough", "at kink"): [
            (lambda x: abs(x - 0.75) + x * x, (0.75,)),
            (lambda x: maximum(x, 0) * 3 + sin(x), (0.0,)),
            (lambda x: x**3 + 1e-4 * abs(x - 1.25), (1.25,)),
            (lambda x: abs(x - 1) + abs(x - 2) + abs(x - 4) + 0.3 * x, (2.0, 4.0)),
        ],
        ("rough", "ripple"): [
            (lambda x: x * x / (1 + x) + 1e-4 * cos(3000 * x), (0.9, 2.2)),
        ],
        ("rough", "hidden ripple"): [
            (lambda x: x + 1e-9 * sin(1e9 * x), (0.8,)),
            (lambda x: sqrt(1 + x * x) + 1e-12 * sin(3e10 * x + 1), (2.3,)),
        ],
        ("rough", "naive"): [
            (lambda x: log(1 + x) / x, (5e-8, 2e-5, 0.001, 0.1)),
            (lambda x: (x - sin(x)) / x**3, (0.0001, 0.003, 0.04), 0.0001),
            (lambda x: sqrt(x + 1) - sqrt(x), (1e4, 1e8, 3e11)),
            (lambda x: -x + sqrt(x * x + 1e-3), (3.0, 4e2)),
        ],
        ("rough", "NaN on one side"): [
            (lambda x: unless(x < 1, exp(x) * x), (1.0, 1.000000001)),
            (lambda x: unless(x > 2.5, sin(x) + x * x), (2.5, 2.499999)),
            (lambda x: unless((x > 1.5) & (x < 1.6), cos(x) / x), (1.4999, 1.6001)),
        ],
        ("higher", "n = 2, 4", (2, 4)): [
            (lambda x: 1 / (1 + x**3), (0.5, 2.2)),
            (lambda x: exp(-2 * exp(-x / 2)), (1.0, 6.0)),
        ],
        ("higher", "n = 2, 3", (2, 3)): [
            (lambda x: x**2.7, (0.3, 1e-6, 4e7)),
            (lambda x: cos(120 * x) + x, (1.3, 0.02)),
            (lambda x: exp(-sqrt(x)), (0.09, 6.0)),
            (lambda x: exp(-(((x - 2) / 0.01) ** 2)), (2.004, 1.99)),
            (acosh, (1.2, 3e1)),
        ],
        ("higher", "n = 3, 4", (3, 4)): [
            (lambda x: exp(-x * x / 2), (0.3, 1.9)),
        ],
        ("higher", "n = 2, 3, 4", (2, 3, 4)): [
            (lambda x: (3e-10 / x) ** 12 - (3e-10 / x) ** 6, (3.6e-10,)),
        ],
        ("higher", "n = 3", (3,)): [
            (lambda x: x * sqrt(x * x + 0.04), (0.1, 0.0), 1.0),
        ],
        ("higher", "n = 5, 6", (5, 6)): [
            (lambda x: 1 / (2 + x), (0.4, -1.5)),
            (log, (3.0, 0.02)),
            (lambda x: x**8 / 100 - x**5 + x, (1.1,)),
            (lambda x: exp(-x * x), (0.4, 1.2)),
        ],
        ("bounds", "bound below", (1, 2)): [
            (lambda x: (x + 0.1) * log(x + 0.1), (0.0, 0.5)),
            (lambda x: 1e180 * sqrt(4 + x), (1.5,)),
        ],
        ("bounds", "bound above", (1, 2)): [
            (lambda x: sin(3 * x) + x * x, (0.9, 2.0)),
            (lambda x: atan(x / 1e6), (8e5,)),
        ],
        ("bounds", "bound below"): [
            (lambda x: sqrt(x) * log(x), (0.5, 1e-6)),
            (lambda x: exp(-x) + 1e-8 * noise(x, 21), (0.5, 1.5)),
            (lambda x: x**3 + abs(x - 2), (1.999, 1.6)),
        ],
        ("bounds", "bound above", (1, 5)): [
            (lambda x: exp(-x * x), (0.8,)),
        ],
        ("bounds", "bound below", (5, 6)): [
            (lambda x: 1 / (3 + x), (1.0,)),
        ],
        ("bounds", "bound above"): [
            (lambda x: decimals(3 * sqrt(1 + x), 6), (1.9,)),
        ],
    }
)
