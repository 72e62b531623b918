"""Save the result of a local invocation: its frames, and a page that shows them."""

import os
import sys
import webbrowser
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from local.cloud import EmbeddedCloud
from local.demo.download import FrameDownload
from local.demo.gallery import Gallery, card_of, render
from local.demo.outcomes import Finished, Outcome
from local.demo.videos import DemoVideo
from local.demo.workspace import Workspace


def keep(
    cloud: EmbeddedCloud, workspace: Workspace, video: DemoVideo, answer: object, seconds: float
) -> Path:
    """Write the frames and the page to the workspace; return the path of the page.

    Args:
        cloud: Where the frames are stored.
        workspace: Where they are written, as ``frames/`` and ``index.html``.
        video: The video of the invocation.
        answer: The response of the function to a direct event, or to a batch.
        seconds: The duration of the invocation.

    Raises:
        FramesError: There are no frames, or they differ from the manifest.
    """
    frames = FrameDownload(cloud.s3(), cloud.FRAMES_BUCKET, workspace.frames)
    finished = Finished(video.code, _outcome(answer, video.code), seconds)
    gallery = Gallery([card_of(video, finished, frames)], seconds)
    workspace.page.write_text(render(gallery), encoding="utf-8")
    return workspace.page


def show(page: Path, environ: Mapping[str, str] = os.environ) -> None:
    """Open the page in a browser if there is a desktop."""
    if sys.platform == "darwin" or environ.get("DISPLAY") or environ.get("WAYLAND_DISPLAY"):
        webbrowser.open(page.as_uri())


def _outcome(answer: object, code: str) -> Outcome:
    results: list[Any] = answer.get("results", []) if isinstance(answer, dict) else []
    for result in results:
        if result.get("code") == code and result.get("outcome") == "failed":
            return Outcome(str(result.get("reason")), str(result.get("detail", "")))
    return Outcome()
