"""Decode videos: schedule the frames, run FFmpeg, and check that its result is valid."""
