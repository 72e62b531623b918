"""Damaged and hostile files for the engine: ``python -m tests.fuzz --help``."""
