"""Run a command line twice in one process, and print the CPU seconds of the second time.

Started as ``python -m benchmarks.support.warm_command ARGUMENT …``, with the arguments of
`python -m extractor`. The result is the last line of stderr.
"""

import sys
from collections.abc import Sequence

from benchmarks.support.cpu import cpu_seconds
from extractor.__main__ import main


def warm_seconds(argv: Sequence[str]) -> float:
    """Return the CPU seconds of this process and of FFmpeg. Raises `RuntimeError` if the command fails."""
    for _ in range(2):
        before = cpu_seconds()
        if status := main(argv):
            raise RuntimeError(f"the command ended with status {status}")
    return cpu_seconds() - before


if __name__ == "__main__":
    print(warm_seconds(sys.argv[1:]), file=sys.stderr)
