"""Embedded S3 and SQS: two buckets, a queue and its dead-letter queue.

A moto server runs in a child process on a free port of 127.0.0.1, keeps everything in memory, and ends with
its parent. `python -m local.cloud` starts one in the foreground.
"""

import argparse
import json
import os
import shlex
import sys
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

import boto3
import botocore.session

from extractor.cli.terminal import complain, interruption, run_command, say
from local.embedded.child_process import Child, ChildEndedError

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sqs import SQSClient

REGION = "us-east-1"
_START_SECONDS = 60.0
_DAY_SECONDS = 86_400
_CREDENTIALS = {"AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local"}
# Ignore the user's AWS profile, so that the demo never uses a real account.
_NO_PROFILE = {
    "profile": (None, None, None, None),
    "config_file": (None, None, os.devnull, None),
    "credentials_file": (None, None, os.devnull, None),
}


class EmbeddedCloud:
    """A context manager that runs the server; its attributes are set while it is entered.

    A message that was received `MAX_RECEIVES` times moves to the dead-letter queue.

    Args:
        visibility_timeout_seconds: The visibility timeout of the queue.
        log: The file for the server's output; by default it goes to standard error.
    """

    VIDEOS_BUCKET = "demo-videos"
    FRAMES_BUCKET = "demo-frames"
    MAX_RECEIVES = 3

    endpoint_url: str
    queue_url: str
    queue_arn: str
    dead_letter_queue_url: str

    def __init__(self, *, visibility_timeout_seconds: int = 900, log: Path | None = None) -> None:
        self._visibility_timeout_seconds = visibility_timeout_seconds
        self._log = log
        self._exit = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            output = stack.enter_context(self._log.open("ab")) if self._log else None
            self._child = Child("local.embedded.server", environment=_server_environment(), output=output)
            stack.callback(self._child.close)
            self.endpoint_url = f"http://127.0.0.1:{self._child.receive(_START_SECONDS)['port']}"
            self._session = boto3.Session(
                botocore_session=botocore.session.Session(session_vars=dict(_NO_PROFILE)),
                aws_access_key_id=_CREDENTIALS["AWS_ACCESS_KEY_ID"],
                aws_secret_access_key=_CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
                region_name=REGION,
            )
            self._create_buckets()
            self._create_queues()
            self._exit = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._exit.close()

    @property
    def pid(self) -> int:
        """The process ID of the server."""
        return self._child.pid

    def s3(self) -> "S3Client":
        return self._session.client("s3", endpoint_url=self.endpoint_url)

    def sqs(self) -> "SQSClient":
        return self._session.client("sqs", endpoint_url=self.endpoint_url)

    def environment(self) -> dict[str, str]:
        """Return the environment variables that make boto3 and this project use this cloud."""
        return {
            "AWS_ENDPOINT_URL": self.endpoint_url,
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            **_CREDENTIALS,
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AWS_EC2_METADATA_DISABLED": "true",
            "S3_BUCKET_VIDEOS": self.VIDEOS_BUCKET,
            "S3_BUCKET_FRAMES": self.FRAMES_BUCKET,
            "SQS_QUEUE_URL": self.queue_url,
            "DEAD_LETTER_QUEUE_URL": self.dead_letter_queue_url,
        }

    def wait(self) -> None:
        """Wait until the server process ends, which only a crash causes."""
        try:
            self._child.receive(None)
        except ChildEndedError:
            return

    def _create_buckets(self) -> None:
        s3 = self.s3()
        for bucket in (self.VIDEOS_BUCKET, self.FRAMES_BUCKET):
            s3.create_bucket(Bucket=bucket)

    def _create_queues(self) -> None:
        """Create the queues.

        A message keeps its original timestamp when it moves, so the dead-letter queue has the longer
        retention.
        """
        sqs = self.sqs()
        self.dead_letter_queue_url = sqs.create_queue(
            QueueName="demo-dead-letters",
            Attributes={"MessageRetentionPeriod": str(14 * _DAY_SECONDS)},
        )["QueueUrl"]
        arn = sqs.get_queue_attributes(QueueUrl=self.dead_letter_queue_url, AttributeNames=["QueueArn"])
        redrive = {
            "deadLetterTargetArn": arn["Attributes"]["QueueArn"],
            "maxReceiveCount": self.MAX_RECEIVES,
        }
        self.queue_url = sqs.create_queue(
            QueueName="demo-videos",
            Attributes={
                "MessageRetentionPeriod": str(4 * _DAY_SECONDS),
                "VisibilityTimeout": str(self._visibility_timeout_seconds),
                "RedrivePolicy": json.dumps(redrive),
            },
        )["QueueUrl"]
        arn = sqs.get_queue_attributes(QueueUrl=self.queue_url, AttributeNames=["QueueArn"])
        self.queue_arn = arn["Attributes"]["QueueArn"]


def _server_environment() -> dict[str, str]:
    """Return the environment without AWS variables: moto's responses depend on some of them."""
    return {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}


def main() -> int:
    """Run the command line; return the exit status."""
    return run_command(_serve)


def _serve() -> int:
    """Print the environment variables and run until Ctrl-C."""
    argparse.ArgumentParser(
        prog="python -m local.cloud",
        description="Start an S3 with two buckets and an SQS with two queues on this machine, print the "
        "variables with which this project uses them, and run until Ctrl-C.",
    ).parse_args()
    try:
        with EmbeddedCloud() as cloud:
            say("unset AWS_PROFILE")
            for name, value in cloud.environment().items():
                say(f"export {name}={shlex.quote(value)}")
            say("# Use these in another terminal. Ctrl-C ends the cloud and deletes its content.")
            cloud.wait()
    except KeyboardInterrupt as error:
        return interruption(error)[1]
    complain("The embedded cloud ended unexpectedly; see the messages above.")
    return 1


if __name__ == "__main__":
    sys.exit(main())
