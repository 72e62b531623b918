"""Shared by the command lines: options, terminal output, exit status, locks."""
