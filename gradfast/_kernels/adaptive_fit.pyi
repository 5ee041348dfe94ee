# Other compiled modules call this one; it has nothing for Python.
