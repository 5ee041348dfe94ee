"""
A stiff reaction with a sparse Jacobian
=======================================

The Brusselator on a line: two substances react and diffuse. An implicit solver needs
the Jacobian, of which nearly all entries are 0. With its pattern, a few evaluations
give all of it, whatever the number of cells is.
"""

import matplotlib.pyplot as plt
import numpy as np
from scipy.integrate import solve_ivp

from gradfast import Jacobian
from gradfast.coloring import Coloring, banded

cells = 200
space = np.linspace(0.0, 1.0, cells)
diffusion = 0.02 / 50 * (cells + 1) ** 2

# %%
# The values of both substances alternate, so that each one depends on two neighbors to
# either side at most.


def slope(t, y):
    u, v = y[0::2], y[1::2]
    padded_u = np.concatenate(([1.0], u, [1.0]))
    padded_v = np.concatenate(([3.0], v, [3.0]))
    out = np.empty_like(y)
    out[0::2] = 1 + u**2 * v - 4 * u + diffusion * np.diff(padded_u, 2)
    out[1::2] = 3 * u - u**2 * v + diffusion * np.diff(padded_v, 2)
    return out


pattern = Coloring(banded(2 * cells, 2, 2))
jacobian = Jacobian(slope, sparsity=pattern, argnum=1)
y = np.empty(2 * cells)
y[0::2], y[1::2] = 1 + np.sin(2 * np.pi * space), 3.0
counted = Jacobian(slope, sparsity=pattern, argnum=1, full_output=True)
J, info = counted(0.0, y)
print(f"{J.shape[0]} x {J.shape[1]} entries, {J.nnz} of them not 0")
print("evaluations:", info.evaluations)

# %%
# The solver calls ``jac(t, y)``, and gets a sparse matrix.

solution = solve_ivp(slope, (0.0, 10.0), y, method="BDF", jac=jacobian, rtol=1e-6)
print(f"{solution.t.size - 1} steps, {solution.njev} Jacobians")

# %%

figure, ax = plt.subplots(figsize=(7, 3.8), layout="constrained")
mesh = ax.pcolormesh(solution.t, space, solution.y[0::2], shading="gouraud")
ax.set(xlabel="time", ylabel="space", title="concentration of the first substance")
figure.colorbar(mesh)
plt.show()
