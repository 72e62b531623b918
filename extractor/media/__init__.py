"""Analyse and decode videos with FFmpeg: index a file, select frames, decode and measure them."""
