"""A child process that cannot outlive its parent; JSON goes both ways over one socket pair.

The child leads a process group of its own. So Ctrl-C on a terminal reaches the parent alone, which
then ends its children in order, and killing a child takes along what it started in its group. If the
parent dies in whatever way, its end of the socket pair closes: the child's signal to end itself.
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
    """The child is gone: it crashed, left, or was killed."""


class Child:
    """`python -m module DESCRIPTOR arguments…`, started at once. `close` must be called."""

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
        """Also the id of the child's process group."""
        return self._process.pid

    def send(self, message: object) -> None:
        """Raises `ChildEndedError`."""
        try:
            self._connection.send_bytes(json.dumps(message).encode())
        except OSError as error:
            raise ChildEndedError("the child process ended") from error

    def receive(self, timeout_seconds: float | None) -> Any:
        """The child's next message. Raises `TimeoutError` or `ChildEndedError`."""
        try:
            if not self._connection.poll(timeout_seconds):
                raise TimeoutError(f"the child process said nothing for {timeout_seconds:g} s")
            return json.loads(self._connection.recv_bytes())
        except (EOFError, ConnectionError) as error:
            raise ChildEndedError("the child process ended") from error

    def kill(self) -> None:
        """End the whole process group at once. Any thread may call this; `receive` then ends by itself."""
        with self._lock:
            if self._process.returncode is None:  # not reaped yet, so nobody else can have its group's id
                with suppress(ProcessLookupError, PermissionError):
                    os.killpg(self._process.pid, signal.SIGKILL)

    def close(self) -> int:
        """Kill the group, reap the child, give its exit status (negative: ended by that signal)."""
        self.kill()
        with self._lock:
            status = self._process.wait()
        self._connection.close()
        return status


def parent_connection(descriptor: str) -> "Connection[Any, Any]":
    """The child's end, from its first argument. Not passed on to what the child starts."""
    os.set_inheritable(int(descriptor), False)
    return Connection(int(descriptor))


def end_group() -> None:
    """End this process and what it started in its group: the parent is gone, or wants this."""
    os.killpg(os.getpid(), signal.SIGKILL)
