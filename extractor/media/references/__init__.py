"""Compute which packets must be decoded for a frame. Pure: no I/O."""
