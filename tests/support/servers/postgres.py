"""A PostgreSQL of its own in a temporary folder, reached through a socket there and by nothing else."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support.servers.requirement import missing

_SUPERUSER = "postgres"


@dataclass(frozen=True, slots=True)
class Postgres:
    binaries: Path
    directory: Path

    @property
    def uri(self) -> str:
        """Of the database, without a user."""
        return f"postgresql:///postgres?host={self.directory}"

    def sql(self, script: str) -> str:
        """Run the script in one transaction; returns the unadorned rows."""
        target = ["-h", str(self.directory), "-U", _SUPERUSER, "-d", "postgres"]
        options = ["-X", "-v", "ON_ERROR_STOP=1", "--single-transaction", "-qAt", "-f", "-"]
        run = subprocess.run(
            [str(self.binaries / "psql"), *target, *options],
            input=script,
            capture_output=True,
            text=True,
            check=False,
        )
        assert run.returncode == 0, run.stderr
        return run.stdout


@contextmanager
def postgres() -> Iterator[Postgres]:
    """A running server. It refuses to run as root: then it runs as its own user."""
    binaries = _binaries()
    user = _SUPERUSER if os.geteuid() == 0 else None
    # Not below pytest's own temporary folder: the other user may not enter that.
    with tempfile.TemporaryDirectory(prefix="postgres-") as name:
        directory = Path(name)
        if user is not None:
            shutil.chown(directory, user)
        data = directory / "data"
        _run([binaries / "initdb", "-A", "trust", "-U", _SUPERUSER, "--no-sync", "-D", data], user)
        options = f"-c listen_addresses='' -c unix_socket_directories={directory} -c fsync=off"
        control: list[Path | str] = [binaries / "pg_ctl", "-D", data, "-w"]
        _run([*control, "-l", directory / "log", "-o", options, "start"], user)
        try:
            directory.chmod(0o755)  # others must get at the socket
            yield Postgres(binaries, directory)
        finally:
            _run([*control, "-m", "immediate", "stop"], user)


def _binaries() -> Path:
    """Debian keeps them off the path, by version."""
    if found := shutil.which("initdb"):
        return Path(found).resolve().parent
    versions = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    return versions[-1].parent if versions else missing("PostgreSQL")


def _run(command: list[Path | str], user: str | None) -> None:
    run = subprocess.run(
        command, user=user, cwd="/", stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=False
    )
    assert run.returncode == 0, run.stderr
