"""Run FFmpeg as a confined child process, build its command lines, and parse its output."""
