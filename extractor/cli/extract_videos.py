"""Extract the videos of a command line, and print a line for each, in their order."""

from collections.abc import Generator, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path

from msgspec import Struct

from extractor.cli.progress import above_progress_bars, progress_bar
from extractor.cli.terminal import complain, counted, escape_control_chars, say
from extractor.domain.frames import ProgressCallback
from extractor.domain.manifest import Manifest
from extractor.domain.policy import SamplingPolicy
from extractor.errors import ExtractorError, reason_of
from extractor.pipeline.extract import ExtractorConfig
from extractor.pipeline.local import extract_to_folder
from extractor.pipeline.partial_copy import PartialCopy
from extractor.pipeline.remote_video import RemoteVideo

_ONE_VIDEO = "{desc} {percentage:3.0f}%|{bar}| {n:.0f} of {total:.0f} s of video, {remaining} left"
_FETCHING = "{desc} {percentage:3.0f}%|{bar}| {n:.0f} of {total:.0f} MB fetched, {remaining} left"
_MANY_VIDEOS = "{desc} {percentage:3.0f}%|{bar}| {n:.0f} of {total:.0f}, {remaining} left"


class VideoTask(Struct, frozen=True):
    """A video and the folder of its frames."""

    video: Path | RemoteVideo
    folder: Path


class _Report(Struct, frozen=True):
    """What is printed about a video.

    Attributes:
        notes: Lines for standard error.
        summary: The line for standard output; ``None`` if the video failed.
    """

    notes: list[str]
    summary: str | None = None


def extract_videos(
    tasks: Sequence[VideoTask], policy: SamplingPolicy, config: ExtractorConfig, jobs: int
) -> bool:
    """Extract videos, and print a line for each, in the order of `tasks`.

    Args:
        tasks: The videos and the folders of their frames.
        policy: The sampling of all of them.
        config: The configuration of the extraction.
        jobs: The number of videos at a time.

    Returns:
        Whether all succeeded. After an error of one, the next one is extracted.

    Raises:
        DecoderNotStartedError: The system has no room for a worker process.
        OutputError: Standard output cannot be written.
    """
    all_succeeded = True
    with closing(_reports(tasks, policy, config, min(jobs, len(tasks)))) as reports:
        for report in reports:
            _print(report)
            all_succeeded &= report.summary is not None
    return all_succeeded


def _print(report: _Report) -> None:
    with above_progress_bars():
        for note in report.notes:
            complain(note)
        if report.summary is not None:
            say(report.summary)


def _reports(
    tasks: Sequence[VideoTask], policy: SamplingPolicy, config: ExtractorConfig, jobs: int
) -> Generator[_Report, None, None]:
    """Extract the videos, and yield their reports in order."""
    if jobs < 2:
        for task in tasks:
            name = escape_control_chars(_path(task.video).name)
            with progress_bar(name, _ONE_VIDEO) as progress, progress_bar(name, _FETCHING) as fetching:
                report = _extract(task, policy, config, progress, _in_megabytes(fetching))
            yield report
        return
    from extractor.cli.processes import WorkerEndedError, results_in_order  # slow to import

    work = partial(_extract, policy=policy, config=config)
    with (
        progress_bar("videos", _MANY_VIDEOS) as progress,
        closing(results_in_order(work, tasks, jobs)) as results,
    ):
        for number, (task, result) in enumerate(zip(tasks, results, strict=True), 1):
            yield _failure(task.video, result) if isinstance(result, WorkerEndedError) else result
            if progress is not None:
                progress(number, len(tasks))


def _extract(
    task: VideoTask,
    policy: SamplingPolicy,
    config: ExtractorConfig,
    progress: ProgressCallback | None = None,
    fetching: ProgressCallback | None = None,
) -> _Report:
    """Extract one video, and return what is printed about it, also after an error."""
    fetched: list[str] = []
    try:
        manifest = extract_to_folder(
            task.video,
            task.folder,
            policy,
            config,
            progress,
            lambda copy: fetched.append(_fetched(copy)),
            fetching,
        )
    except Exception as error:  # noqa: BLE001 - the next video is tried after any error
        return _failure(task.video, error)
    name = escape_control_chars(str(task.video))
    notes = [f"{name}: note: {escape_control_chars(note)}" for note in manifest.notes]
    summary = ", ".join([_summary(manifest), *fetched])
    return _Report(notes, f"{name}: {summary} -> {escape_control_chars(str(task.folder))}")


def _failure(video: Path | RemoteVideo, error: Exception) -> _Report:
    text = str(error) if isinstance(error, ExtractorError) else f"{type(error).__name__}: {error}"
    name = escape_control_chars(str(video))
    return _Report([f"{name}: {reason_of(error)}: {escape_control_chars(text)}"])


def _in_megabytes(progress: ProgressCallback | None) -> ProgressCallback | None:
    """Return a function that takes bytes instead of the megabytes that `progress` takes."""
    return progress and (lambda done, total: progress(done / 1e6, total / 1e6))


def _path(video: Path | RemoteVideo) -> Path:
    return video if isinstance(video, Path) else video.path


def _summary(manifest: Manifest) -> str:
    damaged = f", {counted(manifest.decode_errors, 'damaged frame')}" if manifest.decode_errors else ""
    return f"{counted(len(manifest.frames), 'frame')} of {manifest.video.duration_seconds:.2f} s{damaged}"


def _fetched(copy: PartialCopy) -> str:
    """Return how much of a remote video was fetched, in megabytes of 1,000,000 bytes."""
    return f"{copy.fetched_bytes / 1e6:.1f} of {copy.size_bytes / 1e6:.1f} MB fetched"
