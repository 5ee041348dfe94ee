# A call in C takes its many arguments as they are.
from gradfast._kernels.operator_run cimport once
