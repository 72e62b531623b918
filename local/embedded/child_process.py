"""A child process that cannot outlive its parent, with JSON messages over a socket pair.

The child leads a process group of its own. Ctrl-C in a terminal therefore reaches only the parent, which ends
its children in order, and killing a child also kills the processes in its group. If the parent dies, its end
of the socket pair closes, which tells the child to end.
"""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping
from contextlib import suppress
from multiprocessing.connection import Connection, Pipe
from pathlib import Path
from typing import IO, Any

ROOT = Path(__file__).resolve().parents[2]


class ChildEndedError(Exception):
    """The child process crashed, exited or was killed."""


class Child:
    """Starts `python -m module DESCRIPTOR arguments…`. `close` must be called.

    Args:
        module: The module to run.
        arguments: Its arguments after the descriptor.
        environment: Its environment variables.
        output: The file for standard output and error; by default they are inherited.
    """

    def __init__(
        self, module: str, *arguments: str, environment: Mapping[str, str], output: IO[bytes] | None = None
    ) -> None:
        self._lock = threading.Lock()
        self._connection, theirs = Pipe()
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-u", "-m", module, str(theirs.fileno()), *arguments],
                cwd=ROOT,
                env=dict(environment),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                pass_fds=[theirs.fileno()],
                process_group=0,
            )
        except BaseException:
            self._connection.close()
            raise
        finally:
            theirs.close()

    @property
    def pid(self) -> int:
        """The process ID, which is also the ID of the child's process group."""
        return self._process.pid

    def send(self, message: object) -> None:
        """Send a message.

        Raises:
            ChildEndedError: The child ended.
        """
        try:
            self._connection.send_bytes(json.dumps(message).encode())
        except OSError as error:
            raise ChildEndedError("the child process ended") from error

    def receive(self, timeout_seconds: float | None) -> Any:
        """Return the child's next message.

        Raises:
            TimeoutError: There was no message in time.
            ChildEndedError: The child ended.
        """
        try:
            if not self._connection.poll(timeout_seconds):
                raise TimeoutError(f"the child process said nothing for {timeout_seconds:g} s")
            return json.loads(self._connection.recv_bytes())
        except (EOFError, ConnectionError) as error:
            raise ChildEndedError("the child process ended") from error

    def kill(self) -> None:
        """Kill the whole process group. Thread-safe; a pending `receive` then raises."""
        with self._lock:
            if self._process.returncode is None:  # not reaped yet, so its group ID cannot be reused
                with suppress(ProcessLookupError, PermissionError):
                    os.killpg(self._process.pid, signal.SIGKILL)

    def close(self) -> int:
        """Kill the group, reap the child, and return its exit status (negative: the signal that ended it)."""
        self.kill()
        with self._lock:
            status = self._process.wait()
        self._connection.close()
        return status


def parent_connection(descriptor: str) -> "Connection[Any, Any]":
    """Return the child's end of the connection, which its own children do not inherit."""
    os.set_inheritable(int(descriptor), False)
    return Connection(int(descriptor))


def end_group() -> None:
    """Kill this process and its group."""
    os.killpg(os.getpid(), signal.SIGKILL)
