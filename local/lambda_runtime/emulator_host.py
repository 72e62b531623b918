"""Child process of an emulated function.

Started as `python -m local.lambda_runtime.emulator_host DESCRIPTOR PROGRAM COMMAND…`. Runs AWS's emulator,
reports its port, and terminates it, which also ends the function, when the parent asks for it or ends.
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
        connection.poll(None)  # returns on a message of the parent, or when its end closes
    finally:
        process.terminate()
        process.wait()
    with suppress(OSError):  # the parent has ended
        connection.send_bytes(json.dumps({"port": None}).encode())


def _start(program: str, command: tuple[str, ...]) -> "tuple[subprocess.Popen[bytes], int]":
    """Start the emulator on free ports; try others if they are taken meanwhile. It does not accept port 0."""
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
    """Return two free ports."""
    with socket.create_server(("127.0.0.1", 0)) as one, socket.create_server(("127.0.0.1", 0)) as other:
        return one.getsockname()[1], other.getsockname()[1]


def listens(process: "subprocess.Popen[bytes]", port: int) -> bool:
    """Wait until the port accepts connections; return False if the process ends before."""
    deadline = time.monotonic() + _START_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port)):
            return process.poll() is None
        time.sleep(0.02)
    return False


if __name__ == "__main__":
    main(*sys.argv[1:])
