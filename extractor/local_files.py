"""A local file to a local folder: the engine without any cloud.

The folder gets the frames and their `manifest.json`. A run that fails or is interrupted leaves it
as it was: frames are made in a hidden folder beside it and moved over when all are there.
"""

import os
import time
from pathlib import Path

from msgspec import Struct

from extractor import record
from extractor.adapters.folder import FolderObjectStore
from extractor.errors import StorageUnavailableError, VideoMissingError
from extractor.extraction import Assignment, Progress, Toolbox, extract
from extractor.keys import MANIFEST_NAME
from extractor.layout import Naming
from extractor.manifest import Manifest, parse_manifest
from extractor.media.binary import find_ffmpeg
from extractor.media.cpus import decoder_threads
from extractor.models import DecodeLimits, SourceVideo
from extractor.policy import SamplingPolicy, Strategy, checked_policy
from extractor.shelf import Shelf
from extractor.timing import Stopwatch
from extractor.workdir import job_directory

_NO_DEADLINE_SECONDS = 365 * 24 * 3600


class ExtractedFrame(Struct, frozen=True):
    """A frame on disk. `pts_seconds` counts from the video's first frame; `slot` is the number of the
    instant that the frame answers (``slot × frame_interval`` seconds)."""

    path: Path
    index: int
    slot: int
    pts_seconds: float
    width: int
    height: int


def extract_frames(
    video_path: str | os.PathLike[str],
    output_dir: str | os.PathLike[str],
    frame_interval: float = 1,
    quality: int = 95,
    max_frames: int | None = None,
    strategy: Strategy = "uniform",
) -> list[ExtractedFrame]:
    """Extract frames of a video file as JPEGs, named by their index, into `output_dir`.

    `frame_interval` is in seconds, `quality` 1-100 on libjpeg's scale, `strategy` ``uniform`` or
    ``keyframe``. Raises the `extractor.errors.ExtractorError` that says why there are no frames,
    and `ValueError` for an option out of range.
    """
    policy = checked_policy(
        SamplingPolicy(
            strategy=strategy, interval_seconds=float(frame_interval), quality=quality, max_frames=max_frames
        )
    )
    folder = Path(output_dir)
    manifest = extract_to_folder(Path(video_path), folder, policy, local_toolbox())
    return [
        ExtractedFrame(
            folder / frame.key, frame.index, frame.slot, frame.pts_seconds, frame.width, frame.height
        )
        for frame in manifest.frames
    ]


def extract_to_folder(
    video: Path, folder: Path, policy: SamplingPolicy, tools: Toolbox, progress: Progress | None = None
) -> Manifest:
    """Extract `video` into `folder`, replacing the frames of an earlier run there."""
    if not video.is_file():
        raise VideoMissingError(f"there is no file {str(video)!r}")
    try:
        with job_directory(folder.absolute().parent, prefix=".partial-") as directory:
            store = FolderObjectStore(directory)
            shelf = Shelf(store, _naming(policy), policy.image_format)
            manifest = extract(_assignment(video, directory, policy), shelf, tools, Stopwatch(), progress)
            record.write(store, shelf.naming, manifest, replaces=None)
            _publish(directory, folder, manifest)
    except OSError as error:
        raise StorageUnavailableError(f"cannot write to {str(folder)!r}: {error.strerror}") from error
    return manifest


def _naming(policy: SamplingPolicy) -> Naming:
    return Naming(prefix="", frame_template=f"{{index:06d}}.{policy.image_format}")


def _assignment(video: Path, directory: Path, policy: SamplingPolicy) -> Assignment:
    # FFmpeg also goes by a file's ending when it guesses the format; in the cloud there is none, and
    # here the link has none, so that a file is judged by its content alone in both places.
    link = directory / "source"
    link.symlink_to(video.absolute())
    return Assignment(
        path=link,
        code=_readable(video.stem),
        platform=None,
        source=SourceVideo(
            bucket=None, key=_readable(video.name), etag=None, size_bytes=video.stat().st_size
        ),
        policy=policy,
        deadline=time.monotonic() + _NO_DEADLINE_SECONDS,
    )


def _readable(name: str) -> str:
    """The name of a file as text: bytes that are no UTF-8 are escaped, as in ``caf\\xe9.mp4``."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")


def local_toolbox(binary: str | None = None) -> Toolbox:
    """The tools of a laptop: FFmpeg of `binary` or of pip, default limits."""
    return Toolbox(find_ffmpeg(binary), DecodeLimits(threads=decoder_threads()), upload_workers=2)


def _publish(made: Path, folder: Path, manifest: Manifest) -> None:
    """Move the frames over, then the manifest, then remove what only the earlier manifest lists."""
    folder.mkdir(parents=True, exist_ok=True)
    earlier = _earlier_frames(folder)
    for name in [*sorted(manifest.keys), MANIFEST_NAME]:
        (made / name).replace(folder / name)
    FolderObjectStore(folder).delete(sorted(earlier - manifest.keys))


def _earlier_frames(folder: Path) -> frozenset[str]:
    found = FolderObjectStore(folder).read(MANIFEST_NAME)
    earlier = parse_manifest(found.data) if found is not None else None
    return earlier.keys if earlier else frozenset()
