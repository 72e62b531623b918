"""Export the frames as a data set, as a user would, and read the shard back."""

import hashlib
import shlex
import subprocess
import sys
import tarfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from extractor.domain.manifest import Manifest
from local.cloud import EmbeddedCloud
from local.demo.workspace import Workspace
from local.embedded.child_process import ROOT
from local.errors import DemoError


def export(cloud: EmbeddedCloud, workspace: Workspace, environment: Mapping[str, str]) -> str:
    """Export all frames from the bucket into the folder `dataset`, and return the command.

    Raises:
        DemoError: It failed.
    """
    arguments = ["-m", "extractor.dataset", "export", f"s3://{cloud.FRAMES_BUCKET}"]
    result = subprocess.run(
        [sys.executable, *arguments, "--out", str(workspace.dataset)],
        cwd=workspace.work,
        env={**environment, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    if result.returncode != 0:
        raise DemoError(f"the export failed: {result.stderr}")
    return shlex.join(["python", *arguments, "--out", workspace.dataset.name])


def read_back(workspace: Workspace, manifests: Iterable[Manifest]) -> int:
    """Return the number of images in the shards.

    Raises:
        DemoError: They are not the images that the manifests state.
    """
    found = sorted(hash_ for shard in workspace.dataset.glob("*.tar") for hash_ in _hashes(shard))
    if found != sorted(frame.sha256 for manifest in manifests for frame in manifest.frames):
        raise DemoError("the data set does not have the frames that the manifests state")
    return len(found)


def _hashes(shard: Path) -> Iterator[str]:
    with tarfile.open(shard) as tar:
        for member in tar:
            file = tar.extractfile(member)
            if file and not member.name.endswith(".json"):
                yield hashlib.sha256(file.read()).hexdigest()
