"""A local Lambda function: the real handler in a warm process.

As on Lambda, it runs one invocation at a time. A timeout kills the process and its group, and an error of the
handler leaves the process warm. After a timeout or a crash the next invocation starts cold.
"""

import threading
import time
import uuid
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from local.embedded.child_process import ROOT, Child, ChildEndedError

ACCOUNT = "123456789012"
_INIT_SECONDS = 60.0
_MEMORY_MB = 3_008


class FunctionError(Exception):
    """The invocation failed, with the error type and message that Lambda would report."""

    def __init__(self, error_type: str, error_message: str) -> None:
        super().__init__(f"{error_type}: {error_message}")
        self.error_type = error_type
        self.error_message = error_message


class InitError(FunctionError):
    """The handler could not be loaded."""


class TimedOutError(FunctionError):
    """The invocation timed out and was killed."""

    def __init__(self, seconds: float) -> None:
        super().__init__("Sandbox.Timedout", f"Task timed out after {seconds:.2f} seconds")


@dataclass(frozen=True, slots=True)
class FunctionConfig:
    """How to run the function.

    Attributes:
        environment: The environment variables of the function.
        log: The file to which its output is appended.
        timeout_seconds: The timeout.
        handler: ``module.function``.
        task_root: The folder with the handler's module.
        name: The name of the function.
    """

    environment: Mapping[str, str]
    log: Path
    timeout_seconds: float
    handler: str = "lambda_function.lambda_handler"
    task_root: Path = ROOT
    name: str = "frame-extractor"


class LocalFunction:
    """A context manager. One thread invokes; any thread may call `stop`."""

    def __init__(self, config: FunctionConfig) -> None:
        self._config = config
        self._child: Child | None = None
        self._stopped = False
        self._lock = threading.Lock()
        self._exit = ExitStack()

    def __enter__(self) -> Self:
        self._output = self._exit.enter_context(self._config.log.open("ab"))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
        self._discard()
        self._exit.close()

    @property
    def pid(self) -> int | None:
        """The process ID of the warm process and the ID of its group; ``None`` while cold."""
        return self._child.pid if self._child else None

    def warm_up(self) -> None:
        """Load the handler if it is not loaded.

        Raises:
            InitError: The handler cannot be loaded.
        """
        if self._child is None:
            self._answer(self._start(), _INIT_SECONDS, InitError)

    def invoke(self, event: object) -> Any:
        """Return the handler's JSON result.

        Raises:
            FunctionError: The invocation failed or timed out.
        """
        self.warm_up()
        child = self._child
        assert child is not None
        seconds = self._config.timeout_seconds
        try:
            child.send({"event": event, "context": self._context(time.time() + seconds)})
        except ChildEndedError as error:
            raise self._exited(FunctionError) from error
        return self._answer(child, seconds, FunctionError)

    def stop(self) -> None:
        """Kill the process; a running invocation fails, and no other can start."""
        with self._lock:
            self._stopped = True
            if self._child:
                self._child.kill()

    def _start(self) -> Child:
        config = self._config
        with self._lock:
            if self._stopped:
                raise InitError("Runtime.Stopped", "the function was stopped")
            self._child = Child(
                "local.lambda_runtime.runtime",
                str(config.task_root),
                config.handler,
                environment=config.environment,
                output=self._output,
            )
            return self._child

    def _answer(self, child: Child, timeout_seconds: float, failure: type[FunctionError]) -> Any:
        try:
            message = child.receive(timeout_seconds)
        except TimeoutError as error:
            self._discard()
            raise TimedOutError(timeout_seconds) from error
        except ChildEndedError as error:
            raise self._exited(failure) from error
        if "error" not in message:
            return message["result"]
        if failure is InitError:
            self._discard()
        raise failure(message["error"]["errorType"], message["error"]["errorMessage"])

    def _exited(self, failure: type[FunctionError]) -> FunctionError:
        return failure("Runtime.ExitError", f"the runtime exited with status {self._discard()}")

    def _discard(self) -> int | None:
        """Kill the process, so that the next invocation starts cold; return its exit status."""
        with self._lock:
            child, self._child = self._child, None
        return child.close() if child else None

    def _context(self, deadline: float) -> dict[str, object]:
        name = self._config.name
        return {
            "aws_request_id": str(uuid.uuid4()),
            "invoked_function_arn": f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:{name}",
            "function_name": name,
            "memory_limit_in_mb": _MEMORY_MB,
            "deadline": deadline,
        }
