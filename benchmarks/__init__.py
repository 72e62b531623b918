"""Measurements, run by hand: against other ways of getting frames, of the handler, of the cold start.

`README.md` says how. Nothing in here is deployed, and nothing imports it.
"""
