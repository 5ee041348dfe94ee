"""The Hessian of an f whose gradient is given: the gradient's Jacobian, made symmetric."""

from dataclasses import replace
from math import prod

import numpy as np

from gradfast.arguments import Array, number_or_array
from gradfast.jacobians import Jacobian


class JacobianOfGradient(Jacobian):
    """The Jacobian of a gradient, made symmetric: the mean of it and its transpose."""

    symmetric = True
    takes_parameters = diagonal = False

    def __call__(self, x: object, *args: object, f0: object = None, **keywords: object) -> object:
        result = super().__call__(x, *args, **keywords)
        shape_of_x = np.asarray((x, *args)[self.argnum]).shape
        if self.sparsity is not None:  # of which one of two mirrored entries was read
            return result
        found, info = result if self.full_output else (result, None)
        if self.is_native and found.size == prod(shape_of_x) ** 2:  # compiled code writes a vector, whatever x's shape
            found = found.reshape(shape_of_x * 2)
        shape = found.shape[found.ndim // 2 :]
        if found.ndim % 2 or found.shape != shape * 2 or shape != shape_of_x:
            raise ValueError(
                f"gradient must return an array of x's shape {shape_of_x}; "
                f"it returned one of shape {found.shape[: found.ndim - len(shape_of_x)]}"
            )
        symmetric = self._wanted(_mean_with_transpose(found))
        if info is None:
            return symmetric
        if info.error is not None:
            both = info.converged.reshape(info.step.size, -1)
            both = self._wanted((both & both.T).reshape(found.shape))
            error = self._wanted(_mean_with_transpose(info.error.reshape(found.shape)))
            info = replace(info, error=error, converged=both)
        return symmetric, info

    def _wanted(self, matrix: Array) -> object:
        """Return the matrix, or its diagonal in the shape of x."""
        if not self.diagonal:
            return number_or_array(matrix)
        shape = matrix.shape[: matrix.ndim // 2]
        return number_or_array(np.diagonal(matrix.reshape((prod(shape),) * 2)).reshape(shape))


def _mean_with_transpose(array: Array) -> Array:
    n = int(np.sqrt(array.size))
    matrix = array.reshape(n, n)
    return ((matrix + matrix.T) / 2).reshape(array.shape)
