# Nothing for Python: where to look next is decided in C.
