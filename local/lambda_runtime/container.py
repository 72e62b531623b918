"""Run the function in its container image, under the emulator that the AWS base image contains.

As on Lambda, the file system is read-only except /tmp, memory is limited, and there are no extra privileges.
Needs Docker or podman, and containers that can use the host network.
"""

import os
import shutil
import subprocess
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

from local.lambda_runtime.emulator import HANDLER, invoke
from local.lambda_runtime.emulator_host import free_ports, listens

_ENGINES = ("docker", "podman")
_EMULATOR = "/usr/local/bin/aws-lambda-rie"
_ENTRY_POINT = "/lambda-entrypoint.sh"


class ContainerError(Exception):
    """The container could not be run; the engine's error message is in the output."""


def find_engine() -> str | None:
    """Return Docker or podman if it is installed and running."""
    for name in _ENGINES:
        if shutil.which(name):
            answer = subprocess.run(
                [name, "info"], stdin=subprocess.DEVNULL, capture_output=True, check=False
            )
            if answer.returncode == 0:
                return name
    return None


@dataclass(frozen=True, slots=True)
class ContainerConfig:
    """How to run the container.

    Attributes:
        engine: docker or podman.
        image: The image.
        environment: The environment variables of the function.
        timeout_seconds: The timeout of the function.
        memory_mb: The memory limit.
        shared: A folder to mount with write access at the same path.
    """

    engine: str
    image: str
    environment: Mapping[str, str]
    timeout_seconds: int
    memory_mb: int
    shared: Path | None = None


class ContainerFunction:
    """A context manager that runs the container; it takes one invocation at a time."""

    def __init__(self, config: ContainerConfig, output: IO[bytes] | None = None) -> None:
        self._config = config
        self._output = output
        self._name = f"frame-extractor-{uuid.uuid4().hex[:12]}"

    def __enter__(self) -> Self:
        """Start the container.

        Raises:
            ContainerError: The container could not be run.
        """
        variables = _variables(self._config)
        port, runtime_port = free_ports()
        self._process = subprocess.Popen(
            container_command(self._config, self._name, list(variables), port, runtime_port),
            env={**os.environ, **variables},
            stdin=subprocess.DEVNULL,
            stdout=self._output,
            stderr=self._output,
            process_group=0,
        )
        if not listens(self._process, port):
            self._end()
            raise ContainerError(f"{self._config.engine} could not run {self._config.image}")
        self._url = f"http://127.0.0.1:{port}"
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()

    def invoke(self, event: object) -> Any:
        """Return the handler's JSON result.

        Raises:
            FunctionError: The function failed or timed out.
        """
        return invoke(self._url, event)

    def _end(self) -> None:
        remove = [self._config.engine, "rm", "--force", self._name]
        subprocess.run(remove, stdin=subprocess.DEVNULL, capture_output=True, check=False)
        self._process.wait()


def container_command(
    config: ContainerConfig, name: str, variables: Sequence[str], port: int, runtime_port: int
) -> list[str]:
    """Return the command, with only the names of the variables, because command lines are public."""
    shared = ["--volume", f"{config.shared}:{config.shared}"] if config.shared else []
    return [
        *(config.engine, "run", "--rm", "--name", name, "--network", "host"),
        *("--read-only", "--tmpfs", "/tmp:size=512m,mode=1777", "--memory", f"{config.memory_mb}m"),
        *("--cap-drop", "ALL", "--security-opt", "no-new-privileges"),
        *shared,
        *(part for variable in variables for part in ("--env", variable)),
        *("--entrypoint", _EMULATOR, config.image),
        *("--log-level", "error"),
        *("--runtime-interface-emulator-address", f"127.0.0.1:{port}"),
        *("--runtime-api-address", f"127.0.0.1:{runtime_port}"),
        *(_ENTRY_POINT, HANDLER),
    ]


def _variables(config: ContainerConfig) -> dict[str, str]:
    return {
        **config.environment,
        "AWS_LAMBDA_FUNCTION_NAME": "frame-extractor",
        "AWS_LAMBDA_FUNCTION_TIMEOUT": str(config.timeout_seconds),
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(config.memory_mb),
    }
