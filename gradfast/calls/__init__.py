"""From an operator's options to f's values, in this process or in others."""
