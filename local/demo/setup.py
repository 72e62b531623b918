"""Upload the videos and fill the queue, as an operator would."""

import subprocess
import sys
from collections.abc import Mapping, Sequence
from typing import Final

from extractor.backends.state.sqlite import SqliteStateStore
from extractor.settings import ALL_VARIABLES
from local.cloud import EmbeddedCloud
from local.demo.videos import DemoVideo
from local.demo.workspace import Workspace
from local.embedded.child_process import ROOT
from local.errors import DemoError

IN_SLICES: Final = {"STORYBOARD": "false", "SPLIT_SECONDS": "0.5"}
"""Settings under which a video of some minutes is split. A storyboard needs all frames, so there is none."""

_TABLE = "watched_content"
_SAMPLING = frozenset({"STRATEGY", "FRAME_INTERVAL", "QUALITY", "MAX_FRAMES", "IMAGE_FORMAT"})


def demo_environment(
    cloud: EmbeddedCloud, workspace: Workspace, environ: Mapping[str, str]
) -> dict[str, str]:
    """Return `environ` with the settings of the embedded cloud; of the user's, only the sampling is kept."""
    others = ALL_VARIABLES - _SAMPLING
    own = {
        name: value for name, value in environ.items() if not name.startswith("AWS_") and name not in others
    }
    state = {"STATE_BACKEND": "sqlite", "SQLITE_PATH": str(workspace.state), "STATE_TABLE": _TABLE}
    return own | cloud.environment() | state | {"STORYBOARD": "true"}


def upload(cloud: EmbeddedCloud, workspace: Workspace, videos: Sequence[DemoVideo]) -> None:
    """Upload the videos and add their rows, as the downloading part of a system does."""
    s3 = cloud.s3()
    state = SqliteStateStore(workspace.state, _TABLE)
    for video in videos:
        s3.upload_file(str(video.path), cloud.VIDEOS_BUCKET, f"{video.code}.mp4")
        state.add(video.code, is_fetched=True)


def enqueue(workspace: Workspace, environment: Mapping[str, str]) -> None:
    """Run the enqueuer in a folder without a `.env` file.

    Raises:
        DemoError: It failed.
    """
    command = [sys.executable, str(ROOT / "run_sqs_batches.py")]
    if subprocess.run(command, cwd=workspace.work, env=environment, check=False).returncode != 0:
        raise DemoError("run_sqs_batches.py failed; its error message is above")
