"""Child process of a local function (`python -m local.lambda_runtime.runtime DESCRIPTOR TASK_ROOT HANDLER`).

Like Lambda's Python runtime, it imports the handler once and then handles one event after the other. It ends,
with its process group, when the parent's end of the connection closes.
"""

import importlib
import json
import os
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from queue import SimpleQueue
from typing import Any

from local.embedded.child_process import end_group, parent_connection

Handler = Callable[[Any, "LambdaContext"], object]


@dataclass(frozen=True, slots=True)
class LambdaContext:
    """The context object of an invocation. `deadline` is in seconds since 1970."""

    aws_request_id: str
    invoked_function_arn: str
    function_name: str
    memory_limit_in_mb: int
    deadline: float
    function_version: str = "$LATEST"

    def get_remaining_time_in_millis(self) -> int:
        return max(0, round((self.deadline - time.time()) * 1000))


def main(descriptor: str, task_root: str, handler_name: str) -> None:
    connection = parent_connection(descriptor)
    requests: SimpleQueue[dict[str, Any]] = SimpleQueue()
    threading.Thread(target=_listen, args=(connection, requests), daemon=True).start()
    with _reporting(connection):
        handler = _load(task_root, handler_name)
        _send(connection, {"result": None})
        while True:
            _serve(handler, connection, requests.get())


def _load(task_root: str, handler_name: str) -> Handler:
    os.chdir(task_root)
    sys.path.insert(0, task_root)
    module, _, function = handler_name.rpartition(".")
    handler: Handler = getattr(importlib.import_module(module), function)
    return handler


def _serve(handler: Handler, connection: "Connection[Any, Any]", request: dict[str, Any]) -> None:
    with _reporting(connection):
        _send(connection, {"result": handler(request["event"], LambdaContext(**request["context"]))})


@contextmanager
def _reporting(connection: "Connection[Any, Any]") -> Iterator[None]:
    """Send exceptions of the block to the parent."""
    try:
        yield
    except Exception as error:  # noqa: BLE001 - any exception of a handler is an error of its function
        traceback.print_exc()
        _send(connection, {"error": {"errorType": type(error).__name__, "errorMessage": str(error)}})


def _send(connection: "Connection[Any, Any]", message: object) -> None:
    connection.send_bytes(json.dumps(message).encode())


def _listen(connection: "Connection[Any, Any]", requests: "SimpleQueue[dict[str, Any]]") -> None:
    """Read requests in a thread, so that the end of the parent is noticed while the handler runs."""
    try:
        while True:
            requests.put(json.loads(connection.recv_bytes()))
    except (EOFError, OSError):
        end_group()


if __name__ == "__main__":
    main(*sys.argv[1:])
