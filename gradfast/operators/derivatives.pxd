# What derivatives.py, which is compiled as it stands, calls in C.
# In C its many arguments are not packed into a tuple and a dict.
from gradfast._kernels.operator_kinds cimport once
