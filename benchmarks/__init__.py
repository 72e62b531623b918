"""Measurements, run by hand: comparison with other tools, the handler, the cold start.

`README.md` explains how. Nothing in this package is deployed, and no other package imports it.
"""
