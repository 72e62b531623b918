"""Extract local video files into local folders, without any cloud.

The folder gets the frames and their `manifest.json`. A run that fails or is interrupted leaves the folder
unchanged: frames are written to a hidden subfolder and moved when all are complete. So the folder may be a
mount or a link to another disk, and its parent need not be writable.
"""

import os
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Unpack

from msgspec import Struct
from msgspec.structs import replace

from extractor.backends.storage.folder import FolderObjectStore
from extractor.domain.extras import require, require_detector
from extractor.domain.frames import DecodeLimits, ProgressCallback
from extractor.domain.jobs import SourceVideo
from extractor.domain.keys import MANIFEST_NAME
from extractor.domain.layout import FrameKeys
from extractor.domain.manifest import Manifest, parse_manifest
from extractor.domain.output_options import AUDIO_FORMS, AudioForm, OutputForm, OutputOptions
from extractor.domain.policy import SamplingPolicy, Strategy
from extractor.domain.timing import Stopwatch
from extractor.errors import StorageUnavailableError
from extractor.media.ffmpeg.binary import find_ffmpeg
from extractor.media.ffmpeg.standard_streams import open_standard_streams
from extractor.media.ffmpeg.threads import decoder_threads
from extractor.output import manifest_store
from extractor.output.frame_store import FrameStore
from extractor.pipeline.extract import ExtractionTask, ExtractorConfig, extract
from extractor.pipeline.local_input import LocalVideo, bring_in, local_video
from extractor.pipeline.local_options import SamplingOptions, requested_policy
from extractor.pipeline.partial_copy import PartialCopy
from extractor.pipeline.remote_video import RemoteVideo, fetched_task, is_remote, parse_remote
from extractor.pipeline.workdir import job_directory

NO_DEADLINE_SECONDS = 365 * 24 * 3600
_PREFIX = ".partial-"
_FRAMES = OutputOptions()


class ExtractedFrame(Struct, frozen=True):
    """A frame on disk.

    Attributes:
        path: The file that holds it.
        index: Its number, from 0.
        slot: The number of its sample time, which is ``slot × frame_interval`` seconds.
        pts_seconds: Its time, from the first frame of the video.
        width: In pixels.
        height: In pixels.
    """

    path: Path
    index: int
    slot: int
    pts_seconds: float
    width: int
    height: int


class ExtractedFrames(list[ExtractedFrame]):
    """The frames of a video, in order.

    Attributes:
        manifest: The record of the extraction, as it is in ``manifest.json``.
    """

    def __init__(self, frames: Iterable[ExtractedFrame], manifest: Manifest) -> None:
        super().__init__(frames)
        self.manifest = manifest


def extract_frames(
    video_path: str | os.PathLike[str],
    output_dir: str | os.PathLike[str],
    frame_interval: float = 1,
    quality: int = 95,
    max_frames: int | None = None,
    strategy: Strategy = "uniform",
    *,
    policy: SamplingPolicy | None = None,
    output: OutputForm = "frames",
    storyboard: bool = False,
    audio: AudioForm | None = None,
    progress: ProgressCallback | None = None,
    **options: Unpack[SamplingOptions],
) -> ExtractedFrames:
    """Extract frames of a video file into a folder, with a ``manifest.json``.

    The frames of an earlier run in the folder are replaced. A run that fails leaves the folder as it was.

    Args:
        video_path: A file, a pipe, ``s3://BUCKET/KEY`` or ``https://HOST/PATH``. Of the latter two, only the
            bytes that are needed are fetched if that pays.
        output_dir: The folder. It is made if it does not exist.
        frame_interval: Seconds between frames (strategy ``uniform``).
        quality: 1-100, on libjpeg's scale.
        max_frames: Maximum number of frames; ``None`` for no limit.
        strategy: ``uniform``: the first frame at or after each sample time; ``keyframe``; ``scene``: one
            frame of each scene; ``cover``: the one best picture; ``timestamps``: at the times given.
        policy: The sampling as a whole. It excludes all other options of the sampling.
        output: ``frames``: a file for each frame, named by its index; ``tar``: one file of them all.
        storyboard: Whether a contact sheet and a track of thumbnails are added.
        audio: ``copy``: the audio track is added as it is; ``wav16k`` or ``flac16k``: converted to 16 kHz
            and one channel. ``None``: it is not added.
        progress: Called after each frame with the seconds of video that are done, and the seconds in all.
        **options: More options of the sampling, see `extractor.pipeline.local_options.SamplingOptions`.

    Returns:
        The frames, as a list, with the manifest as its attribute ``manifest``.

    Raises:
        ExtractorError: The video gives no frames; its ``reason`` is a stable code. See `extractor.errors`.
        ModuleNotFoundError: An extra of the package is not installed, which the options need.
        TypeError: There is no such option.
        ValueError: An option is of the wrong kind, out of range or without effect. Nothing was done.

    Examples:
        >>> from extractor import extract_frames
        >>> frames = extract_frames("holiday.mp4", "frames", frame_interval=2)
        >>> [(frame.path.name, frame.pts_seconds) for frame in frames]
        [('000000.jpg', 0.0), ('000001.jpg', 2.0), ('000002.jpg', 4.0)]
        >>> frames.manifest.video.duration_seconds
        5.0

        >>> frames = extract_frames("holiday.mp4", "chosen", timestamps=[0.5, 3], format="webp")
        >>> [frame.path.name for frame in frames]
        ['000000.webp', '000001.webp']
    """
    policy = requested_policy(frame_interval, quality, max_frames, strategy, policy, options)
    if audio not in (None, *AUDIO_FORMS):
        raise ValueError(f"audio: must be one of {', '.join(AUDIO_FORMS)}")
    wanted = OutputOptions(output, storyboard, audio)
    require_extras(policy, wanted)
    for name, path in (("video_path", video_path), ("output_dir", output_dir)):
        if not os.fspath(path):
            raise ValueError(f"{name}: the path is empty")
    folder = Path(output_dir)
    config = replace(local_config(), output=wanted)
    text = os.fspath(video_path)
    video = parse_remote(text) if is_remote(text) else Path(video_path)
    manifest = extract_to_folder(video, folder, policy, config, progress)
    frames = (
        ExtractedFrame(
            path=folder / (manifest.archive.key if manifest.archive else frame.key),
            index=frame.index,
            slot=frame.slot,
            pts_seconds=frame.pts_seconds,
            width=frame.width,
            height=frame.height,
        )
        for frame in manifest.frames
    )
    return ExtractedFrames(frames, manifest)


