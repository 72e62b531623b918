"""Analyse a file without decoding it: streams, packets, timestamps, truncation."""
