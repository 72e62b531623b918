"""The Python API as its users see it."""
