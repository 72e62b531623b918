"""Decode a file: which frames are wanted, by which way of decoding, and whether its result is valid."""
