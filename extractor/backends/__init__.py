"""Adapters for outside systems. Each family has a `base` module with the interface that callers use."""
