"""Run the function under AWS's Lambda Runtime Interface Emulator, without Docker.

The emulator serves Lambda's runtime API to AWS's Python runtime client, one event at a time, and kills the
function's process group after the timeout. It does not limit memory.
"""

import json
import re
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

import httpx

from local.embedded.child_process import ROOT, Child, ChildEndedError
from local.lambda_runtime.emulator_binary import emulator_binary
from local.lambda_runtime.function import FunctionError, TimedOutError

HANDLER = "lambda_function.lambda_handler"
_INVOCATIONS = "/2015-03-31/functions/function/invocations"
_START_SECONDS = 60.0


class EmulatedFunction:
    """A context manager that runs the emulator, which takes one invocation at a time.

    Args:
        environment: The environment variables of the function, besides Lambda's own.
        timeout_seconds: The timeout of the function.
        memory_mb: The value of AWS_LAMBDA_FUNCTION_MEMORY_SIZE.
        output: The file for the logs of function and emulator; by default they are printed.
        handler: ``module.function``.
        task_root: The folder with the handler's module.
    """

    def __init__(
        self,
        environment: Mapping[str, str],
        *,
        timeout_seconds: int,
        memory_mb: int = 2_048,
        output: IO[bytes] | None = None,
        handler: str = HANDLER,
        task_root: Path = ROOT,
    ) -> None:
        self._environment = {
            **environment,
            "AWS_LAMBDA_FUNCTION_NAME": "frame-extractor",
            "AWS_LAMBDA_FUNCTION_TIMEOUT": str(timeout_seconds),
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(memory_mb),
            "LAMBDA_TASK_ROOT": str(task_root),
            "PYTHONPATH": f"{task_root}:{ROOT}",
        }
        self._handler = handler
        self._output = output

    def __enter__(self) -> Self:
        """Start the emulator.

        Raises:
            EmulatorUnavailableError: There is no emulator for this machine.
            ChildEndedError: The emulator ended.
            TimeoutError: The emulator did not start in time.
        """
        runtime = [sys.executable, "-m", "awslambdaric", self._handler]
        self._child = Child(
            "local.lambda_runtime.emulator_host",
            str(emulator_binary()),
            *runtime,
            environment=self._environment,
            output=self._output,
        )
        try:
            port = self._child.receive(_START_SECONDS)["port"]
        except BaseException:
            self._child.close()
            raise
        self._url = f"http://127.0.0.1:{port}"
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with suppress(ChildEndedError, TimeoutError):
            self._child.send("end")
            self._child.receive(_START_SECONDS)
        self._child.close()

    def invoke(self, event: object) -> Any:
        """Return the handler's JSON result.

        Raises:
            FunctionError: The function failed or timed out.
        """
        return invoke(self._url, event)


def invoke(url: str, event: object) -> Any:
    """Send an event to the emulator at `url` and return the function's result.

    Raises:
        FunctionError: The function failed or timed out.
    """
    try:
        response = httpx.post(url + _INVOCATIONS, json=event, timeout=None, trust_env=False)
    except httpx.TransportError as error:
        raise FunctionError("Emulator.Ended", f"the emulator gave no answer: {error}") from error
    return read_answer(response.status_code, response.content)


def read_answer(status: int, body: bytes) -> Any:
    """Parse the response: a timeout is a sentence and an error is an object, often with status 200."""
    text = body.decode(errors="replace")
    if late := re.fullmatch(r"Task timed out after ([0-9.]+) seconds", text.strip()):
        raise TimedOutError(float(late[1]))
    try:
        answer = json.loads(text)
    except ValueError as error:
        raise FunctionError("Emulator.NoJson", text) from error
    if isinstance(answer, dict) and "errorType" in answer:
        raise FunctionError(str(answer["errorType"]), str(answer.get("errorMessage", "")))
    if status != httpx.codes.OK:
        raise FunctionError(f"Emulator.Status{status}", text)
    return answer
