"""What is given and returned: arguments, f, parameters, stencils, patterns, Info."""
