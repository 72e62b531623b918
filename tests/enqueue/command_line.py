"""`run_sqs_batches.py` as a process, with a state file and a queue."""

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from extractor.backends.state.sqlite import SqliteStateStore
from extractor.domain.jobs import ExtractionSummary
from tests.support.processes import run_python

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

SCRIPT = Path(__file__).parents[2] / "run_sqs_batches.py"
CODES = [f"code{number:02d}" for number in range(25)]
EXTRACTION = ExtractionSummary(1, "frames/", None, 1.0, 30, 30.0)


@dataclass(frozen=True)
class Setup:
    """A state with all codes fetched, a queue, and the environment that names both."""

    state: SqliteStateStore
    sqs: "SQSClient"
    queue_url: str
    folder: Path
    environment: dict[str, str] = field(default_factory=dict)

    def run(self, *options: str, stdin: str = "", **environment: str) -> "subprocess.CompletedProcess[str]":
        """Variables given as empty are not set at all."""
        variables = {name: value for name, value in (self.environment | environment).items() if value}
        return run_python([SCRIPT, *options], variables, self.folder, stdin)

    def python(self, *arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
        """Another command line of the project."""
        variables = {**self.environment, "PYTHONPATH": str(SCRIPT.parent), **environment}
        return run_python(arguments, variables, self.folder)

    def start(self, *options: str, **environment: str) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            [sys.executable, SCRIPT, *options],
            env=self.environment | environment,
            cwd=self.folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def queued(self) -> list[dict[str, object]]:
        """Takes all messages out of the queue."""
        return sorted(self._receive(), key=lambda message: str(message["code"]))

    def _receive(self) -> Iterator[dict[str, object]]:
        while messages := self.sqs.receive_message(QueueUrl=self.queue_url, MaxNumberOfMessages=10).get(
            "Messages"
        ):
            yield from (json.loads(message["Body"]) for message in messages)


def only_line(text: str) -> str:
    (line,) = text.splitlines()
    return line


def first_line(run: "subprocess.CompletedProcess[str]") -> str:
    return run.stdout.splitlines()[0]


def objects(run: "subprocess.CompletedProcess[str]") -> list[dict[str, Any]]:
    """Standard output as lines of JSON; there may be nothing else."""
    return [json.loads(line) for line in run.stdout.splitlines()]
