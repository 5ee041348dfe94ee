"""The ways to call f, one module each: the same functions, over one point, many, a batch, or compiled code.

A family gives, for a function f, the argument to call it with and the memory that is moved (x itself, or the
imaginary part of a complex copy of it), in which nothing is different when it returns:

- ``value(f, argument, memory)``, f's value as a number, and ``array(...)``, as an array;
- ``partials(f, argument, memory, plan, out, center)`` writes the derivative of a number along each coordinate;
- ``components(f, argument, memory, plan, center)`` returns those of an array, a row for each coordinate;
- ``pair_differences(f, x, stencil, steps, pairs, center)``, of two coordinates moved at once, for Hessians;
- ``color_differences(f, argument, memory, stencil, steps, colors, center, out, middle)``, of a color of columns.

:mod:`~gradfast.calling.one_point` and :mod:`~gradfast.calling.many_points` are families; a
:class:`~gradfast.calling.compiled.Native` and a :class:`~gradfast.calling.batch.Batch` are others, made with the
threads or the axis that they need. What cuts the work of a family in chunks, :class:`gradfast.parallel.Chunks`, has
the same functions. :mod:`~gradfast.calling.elementwise` differentiates elementwise, with none of these.
"""
