"""PostgREST in front of a database, reached through a socket beside that of the database."""

import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from tests.support.servers.requirement import missing

_INSTALLED = Path(__file__).parents[3] / "build" / "postgrest" / "postgrest"
_START_SECONDS = 30


@contextmanager
def postgrest(database_uri: str, jwt_secret: str) -> Iterator[httpx.Client]:
    """A client of a running server, which has Supabase's cap of 1,000 rows."""
    with tempfile.TemporaryDirectory(prefix="postgrest-") as directory:
        path = str(Path(directory, "socket"))
        environment = {
            "PGRST_DB_URI": database_uri,
            "PGRST_DB_SCHEMAS": "public",
            "PGRST_DB_ANON_ROLE": "anon",
            "PGRST_DB_MAX_ROWS": "1000",
            "PGRST_DB_PLAN_ENABLED": "true",
            "PGRST_DB_POOL": "4",
            "PGRST_JWT_SECRET": jwt_secret,
            "PGRST_SERVER_UNIX_SOCKET": path,
            "PGRST_SERVER_UNIX_SOCKET_MODE": "600",
        }
        process = subprocess.Popen(
            [binary()], env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            transport = httpx.HTTPTransport(uds=path)
            with httpx.Client(base_url="http://postgrest", transport=transport) as client:
                _wait_until_ready(process, client, path)
                yield client
        finally:
            process.terminate()
            process.wait()


def binary() -> str:
    if _INSTALLED.exists():
        return str(_INSTALLED)
    return shutil.which("postgrest") or missing("PostgREST")


def _wait_until_ready(process: "subprocess.Popen[bytes]", client: httpx.Client, path: str) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        try:
            if _listens(path) and client.get("/").is_success:
                return
        except httpx.TransportError:
            pass  # it is not quite there yet
        time.sleep(0.02)
    raise AssertionError("PostgREST did not start")


def _listens(path: str) -> bool:
    """httpx leaves the socket of a refused connection to the garbage collector, which complains."""
    with socket.socket(socket.AF_UNIX) as probe:
        return probe.connect_ex(path) == 0
