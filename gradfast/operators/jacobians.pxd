# What jacobians.py, which is compiled as it stands, calls in C.
# A call in C takes its many arguments as they are.
from gradfast._kernels.operator_kinds cimport once
