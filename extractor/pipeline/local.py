"""Extract local video files into local folders, without any cloud.

The folder gets the frames and their `manifest.json`. A run that fails or is interrupted leaves the folder
unchanged: frames are written to a hidden subfolder and moved when all are complete. So the folder may be a
mount or a link to another disk, and its parent need not be writable.
"""

import numbers
import operator
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from msgspec import Struct

from extractor.backends.storage.folder import FolderObjectStore
from extractor.domain.frames import DecodeLimits, ProgressCallback
from extractor.domain.jobs import SourceVideo
from extractor.domain.keys import MANIFEST_NAME
from extractor.domain.layout import FrameKeys
from extractor.domain.manifest import Manifest, parse_manifest
from extractor.domain.option_effects import not_default, refuse_without_effect
from extractor.domain.policy import SamplingPolicy, Strategy, checked_policy
from extractor.domain.timing import Stopwatch
from extractor.errors import StorageUnavailableError
from extractor.media.ffmpeg.binary import find_ffmpeg
from extractor.media.ffmpeg.standard_streams import open_standard_streams
from extractor.media.ffmpeg.threads import decoder_threads
from extractor.output import manifest_store
from extractor.output.frame_store import FrameStore
from extractor.pipeline.extract import ExtractionTask, ExtractorConfig, extract
from extractor.pipeline.local_input import LocalVideo, bring_in, local_video
from extractor.pipeline.workdir import job_directory

_NO_DEADLINE_SECONDS = 365 * 24 * 3600
_PREFIX = ".partial-"


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

    `frame_interval` is in seconds, `quality` 1-100 on libjpeg's scale, `strategy` ``uniform``,
    ``keyframe`` or ``scene``. Raises the `extractor.errors.ExtractorError` that says why there are no
    frames, and `ValueError`, before any work, for an option of the wrong kind, out of range or without
    effect.
    """
    policy = checked_policy(
        SamplingPolicy(
            strategy=strategy,
            interval_seconds=_number("frame_interval", frame_interval),
            quality=_whole("quality", quality),
            max_frames=None if max_frames is None else _whole("max_frames", max_frames),
        )
    )
    refuse_without_effect(policy, not_default(policy))
    folder = Path(output_dir)
    manifest = extract_to_folder(Path(video_path), folder, policy, local_config())
    return [
        ExtractedFrame(
            folder / frame.key, frame.index, frame.slot, frame.pts_seconds, frame.width, frame.height
        )
        for frame in manifest.frames
    ]


def extract_to_folder(
    video: Path,
    folder: Path,
    policy: SamplingPolicy,
    config: ExtractorConfig,
    progress: ProgressCallback | None = None,
) -> Manifest:
    """Extract `video` into `folder`, replacing the frames of an earlier run there. A pipe is copied into
    a temporary file first.

    Raises `ExtractorError`.
    """
    open_standard_streams()
    given = local_video(video)
    try:
        with _folder(folder), job_directory(folder, prefix=_PREFIX) as directory:
            task = _task(bring_in(given, directory / "source"), given, policy)
            store = FolderObjectStore(directory)
            frame_store = FrameStore(store, _frame_keys(policy), policy.image_format)
            manifest = extract(task, frame_store, config, Stopwatch(), progress)
            manifest_store.commit_manifest(store, frame_store.frame_keys, manifest, replaces=None)
            _publish(directory, folder, manifest)
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise StorageUnavailableError(f"cannot write to {str(folder)!r}: {reason}") from error
    return manifest


def local_config(binary: str | None = None) -> ExtractorConfig:
    """Return the default configuration for local use: the given or pip-installed FFmpeg, default limits."""
    return ExtractorConfig(find_ffmpeg(binary), DecodeLimits(threads=decoder_threads()), upload_workers=2)


def _whole(name: str, value: object) -> int:
    try:
        return operator.index(value)  # type: ignore[arg-type] # that is what it checks
    except TypeError as error:
        raise ValueError(f"{name}: must be a whole number, not {value!r}") from error


def _number(name: str, value: object) -> float:
    if not isinstance(value, numbers.Real):
        raise ValueError(f"{name}: must be a number, not {value!r}")  # noqa: TRY004 - as for any bad option
    return float(value)


@contextmanager
def _folder(folder: Path) -> Iterator[None]:
    """Create the folder and its parents, and remove those that were created after an error."""
    missing = [path for path in (folder, *folder.parents) if not path.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    try:
        yield
    except BaseException:
        for path in missing:
            with suppress(OSError):  # it is not empty: another process uses it
                path.rmdir()
        raise


def _frame_keys(policy: SamplingPolicy) -> FrameKeys:
    return FrameKeys(prefix="", frame_template=f"{{index:06d}}.{policy.image_format}")


def _task(path: Path, given: LocalVideo, policy: SamplingPolicy) -> ExtractionTask:
    return ExtractionTask(
        path=path,
        code=given.code,
        platform=None,
        source=SourceVideo(bucket=None, key=given.name, etag=None, size_bytes=path.stat().st_size),
        policy=policy,
        deadline=time.monotonic() + _NO_DEADLINE_SECONDS,
        sample_name=given.sample_name(path.stat().st_size),
    )


def _publish(made: Path, folder: Path, manifest: Manifest) -> None:
    """Move the frames, then the manifest, then remove files that only the earlier manifest lists."""
    earlier = _earlier_frames(folder)
    for name in [*sorted(manifest.keys), MANIFEST_NAME]:
        (made / name).replace(folder / name)
    FolderObjectStore(folder).delete(sorted(earlier - manifest.keys))


def _earlier_frames(folder: Path) -> frozenset[str]:
    found = FolderObjectStore(folder).read(MANIFEST_NAME)
    earlier = parse_manifest(found.data) if found is not None else None
    return earlier.keys if earlier else frozenset()
