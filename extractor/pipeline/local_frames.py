"""Frames of a local video in memory, while it is decoded."""

import os
import tempfile
import time
from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Unpack, cast

from extractor.domain.frames import Frame
from extractor.domain.policy import SamplingPolicy, Strategy
from extractor.media.decode.decoder import FrameDecoder
from extractor.media.decode.session import DecodeAgainError
from extractor.media.decode.survey import FrameChoice
from extractor.media.dedup import drop_redundant
from extractor.media.ffmpeg.decoder_input import DecoderInput
from extractor.media.ffmpeg.pipes import ProcessLimits
from extractor.media.ffmpeg.standard_streams import open_standard_streams
from extractor.media.probe.table_index import UnconfirmedIndexError
from extractor.pipeline.local import NO_DEADLINE_SECONDS, local_config, require_extras
from extractor.pipeline.local_input import bring_in, local_video
from extractor.pipeline.local_options import SamplingOptions, requested_policy
from extractor.pipeline.selection import choose_frames, find_index


def iter_frames(
    video_path: str | os.PathLike[str],
    policy: SamplingPolicy | None = None,
    *,
    frame_interval: float = 1,
    quality: int = 95,
    max_frames: int | None = None,
    strategy: Strategy = "uniform",
    **options: Unpack[SamplingOptions],
) -> Generator[Frame, None, None]:
    """Yield frames of a video file while it is decoded; nothing is written.

    The options are those of `extractor.extract_frames`, and so are the frames. The decoder is a process. It
    ends with the iteration, also with one that is left early: a ``for`` loop without other references to
    the iterator ends it by itself; otherwise call ``close()``, or use `contextlib.closing`. It ends as well
    when the thread that asked for the first frame ends.

    Args:
        video_path: A file, or a pipe.
        policy: The sampling as a whole. It excludes all other options.
        frame_interval: Seconds between frames (strategy ``uniform``).
        quality: 1-100, on libjpeg's scale.
        max_frames: Maximum number of frames; ``None`` for no limit.
        strategy: ``uniform``, ``keyframe``, ``scene``, or that of an option, which implies it.
        **options: More options, see `extractor.pipeline.local_options.SamplingOptions`.

    Yields:
        The frames, in order of their times, each as an encoded image; `Frame.to_array` gives its pixels.

    Raises:
        ExtractorError: The video gives no frames, or not all of them: this may come after some, or after the
            last one. Only a loop that ends by itself has seen all frames of a sound video.
        ModuleNotFoundError: An extra of the package is not installed, which the options need.
        TypeError: There is no such option.
        ValueError: An option is of the wrong kind, out of range or without effect.

    Examples:
        >>> from extractor import iter_frames
        >>> for frame in iter_frames("holiday.mp4", frame_interval=2):
        ...     print(frame.pts_seconds, frame.width, frame.height, frame.data[:2].hex())
        0.0 320 240 ffd8
        2.0 320 240 ffd8
        4.0 320 240 ffd8

        The first frame as an array of pixels, height × width × 3:

        >>> from contextlib import closing
        >>> with closing(iter_frames("holiday.mp4", format="png")) as frames:
        ...     next(frames).to_array().shape
        (240, 320, 3)
    """
    policy = requested_policy(frame_interval, quality, max_frames, strategy, policy, options)
    require_extras(policy)
    return _decoded(Path(video_path), policy)


@contextmanager
def opened(video: Path) -> Iterator[tuple[DecoderInput, ProcessLimits]]:
    """Open a video with the limits of local use.

    The file gets a name without an extension, so that only its content counts.

    Args:
        video: A file, or a pipe.

    Yields:
        The input of the decoder, and the limits of FFmpeg.

    Raises:
        ExtractorError: There is no such file.
    """
    open_standard_streams()
    given = local_video(video)
    tools = local_config()
    limits = tools.limits
    budget = ProcessLimits(time.monotonic() + NO_DEADLINE_SECONDS, limits.stall_seconds, limits.memory_bytes)
    with tempfile.TemporaryDirectory(prefix="frame-extractor-") as directory:
        yield DecoderInput(bring_in(given, Path(directory) / "source"), limits, tools.ffmpeg), budget


def _decoded(video: Path, policy: SamplingPolicy) -> Generator[Frame, None, None]:
    with opened(video) as (source, budget):
        last = _LastSlot()
        try:
            yield from _decode_once(source, policy, budget, last, from_tables=True)
        except UnconfirmedIndexError:
            yield from _decode_once(source, policy, budget, last, from_tables=False)


@dataclass
class _LastSlot:
    """The slot of the last frame that was yielded; -1 before the first one."""

    value: int = -1


def _decode_once(
    source: DecoderInput, policy: SamplingPolicy, budget: ProcessLimits, last: _LastSlot, *, from_tables: bool
) -> Iterator[Frame]:
    index, made = find_index(source, policy, budget, from_tables=from_tables)
    source = index.select(source)
    choice = choose_frames(source, index, made, policy, budget)
    decoder = FrameDecoder(
        source, choice.index, choice.policy, choice.schedule, budget, choice.use_plan, made
    )
    try:
        yield from _new_frames(decoder, choice, last)
    except DecodeAgainError as found:
        decoder.restart_without_plan(found.picture)
        yield from _new_frames(decoder, choice, last)


def _new_frames(decoder: FrameDecoder, choice: FrameChoice, last: _LastSlot) -> Iterator[Frame]:
    """Yield each frame once, also if the decode has to begin anew.

    Frames that were yielded before are then not repeated. In a damaged video, they may differ slightly from
    those of a full decode.
    """
    with closing(cast("Generator[Frame]", iter(decoder))) as decoded:
        for frame in choice.only_kept(drop_redundant(decoded, choice.policy)):
            if frame.slot > last.value:
                last.value = frame.slot
                yield frame
