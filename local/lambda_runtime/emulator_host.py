"""The child process of an emulated function.

Started as `python -m local.lambda_runtime.emulator_host DESCRIPTOR PROGRAM COMMAND…`.

Runs AWS's emulator, reports its port, and ends it in order - which ends the function as well - when the
parent says so or is gone.
"""

import json
import socket
import subprocess
import sys
import time
from contextlib import suppress

from local.embedded.child_process import parent_connection

_START_SECONDS = 30.0
_ATTEMPTS = 5


def main(descriptor: str, program: str, *command: str) -> None:
    connection = parent_connection(descriptor)
    process, port = _start(program, command)
    try:
        connection.send_bytes(json.dumps({"port": port}).encode())
        connection.poll(None)  # a word of the parent, or its end of the line closing
    finally:
        process.terminate()
        process.wait()
    with suppress(OSError):  # nobody is left to hear it
        connection.send_bytes(json.dumps({"port": None}).encode())


def _start(program: str, command: tuple[str, ...]) -> "tuple[subprocess.Popen[bytes], int]":
    """The emulator takes no port 0, and a free port may be taken before it listens: then try others."""
    for _ in range(_ATTEMPTS):
        port, runtime_port = free_ports()
        addresses = (
            *("--runtime-interface-emulator-address", f"127.0.0.1:{port}"),
            *("--runtime-api-address", f"127.0.0.1:{runtime_port}"),
        )
        process = subprocess.Popen([program, "--log-level", "error", *addresses, *command])
        if listens(process, port):
            return process, port
        process.kill()
        process.wait()
    raise OSError("the Lambda emulator does not start")


def free_ports() -> tuple[int, int]:
    """Two that nobody listens on now."""
    with socket.create_server(("127.0.0.1", 0)) as one, socket.create_server(("127.0.0.1", 0)) as other:
        return one.getsockname()[1], other.getsockname()[1]


def listens(process: "subprocess.Popen[bytes]", port: int) -> bool:
    """Wait until something accepts connections; False if the process ends before."""
    deadline = time.monotonic() + _START_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port)):
            return process.poll() is None
        time.sleep(0.02)
    return False


if __name__ == "__main__":
    main(*sys.argv[1:])
