"""An AWS of the proof's own: moto's server in a process of its own, so that workers can be forked from one
that has no threads to lose. Run as a module, it is that server: it tells its URL and ends with its input.
"""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from tests.support.servers.aws import aws_variables, moto_server

VIDEOS = "oriane-videos"
FRAMES = "oriane-frames"
QUEUE_ARN = "arn:aws:sqs:us-east-1:123456789012:main"


@contextmanager
def moto() -> Iterator[dict[str, str]]:
    """A running server; gives the AWS variables that lead to it and nowhere else."""
    command = [sys.executable, "-m", "tests.proof.cloud"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        yield aws_variables(process.stdout.readline().strip())
        process.stdin.close()


def _serve() -> None:
    with moto_server() as url:
        sys.stdout.write(f"{url}\n")
        sys.stdout.flush()
        sys.stdin.read()


if __name__ == "__main__":
    _serve()
