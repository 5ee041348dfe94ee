"""What a check of a derivative found, and what figures share."""
