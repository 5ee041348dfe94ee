# Nothing for Python: fits are made in C.
