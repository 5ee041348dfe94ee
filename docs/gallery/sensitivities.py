"""
Sensitivities of a simulation, on several processes
===================================================

An epidemic is simulated, and we ask how much each parameter changes the number of sick
people on each day. The simulation is slow, so its runs are shared among processes.
"""

import matplotlib.pyplot as plt
import numpy as np
from scipy.integrate import solve_ivp

from gradfast import Central, jacobian

days = np.linspace(0.0, 120.0, 121)
names = ["contacts", "time until sick", "time until well", "first cases"]


def sick_on_each_day(p):
    contacts, incubation, duration, first = p

    def slope(t, y):
        susceptible, exposed, sick = y
        catching = contacts * susceptible * sick
        becoming = exposed / incubation
        return -catching, catching - becoming, becoming - sick / duration

    start = (1.0 - first, first, 0.0)
    run = solve_ivp(slope, (0.0, 120.0), start, t_eval=days, rtol=1e-10, atol=1e-12)
    return run.y[2]


# %%
# A simulation has an error of its own, here about 1e-10. So steps must not be as short
# as for a formula: ``noise=`` says how large the error is, and the steps follow from
# it. With ``scale=0``, each step is relative to its parameter, for the first cases to
# 1e-4.

if __name__ == "__main__":
    p = np.array([0.5, 4.0, 6.0, 1e-4])
    method = Central(noise=1e-10, scale=0)
    J, info = jacobian(sick_on_each_day, p, method=method, workers=2, full_output=True)
    print("shape:", J.shape, "evaluations:", info.evaluations)
    sick = sick_on_each_day(p)
    day = sick.argmax()
    print(f"at the peak, day {day}, if a parameter grows by 1 %, the sick grow by")
    for name, change in zip(names, J[day] * p / sick[day], strict=True):
        print(f"{name:>16}: {change:+.2f} %")

    figure, ax = plt.subplots(figsize=(7, 3.8), layout="constrained")
    ax.plot(days, J * p, label=names)
    ax.set(xlabel="day", ylabel="change of the sick part\nif a parameter doubled")
    ax.legend()
    plt.show()
