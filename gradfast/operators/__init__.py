"""The functions that differentiate, and their prepared classes."""
