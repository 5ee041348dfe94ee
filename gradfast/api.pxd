# cython: cdivision=True
"""The loops for other Cython modules: ``from gradfast.api cimport ...``.

A Loop holds f, a stencil, the steps and a watch; set_stencil and set_watch fill the last of
them, the rest is assigned. The point is a C array of doubles that the loop perturbs and
restores; it must be no other thread's meanwhile. A Loop owns nothing: the Stencil, the steps, f's
data and the stop byte must outlive it. See tests/native/third_party.pyx for a program.
"""

from gradfast._kernels.native_loop cimport (
    ARRAY_INT,
    ARRAY_INT_DATA,
    ARRAY_SIZE,
    ARRAY_SIZE_DATA,
    NUMBER,
    NUMBER_DATA,
    POINT_INT,
    POINT_INT_DATA,
    POINT_SIZE,
    POINT_SIZE_DATA,
    Function,
    Loop,
    Nodes,
    Signature,
    Steps,
    Watch,
    gradient_along,
    jacobian_along,
    pair_differences,
    set_stencil,
    set_watch,
)
from gradfast._kernels.stencil cimport Stencil
