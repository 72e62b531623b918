"""The standard streams of a process that was started without some of them."""

import os
import sys


def open_standard_streams() -> None:
    """Connect closed standard descriptors (0 to 2) to the null device.

    Otherwise the next file that is opened gets such a number, and a child process takes it for its
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
