"""Which looks at f are fitted, and which of the fits is believed."""

from gradfast._kernels.adaptive_fit cimport Fit, Looks, Value

cdef void fit(const Looks *looks, Value *values, Fit *fits) noexcept nogil      # OUT: values' best, fits
cdef void see(Looks *own, long double *values, const Looks *looks, unsigned int counted,
              Py_ssize_t c) noexcept nogil  # OUT: own, values
