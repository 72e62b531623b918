"""An AWS of the proof's own: moto's server in a process of its own, so that workers can be forked from one
that has no threads to lose. Run as a module, it is that server: it tells its URL and ends with its input.
"""

import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

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
        yield _variables(process.stdout.readline().strip())
        process.stdin.close()


def _variables(url: str) -> dict[str, str]:
    return {
        "AWS_ENDPOINT_URL": url,
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
    }


def _serve() -> None:
    from moto.moto_server.threaded_moto_server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    sys.stdout.write(f"http://{host}:{port}\n")
    sys.stdout.flush()
    sys.stdin.read()
    server.stop()


if __name__ == "__main__":
    _serve()
