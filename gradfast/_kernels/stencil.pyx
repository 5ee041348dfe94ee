"""A stencil, and the C arrays of its nodes and weights that the loops read."""

cimport cython
from cpython.array cimport array


@cython.final
cdef class Stencil:
    """Nodes and weights of a difference quotient.

    ``(center * f(x) + sum(weights[k] * f(x + nodes[k] * h))) / (denominator * h**n)`` approximates
    the n-th derivative. Weights are whole numbers over one denominator, so they are exact in every
    precision, and the central difference is literally ``(f(x + h) - f(x - h)) / (2 * h)``.
    """

    def __cinit__(self, nodes, weights, double denominator, int n=1, double center=0):
        self.nodes = tuple(nodes)
        self.weights = tuple(weights)
        if len(self.nodes) != len(self.weights) or not self.nodes:
            raise ValueError(
                f"weights must be as many as nodes, at least one; got {len(self.weights)} for {len(self.nodes)}"
            )
        self.denominator = denominator
        self.n = n
        self.center = center
        self.size = len(self.nodes)
        self.is_pair = self.nodes == (1, -1) and self.weights == (1, -1) and center == 0
        cdef array node = array("d", self.nodes), weight = array("d", self.weights)
        self._arrays = node, weight
        self.node, self.weight = node.data.as_doubles, weight.data.as_doubles

    def __reduce__(self):
        return Stencil, (self.nodes, self.weights, self.denominator, self.n, self.center)

    def __repr__(self):
        return (
            f"Stencil(nodes={self.nodes}, weights={self.weights}, denominator={self.denominator:g}, "
            f"n={self.n}, center={self.center:g})"
        )