def extract_to_folder(
    video: Path | RemoteVideo,
    folder: Path,
    policy: SamplingPolicy,
    config: ExtractorConfig,
    progress: ProgressCallback | None = None,
    on_fetched: Callable[[PartialCopy], None] | None = None,
    fetching: ProgressCallback | None = None,
) -> Manifest:
    """Extract a video into a folder, replacing the frames of an earlier run there.

    Args:
        video: A file; a pipe, which is copied into a temporary file first; or a remote video, which is
            fetched into one.
        folder: The folder. It is made if it does not exist.
        policy: Which frames, and their image format.
        config: How to decode and store.
        progress: Called after each frame.
        on_fetched: Called at the end with what was fetched of a remote video.
        fetching: Called while its bytes are fetched, with how many are there and how many will be.

    Returns:
        The manifest, as it is in the folder.

    Raises:
        ExtractorError: The video gives no frames. The folder is as it was.
    """
    open_standard_streams()
    given = video if isinstance(video, RemoteVideo) else local_video(video)
    deadline = time.monotonic() + NO_DEADLINE_SECONDS
    try:
        with _folder(folder), job_directory(folder, prefix=_PREFIX) as directory:
            target = directory / "source"
            if isinstance(given, RemoteVideo):
                task, copy = fetched_task(given, target, policy, config, deadline, fetching)
            else:
                task, copy = _task(bring_in(given, target), given, policy, deadline), None
            store = FolderObjectStore(directory)
            frame_store = FrameStore(store, _frame_keys(policy), policy.image_format)
            manifest = extract(task, frame_store, config, Stopwatch(), progress)
            manifest_store.commit_manifest(store, frame_store.frame_keys, manifest, replaces=None)
            _publish(directory, folder, manifest)
        if copy and on_fetched:
            on_fetched(copy)
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise StorageUnavailableError(f"cannot write to {str(folder)!r}: {reason}") from error
    return manifest


def local_config(binary: str | None = None, videos: int = 1) -> ExtractorConfig:
    """Return the default configuration for local use.

    Args:
        binary: FFmpeg; by default the one that pip installed.
        videos: The number of videos at a time.
    """
    limits = DecodeLimits(threads=decoder_threads(videos=videos))
    return ExtractorConfig(find_ffmpeg(binary), limits, upload_workers=0)


def require_extras(policy: SamplingPolicy, output: OutputOptions = _FRAMES) -> None:
    """Check that what `policy` and `output` need is installed.

    Raises:
        ModuleNotFoundError: It is not; the text says how to install it.
    """
    needs = {
        "scenes": policy.detector is not None,
        "measures": policy.needs_measures,
        "a storyboard": output.storyboard,
    }
    for feature in (feature for feature, is_asked in needs.items() if is_asked):
        require("scenes", feature)
    require_detector(policy.detector)


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


def _task(path: Path, given: LocalVideo, policy: SamplingPolicy, deadline: float) -> ExtractionTask:
    return ExtractionTask(
        path=path,
        code=given.code,
        platform=None,
        source=SourceVideo(bucket=None, key=given.name, etag=None, size_bytes=path.stat().st_size),
        policy=policy,
        deadline=deadline,
        sample_name=given.sample_name(path.stat().st_size),
    )


def _publish(made: Path, folder: Path, manifest: Manifest) -> None:
    """Move the frames, then the manifest, then remove files that only the earlier manifest lists."""
    earlier = _earlier_frames(folder)
    for name in [*sorted(manifest.keys), MANIFEST_NAME]:
        os.replace(f"{made}/{name}", f"{folder}/{name}")  # noqa: PTH105 - in a third of the time
    FolderObjectStore(folder).delete(sorted(earlier - manifest.keys))


def _earlier_frames(folder: Path) -> frozenset[str]:
    found = FolderObjectStore(folder).read(MANIFEST_NAME)
    earlier = parse_manifest(found.data) if found is not None else None
    return earlier.keys if earlier else frozenset()
