"""The adaptive method, sparse derivatives, the noise of f."""
