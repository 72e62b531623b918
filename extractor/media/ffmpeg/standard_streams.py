"""Open missing standard streams of this process."""

import os
import sys


def open_standard_streams() -> None:
    """Connect closed standard descriptors (0 to 2) to the null device.

    Otherwise the next opened file would get such a number, and child processes would use it as their
    standard input or output.
    """
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= 2:
        os.set_inheritable(descriptor, True)
    os.close(descriptor)
    if sys.stdin is None:
        sys.stdin = open(os.devnull, encoding="utf-8")  # noqa: SIM115, PTH123 - lives as long as the process
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115, PTH123 - as above
