"""
Error against step
==================

A difference is wrong by truncation if its step is long, and by rounding if it is short.
Between the two lies the best step.
"""

import matplotlib.pyplot as plt
import numpy as np

from gradfast import Central, derivative
from gradfast.plotting import plot_step_error

# %%
# For a smooth function whose scale is 1, such as exp at 1, the default steps are close
# to the best. A dot marks them. But if f changes over a much shorter length than x, the
# default steps are too long, by orders of magnitude. No fixed step can know that.


def quick(x):
    return np.sin(1000 * x)


exact = 1000 * np.cos(1000.0)
figure, axes = plt.subplots(1, 2, figsize=(11, 4), layout="constrained", sharey=True)
plot_step_error(np.exp, 1.0, np.e, ax=axes[0])
plot_step_error(quick, 1.0, exact, ax=axes[1])
axes[0].set_title("exp(x) at 1")
axes[1].set_title("sin(1000 x) at 1")
plt.show()

# %%
# The adaptive method looks for the step. It takes more evaluations, and returns a bar.

for f, truth in (np.exp, np.e), (quick, exact):
    fixed = derivative(f, 1.0, method=Central(accuracy=4))
    found, info = derivative(f, 1.0, method="adaptive", full_output=True)
    print(f"{f.__name__}:")
    print(f"    accuracy=4, relative error: {abs(fixed / truth - 1):.0e}")
    error, bar = abs(found / truth - 1), abs(info.error / truth)
    print(f"    adaptive,   relative error: {error:.0e}; bar: {bar:.0e}")
