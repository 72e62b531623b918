"""PostgREST in front of a database, reached through a socket beside that of the database."""

import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from tests.servers.requirement import missing

_INSTALLED = Path(__file__).parents[2] / "build" / "postgrest" / "postgrest"
_START_SECONDS = 30


@contextmanager
def postgrest(database_uri: str, jwt_secret: str) -> Iterator[httpx.Client]:
    """A client of a running server, which has Supabase's cap of 1,000 rows."""
    with tempfile.TemporaryDirectory(prefix="postgrest-") as directory:
        socket = str(Path(directory, "socket"))
        environment = {
            "PGRST_DB_URI": database_uri,
            "PGRST_DB_SCHEMAS": "public",
            "PGRST_DB_ANON_ROLE": "anon",
            "PGRST_DB_MAX_ROWS": "1000",
            "PGRST_DB_PLAN_ENABLED": "true",
            "PGRST_DB_POOL": "4",
            "PGRST_JWT_SECRET": jwt_secret,
            "PGRST_SERVER_UNIX_SOCKET": socket,
            "PGRST_SERVER_UNIX_SOCKET_MODE": "600",
        }
        process = subprocess.Popen(
            [binary()], env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            transport = httpx.HTTPTransport(uds=socket)
            with httpx.Client(base_url="http://postgrest", transport=transport) as client:
                _wait_until_ready(process, client)
                yield client
        finally:
            process.terminate()
            process.wait()


def binary() -> str:
    if _INSTALLED.exists():
        return str(_INSTALLED)
    return shutil.which("postgrest") or missing("PostgREST")


def _wait_until_ready(process: "subprocess.Popen[bytes]", client: httpx.Client) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        try:
            if client.get("/").is_success:
                return
        except httpx.TransportError:
            pass  # it does not listen yet
        time.sleep(0.02)
    raise AssertionError("PostgREST did not start")
