"""Methods, and how far they move."""
