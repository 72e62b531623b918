"""The image, built from the real Dockerfile on a machine without a Docker engine.

AWS's base image is replaced by a plain Debian with the same Python, entry point and emulator. The
images stay in podman's storage, so the next run is quick.
"""

import hashlib
import importlib.metadata
import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from local.embedded.child_process import ROOT
from local.lambda_runtime.emulator_binary import emulator_binary
from tests.local.emulator.conftest import clip, cloud, emulator, world

__all__ = ["clip", "cloud", "emulator", "world"]  # fixtures of the tests in this folder, too

IMAGE = "video-frames-extractor:test"
_STAND_IN = Path(__file__).parent / "stand_in"
_ROOT_IMAGE = "localhost/lambda-stand-in-root"
_PROGRAMS = ("podman", "runc", "mmdebstrap")
_CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
# Without systemd and a network of its own, as in a container: crun and netavark want more.
_ENGINE_SETTINGS = """
[containers]
netns = "host"
default_ulimits = ["nofile=20000:20000", "nproc=4096:4096"]
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"
"""


@pytest.fixture(scope="package")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """podman, set up to run anywhere. Skips where something is missing, in continuous integration as well."""
    lacking = [name for name in _PROGRAMS if shutil.which(name) is None]
    if lacking:
        pytest.skip(f"not installed: {', '.join(lacking)}; scripts/test_image.sh installs them")
    if os.geteuid() != 0:
        pytest.skip("only root can build the stand-in for the base image; use `sudo scripts/test_image.sh`")
    settings = tmp_path_factory.mktemp("engine") / "containers.conf"
    settings.write_text(_ENGINE_SETTINGS)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CONTAINERS_CONF", str(settings))
        patch.setenv("BUILDAH_ISOLATION", "chroot")
        yield "podman"


@pytest.fixture(scope="package")
def image(engine: str, emulator: None, tmp_path_factory: pytest.TempPathFactory) -> str:
    base = _stand_in(engine, tmp_path_factory.mktemp("stand-in"))
    script = ROOT / "scripts" / "build_docker.sh"
    run([script, "--engine", engine, "--base", base, "--tag", IMAGE])
    return IMAGE


def run(command: list[str | Path], environment: Mapping[str, str] | None = None) -> str:
    """What the command prints; its errors are in the assertion."""
    done = subprocess.run(
        command,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return done.stdout


def _stand_in(engine: str, directory: Path) -> str:
    """Its name, which tells what it was made from; made if it is not there."""
    runtime = importlib.metadata.version("awslambdaric")
    digest = hashlib.sha256(runtime.encode())
    for path in sorted(_STAND_IN.iterdir()):
        digest.update(path.read_bytes())
    name = f"localhost/lambda-stand-in:{digest.hexdigest()[:12]}"
    if _exists(engine, name):
        return name
    if not _exists(engine, _ROOT_IMAGE):
        _make_root(engine, directory)
    context = shutil.copytree(_STAND_IN, directory / "context")
    shutil.copy(emulator_binary(), context / "aws-lambda-rie")
    run([engine, "build", "--pull=never", "--build-arg", f"AWSLAMBDARIC={runtime}", "--tag", name, context])
    return name


def _exists(engine: str, name: str) -> bool:
    command = [engine, "image", "exists", name]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def _make_root(engine: str, directory: Path) -> None:
    """Debian 13, whose Python is that of the base image. It trusts whom this machine trusts."""
    archive, pip = directory / "root.tar", directory / "pip.conf"
    pip.write_text(f"[global]\ncert = {_CERTIFICATES}\n")
    hooks = [f"--customize-hook=copy-in {pip} /etc"]
    if _CERTIFICATES.exists():
        hooks.append(f"--customize-hook=copy-in {_CERTIFICATES} {_CERTIFICATES.parent}")
    packages = "--include=python3-venv,ca-certificates"
    run(["mmdebstrap", "--quiet", "--variant=minbase", packages, *hooks, "trixie", archive])
    run([engine, "import", "--quiet", archive, _ROOT_IMAGE])
    archive.unlink()
