"""A handler small enough to prove what runs it, and a witness of processes that are alive."""

import os
import select
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from local.lambda_runtime.function import FunctionConfig, LocalFunction

PATIENCE_SECONDS = 30

HANDLER = """
import os, subprocess, time

def echo(event, context):
    print("a line of the handler")
    return {"event": event, "pid": os.getpid(), "left": context.get_remaining_time_in_millis(),
            "name": context.function_name, "arn": context.invoked_function_arn}

def refuse_odd(event, context):
    failed = [record for record in event["Records"] if int(record["body"]) % 2]
    return {"batchItemFailures": [{"itemIdentifier": record["messageId"]} for record in failed]}

def fail(event, context):
    raise ValueError("this handler always fails")

def leave(event, context):
    os._exit(3)

def hang(event, context):
    if event == "now":
        subprocess.Popen(["sh", "-c", "printf x; exec sleep 600"], stdout=open("witness", "wb"))
        time.sleep(600)
    return os.getpid()
"""


class Witness:
    """A named pipe that other processes hold open: it ends when the last of them has."""

    def __init__(self, path: Path) -> None:
        os.mkfifo(path)
        self._descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)

    def wait_for(self, expected: bytes) -> None:
        """``b"x"``: somebody is there now. ``b""``: nobody is left."""
        ready, _, _ = select.select([self._descriptor], [], [], PATIENCE_SECONDS)
        assert ready, "a process that should have ended is still alive"
        assert os.read(self._descriptor, 1) == expected

    def close(self) -> None:
        os.close(self._descriptor)


@contextmanager
def tiny_function(task_root: Path, handler: str, timeout_seconds: float = 30) -> Iterator[LocalFunction]:
    environment = {"PATH": os.environ["PATH"]}
    config = FunctionConfig(environment, task_root / "log", timeout_seconds, f"tiny.{handler}", task_root)
    with LocalFunction(config) as function:
        yield function
